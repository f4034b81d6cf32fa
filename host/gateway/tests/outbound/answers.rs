//! What comes back: as it is, in time and within its limits, or not at all.

use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use sortie_gateway::outbound::{OutRequest, OutboundError, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Server, World, get, local, value};

const LIMIT: usize = 4 * 1024 * 1024;

/// Reads a request's head, so that an answer is not taken for an early one.
async fn read_head(io: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if io.read_exact(&mut byte).await.is_err() {
            return;
        }
        head.push(byte[0]);
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let world = World::new();
    let elsewhere = Server::plain("127.0.0.1").await;
    let location = format!("http://127.0.0.1:{}/secret", elsewhere.port());
    let sent = location.clone();
    let server = Server::start("127.0.0.1", move |request| {
        let status = request.uri().path()[1..].parse::<u16>().expect("a status");
        let answer = Response::builder().status(status).header("location", &sent);
        answer.body(Bytes::new()).expect("a response")
    })
    .await;
    let mut rules = local("127.0.0.1", server.port(), "");
    rules.extend(local("127.0.0.1", elsewhere.port(), ""));
    for status in [301, 302, 303, 307, 308] {
        let url = format!("http://127.0.0.1:{}/{status}", server.port());
        let answer = world.send(&rules, get(url)).await.expect("an answer");
        assert_eq!(answer.status, status);
        assert_eq!(value(&answer, "location"), Some(location.as_str()));
    }
    assert_eq!(
        elsewhere.seen.connections(),
        0,
        "though a rule would allow it"
    );
}

#[tokio::test]
async fn an_answer_over_its_limit_is_none() {
    let world = World::new();
    let server = Server::raw("127.0.0.1", |mut io, _| async move {
        read_head(&mut io).await;
        // No length: it goes on for as long as someone reads.
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\nconnection: close\r\n\r\n";
        let _ = io.write_all(head).await;
        while io.write_all(&[b'x'; 64 * 1024]).await.is_ok() {}
    })
    .await;
    let rules = local("127.0.0.1", server.port(), "");
    let url = format!("http://127.0.0.1:{}/", server.port());
    let endless = world.send(&rules, get(url)).await;
    assert_eq!(endless, Err(OutboundError::TooLarge(LIMIT as u64)));
    let row = world.row().await;
    assert!(matches!(row.outcome, Outcome::Failed(_)), "{row:?}");
    assert!(row.received_bytes > LIMIT as u64 && row.received_bytes < 2 * LIMIT as u64);

    let server = Server::start("127.0.0.1", |request| {
        let bytes = request.uri().path()[1..].parse::<usize>().expect("a size");
        Response::new(Bytes::from(vec![b'x'; bytes]))
    })
    .await;
    let rules = local("127.0.0.1", server.port(), "");
    let url = |bytes: usize| format!("http://127.0.0.1:{}/{bytes}", server.port());
    let fits = world
        .send(&rules, get(url(LIMIT)))
        .await
        .expect("an answer");
    assert_eq!(fits.body.len(), LIMIT);
    world.row().await;
    let announced = world.send(&rules, get(url(LIMIT + 1))).await;
    assert_eq!(announced, Err(OutboundError::TooLarge(LIMIT as u64)));
    assert_eq!(
        world.row().await.received_bytes,
        0,
        "the length alone was enough"
    );

    let server = Server::start("127.0.0.1", |_| {
        let field = "v".repeat(15 * 1024);
        let mut response = Response::new(Bytes::new());
        for name in ["a", "b", "c", "d", "e"] {
            let value = field.parse().expect("a value");
            response.headers_mut().insert(name, value);
        }
        response
    })
    .await;
    let rules = local("127.0.0.1", server.port(), "");
    let url = format!("http://127.0.0.1:{}/", server.port());
    let heavy = world.send(&rules, get(url)).await;
    assert_eq!(heavy, Err(OutboundError::TooLarge(64 * 1024)));
}

#[tokio::test]
async fn a_packed_answer_is_handed_over_packed() {
    let world = World::new();
    // What a gigabyte of zeros begins with; nobody here unpacks it.
    let packed = Bytes::from_static(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xec\xc1");
    let body = packed.clone();
    let server = Server::start("127.0.0.1", move |_| {
        let response = Response::builder().header("content-encoding", "gzip");
        response.body(body.clone()).expect("a response")
    })
    .await;
    let rules = local("127.0.0.1", server.port(), "");
    let url = format!("http://127.0.0.1:{}/", server.port());
    let answer = world.send(&rules, get(url)).await.expect("an answer");
    assert_eq!(answer.body, packed);
    assert_eq!(value(&answer, "content-encoding"), Some("gzip"));
}

#[tokio::test]
async fn time_ends_every_way_of_being_slow() {
    let world = World::with(|options| options.total_timeout = Duration::from_millis(300));
    let silent = Server::raw("127.0.0.1", |mut io, _| async move {
        read_head(&mut io).await;
        std::future::pending::<()>().await;
    })
    .await;
    let dripping = Server::raw("127.0.0.1", |mut io, _| async move {
        read_head(&mut io).await;
        let _ = io
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            .await;
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while io.write_all(b"x").await.is_ok() {
            tick.tick().await;
        }
    })
    .await;
    for (server, asked) in [
        (&silent, None),
        (&dripping, None),
        (&dripping, Some(50_000)),
    ] {
        let rules = local("127.0.0.1", server.port(), "");
        let request = OutRequest {
            timeout: asked.map(Duration::from_millis),
            ..get(format!("http://127.0.0.1:{}/", server.port()))
        };
        let slow = world.send(&rules, request).await;
        assert_eq!(slow, Err(OutboundError::TimedOut));
        let row = world.row().await;
        assert!(matches!(row.outcome, Outcome::Failed(_)), "{row:?}");
        assert!((300..5_000).contains(&row.elapsed_ms), "{row:?}");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_row() {
    let world = World::new();
    let (reached, mut asked) = tokio::sync::mpsc::channel(1);
    let server = Server::raw("127.0.0.1", move |mut io, _| {
        let reached = reached.clone();
        async move {
            read_head(&mut io).await;
            let _ = reached.send(()).await;
            std::future::pending::<()>().await;
        }
    })
    .await;
    let rules = local("127.0.0.1", server.port(), "");
    let url = format!("http://127.0.0.1:{}/path", server.port());
    let outbound = world.outbound.clone();
    let call = tokio::spawn(async move { outbound.send("webhook", &rules, get(url)).await });
    asked.recv().await.expect("the request arrives");
    call.abort();
    let row = world.row().await;
    assert_eq!(
        (row.outcome, row.path.as_str()),
        (Outcome::Abandoned, "/path")
    );
}

#[tokio::test]
async fn what_breaks_says_how_and_not_where() {
    let world = World::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("binds");
    let port = listener.local_addr().expect("is bound").port();
    drop(listener);
    world.names.set("api.test", &[&["127.0.0.1"]]);
    let rules = local("api.test", port, "");
    let nobody = world
        .send(&rules, get(format!("http://api.test:{port}/")))
        .await;
    let Err(OutboundError::Unreachable(text)) = nobody else {
        panic!("{nobody:?}");
    };
    assert!(
        text.contains("api.test") && text.contains("refused"),
        "{text}"
    );
    assert!(!text.contains("127.0.0.1"), "{text}");

    let server = Server::raw("127.0.0.1", |mut io, _| async move {
        read_head(&mut io).await;
        let _ = io.write_all(b"no such protocol\r\n\r\n").await;
    })
    .await;
    let port = server.port();
    let rules = local("api.test", port, "");
    let garbage = world
        .send(&rules, get(format!("http://api.test:{port}/")))
        .await;
    assert!(
        matches!(garbage, Err(OutboundError::Failed(_))),
        "{garbage:?}"
    );
}

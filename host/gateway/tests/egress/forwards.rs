//! Plain requests: one goes to the host that it names, as that host's own.

use crate::rig::{Rig, Server};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sortie_gateway::egress::Outcome;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

type Seen = Arc<Mutex<Vec<Request<Bytes>>>>;

/// A server that keeps what it gets and echoes bodies.
async fn web() -> (Server, Seen) {
    let seen = Seen::default();
    let kept = seen.clone();
    let server = Server::start("127.0.0.1", move |io| {
        let kept = kept.clone();
        async move {
            let service = service_fn(|request: Request<Incoming>| {
                let kept = kept.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = body
                        .collect()
                        .await
                        .map(|b| b.to_bytes())
                        .unwrap_or_default();
                    kept.lock()
                        .expect("whole")
                        .push(Request::from_parts(head, body.clone()));
                    let response = Response::builder()
                        .header("x-upstream", "yes")
                        .header("proxy-authenticate", "Basic")
                        .header("connection", "x-hop")
                        .header("x-hop", "secret")
                        .body(Full::new(body));
                    Ok::<_, Infallible>(response.expect("a response"))
                }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(io), service)
                .await;
        }
    })
    .await;
    (server, seen)
}

fn rig_for(server: &Server) -> Rig {
    let port = server.port();
    let rig = Rig::new(&format!(
        "{{ host = \"plain.example\", ports = [{port}], allow_private = true }}"
    ));
    rig.names.set("plain.example", &[&["127.0.0.1"]]);
    rig
}

#[tokio::test]
async fn a_request_arrives_as_the_hosts_own() {
    let (server, seen) = web().await;
    let port = server.port();
    let rig = rig_for(&server);
    let answer = rig
        .send(
            format!(
                "POST http://PLAIN.example:{port}/a/../b%2f?q=1 HTTP/1.1\r\nHost: plain.example:{port}\r\n\
                 Proxy-Authorization: Basic c2VjcmV0\r\nProxy-Connection: keep-alive\r\n\
                 Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nX-Kept: 2\r\nUpgrade: h2c\r\nTE: trailers\r\n\
                 Content-Length: 5\r\n\r\nhello"
            )
            .as_bytes(),
        )
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"),
        "{answer}"
    );
    assert!(answer.contains("x-upstream: yes"), "{answer}");
    assert!(
        !answer.contains("x-hop") && !answer.contains("proxy-auth"),
        "{answer}"
    );
    {
        let seen = seen.lock().expect("whole");
        let request = &seen[0];
        // Neither mended nor decoded: the path is between the two ends.
        assert_eq!(request.uri().to_string(), "/a/../b%2f?q=1");
        let mut names: Vec<&str> = request.headers().keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "host", "x-kept"]);
        assert_eq!(request.headers()["host"], format!("plain.example:{port}"));
        assert_eq!(request.body(), "hello");
    }
    let row = rig.owner.row().await;
    assert_eq!(row.outcome, Outcome::Closed, "{row:?}");
    assert!(row.up_bytes > 5 && row.down_bytes > 5, "{row:?}");
    assert!(!format!("{row:?}").contains("c2VjcmV0") && !format!("{row:?}").contains("q=1"));
}

#[tokio::test]
async fn chunks_are_written_anew_and_what_follows_is_no_request() {
    let (server, seen) = web().await;
    let port = server.port();
    let rig = rig_for(&server);
    let answer = rig
        .send(
            format!(
                "POST http://plain.example:{port}/one HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5;ext=1\r\nhello\r\n0\r\n\r\n\
                 GET http://plain.example:{port}/two HTTP/1.1\r\n\r\n"
            )
            .as_bytes(),
        )
        .await;
    assert!(answer.contains("hello"), "{answer}");
    let seen = seen.lock().expect("whole");
    let paths: Vec<String> = seen
        .iter()
        .map(|request| request.uri().to_string())
        .collect();
    assert_eq!(paths, ["/one"]);
    assert_eq!(seen[0].body(), "hello");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_far_end_that_breaks_is_a_bad_gateway() {
    let server = Server::start("127.0.0.1", |io| async move { drop(io) }).await;
    let port = server.port();
    let rig = rig_for(&server);
    let answer = rig
        .send(format!("GET http://plain.example:{port}/ HTTP/1.1\r\n\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(!answer.contains("127.0.0.1"), "{answer}");
    let row = rig.owner.row().await;
    assert_eq!((row.outcome, row.reason), (Outcome::Failed, Some("broken")));
}

#[tokio::test]
async fn an_answer_that_switches_protocols_is_refused() {
    let server = Server::start("127.0.0.1", |mut io| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut head = [0; 1024];
        let _ = io.read(&mut head).await;
        let _ = io
            .write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            )
            .await;
        let _ = io.read(&mut head).await;
    })
    .await;
    let port = server.port();
    let rig = rig_for(&server);
    let ask = format!(
        "GET http://plain.example:{port}/ HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    );
    let answer = rig.send(ask.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert_eq!(rig.owner.row().await.reason, Some("broken"));
}

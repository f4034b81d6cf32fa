//! What goes out, what does not, and what is written down about both.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use hyper::Response;
use sortie_gateway::outbound::{OutRequest, OutboundError, Outcome};

use crate::rig::{Server, World, get, header, local};

#[tokio::test]
async fn an_allowed_request_arrives_and_is_answered() {
    let world = World::new();
    let server = Server::start("127.0.0.1", |_| {
        Response::builder()
            .status(201)
            .header("X-Id", "7")
            .header("keep-alive", "timeout=5")
            .body(Bytes::from_static(b"made\xff"))
            .expect("a response")
    })
    .await;
    world.names.set("api.test", &[&["127.0.0.1"]]);
    let port = server.port();
    let rules = local(
        "api.test",
        port,
        "methods = [\"POST\"]\npath_prefix = \"/v1/\"",
    );
    let body = Bytes::from_static(b"a\r\n\r\nGET /admin HTTP/1.1\r\nhost: x\r\n\r\n");
    let request = OutRequest {
        method: "POST".to_owned(),
        headers: vec![
            header("X-Event", "push"),
            header("x-event", "pull"),
            header("accept-encoding", "gzip"),
            header("cookie", "own=1"),
        ],
        body: Some(body.clone()),
        ..get(format!("http://API.test.:{port}/v1/a%2Fb?q=secret"))
    };
    let response = world.send(&rules, request).await.expect("an answer");
    assert_eq!(response.status, 201);
    assert_eq!(response.body, &b"made\xff"[..]);
    assert!(response.headers.contains(&header("x-id", "7")));
    assert!(!response.headers.iter().any(|f| f.name == "keep-alive"));

    let seen = server.seen.requests();
    assert_eq!(seen.len(), 1, "the body is no second request");
    let head = seen[0].headers();
    assert_eq!(seen[0].uri(), "/v1/a%2Fb?q=secret");
    assert_eq!(head["host"], format!("api.test:{port}"));
    assert_eq!(head["accept-encoding"], "identity");
    assert_eq!(head["cookie"], "own=1");
    assert_eq!(head.get_all("x-event").iter().count(), 2);
    assert_eq!(head["content-length"], body.len().to_string());
    assert!(head.get("user-agent").is_none() && head.get("authorization").is_none());
    assert_eq!(seen[0].body(), &body);

    let row = world.row().await;
    assert_eq!(row.outcome, Outcome::Answered(201));
    assert_eq!(
        (
            row.subject.as_str(),
            row.method.as_str(),
            row.host.as_str(),
            row.port
        ),
        ("webhook", "POST", "api.test", port)
    );
    assert_eq!(row.path, "/v1/a%2Fb");
    // What went out in the URL counts too.
    let url = format!("http://API.test.:{port}/v1/a%2Fb?q=secret");
    let sent = (url.len() + body.len()) as u64;
    assert_eq!((row.sent_bytes, row.received_bytes), (sent, 5));
}

/// Runs the test above once more, with a proxy in its environment that
/// nothing listens at.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the program is this test, with another environment"
)]
fn a_proxy_in_the_environment_sees_nothing() {
    let test = "requests::an_allowed_request_arrives_and_is_answered";
    let mut command = std::process::Command::new(std::env::current_exe().expect("a path"));
    command.args(["--exact", test]);
    for variable in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "all_proxy",
        "ALL_PROXY",
    ] {
        command.env(variable, "http://127.0.0.1:1");
    }
    let output = command.env_remove("no_proxy").output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[tokio::test]
async fn each_part_of_a_rule_keeps_a_request_at_home() {
    let world = World::new();
    let server = Server::plain("127.0.0.1").await;
    let other = Server::plain("127.0.0.1").await;
    for name in ["api.test", "evil.test", "x.api.test"] {
        world.names.set(name, &[&["127.0.0.1"]]);
    }
    let (port, wrong) = (server.port(), other.port());
    let rules = local("api.test", port, "path_prefix = \"/v1\"");
    for (method, url) in [
        ("GET", format!("http://evil.test:{port}/v1")),
        ("GET", format!("http://x.api.test:{port}/v1")),
        ("GET", format!("http://127.0.0.1:{port}/v1")),
        ("GET", format!("http://localhost:{port}/v1")),
        ("POST", format!("http://api.test:{port}/v1")),
        ("HEAD", format!("http://api.test:{port}/v1")),
        ("CONNECT", format!("http://api.test:{port}/v1")),
        ("GET", format!("http://api.test:{port}/v2")),
        ("GET", format!("http://api.test:{port}/v1/../v2")),
        ("GET", format!("https://api.test:{port}/v1")),
        ("GET", format!("http://api.test:{wrong}/v1")),
        ("GET", "http://api.test/v1".to_owned()),
    ] {
        let request = OutRequest {
            method: method.to_owned(),
            ..get(url.clone())
        };
        let error = world.send(&rules, request).await.expect_err(&url);
        assert!(
            matches!(error, OutboundError::Denied(_)),
            "{url}: {error:?}"
        );
        let row = world.row().await;
        assert!(matches!(row.outcome, Outcome::Refused(_)), "{row:?}");
        assert_eq!(row.method, method);
    }
    let nothing: [_; 0] = [];
    let error = world
        .send(&nothing, get(format!("http://api.test:{port}/v1")))
        .await;
    assert!(matches!(error, Err(OutboundError::Denied(_))));
    assert_eq!(server.seen.connections() + other.seen.connections(), 0);
    assert_eq!(
        world.names.questions.load(Ordering::SeqCst),
        0,
        "not even a name is asked for"
    );
}

#[tokio::test]
async fn a_malformed_request_stays_at_home_and_has_a_row() {
    let world = World::new();
    let server = Server::plain("127.0.0.1").await;
    world.names.set("api.test", &[&["127.0.0.1"]]);
    let port = server.port();
    let rules = local("api.test", port, "methods = [\"GET\", \"POST\"]");
    let good = || get(format!("http://api.test:{port}/"));
    let with = |name: &str, value: &str| OutRequest {
        headers: vec![header(name, value)],
        ..good()
    };
    for request in [
        get(format!("http://user:pass@api.test:{port}/")),
        get(format!("http://api.test:{port}/#f")),
        get(format!("http://api.test:{port}/a b")),
        get("nonsense".to_owned()),
        with("host", "evil.test"),
        with("Transfer-Encoding", "chunked"),
        with("content-length", "0"),
        with("x", "a\r\nhost: evil.test"),
        with("x\r\nhost: evil.test", "a"),
        OutRequest {
            method: "GET / HTTP/1.1\r\nhost:".to_owned(),
            ..good()
        },
        OutRequest {
            body: Some(vec![0; 4 * 1024 * 1024 + 1].into()),
            ..good()
        },
    ] {
        let url = request.url.clone();
        let error = world.send(&rules, request).await.expect_err(&url);
        assert!(
            matches!(error, OutboundError::Invalid(_)),
            "{url}: {error:?}"
        );
        let row = world.row().await;
        assert!(matches!(row.outcome, Outcome::Refused(_)), "{row:?}");
        assert!(!format!("{row:?}").contains("pass"), "{row:?}");
    }
    assert_eq!(server.seen.connections(), 0);
    let full = OutRequest {
        method: "POST".to_owned(),
        body: Some(vec![7; 4 * 1024 * 1024].into()),
        ..good()
    };
    assert_eq!(world.send(&rules, full).await.expect("it fits").status, 200);
    assert_eq!(server.seen.requests()[0].body().len(), 4 * 1024 * 1024);
}

#[tokio::test]
async fn connections_are_kept_for_the_same_asker_alone() {
    let world = World::new();
    let server = Server::plain("127.0.0.1").await;
    world.names.set("api.test", &[&["127.0.0.1"]]);
    let port = server.port();
    let plain = local("api.test", port, "");
    let with_token = local("api.test", port, "credential = { secret = \"token\" }");
    let url = format!("http://api.test:{port}/");
    for (subject, rules, connections) in [
        ("a", &plain, 1),
        ("a", &plain, 1),
        ("b", &plain, 2),
        ("a", &with_token, 3),
        ("a", &with_token, 3),
        ("b", &with_token, 4),
        ("a", &plain, 4),
    ] {
        let answer = world.outbound.send(subject, rules, get(url.clone())).await;
        assert_eq!(answer.expect("an answer").status, 200);
        assert_eq!(server.seen.connections(), connections, "{subject}");
    }
}

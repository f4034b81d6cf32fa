//! The secret goes out with the request it is for, and never comes back.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use hyper::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sortie_gateway::outbound::{OutRequest, OutboundError, Outcome, Rule};
use sortie_vault::{Secret, SecretSource, Vault};

use crate::rig::{Server, TOKEN, World, get, header, local, rule, value};

const BEARER: &str = "credential = { secret = \"token\", prefix = \"Bearer \" }";

fn bearer(port: u16) -> Vec<Rule> {
    local("api.test", port, BEARER)
}

/// Says back all it was told, in every form it can think of.
async fn echo() -> Server {
    Server::start("127.0.0.1", |request| {
        let authorization = request.headers().get("authorization");
        let told = authorization.map_or(&b""[..], |value| value.as_bytes());
        let told = String::from_utf8_lossy(told).into_owned();
        let token = told.strip_prefix("Bearer ").unwrap_or("");
        let escaped = utf8_percent_encode(token, NON_ALPHANUMERIC);
        let basic = STANDARD.encode(format!("user:{token}"));
        let body = format!(
            "{told}\n{escaped}\n{basic}\n{}\n{{\"token\":\"{token}\"}}",
            URL_SAFE_NO_PAD.encode(token)
        );
        let mut bytes = vec![0xfe, 0xff, 0xc3];
        bytes.extend_from_slice(body.as_bytes());
        Response::builder()
            .header("x-told", told.as_bytes())
            .header("location", format!("https://elsewhere.test/?t={escaped}"))
            .header("x-basic", basic)
            .header("set-cookie", "session=granted")
            .body(bytes.into())
            .expect("a response")
    })
    .await
}

fn assert_holds_nothing(text: &str) {
    let escaped = utf8_percent_encode(TOKEN, NON_ALPHANUMERIC).to_string();
    let encoded = STANDARD.encode(TOKEN);
    let shifted = STANDARD.encode(format!("user:{TOKEN}"));
    for form in [TOKEN, &escaped, &encoded[..20], &shifted[8..24]] {
        assert!(!text.contains(form), "{form} is in {text}");
    }
}

#[tokio::test]
async fn a_server_that_says_everything_back_tells_no_secret() {
    let world = World::new();
    let server = echo().await;
    let port = server.port();
    world.names.set("api.test", &[&["127.0.0.1"]]);
    let mut rules = vec![rule(&format!(
        "host = \"api.test\"\nport = {port}\nschemes = [\"http\"]\nprivate = true\npath_prefix = \"/open\""
    ))];
    rules.extend(bearer(port));

    let url = format!("http://api.test:{port}/");
    let answer = world.send(&rules, get(url)).await.expect("an answer");
    let sent = server.seen.requests()[0].headers()["authorization"].clone();
    assert_eq!(sent.as_bytes(), format!("Bearer {TOKEN}").as_bytes());
    let text = String::from_utf8_lossy(&answer.body);
    assert_holds_nothing(&text);
    assert_holds_nothing(&format!("{:?}", answer.headers));
    assert!(
        text.contains("Bearer [redacted:token]\n[redacted:token]\n"),
        "{text}"
    );
    assert_eq!(&answer.body[..3], b"\xfe\xff\xc3");
    assert_eq!(value(&answer, "x-told"), Some("Bearer [redacted:token]"));
    assert_eq!(
        value(&answer, "set-cookie"),
        None,
        "a session is as good as the secret"
    );
    assert_holds_nothing(&format!("{:?}", world.row().await));

    // The rule without a credential sends none, and takes cookies.
    let url = format!("http://api.test:{port}/open");
    let answer = world.send(&rules, get(url)).await.expect("an answer");
    assert!(
        !server.seen.requests()[1]
            .headers()
            .contains_key("authorization")
    );
    assert_eq!(value(&answer, "set-cookie"), Some("session=granted"));
}

#[tokio::test]
async fn what_one_request_left_another_does_not_find() {
    let world = World::new();
    let server = Server::start("127.0.0.1", |request| {
        let other = "one-line\nanother-line is not granted";
        let body = if request.uri().path() == "/log" {
            format!("GET /v1 authorization: Bearer {TOKEN}; {other}; ").repeat(4096)
        } else {
            String::new()
        };
        Response::new(Bytes::from(body))
    })
    .await;
    let port = server.port();
    world.names.set("api.test", &[&["127.0.0.1"]]);
    let mut rules = local("api.test", port, "path_prefix = \"/log\"");
    rules.extend(bearer(port));
    let url = format!("http://api.test:{port}/log");
    let answer = world.send(&rules, get(url)).await.expect("an answer");
    let text = String::from_utf8_lossy(&answer.body);
    assert_holds_nothing(&text);
    assert_eq!(text.matches("[redacted:token]").count(), 4096);
    assert!(
        text.contains("one-line\nanother-line"),
        "what is not granted is not told apart"
    );
}

#[tokio::test]
async fn the_guest_cannot_set_or_split_the_credentials_header() {
    let world = World::new();
    let server = echo().await;
    let port = server.port();
    world.names.set("api.test", &[&["127.0.0.1"]]);
    for name in ["authorization", "Authorization", "AUTHORIZATION"] {
        let request = OutRequest {
            headers: vec![header(name, "Bearer mine")],
            ..get(format!("http://api.test:{port}/"))
        };
        let error = world.send(&bearer(port), request).await;
        assert!(matches!(error, Err(OutboundError::Invalid(_))), "{error:?}");
    }
    assert_eq!(server.seen.connections(), 0);
    let rules = local(
        "api.test",
        port,
        "credential = { secret = \"token\", header = \"X-Key\" }",
    );
    let request = OutRequest {
        headers: vec![header("authorization", "Bearer mine")],
        ..get(format!("http://api.test:{port}/"))
    };
    world.send(&rules, request).await.expect("an answer");
    let head = server.seen.requests()[0].headers().clone();
    assert_eq!(head["authorization"], "Bearer mine");
    assert_eq!(head["x-key"].as_bytes(), TOKEN.as_bytes());
}

/// The secret, body and signature are those of GitHub's documentation of
/// webhook signatures.
#[tokio::test]
async fn a_signing_secret_stays_and_its_signature_goes() {
    const KEY: &str = "It's a Secret to Everybody";
    const BODY: &str = "Hello, World!";
    const SIGNATURE: &str =
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let world = World::with(|options| {
        let source = SecretSource::Value(Secret::new(KEY.to_owned()));
        options.vault =
            Vault::new([("hook".to_owned(), source)].into()).expect("the name is valid");
    });
    let server = Server::start("127.0.0.1", |_| Response::new(Bytes::from(KEY))).await;
    let port = server.port();
    world.names.set("api.test", &[&["127.0.0.1"]]);
    let rules = local(
        "api.test",
        port,
        "methods = [\"POST\"]\ncredential = { secret = \"hook\", header = \"X-Hub-Signature-256\", \
         prefix = \"sha256=\", sign = \"hmac-sha256\" }",
    );
    for (body, signature) in [
        (Some(BODY), SIGNATURE),
        // Of no bytes, by `openssl dgst -sha256 -hmac`.
        (
            None,
            "sha256=66a0c074deaa0f489ead6537e0d32f9a344b90bbeda705b6ed45ecd3b413fb40",
        ),
    ] {
        let request = OutRequest {
            method: "POST".to_owned(),
            body: body.map(Bytes::from),
            ..get(format!("http://api.test:{port}/"))
        };
        let answer = world.send(&rules, request).await.expect("an answer");
        assert_eq!(
            answer.body, "[redacted:hook]",
            "what the server knows does not come back"
        );
        let seen = server.seen.requests();
        let head = seen.last().expect("it came").headers();
        assert_eq!(head["x-hub-signature-256"], signature);
        assert!(!format!("{head:?}").contains(KEY));
    }
    let own = OutRequest {
        method: "POST".to_owned(),
        headers: vec![header("x-hub-signature-256", SIGNATURE)],
        ..get(format!("http://api.test:{port}/"))
    };
    let error = world.send(&rules, own).await;
    assert!(matches!(error, Err(OutboundError::Invalid(_))), "{error:?}");
}

#[tokio::test]
async fn a_secret_does_not_travel_in_the_clear() {
    let world = World::new();
    world.names.set(
        "api.test",
        &[&["10.0.0.1"], &["127.0.0.1", "10.0.0.1"], &["8.8.8.8"]],
    );
    for _ in 0..3 {
        let error = world
            .send(&bearer(80), get("http://api.test/".to_owned()))
            .await;
        let Err(OutboundError::Denied(text)) = error else {
            panic!("{error:?}");
        };
        assert!(text.contains("plain http"), "{text}");
        assert!(matches!(world.row().await.outcome, Outcome::Refused(_)));
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_is_not_sent() {
    let world = World::new();
    let server = echo().await;
    let port = server.port();
    world.names.set("api.test", &[&["127.0.0.1"]]);
    for secret in ["unknown", "unreadable", "lines"] {
        let rules = local(
            "api.test",
            port,
            &format!("credential = {{ secret = \"{secret}\" }}"),
        );
        let error = world
            .send(&rules, get(format!("http://api.test:{port}/")))
            .await;
        let Err(OutboundError::Other(text)) = error else {
            panic!("{secret}: {error:?}");
        };
        assert!(
            text.contains(secret) && !text.contains("/nonexistent"),
            "{text}"
        );
        let row = world.row().await;
        assert!(matches!(row.outcome, Outcome::Failed(_)), "{row:?}");
    }
    assert_eq!(server.seen.connections(), 0);
}

#[tokio::test]
async fn an_answer_that_cannot_be_searched_is_none() {
    let world = World::new();
    let server = Server::start("127.0.0.1", |_| {
        let response = Response::builder().header("Content-Encoding", TOKEN.as_bytes());
        response
            .body(Bytes::from_static(b"\x1f\x8b"))
            .expect("a response")
    })
    .await;
    let port = server.port();
    world.names.set("api.test", &[&["127.0.0.1"]]);
    let answer = world
        .send(&bearer(port), get(format!("http://api.test:{port}/")))
        .await;
    let Err(OutboundError::Failed(text)) = answer else {
        panic!("{answer:?}");
    };
    assert!(text.contains("packed"), "{text}");
    assert_holds_nothing(&text);
    assert_holds_nothing(&format!("{:?}", world.row().await));
}

#[tokio::test]
async fn a_secret_in_the_path_reaches_the_server_and_nobody_else() {
    let token = "a-token_that-is-long-enough";
    let server = Server::start("127.0.0.1", move |request| {
        let path = request.uri().path().to_owned();
        Response::builder()
            .header("location", path.clone())
            .body(Bytes::from(format!(
                "{{\"token\":\"{token}\",\"at\":\"{path}\"}}"
            )))
            .expect("a response")
    })
    .await;
    let port = server.port();
    let hook = format!("http://api.test:{port}/api/webhooks/1/{token}");
    let world = World::with(|options| {
        let secret = |text: &str| SecretSource::Value(Secret::new(text.to_owned()));
        options.vault = Vault::new(
            [
                ("hook".to_owned(), secret(&hook)),
                (
                    "elsewhere".to_owned(),
                    secret("http://other.test/api/webhooks/1/t0ken-of-other"),
                ),
            ]
            .into(),
        )
        .expect("a vault");
    });
    world.names.set("api.test", &[&["127.0.0.1"]]);
    let rules = |secret: &str| {
        let more = format!(
            "path_prefix = \"/api/webhooks\"\ncredential = {{ secret = \"{secret}\", in_path = true }}"
        );
        local("api.test", port, &more)
    };
    let asked = format!("http://api.test:{port}/api/webhooks/-");

    let answer = world
        .send(&rules("hook"), get(asked.clone()))
        .await
        .expect("an answer");
    let sent = server.seen.requests();
    assert_eq!(sent[0].uri().path(), format!("/api/webhooks/1/{token}"));
    assert!(!String::from_utf8_lossy(&answer.body).contains(token));
    assert_eq!(
        value(&answer, "location"),
        Some("/api/webhooks/1/[redacted:hook]")
    );
    let row = world.row().await;
    assert_eq!(row.path, "/api/webhooks/-");
    assert!(!format!("{row:?}").contains(token));

    for (secret, url) in [
        ("elsewhere", asked.clone()),
        ("hook", format!("http://api.test:{port}/api/webhooks/x")),
        (
            "hook",
            format!("http://api.test:{port}/api/webhooks/-/..%2f..%2fx"),
        ),
    ] {
        let error = world
            .send(&rules(secret), get(url))
            .await
            .expect_err("refused");
        assert!(!error.to_string().contains("t0ken-of-other"), "{error}");
        assert!(!format!("{:?}", world.row().await).contains("t0ken-of-other"));
    }
    assert_eq!(server.seen.requests().len(), 1, "nothing else was sent");
}

//! Requests that are refused: each with its status, its problem, and a hint.

use crate::rig::{Rig, TOKEN};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let rig = Rig::new().await;
    rig.submit("secret plan").await;
    for path in ["/v1/jobs", "/v1/jobs/1", "/v1/events", "/v1/nothing", "/"] {
        for (header, challenge) in [
            (None, r#"Bearer realm="sortie""#),
            (
                Some("Bearer wrong".to_owned()),
                r#"Bearer realm="sortie", error="invalid_token""#,
            ),
            (
                Some(format!("Bearer {}x", TOKEN)),
                r#"Bearer realm="sortie", error="invalid_token""#,
            ),
            (Some(format!("Basic {TOKEN}")), r#"Bearer realm="sortie""#),
        ] {
            let mut request = rig.client.get(format!("{}{path}", rig.url));
            if let Some(header) = &header {
                request = request.header("Authorization", header);
            }
            let answer = rig.send(request).await;
            assert_eq!((answer.status, answer.problem()), (401, "unauthorized"));
            assert_eq!(answer.headers["www-authenticate"], challenge, "{header:?}");
            assert!(!answer.text.contains("secret plan"));
        }
    }
}

#[tokio::test]
async fn a_scheme_is_written_as_one_likes() {
    let rig = Rig::new().await;
    let request = rig
        .client
        .get(format!("{}/v1/jobs", rig.url))
        .header("Authorization", format!("bEARER {TOKEN}"));
    assert_eq!(rig.send(request).await.status, 200);
}

#[tokio::test]
async fn bodies_are_checked_before_anything_is_done() {
    let rig = Rig::new().await;
    let post = |media_type: &'static str, body: String| {
        let request = rig
            .request(Method::POST, "/v1/jobs")
            .header("Content-Type", media_type)
            .body(body);
        rig.send(request)
    };
    let json = "application/json";
    let large = format!(r#"{{"project":"shop","task":"{}"}}"#, "x".repeat(70_000));
    for (media_type, body, expected) in [
        (json, "{".to_owned(), (400, "invalid-json")),
        (json, String::new(), (400, "invalid-json")),
        (json, "\u{fffd}".to_owned(), (400, "invalid-json")),
        (json, "[]".to_owned(), (422, "invalid-request")),
        (
            json,
            r#"{"project":"shop"}"#.to_owned(),
            (422, "invalid-request"),
        ),
        (
            json,
            r#"{"project":"shop","task":7}"#.to_owned(),
            (422, "invalid-request"),
        ),
        (
            json,
            r#"{"project":"shop","task":"x","tusk":1}"#.to_owned(),
            (422, "invalid-request"),
        ),
        (json, large, (413, "too-large")),
        (
            "text/plain",
            r#"{"project":"shop","task":"x"}"#.to_owned(),
            (415, "unsupported-media-type"),
        ),
        (
            "application/jsonx",
            "{}".to_owned(),
            (415, "unsupported-media-type"),
        ),
    ] {
        let short: String = body.chars().take(40).collect();
        let answer = post(media_type, body).await;
        assert_eq!((answer.status, answer.problem()), expected, "{short}");
    }
    assert_eq!(rig.get("/v1/jobs").await.body["jobs"], json!([]));
}

#[tokio::test]
async fn requests_that_cannot_be_carried_out_name_the_mend() {
    let rig = Rig::new().await;
    for (body, told) in [
        (json!({ "task": "x" }), "name a project or a repository"),
        (
            json!({ "project": "shop", "repository": "/r", "task": "x" }),
            "name one of them",
        ),
        (
            json!({ "project": "shp", "task": "x" }),
            "did you mean \"shop\"?",
        ),
        (
            json!({ "project": "zzz", "task": "x" }),
            "known projects: shop, blog",
        ),
        (
            json!({ "project": "shop", "task": " " }),
            "say what is to be done",
        ),
        (json!({ "project": "shop", "task": "a\u{0}b" }), "remove it"),
        (
            json!({ "project": "shop", "task": "x", "base": "a..b" }),
            "as `git branch` shows it",
        ),
        (
            json!({ "project": "shop", "task": "x", "agent": "agent-gone" }),
            "installed: agent-shell",
        ),
        (
            json!({ "project": "shop", "task": "x", "workflow": "workflow-other" }),
            "intake.allow_workflows",
        ),
        (
            json!({ "project": "shop", "task": "x", "budget": "huge" }),
            "known profiles: quick, default",
        ),
        (
            json!({ "project": "shop", "task": "x", "verify": [""] }),
            "put them into one script",
        ),
        (
            json!({ "repository": "https://git.example.com/other.git", "task": "x" }),
            "intake.allow_repositories",
        ),
        (
            // A pattern for one part of a path does not match two.
            json!({ "repository": "https://git.example.com/open/a/b.git", "task": "x" }),
            "intake.allow_repositories",
        ),
        (
            json!({ "repository": "https://user:hunter2@git.example.com/open/x", "task": "x" }),
            "password",
        ),
        (
            json!({ "repository": "ext::sh -c id", "task": "x" }),
            "not allowed",
        ),
    ] {
        let answer = rig.post("/v1/jobs", &body).await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        assert!(
            answer.text.contains(&told.replace('"', "\\\"")),
            "{body}: {}",
            answer.text
        );
        assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    }
    let long = json!({ "project": "shop", "task": "x".repeat(33 * 1024) });
    let answer = rig.post("/v1/jobs", &long).await;
    assert_eq!((answer.status, answer.problem()), (413, "too-large"));
    assert_eq!(rig.get("/v1/jobs").await.body["jobs"], json!([]));
}

#[tokio::test]
async fn keys_that_cannot_be_kept_are_refused() {
    let rig = Rig::new().await;
    let long = "k".repeat(256);
    for key in ["", "a b", "é", &long] {
        let request = rig
            .request(Method::POST, "/v1/jobs")
            .header("Idempotency-Key", key)
            .json(&json!({ "project": "shop", "task": "x" }));
        let answer = rig.send(request).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (400, "bad-request"),
            "{key}"
        );
    }
}

#[tokio::test]
async fn paths_methods_and_queries_are_checked() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    for (method, path, expected) in [
        (Method::GET, "/v1/jobs/2", (404, "not-found")),
        (Method::GET, "/v1/jobs/2/logs", (404, "not-found")),
        (Method::GET, "/v1/jobs/2/events", (404, "not-found")),
        (Method::GET, "/v1/jobs/1/logs?run=9", (404, "not-found")),
        (Method::GET, "/v1/nothing", (404, "not-found")),
        (Method::GET, "/", (404, "not-found")),
        (Method::DELETE, "/v1/jobs", (405, "method-not-allowed")),
        (
            Method::GET,
            "/v1/jobs/1/approve",
            (405, "method-not-allowed"),
        ),
        (Method::POST, "/healthz", (405, "method-not-allowed")),
        (Method::GET, "/v1/jobs/one", (400, "bad-request")),
        (Method::GET, "/v1/jobs/-1", (400, "bad-request")),
        (
            Method::GET,
            "/v1/jobs/99999999999999999999",
            (400, "bad-request"),
        ),
        (Method::GET, "/v1/jobs?limit=0", (400, "bad-request")),
        (Method::GET, "/v1/jobs?limit=201", (400, "bad-request")),
        (Method::GET, "/v1/jobs?limit=x", (400, "bad-request")),
        (Method::GET, "/v1/jobs?state=flying", (400, "bad-request")),
        (Method::GET, "/v1/jobs?cursor=x", (400, "bad-request")),
        (Method::GET, "/v1/jobs?colour=red", (400, "bad-request")),
        (Method::GET, "/v1/events?after=x", (400, "bad-request")),
        (
            Method::GET,
            "/v1/jobs/1/logs?follow=maybe",
            (400, "bad-request"),
        ),
        (
            Method::GET,
            "/v1/jobs/18446744073709551615",
            (404, "not-found"),
        ),
    ] {
        let answer = rig.send(rig.request(method.clone(), path)).await;
        assert_eq!(
            (answer.status, answer.problem()),
            expected,
            "{method} {path}"
        );
        if answer.status == 405 {
            assert!(answer.headers.contains_key("allow"), "{method} {path}");
        }
    }
    let request = rig
        .request(Method::GET, "/v1/events")
        .header("Last-Event-ID", "soon");
    let answer = rig.send(request).await;
    assert_eq!((answer.status, answer.problem()), (400, "bad-request"));
}

#[tokio::test]
async fn a_panic_and_a_large_diff_are_problems_too() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    std::fs::write(rig.dir.join("1.diff"), "panic").unwrap();
    let answer = rig.get("/v1/jobs/1/diff").await;
    assert_eq!((answer.status, answer.problem()), (500, "internal"));
    std::fs::write(rig.dir.join("1.diff"), "large").unwrap();
    let answer = rig.get("/v1/jobs/1/diff").await;
    assert_eq!((answer.status, answer.problem()), (413, "too-large"));
    // The host goes on.
    assert_eq!(rig.get("/v1/jobs/1").await.status, 200);
}

#[tokio::test]
async fn noise_on_the_socket_hurts_nobody() {
    let rig = Rig::new().await;
    let address = rig.url.strip_prefix("http://").unwrap().to_owned();
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ] {
        let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        socket.write_all(noise).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // It is answered with a refusal or closed, and neither takes long.
        let read = socket.read_to_end(&mut answer);
        let _ = tokio::time::timeout(crate::rig::PATIENCE, read)
            .await
            .unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{answer:?}");
    }
    assert_eq!(rig.get("/v1/jobs").await.status, 200);
}

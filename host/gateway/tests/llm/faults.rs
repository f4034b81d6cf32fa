//! Providers that fail, and clients that send nonsense.

use crate::rig::{Rig, request};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::json;
use sortie_servers::{Reply, Turn};
use sortie_store::CallState;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn body() -> serde_json::Value {
    json!({ "model": "m-1", "messages": [], "max_tokens": 50 })
}

/// Fails so many times, then works.
fn failing(times: usize, reply: Reply) -> impl Fn(&sortie_servers::Seen) -> Reply + Send + Sync {
    let left = Arc::new(AtomicUsize::new(times));
    move |seen| match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)) {
        Ok(_) => reply.clone(),
        Err(_) => Turn::default().reply(seen),
    }
}

#[tokio::test]
async fn what_was_certainly_not_answered_is_sent_again_under_one_reservation() {
    for status in [429, 500, 503, 529] {
        let rig = Rig::new().await;
        let error = Reply::json(status, &json!({ "error": {} })).with("retry-after", "0");
        rig.server.answer(failing(2, error));
        let answer = rig.post("/v1/messages", &body()).await;
        assert_eq!(answer.status, StatusCode::OK, "{status}");
        assert_eq!(rig.server.seen().len(), 3);
        assert_eq!(rig.spent().await, (1, 37));
    }
}

#[tokio::test]
async fn an_error_that_stays_is_passed_on_and_costs_nothing() {
    for (status, tries) in [(400, 1), (401, 1), (404, 1), (429, 3), (500, 3)] {
        let rig = Rig::new().await;
        let said = json!({ "error": { "message": "no", "type": "of_the_provider" } });
        rig.server
            .answer(move |_| Reply::json(status, &said).with("retry-after", "0"));
        let answer = rig.post("/v1/chat/completions", &body()).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json()["error"]["type"], "of_the_provider");
        assert!(answer.headers.contains_key("retry-after"));
        assert_eq!(rig.server.seen().len(), tries, "{status}");
        let call = &rig.calls().await[0];
        assert_eq!(
            (call.state, call.status),
            (CallState::Released, Some(status))
        );
        assert_eq!(rig.spent().await, (1, 0));
    }
}

#[tokio::test]
async fn an_error_that_does_not_say_that_no_model_worked_is_paid_for_and_not_sent_again() {
    for status in [502, 504, 520, 524] {
        let rig = Rig::new().await;
        let said = json!({ "error": { "type": "of_a_proxy" } });
        rig.server
            .answer(move |_| Reply::json(status, &said).with("retry-after", "0"));
        let answer = rig.post("/v1/messages", &body()).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json()["error"]["type"], "of_a_proxy");
        assert_eq!(rig.server.seen().len(), 1, "{status}");
        let call = &rig.calls().await[0];
        assert_eq!(
            (call.state, call.status),
            (CallState::Assumed, Some(status))
        );
        assert_eq!(call.cost, call.reserved);
        assert_eq!(rig.spent().await, (1, call.reserved.0));
    }
}

#[tokio::test]
async fn a_provider_that_is_left_alone_is_not_tried_on_by_whoever_found_out() {
    let rig = Rig::with(|parts| parts.provider.retries = 20).await;
    rig.server.answer(|_| Reply::json(500, &json!({})));
    let answer = rig.post("/v1/messages", &body()).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(rig.server.seen().len(), 6, "so many failures are enough");
    let answer = rig.post("/v1/messages", &body()).await;
    assert_eq!(answer.code(), "provider_down");
    assert_eq!(rig.server.seen().len(), 6);
}

#[tokio::test]
async fn a_long_wish_to_wait_is_the_clients_to_fulfil() {
    let rig = Rig::new().await;
    rig.server
        .answer(|_| Reply::json(429, &json!({})).with("retry-after", "3600"));
    let answer = rig.post("/v1/messages", &body()).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers["retry-after"], "3600");
    assert_eq!(rig.server.seen().len(), 1);
}

#[tokio::test]
async fn a_provider_that_is_not_there_costs_nothing_and_is_soon_left_alone() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = format!("http://{}/v1", listener.local_addr().expect("an address"));
    drop(listener);
    let rig = Rig::with(|parts| {
        let mut provider =
            sortie_gateway::llm::Provider::new(parts.provider.kind, &gone).expect("a URL");
        provider.apis = parts.provider.apis.clone();
        provider.retry_pause = Duration::from_millis(1);
        parts.provider = provider;
    })
    .await;
    for _ in 0..2 {
        let answer = rig.post("/v1/messages", &body()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::BAD_GATEWAY, "provider_failed")
        );
    }
    let answer = rig.post("/v1/messages", &body()).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "provider_down")
    );
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(
        rig.spent().await,
        (2, 0),
        "what is not tried is not counted"
    );
}

#[tokio::test]
async fn a_provider_that_says_nothing_is_given_up_and_paid_for() {
    let rig = Rig::with(|parts| {
        parts.provider.first_byte_timeout = Duration::from_secs(2);
        parts.provider.idle_timeout = Duration::from_millis(200);
    })
    .await;
    // Neither head nor body.
    let silent = Reply {
        pieces: Vec::new(),
        ..Reply::events("").held()
    };
    rig.server.answer(move |_| silent.clone());
    let answer = rig.post("/v1/messages", &body()).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::GATEWAY_TIMEOUT, "provider_slow")
    );
    // A head, and then nothing.
    rig.server
        .answer(|_| Reply::bytes(200, "application/json", "{\"a\":").held());
    let answer = rig.post("/v1/messages", &body()).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    // The beginning of a stream.
    rig.server.answer(|_| Reply::events("data: {}\n\n").held());
    let answer = rig.post("/v1/messages", &body()).await;
    assert!(answer.cut);
    for call in rig.calls().await {
        assert_eq!((call.state, call.cost), (CallState::Assumed, call.reserved));
    }
    assert_eq!(rig.server.seen().len(), 3, "nothing is sent twice");
}

#[tokio::test]
async fn usage_that_makes_no_sense_is_never_booked() {
    for (usage, flag) in [
        (
            json!({ "input_tokens": -7, "output_tokens": 3 }),
            Some("unusable"),
        ),
        (
            json!({ "input_tokens": 1e30, "output_tokens": 3 }),
            Some("unusable"),
        ),
        (
            json!({ "input_tokens": u64::MAX, "output_tokens": u64::MAX }),
            Some("unusable"),
        ),
        (json!({ "input_tokens": 7 }), Some("unusable")),
        (json!("plenty"), Some("unusable")),
        (json!(null), None),
    ] {
        let rig = Rig::new().await;
        let said = json!({ "content": [], "usage": usage });
        rig.server.answer(move |_| Reply::json(200, &said));
        let answer = rig.post("/v1/messages", &body()).await;
        assert_eq!(answer.status, StatusCode::OK);
        let call = rig.calls().await.pop().expect("a row");
        assert_eq!(
            (call.state, call.cost),
            (CallState::Assumed, call.reserved),
            "{usage}"
        );
        assert_eq!(call.flag.as_deref(), flag, "{usage}");
    }
    // Too much and yet possible: it is booked, and seen.
    let rig = Rig::new().await;
    rig.server.answer(|_| {
        Reply::json(
            200,
            &json!({ "usage": { "input_tokens": 50_000, "output_tokens": 60 } }),
        )
    });
    rig.post("/v1/messages", &body()).await;
    let call = rig.calls().await.pop().expect("a row");
    assert_eq!((call.cost.0, call.flag.as_deref()), (50_600, Some("over")));
}

#[tokio::test]
async fn answers_that_are_none_are_refused() {
    for reply in [
        Reply::json(302, &json!({})).with("location", "http://127.0.0.1:1/"),
        Reply::json(200, &json!({})).with("content-encoding", "gzip"),
        Reply::bytes(200, "application/json", "{\"a\":1").cut_after(3),
    ] {
        let rig = Rig::new().await;
        rig.server.answer(move |_| reply.clone());
        let answer = rig.post("/v1/messages", &body()).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
        assert_eq!(rig.calls().await[0].state, CallState::Assumed);
        assert_eq!(rig.server.seen().len(), 1);
    }
    // Words instead of JSON are passed on as they are, without a report.
    let rig = Rig::new().await;
    rig.server
        .answer(|_| Reply::bytes(200, "text/plain", "hello {\"usage\""));
    let answer = rig.post("/v1/messages", &body()).await;
    assert_eq!(answer.text(), "hello {\"usage\"");
    assert_eq!(rig.calls().await[0].state, CallState::Assumed);
}

#[tokio::test]
async fn nonsense_of_a_client_is_refused_before_anything_is_charged() {
    let rig = Rig::new().await;
    for text in [
        "",
        "{",
        "[]",
        "{\"model\":\"m-1\",\"model\":\"m-1\"}",
        "\u{feff}{}",
    ] {
        let answer = rig.send(request("/v1/messages", text)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::BAD_REQUEST, "invalid_request"),
            "{text:?}"
        );
    }
    let link = json!({ "model": "m-1", "messages": [{ "content": [
        { "type": "image", "source": { "type": "url", "url": "https://attacker.example/?leak" } }
    ] }] });
    assert_eq!(
        rig.post("/v1/messages", &link).await.status,
        StatusCode::BAD_REQUEST
    );
    assert!(rig.server.seen().is_empty());
    assert_eq!(rig.spent().await, (0, 0));
}

#[tokio::test]
async fn a_body_of_a_hundred_megabytes_is_refused_with_an_answer() {
    let rig = Rig::new().await;
    let large = Bytes::from(vec![b' '; 100 * 1024 * 1024]);
    let answer = rig.send(request("/v1/messages", large)).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large")
    );
    // One that does not say how long it is.
    let rig = Rig::with(|parts| parts.max_request_bytes = 100_000).await;
    let (head, tail) = (vec![b' '; 90_000], vec![b' '; 90_000]);
    let mut connection = rig.raw();
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    connection
        .write_all(b"POST /v1/messages HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n")
        .await
        .expect("written");
    for part in [head, tail] {
        let size = format!("{:x}\r\n", part.len());
        connection
            .write_all(size.as_bytes())
            .await
            .expect("written");
        connection.write_all(&part).await.expect("written");
        connection.write_all(b"\r\n").await.expect("written");
    }
    connection.write_all(b"0\r\n\r\n").await.expect("written");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("text");
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(rig.server.seen().is_empty());
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let rig = Rig::new().await;
    let request = Request::post("/v1/messages")
        .header("host", "h")
        .header("x", "y".repeat(100 * 1024))
        .body(Full::<Bytes>::default())
        .expect("a valid request");
    let mut sender = rig.connect().await;
    if let Ok(response) = sender.send_request(request).await {
        assert_eq!(
            response.status(),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        );
    }
    assert!(rig.server.seen().is_empty());
}

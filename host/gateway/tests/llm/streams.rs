//! Answers that come piece by piece.

use crate::rig::{Answer, Rig, request};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::StatusCode;
use serde_json::{Value, json};
use sortie_servers::{Reply, Seen, Turn};
use sortie_store::CallState;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/messages"];

fn streamed() -> Value {
    json!({
        "model": "m-1", "stream": true, "max_tokens": 50, "input": "x", "messages": [],
        "stream_options": { "include_usage": true },
    })
}

/// What the provider would say to such a request, as bytes.
fn said(path: &str, body: &Value) -> Bytes {
    let seen = Seen {
        line: format!("POST {path}"),
        headers: Vec::new(),
        body: body.to_string().into(),
    };
    Turn::default().reply(&seen).pieces.concat().into()
}

#[tokio::test]
async fn a_stream_passes_byte_for_byte_and_is_settled_before_it_ends() {
    let rig = Rig::new().await;
    for (index, path) in PATHS.into_iter().enumerate() {
        let answer = rig.post(path, &streamed()).await;
        assert_eq!(answer.body, said(path, &streamed()));
        assert_eq!(answer.headers["content-type"], "text/event-stream");
        // The end of the stream is the signal: nothing to wait for.
        let calls = rig.calls().await;
        assert_eq!(calls.len(), index + 1);
        let call = &calls[index];
        assert_eq!(call.state, CallState::Settled, "{path}");
        assert_eq!(call.cost.0, 37);
    }
}

#[tokio::test]
async fn usage_that_the_client_did_not_ask_for_is_read_and_not_passed_on() {
    let rig = Rig::new().await;
    let body = json!({ "model": "m-1", "stream": true, "messages": [] });
    let answer = rig.post("/v1/chat/completions", &body).await;
    assert_eq!(answer.body, said("/v1/chat/completions", &body));
    assert!(!answer.text().contains("usage"));
    let sent = rig.server.seen()[0].json();
    assert_eq!(sent["stream_options"]["include_usage"], true);
    assert_eq!(rig.calls().await[0].cost.0, 37);
}

#[tokio::test]
async fn a_piece_is_passed_on_when_it_comes_and_not_later() {
    let rig = Rig::new().await;
    rig.server
        .answer(|_| Reply::events("data: {\"first\":1}\n\n").held());
    let mut sender = rig.connect().await;
    let body = streamed().to_string();
    let response = sender
        .send_request(request("/v1/chat/completions", body))
        .await
        .expect("the head comes while the rest is held");
    let mut body = response.into_body();
    let first = body.frame().await.expect("a piece").expect("whole");
    assert_eq!(first.data_ref().expect("data"), "data: {\"first\":1}\n\n");
    assert_eq!(rig.calls().await[0].state, CallState::Open);
    rig.server.go_on();
    assert!(body.frame().await.is_none_or(|frame| frame.is_ok()));
}

#[tokio::test]
async fn a_stream_that_is_cut_at_any_byte_is_settled_once_and_seen_as_cut() {
    let rig = Rig::new().await;
    let mut made = 0;
    for path in PATHS {
        let whole = said(path, &streamed());
        // Each boundary of a line and its neighbours, and every 50th byte.
        let cuts = (0..whole.len()).filter(|at| {
            at % 50 == 0 || whole[at.saturating_sub(1)..(at + 2).min(whole.len())].contains(&b'\n')
        });
        for cut in cuts {
            rig.server
                .answer(move |seen| Turn::default().reply(seen).cut_after(cut));
            let answer = rig.post(path, &streamed()).await;
            made += 1;
            assert!(whole.starts_with(&answer.body), "{path} at {cut}");
            let call = rig.calls().await.pop().expect("a row");
            let known = call.state == CallState::Settled;
            assert!(
                known && call.cost.0 == 37
                    || call.state == CallState::Assumed && call.cost == call.reserved,
                "{path} at {cut}: {call:?}"
            );
            if !known {
                assert!(
                    answer.cut || answer.status != StatusCode::OK,
                    "{path} at {cut}"
                );
            }
        }
    }
    let (calls, cost) = rig.spent().await;
    assert_eq!(calls, made);
    let sum: u64 = rig.calls().await.iter().map(|call| call.cost.0).sum();
    assert_eq!(cost, sum);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_call_and_pays_for_it() {
    let rig = Rig::new().await;
    // In the middle of the stream.
    rig.server.answer(|_| Reply::events("data: {}\n\n").held());
    let mut sender = rig.connect().await;
    let body = streamed().to_string();
    let response = sender
        .send_request(request("/v1/messages", body.clone()))
        .await
        .expect("the head");
    drop((response, sender));
    rig.has_settled(1).await;
    // Before the answer begins.
    let nothing = Reply {
        pieces: Vec::new(),
        ..Reply::events("").held()
    };
    rig.server.answer(move |_| nothing.clone());
    let mut sender = rig.connect().await;
    let asking = tokio::spawn(async move {
        let _ = sender.send_request(request("/v1/messages", body)).await;
    });
    rig.server.has_seen(2).await;
    asking.abort();
    rig.has_settled(2).await;
    for call in rig.calls().await {
        assert_eq!((call.state, call.cost), (CallState::Assumed, call.reserved));
        assert_eq!(call.error.as_deref(), Some("the client went away"));
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_on_ends_the_call_and_sees_the_cut() {
    let rig = Rig::with(|parts| parts.provider.idle_timeout = Duration::from_secs(1)).await;
    // More than what lies between a provider and a client can hold.
    let event = format!("data: {}\n\n", "x".repeat(64 * 1024));
    let long = Reply::events(&event.repeat(128));
    rig.server.answer(move |_| long.clone());
    let body = streamed().to_string();
    let length = body.len();
    let head = format!("POST /v1/messages HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n");
    let mut connection = rig.raw();
    connection
        .write_all((head + &body).as_bytes())
        .await
        .expect("written");
    rig.has_settled(1).await;
    let call = rig.calls().await.pop().expect("a row");
    assert_eq!((call.state, call.cost), (CallState::Assumed, call.reserved));
    assert_eq!(call.error.as_deref(), Some("the client did not read on"));
    // What it reads late does not look whole.
    let mut late = Vec::new();
    connection.read_to_end(&mut late).await.expect("it closes");
    assert!(late.starts_with(b"HTTP/1.1 200"), "it began to answer");
    assert!(!late.ends_with(b"\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn a_stream_without_usage_costs_what_was_reserved() {
    let rig = Rig::new().await;
    rig.server
        .answer(|_| Reply::events("data: {\"choices\":[]}\n\ndata: [DONE]\n\n"));
    let answer: Answer = rig.post("/v1/chat/completions", &streamed()).await;
    assert!(!answer.cut);
    let call = &rig.calls().await[0];
    assert_eq!(
        (call.state, call.cost, call.flag.as_deref()),
        (CallState::Assumed, call.reserved, None)
    );
}

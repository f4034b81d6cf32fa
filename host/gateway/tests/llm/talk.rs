//! What a client and a provider say to each other through the gateway.

use crate::rig::{KEY, Rig, request};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use sortie_model::llm::ModelApi;
use sortie_servers::Turn;
use sortie_store::CallState;

const PATHS: [(ModelApi, &str); 3] = [
    (ModelApi::ChatCompletions, "/v1/chat/completions"),
    (ModelApi::Responses, "/v1/responses"),
    (ModelApi::Messages, "/v1/messages"),
];

#[tokio::test]
async fn each_api_passes_with_its_answer_and_its_usage_on_the_ledger() {
    let rig = Rig::new().await;
    rig.server.answer(|seen| {
        let turn = Turn {
            tool: Some(("read".into(), json!({ "path": "a" }))),
            ..Turn::default()
        };
        turn.reply(seen)
    });
    for (index, (api, path)) in PATHS.into_iter().enumerate() {
        let body = json!({ "model": "m-1", "messages": [], "input": "x", "max_tokens": 50 });
        let answer = rig.post(path, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let said = answer.text();
        assert!(said.contains("done") && said.contains("call_1"), "{said}");
        let call = rig.calls().await.pop().expect("a row");
        assert_eq!((call.api, call.state), (api, CallState::Settled));
        assert_eq!(
            (call.provider.as_str(), call.model.as_str()),
            ("main", "m-1")
        );
        let usage = call.usage.expect("reported");
        assert_eq!((usage.input, usage.output), (7, 3));
        // 7 at a dollar and 3 at ten dollars a million.
        assert_eq!(call.cost.0, 37);
        assert_eq!(call.status, Some(200));
        assert_eq!(
            rig.spent().await,
            (index as u32 + 1, 37 * (index as u64 + 1))
        );
    }
    let answer = rig
        .post("/v1/embeddings", &json!({ "model": "m-1", "input": ["x"] }))
        .await;
    assert_eq!(answer.json()["data"][0]["embedding"][0], 0.5);
    assert_eq!(rig.calls().await.pop().expect("a row").cost.0, 7);
}

#[tokio::test]
async fn the_provider_gets_its_own_key_and_nothing_of_the_client() {
    let rig = Rig::new().await;
    for (_, path) in PATHS {
        rig.post(path, &json!({ "model": "m-1" })).await;
    }
    for seen in rig.server.seen() {
        assert_eq!(
            seen.header("authorization").expect("a key"),
            format!("Bearer {KEY}")
        );
        assert_eq!(seen.header("x-api-key"), None);
        assert!(!format!("{:?}", seen.headers).contains("of-the-client"));
        assert_eq!(seen.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn the_answer_is_bounded_and_the_model_has_its_own_name() {
    let rig = Rig::new().await;
    for body in [
        json!({ "model": "build", "messages": [] }),
        json!({ "model": "main/m-1", "messages": [], "max_tokens": u64::MAX }),
    ] {
        rig.post("/v1/chat/completions", &body).await;
        let sent = rig.server.seen().pop().expect("a request").json();
        assert_eq!(
            (&sent["model"], &sent["max_tokens"]),
            (&json!("m-1"), &json!(1_000))
        );
    }
    let reserved: Vec<_> = rig
        .calls()
        .await
        .iter()
        .map(|call| call.reserved.0)
        .collect();
    // Its body and 2,000 hidden tokens in, 1,000 out.
    assert!(
        reserved.iter().all(|r| (12_000..12_200).contains(r)),
        "{reserved:?}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_is() {
    let rig = Rig::new().await;
    let answer = rig
        .post("/v1/messages", &json!({ "model": "gpt-99" }))
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.code(), "model_not_found");
    assert!(answer.text().contains("main/m-1"), "{}", answer.text());

    let answer = rig
        .post("/v1/messages", &json!({ "model": "unpriced" }))
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.code(), "model_unpriced");
    assert!(
        answer.text().contains("price = \\\"free\\\""),
        "{}",
        answer.text()
    );

    let answer = rig.post("/v1/images", &json!({})).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::NOT_FOUND, "no_such_path")
    );
    let answer = rig.post("/sortie/search", &json!({})).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(
        answer.text().contains("neither search nor fetch"),
        "{}",
        answer.text()
    );
    assert!(rig.server.seen().is_empty());
    assert_eq!(rig.spent().await, (0, 0));
}

#[tokio::test]
async fn the_list_of_models_is_read_by_both_families_of_clients() {
    let rig = Rig::new().await;
    let get = |path: &str| {
        Request::get(path)
            .header("host", "h")
            .body(Full::<Bytes>::default())
            .expect("a valid request")
    };
    let list = rig.send(get("/v1/models")).await.json();
    let ids: Vec<_> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids, ["main/m-1", "main/free", "main/unpriced"]);
    assert_eq!(
        (&list["object"], &list["has_more"]),
        (&json!("list"), &json!(false))
    );
    let one = rig.send(get("/v1/models/main%2Fm-1")).await;
    assert_eq!(one.json()["id"], "main/m-1");
    let none = rig.send(get("/v1/models/x")).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert!(rig.server.seen().is_empty(), "it is answered here");
}

#[tokio::test]
async fn counting_tokens_is_free_and_ends_with_the_run() {
    let rig = Rig::new().await;
    let body = json!({ "model": "m-1", "messages": [{ "role": "user", "content": "x" }] });
    let answer = rig.post("/v1/messages/count_tokens", &body).await;
    assert_eq!(answer.json(), json!({ "input_tokens": 7 }));
    assert!(rig.server.seen()[0].json()["max_tokens"].is_null());
    assert_eq!(rig.spent().await, (0, 0));
    let end = sortie_store::RunEnd::default();
    let event = sortie_model::job::JobEvent::Finished;
    rig.store.finish(rig.fence, event, end).await.expect("ends");
    let answer = rig.post("/v1/messages/count_tokens", &body).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::FORBIDDEN, "run_over")
    );
}

#[tokio::test]
async fn what_has_no_price_costs_nothing_and_still_counts() {
    let rig = Rig::new().await;
    rig.post("/v1/messages", &json!({ "model": "free", "max_tokens": 9 }))
        .await;
    assert_eq!(rig.spent().await, (1, 0));
    assert_eq!(rig.calls().await[0].usage.expect("reported").output, 3);
}

#[tokio::test]
async fn the_models_of_a_provider_can_be_asked_for() {
    let rig = Rig::new().await;
    assert_eq!(
        rig.llm.list("main").await,
        Ok(vec!["m-1".into(), "m-2".into()])
    );
    assert!(
        rig.llm
            .list("other")
            .await
            .expect_err("none")
            .contains("other")
    );
    rig.server
        .answer(|_| sortie_servers::Reply::json(401, &Value::Null));
    let why = rig.llm.list("main").await.expect_err("refused");
    assert!(why.contains("does not take its key"), "{why}");
}

#[tokio::test]
async fn a_query_and_a_kept_connection_are_no_obstacle() {
    let rig = Rig::new().await;
    let mut sender = rig.connect().await;
    for _ in 0..3 {
        let body = json!({ "model": "m-1" }).to_string();
        sender.ready().await.expect("the connection is kept");
        let response = sender
            .send_request(request("/v1/messages?beta=true", body))
            .await
            .expect("it answers");
        assert_eq!(
            crate::rig::Answer::of(response).await.status,
            StatusCode::OK
        );
    }
    assert_eq!(rig.spent().await.0, 3);
}

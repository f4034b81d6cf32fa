//! Where the money went, over HTTP.

use crate::rig::Rig;
use serde_json::json;
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::llm::{CallEnd, CallRecord, ModelApi, NewCall, TokenUsage};
use sortie_store::CallLimits;

const LIMITS: CallLimits = CallLimits {
    run: Limits {
        calls: 10,
        cost_micro_usd: MicroUsd(10_000),
        time_ms: 1_000,
    },
    project_day: MicroUsd(10_000),
    host_day: MicroUsd(10_000),
};

#[tokio::test]
async fn calls_are_added_up_by_what_is_asked_for() {
    let rig = Rig::new().await;
    assert_eq!(rig.get("/v1/usage").await.body["sums"], json!([]));
    rig.submit("x").await;
    let fence = rig.claim().await.fence;
    let call = NewCall {
        provider: "main".into(),
        model: "m-1".into(),
        api: ModelApi::Responses,
        role: "build".into(),
        position: None,
        worst: MicroUsd(500),
    };
    for settled in [true, false] {
        let id = rig.store.reserve_call(fence, call.clone(), LIMITS).await;
        let id = id.unwrap().unwrap();
        if settled {
            let record = CallRecord {
                end: CallEnd::Reported {
                    usage: TokenUsage {
                        input: 7,
                        output: 3,
                        ..TokenUsage::default()
                    },
                    cost: MicroUsd(37),
                    over: false,
                },
                status: Some(200),
                error: None,
                first_byte_ms: Some(1),
                duration_ms: 2,
            };
            rig.store.settle_call(fence, id, record).await.unwrap();
        }
    }
    let jobs = rig.get("/v1/usage").await.body;
    assert_eq!(jobs["by"], "job");
    let sum = &jobs["sums"][0];
    assert_eq!(sum["job"], 1);
    assert_eq!((&sum["calls"], &sum["open_calls"]), (&json!(2), &json!(1)));
    assert_eq!(
        (
            &sum["input_tokens"],
            &sum["output_tokens"],
            &sum["cost_micro_usd"],
            &sum["reserved_micro_usd"]
        ),
        (&json!(7), &json!(3), &json!(37), &json!(500))
    );
    let models = rig.get("/v1/usage?by=model&job=1&limit=1").await.body;
    assert_eq!(
        (&models["sums"][0]["provider"], &models["sums"][0]["model"]),
        (&json!("main"), &json!("m-1"))
    );
    let days = rig.get("/v1/usage?by=day&since=2020-01-02").await.body;
    assert_eq!(
        days["sums"][0]["day"].as_str().map(str::len),
        Some(10),
        "{days}"
    );
    let none = rig
        .get("/v1/usage?by=step&since=2999-01-01T00:00:00Z")
        .await;
    assert_eq!(none.body["sums"], json!([]));
    let none = rig.get("/v1/usage?project=nobody").await;
    assert_eq!(none.body["sums"], json!([]));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let rig = Rig::new().await;
    for query in [
        "by=week",
        "since=yesterday",
        "limit=0",
        "limit=1000",
        "job=x",
        "what=1",
    ] {
        let answer = rig.get(&format!("/v1/usage?{query}")).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (400, "bad-request"),
            "{query}"
        );
    }
}

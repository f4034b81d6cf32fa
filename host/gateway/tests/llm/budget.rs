//! Money and calls that end, leases that are over, and other runs.

use crate::rig::{Answer, PLENTY, Rig, connect, request};
use hyper::StatusCode;
use serde_json::json;
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::job::JobEvent;
use sortie_servers::{Reply, Turn};
use sortie_store::{CallLimits, RunEnd};

fn body() -> serde_json::Value {
    json!({ "model": "m-1", "messages": [], "max_tokens": 1_000 })
}

fn run(calls: u32, cost: u64) -> CallLimits {
    CallLimits {
        run: Limits {
            calls,
            cost_micro_usd: MicroUsd(cost),
            time_ms: 1,
        },
        ..PLENTY
    }
}

#[tokio::test]
async fn of_two_hundred_calls_at_once_with_money_for_one_one_is_made() {
    let rig = Rig::with(|parts| parts.limits = run(1_000, 20_000)).await;
    rig.server.answer(|seen| Reply {
        held: true,
        ..Turn::default().reply(seen)
    });
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let mut sender = rig.connect().await;
        let request = request("/v1/messages", body().to_string());
        asking.spawn(async move {
            Answer::of(sender.send_request(request).await.expect("it answers")).await
        });
    }
    // The one that is made is held, so the first 199 to end are the others.
    for _ in 0..199 {
        let answer = asking.join_next().await.expect("one more");
        let answer = answer.expect("no panic");
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.code(), "budget_reserved");
    }
    rig.server.go_on();
    let made = asking
        .join_next()
        .await
        .expect("one more")
        .expect("no panic");
    assert_eq!(made.status, StatusCode::OK);
    assert_eq!(rig.server.seen().len(), 1, "the provider saw one");
    assert_eq!(rig.calls().await.len(), 1, "and so did the ledger");
    assert_eq!(rig.spent().await, (1, 37));
}

#[tokio::test]
async fn an_exhausted_budget_is_final_and_says_so_to_the_agent() {
    // Money: a second call would not fit any more.
    let rig = Rig::with(|parts| parts.limits = run(1_000, 12_050)).await;
    let first = rig.post("/v1/messages", &body()).await;
    assert_eq!(first.status, StatusCode::OK);
    let second = rig.post("/v1/messages", &body()).await;
    assert_eq!(second.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(second.code(), "budget_exhausted");
    let error = &second.json()["error"];
    assert_eq!(error["type"], "billing_error");
    let text = error["message"].as_str().expect("a text");
    assert!(
        text.contains("the run's money") && text.contains("stop"),
        "{text}"
    );
    // Calls.
    let rig = Rig::with(|parts| parts.limits = run(1, 1_000_000)).await;
    rig.post("/v1/chat/completions", &body()).await;
    let second = rig.post("/v1/chat/completions", &body()).await;
    assert_eq!(second.status, StatusCode::PAYMENT_REQUIRED);
    assert!(second.text().contains("number of calls"));
    // Days.
    for (limits, word) in [
        (
            CallLimits {
                project_day: MicroUsd(100),
                ..PLENTY
            },
            "the project's money for today",
        ),
        (
            CallLimits {
                host_day: MicroUsd(100),
                ..PLENTY
            },
            "the host's money for today",
        ),
    ] {
        let rig = Rig::with(|parts| parts.limits = limits).await;
        let answer = rig.post("/v1/messages", &body()).await;
        assert_eq!(answer.status, StatusCode::PAYMENT_REQUIRED);
        assert!(answer.text().contains(word), "{}", answer.text());
        assert!(rig.server.seen().is_empty());
    }
}

#[tokio::test]
async fn what_calls_under_way_have_reserved_may_come_free_again() {
    let rig = Rig::with(|parts| parts.limits = run(1_000, 13_000)).await;
    rig.server.answer(|seen| Reply {
        held: true,
        ..Turn::default().reply(seen)
    });
    let mut sender = rig.connect().await;
    let first = tokio::spawn(async move {
        let request = request("/v1/messages", body().to_string());
        Answer::of(sender.send_request(request).await.expect("it answers")).await
    });
    rig.server.has_seen(1).await;
    let second = rig.post("/v1/messages", &body()).await;
    assert_eq!(
        (second.status, second.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "budget_reserved")
    );
    assert!(second.headers.contains_key("retry-after"));
    rig.server.go_on();
    assert_eq!(first.await.expect("no panic").status, StatusCode::OK);
    let third = rig.post("/v1/messages", &body()).await;
    assert_eq!(third.status, StatusCode::OK, "{}", third.text());
}

#[tokio::test]
async fn a_run_that_is_over_asks_nothing_any_more() {
    let rig = Rig::new().await;
    rig.store
        .finish(rig.fence, JobEvent::Finished, RunEnd::default())
        .await
        .expect("ends");
    let answer = rig.post("/v1/messages", &body()).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::FORBIDDEN, "run_over")
    );
    assert!(rig.server.seen().is_empty());
    assert!(rig.calls().await.is_empty());
}

#[tokio::test]
async fn a_call_under_way_when_its_run_ends_is_paid_by_that_run() {
    let rig = Rig::new().await;
    rig.server.answer(|seen| Reply {
        held: true,
        ..Turn::default().reply(seen)
    });
    let mut sender = rig.connect().await;
    let asking = tokio::spawn(async move {
        let request = request("/v1/messages", body().to_string());
        Answer::of(sender.send_request(request).await.expect("it answers")).await
    });
    rig.server.has_seen(1).await;
    rig.store
        .finish(rig.fence, JobEvent::Finished, RunEnd::default())
        .await
        .expect("ends");
    rig.server.go_on();
    assert_eq!(asking.await.expect("no panic").status, StatusCode::OK);
    assert_eq!(rig.spent().await, (1, 37));
}

#[tokio::test]
async fn nothing_that_a_client_says_makes_another_run_pay() {
    let rig = Rig::new().await;
    let (other, fence) = rig.other_run().await;
    let mut forged = request("/v1/messages", body().to_string());
    for (name, value) in [
        ("x-sortie-run", rig.fence.run.0.to_string()),
        ("x-sortie-token", rig.fence.token.0.to_string()),
        ("authorization", format!("Bearer {}", rig.fence.token.0)),
    ] {
        let value = value.parse().expect("a value");
        forged.headers_mut().insert(name, value);
    }
    let mut sender = connect(&other).await;
    let response = sender.send_request(forged).await.expect("it answers");
    assert_eq!(Answer::of(response).await.status, StatusCode::OK);
    assert_eq!(rig.spent().await, (0, 0));
    let state = rig.store.run_state(fence.run).await.expect("reads");
    assert_eq!(state.usage.calls, 1);
}

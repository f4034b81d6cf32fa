//! What people do to jobs.

use crate::rig::{BASE, HEAD, Rig};
use reqwest::Method;
use serde_json::json;
use sortie_model::job::JobEvent;

#[tokio::test]
async fn an_approval_counts_once() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    rig.park().await;
    let body = json!({ "comment": "looks right" });
    let first = rig.post("/v1/jobs/1/approve", &body).await;
    assert_eq!(
        (first.status, first.body["state"].as_str()),
        (200, Some("approved"))
    );
    assert_eq!(first.body["changed"], true);
    let again = rig.post("/v1/jobs/1/approve", &body).await;
    assert_eq!((again.status, &again.body["changed"]), (200, &json!(false)));
    let other = rig.post("/v1/jobs/1/reject", &json!({})).await;
    assert_eq!((other.status, other.problem()), (409, "illegal-transition"));
    let approval = &rig.get("/v1/jobs/1").await.body["approval"];
    assert_eq!(approval["decision"], "approved");
    assert_eq!(approval["comment"], "looks right");
}

#[tokio::test]
async fn a_decision_about_another_commit_is_a_conflict() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    rig.park().await;
    let approval = &rig.get("/v1/jobs/1").await.body["approval"];
    assert_eq!(approval["commit"], HEAD);
    for action in ["approve", "reject"] {
        let path = format!("/v1/jobs/1/{action}");
        let other = rig.post(&path, &json!({ "commit": BASE })).await;
        assert_eq!((other.status, other.problem()), (409, "other-commit"));
        let told = other.body["detail"].as_str().unwrap();
        assert!(told.contains(BASE) && told.contains(HEAD), "{told}");
        let hint = other.body["hint"].as_str().unwrap();
        assert!(hint.contains("look at the diff again"), "{hint}");
        let cut = rig.post(&path, &json!({ "commit": &HEAD[..12] })).await;
        assert_eq!((cut.status, cut.problem()), (409, "other-commit"));
        let none = rig.post(&path, &json!({ "commit": "" })).await;
        assert_eq!((none.status, none.problem()), (422, "invalid-request"));
    }
    assert_eq!(rig.get("/v1/jobs/1").await.body["state"], "needs_review");
    let seen = rig
        .post("/v1/jobs/1/approve", &json!({ "commit": HEAD }))
        .await;
    assert_eq!((seen.status, &seen.body["changed"]), (200, &json!(true)));
    let late = rig
        .post("/v1/jobs/1/approve", &json!({ "commit": BASE }))
        .await;
    assert_eq!((late.status, late.problem()), (409, "other-commit"));
}

#[tokio::test]
async fn exactly_one_of_many_decisions_wins() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    rig.park().await;
    let answers = futures::future::join_all((0..16).map(|n| {
        let what = if n % 2 == 0 { "approve" } else { "reject" };
        let request = rig.request(Method::POST, &format!("/v1/jobs/1/{what}"));
        rig.send(request)
    }))
    .await;
    let state = rig.get("/v1/jobs/1").await.body["state"].clone();
    let changed = answers
        .iter()
        .filter(|answer| answer.status == 200 && answer.body["changed"] == true)
        .count();
    assert_eq!(changed, 1);
    for answer in answers {
        match answer.status {
            200 => assert_eq!(answer.body["state"], state),
            status => assert_eq!(status, 409, "{answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_rejected_job_can_be_tried_again() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    rig.park().await;
    let rejected = rig
        .send(rig.request(Method::POST, "/v1/jobs/1/reject"))
        .await;
    assert_eq!(rejected.body["state"], "rejected");
    assert_eq!(rejected.body["is_final"], true);
    let retried = rig
        .send(rig.request(Method::POST, "/v1/jobs/1/retry"))
        .await;
    assert_eq!(
        (retried.status, retried.body["state"].as_str()),
        (200, Some("queued"))
    );
}

#[tokio::test]
async fn a_cancelled_run_loses_its_lease() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    let claim = rig.claim().await;
    let cancelled = rig
        .send(rig.request(Method::POST, "/v1/jobs/1/cancel"))
        .await;
    assert_eq!(cancelled.body["state"], "cancelled");
    let late = rig
        .store
        .finish(
            claim.fence,
            JobEvent::Finished,
            sortie_store::RunEnd::default(),
        )
        .await;
    assert!(late.is_err(), "the engine's write came too late");
    let again = rig
        .send(rig.request(Method::POST, "/v1/jobs/1/cancel"))
        .await;
    assert_eq!((again.status, &again.body["changed"]), (200, &json!(false)));
}

#[tokio::test]
async fn what_a_state_does_not_allow_is_a_conflict() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    for action in ["approve", "reject", "retry"] {
        let path = format!("/v1/jobs/1/{action}");
        let answer = rig.send(rig.request(Method::POST, &path)).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (409, "illegal-transition")
        );
        let hint = answer.body["hint"].as_str().unwrap();
        assert!(hint.contains("this one is queued"), "{hint}");
        let missing = rig
            .send(rig.request(Method::POST, &format!("/v1/jobs/77/{action}")))
            .await;
        assert_eq!((missing.status, missing.problem()), (404, "not-found"));
    }
    assert_eq!(rig.get("/v1/jobs/1").await.body["state"], "queued");
}

#[tokio::test]
async fn comments_have_a_length() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    rig.park().await;
    let long = json!({ "comment": "x".repeat(4097) });
    let answer = rig.post("/v1/jobs/1/approve", &long).await;
    assert_eq!((answer.status, answer.problem()), (422, "invalid-request"));
    assert_eq!(rig.get("/v1/jobs/1").await.body["state"], "needs_review");
}

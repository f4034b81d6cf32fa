//! What jobs want of the outside, over HTTP.

use crate::rig::Rig;
use serde_json::json;
use sortie_store::{NewEgressConnection, NewEgressRefusal};

async fn refused(rig: &Rig, host: &str) -> sortie_store::Claim {
    let claim = rig.claim().await;
    let refusal = NewEgressRefusal {
        method: "CONNECT".into(),
        host: host.into(),
        port: 443,
        reason: "not-listed".into(),
        question: true,
    };
    rig.store
        .egress_refused(claim.fence, refusal)
        .await
        .unwrap();
    claim
}

#[tokio::test]
async fn a_refused_host_is_asked_about_and_answered() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    let claim = refused(&rig, "static.example.com").await;
    let questions = rig.get("/v1/egress").await;
    assert_eq!(questions.body["asks"][0]["host"], "static.example.com");
    assert_eq!(questions.body["asks"][0]["job"], 1);
    let body = json!({ "host": "Static.Example.com.", "allow": true });
    let given = rig.post("/v1/jobs/1/egress", &body).await;
    assert_eq!(given.status, 200, "{:?}", given.body);
    assert_eq!(given.body["host"], "static.example.com");
    assert_eq!(given.body["scope"], "job");
    assert_eq!(given.body["by"], "token");
    assert_eq!(given.body["via"], "http");
    assert_eq!(given.body["job_is_over"], json!(null), "it goes on");
    assert!(
        rig.get("/v1/egress").await.body["asks"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let row = NewEgressConnection {
        job: claim.job.id,
        run: claim.run.id,
        method: "CONNECT".into(),
        host: "static.example.com".into(),
        port: 443,
        address: None,
        outcome: "refused".into(),
        reason: Some("not-listed".into()),
        detail: None,
        up_bytes: 0,
        down_bytes: 0,
        elapsed_ms: 1,
    };
    rig.store.record_egress(row).await.unwrap();
    let view = rig.get("/v1/jobs/1/egress?limit=1").await;
    assert_eq!(view.body["asks"][0]["answer"]["allow"], true);
    assert_eq!(view.body["answers"].as_array().unwrap().len(), 1);
    assert_eq!(view.body["connections"][0]["outcome"], "refused");
}

#[tokio::test]
async fn an_answer_that_cannot_be_meant_is_refused_with_what_to_write() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    for (body, told) in [
        (json!({ "host": "*", "allow": true }), "*.example.com"),
        (
            json!({ "host": "https://a.example/", "allow": true }),
            "host alone",
        ),
        (json!({ "host": "a.example:443", "allow": true }), "port"),
        (json!({ "host": "0x7f.1", "allow": true }), "127.0.0.1"),
        (
            json!({ "host": "a.example", "port": 0, "allow": true }),
            "port",
        ),
        (
            json!({ "host": "a.example", "allow": true, "scope": "world" }),
            "neither run",
        ),
        (
            json!({ "host": "a.example", "allow": true, "scope": "run" }),
            "no run of job 1",
        ),
        (json!({ "host": "a.example" }), "allow"),
    ] {
        let answer = rig.post("/v1/jobs/1/egress", &body).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (422, "invalid-request"),
            "{body}"
        );
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(told), "{body}: {detail}");
    }
    let body = json!({ "host": "a.example", "allow": true });
    let gone = rig.post("/v1/jobs/9/egress", &body).await;
    assert_eq!((gone.status, gone.problem()), (404, "not-found"));
    assert_eq!(rig.get("/v1/jobs/9/egress").await.status, 404);
}

#[tokio::test]
async fn an_answer_about_a_job_that_is_over_says_so() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    let claim = refused(&rig, "static.example.com").await;
    rig.store.cancel(claim.job.id, "ann", "cli").await.unwrap();
    let body = json!({ "host": "static.example.com", "allow": true });
    let given = rig.post("/v1/jobs/1/egress", &body).await;
    assert_eq!(given.status, 200, "{:?}", given.body);
    assert_eq!(given.body["job_is_over"], true);
}

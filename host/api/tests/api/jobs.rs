//! Submitting and reading.

use crate::rig::{Rig, TOKEN};
use reqwest::Method;
use serde_json::json;
use sortie_model::halt::HaltReason;
use sortie_model::job::JobEvent;

#[tokio::test]
async fn a_job_is_made_and_read_back() {
    let rig = Rig::new().await;
    let body = json!({
        "project": "shop", "task": "Fix it", "base": "next", "budget": "quick",
        "verify": ["make lint", "make test"],
    });
    let request = rig
        .request(Method::POST, "/v1/jobs")
        .header("Sortie-User", "alice")
        .header("Sortie-Client", "cli")
        .json(&body);
    let answer = rig.send(request).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.headers["location"], "/v1/jobs/1");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let job = rig.get("/v1/jobs/1").await.body;
    assert_eq!(job["state"], "queued");
    assert_eq!(job["base_branch"], "next");
    assert_eq!(job["policy"]["budget_profile"], "quick");
    assert_eq!(job["requested_by"], "alice");
    assert_eq!(job["via"], "cli");
    // A request adds verification and takes none away.
    assert_eq!(job["policy"]["verify"], json!(["make test", "make lint"]));
    assert_eq!(job["runs"], json!([]));
}

#[tokio::test]
async fn a_repository_names_its_project() {
    let rig = Rig::new().await;
    for url in [
        "https://git.example.com/shop.git",
        "https://git.example.com/shop",
        "https://git.example.com/shop/",
        "https://Git.Example.com:443/Shop",
        "git@git.example.com:shop.git",
    ] {
        let answer = rig
            .post("/v1/jobs", &json!({ "repository": url, "task": "x" }))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.body["project"], "shop");
    }
    // One that a pattern allows gets a project of its own, always the same.
    let mut names = Vec::new();
    for url in [
        "https://git.example.com/open/tool.git",
        "https://git.example.com/open/tool",
    ] {
        let answer = rig
            .post("/v1/jobs", &json!({ "repository": url, "task": "x" }))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        names.push(answer.body["project"].as_str().unwrap().to_owned());
    }
    assert_eq!(names[0], names[1]);
    assert!(names[0].starts_with("tool-"), "{names:?}");
}

#[tokio::test]
async fn the_same_key_is_the_same_job() {
    let rig = Rig::new().await;
    let body = json!({ "project": "shop", "task": "once" });
    let submit = |body: &serde_json::Value| {
        let request = rig
            .request(Method::POST, "/v1/jobs")
            .header("Idempotency-Key", "key-1")
            .json(body);
        rig.send(request)
    };
    let answers = futures::future::join_all((0..16).map(|_| submit(&body))).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let repeated = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((created, repeated), (1, 15));
    assert!(
        answers
            .iter()
            .all(|answer| answer.body["id"] == answers[0].body["id"])
    );
    let other = submit(&json!({ "project": "shop", "task": "twice" })).await;
    assert_eq!(
        (other.status, other.problem()),
        (422, "idempotency-key-reused")
    );
    let jobs = rig.get("/v1/jobs").await.body;
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_lead_to_every_job_once() {
    let rig = Rig::new().await;
    for n in 0..5 {
        rig.submit(&format!("task {n}")).await;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = rig.get(&format!("/v1/jobs?limit=2{cursor}")).await.body;
        let jobs = page["jobs"].as_array().unwrap();
        seen.extend(jobs.iter().map(|job| job["id"].as_u64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn lists_are_filtered_by_state_and_project() {
    let rig = Rig::new().await;
    rig.submit("one").await;
    rig.submit("two").await;
    let claim = rig.claim().await;
    rig.finish(&claim, JobEvent::Finished).await;
    let ids = async |query: &str| -> Vec<u64> {
        let page = rig.get(&format!("/v1/jobs?{query}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        let jobs = page.body["jobs"].as_array().unwrap().clone();
        jobs.iter().map(|job| job["id"].as_u64().unwrap()).collect()
    };
    assert_eq!(ids("state=succeeded").await, [1]);
    assert_eq!(ids("state=succeeded,queued").await, [2, 1]);
    assert_eq!(ids("state=running").await, [0; 0]);
    assert_eq!(ids("project=shop").await, [2, 1]);
    assert_eq!(ids("project=blog").await, [0; 0]);
}

#[tokio::test]
async fn a_flagged_job_shows_findings_question_and_diff() {
    let rig = Rig::new().await;
    rig.submit("cheat").await;
    rig.park().await;
    let job = rig.get("/v1/jobs/1").await.body;
    assert_eq!(job["state"], "needs_review");
    assert_eq!(job["findings"], 2);
    assert_eq!(
        job["approval"]["question"],
        "Publish in spite of 2 findings?"
    );
    assert_eq!(job["runs"][0]["steps"][0]["name"], "scan");
    assert!(job["hint"].as_str().unwrap().contains("sortie approve 1"));
    let findings = rig.get("/v1/jobs/1/findings").await.body;
    assert_eq!(findings["findings"][0]["severity"], "block");
    assert_eq!(findings["findings"][0]["line"], 9);
    assert_eq!(findings["findings"][1]["severity"], "warn");
    let none = rig.get("/v1/jobs/1/diff").await;
    assert_eq!((none.status, none.problem()), (404, "not-found"));
    std::fs::write(rig.dir.join("1.diff"), "diff --git a/x b/x\n").unwrap();
    let diff = rig.get("/v1/jobs/1/diff").await;
    assert_eq!(diff.headers["content-type"], "text/x-diff; charset=utf-8");
    assert_eq!(diff.text, "diff --git a/x b/x\n");
}

#[tokio::test]
async fn a_halted_job_says_why_and_how_to_go_on() {
    let rig = Rig::new().await;
    rig.submit("stop").await;
    let claim = rig.claim().await;
    let halt = JobEvent::Halted {
        reason: HaltReason::WorkspaceFull,
        detail: "3 GiB in node_modules".into(),
    };
    rig.finish(&claim, halt).await;
    let job = rig.get("/v1/jobs/1").await.body;
    assert_eq!(
        job["halt"],
        json!({ "reason": "workspace-full", "detail": "3 GiB in node_modules" })
    );
    assert!(
        job["hint"]
            .as_str()
            .unwrap()
            .contains("sandbox.workspace_mib")
    );
}

#[tokio::test]
async fn plugins_are_listed() {
    let rig = Rig::new().await;
    let list = rig.get("/v1/plugins").await.body;
    let names: Vec<&str> = list["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| plugin["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "agent-shell",
            "budget-profiles",
            "reward-hacking",
            "workflow-task"
        ]
    );
}

#[tokio::test]
async fn health_and_description_need_no_token() {
    let rig = Rig::new().await;
    for path in ["/healthz", "/readyz"] {
        let answer = rig.send(rig.client.get(format!("{}{path}", rig.url))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let ready = rig.get("/readyz").await.body;
    assert_eq!(ready["engine"]["state"], "down");
    let text = rig
        .client
        .get(format!("{}/openapi.json", rig.url))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(text, sortie_api::openapi().to_json().unwrap());
    assert!(!text.contains(TOKEN));
}

//! Answers to questions, and which commit they are about. The run that asks is
//! played through the store while no host has it.

use crate::rig::{Host, Rig};
use sortie_model::approval::Subject;
use sortie_model::clock::{Clock, SystemClock};
use sortie_model::run::RunPhase;
use sortie_store::{ClaimLimits, NewApproval, Store, StoreOptions};
use std::time::Duration;

const COMMIT: &str = "c0ffee0123456789c0ffee0123456789c0ffee01";

/// A host with job 1, which asks about that commit.
fn asked() -> (Rig, Host) {
    let rig = Rig::configured();
    let (host, _) = rig.serve();
    assert_eq!(rig.run(&["submit", "Fix it"]).code, 0);
    assert_eq!(host.stop(), 0);
    let store = Store::open(StoreOptions::new(rig.path().join("data"))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(park(store));
    let (host, _) = rig.serve();
    (rig, host)
}

async fn park(store: Store) {
    let limits = ClaimLimits {
        max_running_total: 1,
        max_running_per_project: 1,
    };
    let fence = store.claim(limits).await.unwrap().unwrap().fence;
    store
        .set_run_phase(fence, RunPhase::Executing)
        .await
        .unwrap();
    let approval = NewApproval {
        step: "review".into(),
        subject: Subject::Review,
        question: "Publish in spite of 1 finding?".into(),
        commit: Some(COMMIT.into()),
        expires_at: SystemClock.now().plus(Duration::from_secs(3600)),
        remind_at: None,
        evidence: None,
    };
    store.park(fence, approval).await.unwrap();
    store.close().await;
}

#[test]
fn an_approval_is_about_the_commit_that_was_shown() {
    let (rig, _host) = asked();
    let status = rig.run(&["status", "1"]).stdout;
    assert!(status.contains(&format!("commit {COMMIT}")), "{status}");
    let other = rig.run(&["approve", "1", "--commit", "decade0"]);
    assert_eq!(other.code, 4, "{other:?}");
    for told in ["decade0", COMMIT, "look at the diff again"] {
        assert!(other.stderr.contains(told), "{other:?}");
    }
    let error = rig.run(&["reject", "1", "--commit", "decade0", "--json"]);
    assert_eq!(error.error()["kind"], "other-commit");
    assert_eq!(
        rig.run(&["status", "1", "--json"]).json()["state"],
        "needs_review"
    );
    let approved = rig.run(&["approve", "1"]);
    assert_eq!(approved.stdout, "#1 approved\n", "{approved:?}");
    assert_eq!(approved.stderr, format!("approve commit {COMMIT}\n"));
}

#[test]
fn a_cancelled_job_takes_its_question_back() {
    let (rig, _host) = asked();
    assert_eq!(rig.run(&["cancel", "1"]).code, 0);
    let job = rig.run(&["status", "1", "--json"]).json();
    assert_eq!(job["approval"]["decision"], "withdrawn");
    let who = job["approval"]["decided_by"].as_str().unwrap().to_owned();
    let status = rig.run(&["status", "1"]).stdout;
    assert!(status.contains(&format!("withdrawn by {who}")), "{status}");
    assert!(!status.contains("asks"), "{status}");
    let late = rig.run(&["approve", "1", "--json"]);
    assert_eq!(late.error()["kind"], "illegal-transition");
}

#[test]
fn the_beginning_of_a_commits_name_is_enough() {
    let (rig, _host) = asked();
    let rejected = rig.run(&["reject", "1", "--commit", &COMMIT[..12], "-m", "no"]);
    assert_eq!(rejected.stdout, "#1 rejected\n", "{rejected:?}");
    let job = rig.run(&["status", "1", "--json"]).json();
    assert_eq!(job["approval"]["decision"], "rejected");
}

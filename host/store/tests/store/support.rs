//! What the tests share: a clock they set, a store in a directory of its own,
//! and short ways to the states they begin in.

use serde_json::json;
use sortie_model::approval::{Decision, Subject};
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::finding::Severity;
use sortie_model::id::Fence;
use sortie_model::job::JobEvent;
use sortie_model::project::{Policy, Project, PublishMode};
use sortie_model::run::RunPhase;
use sortie_store::{
    Claim, ClaimLimits, Job, NewAnswer, NewApproval, NewJob, RunEnd, Store, StoreOptions,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

/// A clock that stands still until it is moved.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_000_000)))
    }

    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

pub struct Home {
    pub store: Store,
    pub clock: Arc<TestClock>,
    pub dir: TempDir,
}

pub const PLENTY: ClaimLimits = ClaimLimits {
    max_running_total: 1_000,
    max_running_per_project: 1_000,
};

pub const CAP: Limits = Limits {
    calls: 10,
    cost_micro_usd: MicroUsd(1_000),
    time_ms: 60_000,
};

/// A store with the projects `alpha` and `beta`.
pub async fn home() -> Home {
    home_in(tempfile::tempdir().unwrap()).await
}

pub async fn home_in(dir: TempDir) -> Home {
    let clock = TestClock::new();
    let store = open(dir.path(), &clock);
    store
        .put_projects(vec![project("alpha"), project("beta")])
        .await
        .unwrap();
    Home { store, clock, dir }
}

pub fn open(dir: &Path, clock: &Arc<TestClock>) -> Store {
    Store::open(StoreOptions::new(dir).with_clock(clock.clone())).unwrap()
}

pub fn policy() -> Policy {
    Policy {
        workflow: "workflow-task".into(),
        agent: "agent-shell".into(),
        budget_plugin: "budget-profiles".into(),
        budget_profile: None,
        ceiling: CAP,
        verify: vec!["cargo test".into()],
        scanners: vec!["reward-hacking".into()],
        review_from: Severity::Warn,
        publish: PublishMode::Branch,
        branch_prefix: "sortie".into(),
        max_attempts: 3,
        detect: false,
        base_tests: false,
        approval_expires_ms: 60_000,
        guard: Default::default(),
        image: None,
        egress: sortie_model::egress::EgressPolicy::default(),
        models: Default::default(),
    }
}

pub fn project(name: &str) -> Project {
    Project {
        name: name.into(),
        repository: format!("file:///srv/{name}.git"),
        base_branch: Some("main".into()),
        policy: policy(),
    }
}

pub fn new_job(project: &str, task: &str) -> NewJob {
    NewJob {
        project: project.into(),
        repository: format!("file:///srv/{project}.git"),
        base_branch: Some("main".into()),
        task: task.into(),
        policy: policy(),
        follows: None,
        requested_by: "ann".into(),
        via: "cli".into(),
        idempotency: None,
    }
}

impl Home {
    pub async fn submit(&self) -> Job {
        let new = new_job("alpha", "fix the bug");
        self.store.submit(new).await.unwrap().job
    }

    /// A job that runs, and its lease.
    pub async fn running(&self) -> Claim {
        self.submit().await;
        self.store.claim(PLENTY).await.unwrap().unwrap()
    }

    /// A job whose run executes.
    pub async fn executing(&self) -> Claim {
        let claim = self.running().await;
        self.execute(claim.fence).await;
        claim
    }

    pub async fn execute(&self, fence: Fence) {
        let phase = RunPhase::Executing;
        self.store.set_run_phase(fence, phase).await.unwrap();
    }

    /// A job that waits for a person, and the lease that asked.
    pub async fn waiting(&self) -> Claim {
        let claim = self.executing().await;
        self.store
            .park(claim.fence, findings(self.question(60_000)))
            .await
            .unwrap();
        claim
    }

    pub fn question(&self, expires_in_ms: i64) -> NewApproval {
        NewApproval {
            step: "review".into(),
            subject: Subject::Gate,
            question: "publish although two tests are skipped?".into(),
            commit: Some("c0ffee".into()),
            expires_at: Timestamp(self.clock.now().0 + expires_in_ms),
            remind_at: None,
            evidence: None,
        }
    }

    pub async fn succeed(&self, fence: Fence) -> Job {
        let end = RunEnd {
            summary: Some("done".into()),
            ..RunEnd::default()
        };
        self.store
            .finish(fence, JobEvent::Finished, end)
            .await
            .unwrap()
    }

    pub async fn kinds(&self, job: sortie_model::id::JobId) -> Vec<String> {
        let events = self
            .store
            .events_after(Default::default(), Some(job), 1_000)
            .await
            .unwrap();
        events.into_iter().map(|event| event.kind).collect()
    }
}

/// The same question, about findings.
pub fn findings(question: NewApproval) -> NewApproval {
    NewApproval {
        subject: Subject::Review,
        ..question
    }
}

/// An answer through the command line, without a word more.
pub fn answer(decision: Decision, by: &str) -> NewAnswer {
    NewAnswer {
        raise: None,
        decision,
        approval: None,
        commit: None,
        by: by.into(),
        via: "cli".into(),
        comment: None,
    }
}

pub fn step(name: &str) -> sortie_store::NewStep {
    sortie_store::NewStep {
        name: name.into(),
        action: json!({ "exec": { "command": name } }),
    }
}

//! What the benchmarks of the store have in common: its projects, a typical
//! request, and a connection of SQLite beside the store.

use anyhow::{Context, Result};
use rusqlite::Connection;
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::finding::Severity;
use sortie_model::project::{Policy, Project, PublishMode};
use sortie_store::{NewJob, Store, StoreOptions, limits};
use std::path::Path;

/// A task of a common length.
pub const TASK: &str = "The total of a cart with a voucher is rounded twice, so that some totals \
    are a cent too low. Find the place, round once, at the end, and add a test with a voucher of \
    a third. Keep the public functions as they are.";

/// Where the work is.
pub const REPOSITORY: &str = "https://git.example.com/acme/shop.git";

/// The policy of every job: the defaults of a new installation.
pub fn policy() -> Policy {
    Policy {
        workflow: "workflow-task".into(),
        agent: "agent-shell".into(),
        budget_plugin: "budget-profiles".into(),
        budget_profile: None,
        ceiling: Limits {
            calls: 200,
            cost_micro_usd: MicroUsd(5_000_000),
            time_ms: 7_200_000,
        },
        verify: vec!["cargo test".into()],
        scanners: vec!["reward-hacking".into()],
        review_from: Severity::Warn,
        publish: PublishMode::Branch,
        branch_prefix: "sortie".into(),
        max_attempts: 3,
        detect: false,
        base_tests: false,
        approval_expires_ms: 259_200_000,
        guard: Default::default(),
        image: None,
        egress: sortie_model::egress::EgressPolicy::default(),
        models: Default::default(),
    }
}

/// A request for work on a project.
pub fn request(project: &str) -> NewJob {
    NewJob {
        project: project.to_owned(),
        repository: REPOSITORY.to_owned(),
        base_branch: Some("main".to_owned()),
        task: TASK.to_owned(),
        policy: policy(),
        follows: None,
        requested_by: "operator".to_owned(),
        via: "http".to_owned(),
        idempotency: None,
    }
}

/// Opens a store that has these projects.
pub async fn open(dir: &Path, projects: &[String]) -> Result<Store> {
    let store = Store::open(StoreOptions::new(dir))?;
    let projects = projects.iter().map(|name| Project {
        name: name.clone(),
        repository: REPOSITORY.to_owned(),
        base_branch: Some("main".to_owned()),
        policy: policy(),
    });
    store.put_projects(projects.collect()).await?;
    Ok(store)
}

/// A connection of our own to a store's database.
pub fn connect(dir: &Path) -> Result<Connection> {
    let path = dir.join(limits::DATABASE_FILE);
    let connection = Connection::open(&path).with_context(|| format!("open {}", path.display()))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

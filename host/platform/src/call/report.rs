//! Sums and projects, for plugins and for the API: the same text for both, but
//! that a plugin is told whom it asks for.

use super::Context;
use super::jobs::{allowed, other};
use crate::Platform;
use serde::Serialize;
use sortie_model::budget::MicroUsd;
use sortie_model::people::{Act, Role};
use sortie_model::project::PublishMode;
use sortie_package::manifest::JobAction;
use sortie_plugins::outside::JobsError;
use sortie_store::{ProjectTally, Store, StoreError};
use std::collections::BTreeMap;

/// What a day may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayLimits {
    /// Each project.
    pub project: MicroUsd,
    /// All of them together.
    pub host: MicroUsd,
}

/// The projects and what today cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Projects {
    /// By name.
    pub projects: Vec<ProjectLine>,
    /// All of them together.
    pub host: HostLine,
    /// Patterns of the repositories beside them that may be worked on.
    pub allowed_repositories: Vec<String>,
}

/// One project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectLine {
    /// Its name.
    pub name: String,
    /// The remote, without credentials.
    pub repository: String,
    /// The branch work starts from; none for the remote's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_branch: Option<String>,
    /// How results leave.
    pub publish: PublishMode,
    /// The agent plugin.
    pub agent: String,
    /// The workflow plugin.
    pub workflow: String,
    /// The budget profile; none for the plugin's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_profile: Option<String>,
    /// Jobs that run.
    pub running: u64,
    /// Jobs that wait for a place, counted up to a thousand.
    pub queued: u64,
    /// What calls to models cost since the UTC day began.
    pub spent_today_micro_usd: MicroUsd,
    /// What those under way may still cost.
    pub reserved_today_micro_usd: MicroUsd,
    /// What the day may cost.
    pub day_limit_micro_usd: MicroUsd,
}

/// All projects together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostLine {
    /// What calls to models cost since the UTC day began.
    pub spent_today_micro_usd: MicroUsd,
    /// What the day may cost.
    pub day_limit_micro_usd: MicroUsd,
}

impl Platform {
    /// The projects and what today cost.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn projects(&self) -> Result<Projects, StoreError> {
        let options = &self.0.options;
        let allowed = options.intake.allowed_repositories();
        projects(&options.store, allowed, options.day_limits).await
    }
}

pub(super) async fn stats(context: &Context, hours: u32) -> Result<String, JobsError> {
    allowed(context, JobAction::Read, Act::Read)?;
    let stats = context.store.stats(hours, false).await;
    written(&stats.map_err(|error| other(&error))?)
}

pub(super) async fn projects_of(context: &Context) -> Result<String, JobsError> {
    allowed(context, JobAction::Read, Act::Read)?;
    let repositories = context.intake.allowed_repositories();
    let found = projects(&context.store, repositories, context.day_limits).await;
    let sender = context.actor.sender.as_ref();
    written(&ForPlugin {
        projects: found.map_err(|error| other(&error))?,
        role: sender.and_then(|verified| verified.role),
    })
}

/// The projects, and whom they are told.
#[derive(Serialize)]
struct ForPlugin {
    #[serde(flatten)]
    projects: Projects,
    /// The role of the event's sender; none where nobody is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

async fn projects(
    store: &Store,
    allowed_repositories: &[String],
    limits: DayLimits,
) -> Result<Projects, StoreError> {
    let tallies: BTreeMap<String, ProjectTally> = store
        .project_tallies()
        .await?
        .into_iter()
        .map(|tally| (tally.name.clone(), tally))
        .collect();
    let spent = tallies
        .values()
        .fold(0_u64, |sum, tally| sum.saturating_add(tally.spent_today.0));
    let lines = store.projects().await?.into_iter().map(|project| {
        let tally = tallies.get(&project.name);
        let money = |of: fn(&ProjectTally) -> MicroUsd| tally.map_or(MicroUsd(0), of);
        ProjectLine {
            running: tally.map_or(0, |tally| tally.running),
            queued: tally.map_or(0, |tally| tally.queued),
            spent_today_micro_usd: money(|tally| tally.spent_today),
            reserved_today_micro_usd: money(|tally| tally.reserved_today),
            day_limit_micro_usd: limits.project,
            name: project.name,
            repository: project.repository,
            base_branch: project.base_branch,
            publish: project.policy.publish,
            agent: project.policy.agent,
            workflow: project.policy.workflow,
            budget_profile: project.policy.budget_profile,
        }
    });
    Ok(Projects {
        projects: lines.collect(),
        host: HostLine {
            spent_today_micro_usd: MicroUsd(spent),
            day_limit_micro_usd: limits.host,
        },
        allowed_repositories: allowed_repositories.to_vec(),
    })
}

fn written(value: &impl Serialize) -> Result<String, JobsError> {
    serde_json::to_string(value).map_err(|error| JobsError::Other(error.to_string()))
}

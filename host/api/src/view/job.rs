//! Jobs as clients see them.

use super::{ApprovalView, RunView, moment};
use serde::{Deserialize, Serialize};
use sortie_model::budget::{Limits, MicroUsd, Usage};
use sortie_model::halt::{HaltReason, Resume};
use sortie_model::job::JobState;
use sortie_model::project::{Policy, PublishMode};
use sortie_store::{Job, Published};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Its number.
    #[schema(example = 42)]
    pub id: u64,
    /// The thread it belongs to.
    pub thread: u64,
    /// The job whose work it continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<u64>,
    /// The job of its thread that it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<u64>,
    /// `queued`, `running`, `awaiting_approval`, `needs_review`, `approved`,
    /// `rejected`, `succeeded`, `failed`, `cancelled` or `halted`.
    #[schema(example = "needs_review")]
    pub state: String,
    /// Nothing moves it any more unless a person retries it.
    pub is_final: bool,
    /// Why it halted; only in state `halted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<HaltView>,
    /// What went wrong in the last attempt, when something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do next, when something can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// When it will be tried again at the earliest (RFC 3339); only in state
    /// `queued` after an attempt that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub not_before: Option<String>,
    /// The project.
    pub project: String,
    /// The remote, without credentials.
    pub repository: String,
    /// The branch work starts from; none for the remote's default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_branch: Option<String>,
    /// What to do.
    pub task: String,
    /// What held when it was submitted.
    pub policy: PolicyView,
    /// How many runs it has had.
    pub attempts: u32,
    /// The branch its result goes to, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit with its newest result, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_commit: Option<String>,
    /// What was published, once something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedView>,
    /// The result in a sentence or two, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What all its runs used.
    pub usage: UsageView,
    /// Who asked.
    pub requested_by: String,
    /// Through which door.
    #[schema(example = "cli")]
    pub via: String,
    /// When it was submitted (RFC 3339).
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last moved (RFC 3339).
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// When it ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub finished_at: Option<String>,
}

/// Why a job stopped before its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HaltView {
    /// One of a closed set of words.
    #[schema(example = "verification-failed")]
    pub reason: String,
    /// What was seen.
    pub detail: String,
}

/// What holds for a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyView {
    /// The workflow plugin.
    pub workflow: String,
    /// The agent plugin.
    pub agent: String,
    /// The budget plugin.
    pub budget_plugin: String,
    /// The budget profile; none for the plugin's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_profile: Option<String>,
    /// The host's ceiling over any budget.
    pub ceiling: LimitsView,
    /// Verification commands.
    pub verify: Vec<String>,
    /// Whether the commands that the base commit's own files name come before
    /// those.
    #[serde(default)]
    pub detect: bool,
    /// Whether the base commit's tests judge a change that touches tests.
    #[serde(default)]
    pub base_tests: bool,
    /// Scanner plugins.
    pub scanners: Vec<String>,
    /// The least severity that asks for a person.
    #[schema(example = "warn")]
    pub review_from: String,
    /// How a result leaves: `none` or `branch`.
    #[schema(example = "branch")]
    pub publish: String,
    /// How many attempts it gets.
    pub max_attempts: u32,
    /// How long a person has to decide, in milliseconds.
    pub approval_expires_ms: u64,
    /// The image that its runs start from; none for the host's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// How much a job may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitsView {
    /// Metered calls.
    pub calls: u32,
    /// Money, in millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// Wall-clock time in milliseconds.
    pub time_ms: u64,
}

/// What a job used, counted by the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageView {
    /// Metered calls.
    pub calls: u32,
    /// Money, in millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// Wall-clock time in milliseconds, waits for people excluded.
    pub time_ms: u64,
}

impl UsageView {
    /// The money, as people write it.
    pub fn cost(&self) -> String {
        MicroUsd(self.cost_micro_usd).to_string()
    }
}

/// What stands on the remote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedView {
    /// The branch.
    pub branch: String,
    /// The commit it points at.
    pub commit: String,
}

/// A job with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobDetail {
    /// The job itself.
    #[serde(flatten)]
    pub job: JobView,
    /// Its runs, oldest first.
    pub runs: Vec<RunView>,
    /// The newest question put to a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalView>,
    /// How many findings its newest run has.
    pub findings: u64,
    /// The verification commands that were found in the base commit; none
    /// where the project names its own, or before the first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Vec<FoundCommandView>>,
    /// What people are called whose accounts of chat services asked or decided,
    /// by what stands in `requested_by` and `decided_by`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub known_as: BTreeMap<String, String>,
}

/// A verification command that was found in the base commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundCommandView {
    /// What it is for: `setup`, `build`, `lint` or `test`.
    #[schema(example = "test")]
    pub purpose: String,
    /// The command, for `sh -c` in the root of the repository.
    #[schema(example = "cargo test")]
    pub command: String,
    /// The file it was found by.
    #[schema(example = "Cargo.toml")]
    pub because: String,
}

/// A page of jobs, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// What to pass as `cursor` for the next page; none on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A job after an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MovedJob {
    /// The job as it stands now.
    #[serde(flatten)]
    pub job: JobView,
    /// False when the same had been done before.
    pub changed: bool,
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        Self {
            calls: usage.calls,
            cost_micro_usd: usage.cost_micro_usd.0,
            time_ms: usage.time_ms,
        }
    }
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        Self {
            calls: limits.calls,
            cost_micro_usd: limits.cost_micro_usd.0,
            time_ms: limits.time_ms,
        }
    }
}

impl From<LimitsView> for Limits {
    fn from(limits: LimitsView) -> Self {
        Self {
            calls: limits.calls,
            cost_micro_usd: MicroUsd(limits.cost_micro_usd),
            time_ms: limits.time_ms,
        }
    }
}

impl From<Published> for PublishedView {
    fn from(published: Published) -> Self {
        Self {
            branch: published.branch,
            commit: published.commit,
        }
    }
}

impl From<Policy> for PolicyView {
    fn from(policy: Policy) -> Self {
        Self {
            workflow: policy.workflow,
            agent: policy.agent,
            budget_plugin: policy.budget_plugin,
            budget_profile: policy.budget_profile,
            ceiling: policy.ceiling.into(),
            verify: policy.verify,
            detect: policy.detect,
            base_tests: policy.base_tests,
            scanners: policy.scanners,
            review_from: policy.review_from.as_str().to_owned(),
            publish: match policy.publish {
                PublishMode::None => "none",
                PublishMode::Branch => "branch",
            }
            .to_owned(),
            max_attempts: policy.max_attempts,
            approval_expires_ms: policy.approval_expires_ms,
            image: policy.image,
        }
    }
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let phase = job.state.phase();
        let hint = hint(&job);
        let (halt, failure, not_before) = match job.state {
            JobState::Queued { not_before } => (None, None, not_before.map(moment)),
            JobState::Failed { error } => (None, Some(error), None),
            JobState::Halted { reason, detail } => {
                let reason = reason.as_str().to_owned();
                (Some(HaltView { reason, detail }), None, None)
            }
            _ => (None, None, None),
        };
        Self {
            id: job.id.0,
            thread: job.thread.0,
            follows: job.follows.map(|job| job.0),
            behind: job.behind.map(|job| job.0),
            state: phase.as_str().to_owned(),
            is_final: phase.is_final(),
            halt,
            error: failure.or(job.error),
            hint,
            not_before,
            project: job.project,
            repository: job.repository,
            base_branch: job.base_branch,
            task: job.task,
            policy: job.policy.into(),
            attempts: job.attempts,
            branch: job.branch,
            head_commit: job.head_commit,
            published: job.published.map(Into::into),
            summary: job.summary,
            usage: job.usage.into(),
            requested_by: job.requested_by,
            via: job.via,
            created_at: moment(job.created_at),
            updated_at: moment(job.updated_at),
            finished_at: job.finished_at.map(moment),
        }
    }
}

/// What else can be done when work was kept.
fn kept(job: &Job) -> String {
    let id = job.id.0;
    let nothing = matches!(
        job.state,
        JobState::Halted {
            reason: HaltReason::NoChanges,
            ..
        }
    );
    match job.head_commit {
        Some(_) if !nothing => format!(
            "; what it had done is kept: `sortie diff {id}` shows it, `sortie retry {id} \
             --continue` goes on with it, `sortie publish {id}` publishes it as it is"
        ),
        _ => String::new(),
    }
}

fn hint(job: &Job) -> Option<String> {
    let id = job.id.0;
    match &job.state {
        JobState::NeedsReview => Some(format!(
            "look at it with `sortie findings {id}` and `sortie diff {id}`, then `sortie approve \
             {id}` or `sortie reject {id}`"
        )),
        JobState::AwaitingApproval => Some(format!(
            "read what it asks, look at it with `sortie diff {id}`, then `sortie approve {id}` or `sortie reject {id}`"
        )),
        JobState::Halted { reason, .. } => Some(match reason.resume() {
            Resume::Retry => format!("`sortie retry {id}` starts it again{}", kept(job)),
            Resume::RetryAfter(mend) => format!("{mend}; then `sortie retry {id}`{}", kept(job)),
        }),
        JobState::Failed { .. } | JobState::Cancelled => {
            Some(format!("`sortie retry {id}` starts it again{}", kept(job)))
        }
        _ => None,
    }
}

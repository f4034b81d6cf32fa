//! Sums and projects as clients read them: the shapes of what the store and the
//! platform write, which plugins are handed as well.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What happened in a stretch of time, and how the queue stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatsView {
    /// Its length in hours.
    pub hours: u32,
    /// Its beginning, in milliseconds since 1970 UTC.
    pub since: i64,
    /// Its end, in milliseconds since 1970 UTC.
    pub until: i64,
    /// The jobs that ended.
    pub tasks: TasksView,
    /// How many of a hundred succeeded, of those that nobody cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_percent: Option<u32>,
    /// What models read and wrote.
    pub tokens: TokensView,
    /// What calls to models cost, in millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// What they cost for jobs that stand without success.
    pub unsuccessful_cost_micro_usd: u64,
    /// How the queue stands now.
    pub queue: super::QueueView,
    /// Why no new run begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PausedView>,
    /// The jobs that ended, when lines are asked for; at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Vec<EndedView>>,
    /// How many more there are than lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<u64>,
    /// The open questions, when lines are asked for; at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Vec<WaitingView>>,
}

/// Jobs that ended, by how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "each is a final state")]
pub struct TasksView {
    pub total: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub halted: u64,
    pub cancelled: u64,
    pub rejected: u64,
}

/// What models read and wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokensView {
    /// Read.
    pub input: u64,
    /// Written.
    pub output: u64,
}

/// A pause in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PausedView {
    /// Who said so.
    pub by: String,
    /// The reason.
    #[serde(default)]
    pub why: Option<String>,
    /// Since when, in milliseconds since 1970 UTC.
    pub at: i64,
}

/// A job that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndedView {
    /// The job.
    pub job: u64,
    /// Its project.
    pub project: String,
    /// How it ended.
    pub state: String,
    /// The beginning of its task.
    pub title: String,
    /// What all its runs cost, in millionths of a US dollar.
    pub cost_micro_usd: u64,
}

/// An open question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingView {
    /// The job.
    pub job: u64,
    /// The question.
    pub approval: u64,
    /// What it is about: `gate`, `review` or `budget`.
    pub about: String,
    /// The beginning of what is asked.
    pub question: String,
    /// When it expires, in milliseconds since 1970 UTC.
    pub expires_at: i64,
}

/// The projects and what today cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectsView {
    /// The projects.
    pub projects: Vec<ProjectView>,
    /// All of them together.
    pub host: HostDayView,
    /// Patterns of the repositories beside them that may be worked on.
    pub allowed_repositories: Vec<String>,
}

/// One project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectView {
    /// Its name.
    pub name: String,
    /// The remote, without credentials.
    pub repository: String,
    /// The branch work starts from; none for the remote's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_branch: Option<String>,
    /// How results leave: `none` or `branch`.
    pub publish: String,
    /// The agent plugin.
    pub agent: String,
    /// The workflow plugin.
    pub workflow: String,
    /// The budget profile; none for the plugin's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_profile: Option<String>,
    /// Jobs that run.
    pub running: u64,
    /// Jobs that wait for a place.
    pub queued: u64,
    /// What calls to models cost since the UTC day began, in millionths of a US
    /// dollar.
    pub spent_today_micro_usd: u64,
    /// What those under way may still cost.
    pub reserved_today_micro_usd: u64,
    /// What the day may cost.
    pub day_limit_micro_usd: u64,
}

/// All projects together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostDayView {
    /// What calls to models cost since the UTC day began, in millionths of a US
    /// dollar.
    pub spent_today_micro_usd: u64,
    /// What the day may cost.
    pub day_limit_micro_usd: u64,
}

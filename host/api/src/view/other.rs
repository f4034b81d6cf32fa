//! Requests, events, logs and health as clients see them.

use super::{LimitsView, PauseView, moment};
use serde::{Deserialize, Serialize};
use sortie_intake::SubmitRequest;
use sortie_model::event::Event;
use sortie_model::start::StartMode;
use sortie_store::QueueStats;
use utoipa::ToSchema;

/// A request for work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitBody {
    /// The project's name; this, `repository` or `continues`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "shop")]
    pub project: Option<String>,
    /// The remote's URL; this, `project` or `continues`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// What to do, for the agent; at most 32 KiB.
    #[schema(example = "Fix the rounding in the invoice total")]
    pub task: String,
    /// The branch to start from instead of the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The agent to use instead of the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The workflow to use instead of the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The budget profile to use instead of the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
    /// Verification commands beyond the project's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verify: Vec<String>,
    /// The job that it continues: on its branch, with its project and policy,
    /// after all other jobs of its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<u64>,
}

impl SubmitBody {
    pub(crate) fn into_request(self, idempotency_key: Option<String>) -> SubmitRequest {
        SubmitRequest {
            project: self.project,
            repository: self.repository,
            task: self.task,
            base: self.base,
            agent: self.agent,
            workflow: self.workflow,
            budget: self.budget,
            verify: self.verify,
            continues: self.continues,
            idempotency_key,
        }
    }
}

/// What may go with a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    /// The question that is answered, as `approval.id` of the job shows it.
    /// When another one is open, nothing is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<u64>,
    /// The full name of the commit that was looked at, as `approval.commit` of
    /// the job shows it. When the question is about another one, nothing is
    /// decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The reason; at most 4 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// With a yes to a question about the budget: what to add, instead of what
    /// it proposes. What goes over the project's ceiling is not added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raise: Option<LimitsView>,
}

/// How a job is started again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryBody {
    /// Where it begins.
    #[serde(default)]
    pub start: StartView,
    /// Another budget profile from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
}

/// Where a job begins when it is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartView {
    /// At its base branch, with nothing done.
    #[default]
    Base,
    /// With what its last run had done, to go on with it.
    Continue,
    /// With what its last run had done, to verify, scan and publish that.
    Publish,
}

impl From<StartView> for StartMode {
    fn from(start: StartView) -> Self {
        match start {
            StartView::Base => Self::Base,
            StartView::Continue => Self::Continue,
            StartView::Publish => Self::Publish,
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// Its place in the timeline; what `Last-Event-ID` takes.
    pub seq: u64,
    /// The job it is about; null for an event of the host itself.
    pub job: Option<u64>,
    /// Dotted name.
    #[schema(example = "job.running")]
    pub kind: String,
    /// What belongs to it; the shape depends on `kind`.
    pub data: serde_json::Value,
    /// When (RFC 3339).
    #[schema(format = DateTime)]
    pub at: String,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            seq: event.seq.0,
            job: event.job.map(|job| job.0),
            kind: event.kind,
            data: event.data,
            at: moment(event.at),
        }
    }
}

/// A piece of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogView {
    /// The run.
    pub run: u64,
    /// When the host received it (RFC 3339).
    #[schema(format = DateTime)]
    pub at: String,
    /// The step it belongs to.
    pub step: String,
    /// `stdout`, `stderr`, or `sortie` for the host's own words.
    #[schema(example = "stdout")]
    pub stream: String,
    /// The output; not cut at line ends.
    pub text: String,
}

/// The process answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    pub status: String,
    /// The host's version.
    pub version: String,
}

/// The host takes submissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Always `ready`; a host that is not answers with a problem.
    #[schema(example = "ready")]
    pub status: String,
    /// The container engine. A host without one takes submissions and runs
    /// them when it is back.
    pub engine: EngineView,
    /// How the queue stands.
    pub queue: QueueView,
    /// Why no new run begins; none when they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseView>,
    /// How the chat source is, as `state` of `GET /v1/telegram`.
    #[serde(default)]
    #[schema(example = "up")]
    pub telegram: String,
}

/// The container engine, as last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EngineView {
    /// `up`, `down` or `unknown`.
    #[schema(example = "up")]
    pub state: String,
    /// Which it is, or what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How the queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueView {
    /// Jobs that wait for a place.
    pub queued: u64,
    /// Jobs that a run has.
    pub running: u64,
    /// Jobs that wait for a person.
    pub waiting: u64,
    /// Jobs that a person released and that wait for a place.
    pub approved: u64,
}

impl From<QueueStats> for QueueView {
    fn from(stats: QueueStats) -> Self {
        Self {
            queued: stats.queued,
            running: stats.running,
            waiting: stats.waiting,
            approved: stats.approved,
        }
    }
}

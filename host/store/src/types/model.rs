//! Calls to models: what is reserved, what came of it, and what it adds up to.

use serde::{Deserialize, Serialize};
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::clock::Timestamp;
use sortie_model::id::{CallId, JobId, RunId};
use sortie_model::llm::{ModelApi, TokenUsage};

/// What bounds a call, each inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// The run's own.
    pub run: Limits,
    /// What the project may spend in a UTC day.
    pub project_day: MicroUsd,
    /// What all projects may spend in a UTC day.
    pub host_day: MicroUsd,
}

/// How far a call got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Reserved, and under way.
    Open,
    /// As the provider reported.
    Settled,
    /// Nobody said what it used: the reservation is what it cost.
    Assumed,
    /// It cost nothing.
    Released,
}

impl CallState {
    /// The stable name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Settled => "settled",
            Self::Assumed => "assumed",
            Self::Released => "released",
        }
    }

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Settled, Self::Assumed, Self::Released]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// A call on the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCall {
    /// Its number.
    pub id: CallId,
    /// The run.
    pub run: RunId,
    /// The position of the step that was under way, when one was.
    pub position: Option<u32>,
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model's id at the provider.
    pub model: String,
    /// How it was asked.
    pub api: ModelApi,
    /// What it was for.
    pub role: String,
    /// How far it got.
    pub state: CallState,
    /// `over` or `unusable` where the provider's report was so.
    pub flag: Option<String>,
    /// What was reserved.
    pub reserved: MicroUsd,
    /// What it cost; zero while it is under way.
    pub cost: MicroUsd,
    /// What the provider reported. Its `cache_write_long` is not kept apart.
    pub usage: Option<TokenUsage>,
    /// The provider's status code.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// Time until the first byte of the answer, in milliseconds.
    pub first_byte_ms: Option<u64>,
    /// Time until the end, in milliseconds.
    pub duration_ms: Option<u64>,
    /// When it was reserved.
    pub reserved_at: Timestamp,
}

/// What usage is added up by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageBy {
    /// Each job.
    #[default]
    Job,
    /// Each project.
    Project,
    /// Each model of a provider.
    Model,
    /// Each UTC day.
    Day,
    /// Each step of a run.
    Step,
}

impl UsageBy {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Job, Self::Project, Self::Model, Self::Day, Self::Step];

    /// The name it is asked for by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Project => "project",
            Self::Model => "model",
            Self::Day => "day",
            Self::Step => "step",
        }
    }
}

/// Which usage is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// What it is added up by.
    pub by: UsageBy,
    /// Only calls from then on.
    pub since: Option<Timestamp>,
    /// Only calls of this job.
    pub job: Option<JobId>,
    /// Only calls of this project.
    pub project: Option<String>,
    /// At most so many sums; 0 for as many as one listing has.
    pub limit: u32,
}

/// What some calls add up to. Those of the fields are set that the sum is by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSum {
    /// The job.
    pub job: Option<JobId>,
    /// The project.
    pub project: Option<String>,
    /// The run.
    pub run: Option<RunId>,
    /// The step's position; none for calls outside of steps.
    pub position: Option<u32>,
    /// The step's name.
    pub step: Option<String>,
    /// The provider.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The day, in days since 1970-01-01.
    pub day: Option<i64>,
    /// Calls.
    pub calls: u64,
    /// Those of them under way.
    pub open: u64,
    /// What was reported; calls without a report add nothing.
    pub usage: TokenUsage,
    /// What they cost.
    pub cost: MicroUsd,
    /// What those under way may still cost.
    pub reserved: MicroUsd,
}

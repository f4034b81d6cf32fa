//! One call to a model as the ledger takes it: what is planned, what stands in
//! its way, and what came of it.

use super::{ModelApi, TokenUsage};
use crate::budget::MicroUsd;
use crate::halt::HaltReason;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A call that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model's id at the provider.
    pub model: String,
    /// How it is asked.
    pub api: ModelApi,
    /// What it is for.
    pub role: String,
    /// The position of the step under way, when one is.
    pub position: Option<u32>,
    /// The most that it can cost.
    pub worst: MicroUsd,
}

/// Which limit stands in the way of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallLimit {
    /// The run's number of calls.
    RunCalls,
    /// The run's money.
    RunCost,
    /// What the project may spend in a day.
    ProjectDay,
    /// What the host may spend in a day.
    HostDay,
}

impl CallLimit {
    /// The halt that follows from it.
    pub fn halt_reason(self) -> HaltReason {
        match self {
            Self::RunCalls => HaltReason::BudgetCalls,
            Self::RunCost => HaltReason::BudgetCost,
            Self::ProjectDay | Self::HostDay => HaltReason::BudgetDay,
        }
    }
}

impl fmt::Display for CallLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RunCalls => "the run's number of calls",
            Self::RunCost => "the run's money",
            Self::ProjectDay => "the project's money for today",
            Self::HostDay => "the host's money for today",
        })
    }
}

/// A call that was not reserved; nothing was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallRefused {
    /// The first limit in the way.
    pub limit: CallLimit,
    /// What is left of it in money, reservations of calls under way taken off;
    /// zero where calls are counted.
    pub left: MicroUsd,
    /// Whether it would fit if the calls under way came to nothing: then it may
    /// fit once they are settled.
    pub may_pass: bool,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// The provider said what was used.
    Reported {
        /// The tokens.
        usage: TokenUsage,
        /// What they cost.
        cost: MicroUsd,
        /// Whether that is beyond the worst case that was reserved.
        over: bool,
    },
    /// It was made, and nobody said what it used: the reservation is booked.
    Assumed {
        /// Whether something was said that no call can have used.
        unusable: bool,
    },
    /// It was never made, or refused by the provider: it cost nothing. It still
    /// counts as one of the run's calls.
    Released,
}

/// The end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// What came of it.
    pub end: CallEnd,
    /// The provider's status code, once there was one.
    pub status: Option<u16>,
    /// What went wrong, without anything secret.
    pub error: Option<String>,
    /// Time until the first byte of the answer, in milliseconds.
    pub first_byte_ms: Option<u64>,
    /// Time until the end, in milliseconds.
    pub duration_ms: u64,
}

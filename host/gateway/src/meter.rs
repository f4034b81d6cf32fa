//! The seam to the ledger: who pays for a call.
//!
//! The gateway reserves the worst case of a call before it makes it, and says
//! afterwards what came of it. It keeps no sum of its own.

use async_trait::async_trait;
use sortie_model::budget::MicroUsd;
use sortie_model::id::CallId;
use sortie_model::llm::{CallRecord, CallRefused, ModelApi};

/// A call to a model, about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPlan {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model's id at the provider.
    pub model: String,
    /// How it is asked.
    pub api: ModelApi,
    /// The most that it can cost.
    pub worst: MicroUsd,
}

/// What reserving a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It fits, and is on the ledger, durably.
    Call(CallId),
    /// A limit stands in the way; nothing is on the ledger.
    Refused(CallRefused),
    /// The budget plugin said no; nothing is on the ledger.
    Denied(String),
}

/// Why the ledger took nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeterError {
    /// The run ended, or another lease has it.
    #[error("charge the run: it is over")]
    Over,
    /// The ledger did not answer.
    #[error("charge the run: {0}")]
    Ledger(String),
}

/// One run's ledger, as the gateway sees it.
#[async_trait]
pub trait Meter: Send + Sync {
    /// Reserves a call's worst case and counts it, durably, before it is made.
    async fn reserve(&self, plan: CallPlan) -> Result<Reserved, MeterError>;

    /// Settles a reserved call, once. When this returns, whatever is asked of
    /// the ledger later comes after the settlement; it need not be on disk yet,
    /// because a host that dies first books the reservation. What the
    /// implementation cannot settle stays reserved.
    async fn settle(&self, call: CallId, record: CallRecord);

    /// Whether the run still goes on; for what costs nothing.
    async fn check(&self) -> Result<(), MeterError>;
}

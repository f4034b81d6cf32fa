//! The seam to the ledger: who is charged.

use async_trait::async_trait;

/// What charging a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// It fits; the call is on the ledger.
    Charged,
    /// The run's calls are used up; nothing was charged.
    Exhausted {
        /// The run's limit.
        limit: u32,
    },
}

/// The ledger did not answer.
#[derive(Debug, thiserror::Error)]
#[error("charge the run: {0}")]
pub struct MeterError(pub String);

/// One run's ledger, as the gateway sees it.
#[async_trait]
pub trait Meter: Send + Sync {
    /// Charges one metered call, durably, before it is made.
    async fn charge_call(&self) -> Result<Charge, MeterError>;
}

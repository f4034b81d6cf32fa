//! The seam to the ledger: who is charged, and who is told.

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

/// A request that was not let out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP method, cut to 16 characters.
    pub method: String,
    /// Host and port as the client named them, cut to 300 characters.
    pub target: String,
}

/// The ledger did not answer.
#[derive(Debug, thiserror::Error)]
#[error("charge the run: {0}")]
pub struct MeterError(pub String);

/// One run's ledger and timeline, as the gateway sees them.
#[async_trait]
pub trait Meter: Send + Sync {
    /// Charges one metered call, durably, before it is made.
    async fn charge_call(&self) -> Result<Charge, MeterError>;

    /// Makes a refused request visible. Best effort: it must not fail the
    /// request, and the implementation bounds how many it keeps.
    async fn refused(&self, refusal: Refusal);
}

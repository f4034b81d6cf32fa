//! A run's ledger as its gateway sees it.

use async_trait::async_trait;
use sortie_gateway::{Charge, Gateway, Meter, MeterError, Refusal};
use sortie_model::budget::{Limits, MicroUsd, Usage};
use sortie_model::id::Fence;
use sortie_sandbox::{BoxedIo, WireGateway};
use sortie_store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many refused requests of one run are put on the timeline; a loop that
/// asks for the same host must not fill the database.
const MAX_REFUSALS_SHOWN: u32 = 50;

/// Charges one run.
pub(crate) struct RunMeter {
    store: Store,
    fence: Fence,
    limits: Limits,
    refusals: AtomicU32,
}

impl RunMeter {
    pub(crate) fn new(store: Store, fence: Fence, limits: Limits) -> Self {
        Self {
            store,
            fence,
            limits,
            refusals: AtomicU32::new(0),
        }
    }

    /// One metered call.
    pub(crate) const CALL: Usage = Usage {
        calls: 1,
        cost_micro_usd: MicroUsd(0),
        time_ms: 0,
    };
}

#[async_trait]
impl Meter for RunMeter {
    async fn charge_call(&self) -> Result<Charge, MeterError> {
        match self
            .store
            .add_usage(self.fence, Self::CALL, self.limits)
            .await
        {
            Ok(Ok(_)) => Ok(Charge::Charged),
            Ok(Err(_)) => Ok(Charge::Exhausted {
                limit: self.limits.calls,
            }),
            Err(error) => Err(MeterError(error.to_string())),
        }
    }

    async fn refused(&self, refusal: Refusal) {
        if self.refusals.fetch_add(1, Ordering::Relaxed) >= MAX_REFUSALS_SHOWN {
            return;
        }
        let data = serde_json::json!({ "method": refusal.method, "target": refusal.target });
        if let Err(error) = self.store.emit(self.fence, "egress.refused", data).await {
            tracing::debug!(%error, "a refused request is not on the timeline");
        }
    }
}

/// What the sandbox hands the streams of its two doors to.
pub(crate) struct WireDoors(Gateway);

impl WireDoors {
    pub(crate) fn new(meter: Arc<RunMeter>) -> Arc<Self> {
        Arc::new(Self(Gateway::new(meter)))
    }
}

#[async_trait]
impl WireGateway for WireDoors {
    async fn llm(&self, io: BoxedIo) {
        self.0.serve(sortie_gateway::Door::Model, io).await;
    }

    async fn egress(&self, io: BoxedIo) {
        self.0.serve(sortie_gateway::Door::Egress, io).await;
    }
}

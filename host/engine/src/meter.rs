//! A run's ledger as its gateway sees it, and the way to that gateway.

use crate::egress::Outside;
use async_trait::async_trait;
use sortie_gateway::{Charge, Gateway, Meter, MeterError};
use sortie_model::budget::{Limits, MicroUsd, Usage};
use sortie_model::id::Fence;
use sortie_sandbox::{BoxedIo, WireGateway};
use sortie_store::Store;
use std::sync::Arc;

/// Charges one run.
pub(crate) struct RunMeter {
    store: Store,
    fence: Fence,
    limits: Limits,
}

impl RunMeter {
    pub(crate) fn new(store: Store, fence: Fence, limits: Limits) -> Self {
        Self {
            store,
            fence,
            limits,
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
}

/// What the sandbox hands the streams of its two doors to.
pub(crate) struct WireDoors(Gateway);

impl WireDoors {
    pub(crate) fn new(meter: Arc<RunMeter>, outside: &Outside) -> Arc<Self> {
        let gateway = Gateway::new(meter, outside.egress.clone());
        Arc::new(Self(gateway.with_web(outside.web.clone())))
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

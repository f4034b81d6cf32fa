//! The two doors that a sandbox's wire has on the host: a run's model endpoint
//! and its proxy. Nothing else answers a stream that a sandbox opens.

use crate::drive::RunContext;
use async_trait::async_trait;
use sortie_gateway::egress::Egress;
use sortie_gateway::{Gateway, RunGateway};
use sortie_sandbox::{BoxedIo, WireGateway};
use std::sync::Arc;

/// What the sandboxes of a run hand their streams to.
pub(crate) struct WireDoors {
    models: Gateway,
    egress: Egress,
}

impl WireDoors {
    /// The doors of a run: the same ledger and the same limits, however many
    /// sandboxes and wires it takes.
    pub(crate) fn of(context: &RunContext) -> Arc<Self> {
        context
            .doors
            .get_or_init(|| Arc::new(Self::open(context)))
            .clone()
    }

    fn open(context: &RunContext) -> Self {
        let models = Gateway::new(RunGateway {
            meter: context.meter.clone(),
            llm: context.options.llm.clone(),
            models: context.job.policy.models.clone(),
            web: context.outside.web.clone(),
        });
        Self {
            models,
            egress: context.outside.egress.clone(),
        }
    }
}

#[async_trait]
impl WireGateway for WireDoors {
    async fn llm(&self, io: BoxedIo) {
        self.models.serve(io).await;
    }

    async fn egress(&self, io: BoxedIo) {
        self.egress.serve(io).await;
    }
}

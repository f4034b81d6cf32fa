//! One call on the ledger, from its reservation to its settlement. It is
//! settled whatever becomes of the client: a call that is dropped settles
//! itself.

use super::usage::Report;
use crate::meter::{CallPlan, Meter, MeterError, Reserved};
use sortie_model::id::CallId;
use sortie_model::llm::{CallEnd, CallRecord, Price, UsageCheck, WorstTokens, check_usage};
use std::sync::Arc;
use std::time::Instant;

/// A call that is reserved and not settled yet.
pub(crate) struct OpenCall {
    meter: Arc<dyn Meter>,
    id: CallId,
    price: Price,
    worst: WorstTokens,
    began: Instant,
    /// Whether anything may have reached the provider.
    sent: bool,
    status: Option<u16>,
    first_byte_ms: Option<u64>,
    settled: bool,
}

/// What reserving came to.
pub(crate) enum Opened {
    Call(Box<OpenCall>),
    Refused(sortie_model::llm::CallRefused),
    Denied(String),
}

impl OpenCall {
    /// Reserves. In a task of its own: when the client goes away meanwhile, the
    /// reservation is given back and not forgotten.
    pub(crate) async fn reserve(
        meter: Arc<dyn Meter>,
        plan: CallPlan,
        price: Price,
        worst: WorstTokens,
    ) -> Result<Opened, MeterError> {
        let reserving = tokio::spawn(async move {
            Ok(match meter.reserve(plan).await? {
                Reserved::Call(id) => Opened::Call(Box::new(OpenCall {
                    meter,
                    id,
                    price,
                    worst,
                    began: Instant::now(),
                    sent: false,
                    status: None,
                    first_byte_ms: None,
                    settled: false,
                })),
                Reserved::Refused(refused) => Opened::Refused(refused),
                Reserved::Denied(why) => Opened::Denied(why),
            })
        });
        reserving
            .await
            .unwrap_or_else(|error| Err(MeterError::Ledger(error.to_string())))
    }

    /// From here on it may cost something.
    pub(crate) fn sent(&mut self) {
        self.sent = true;
    }

    /// The provider began to answer.
    pub(crate) fn answered(&mut self, status: u16) {
        self.status = Some(status);
        self.first_byte_ms = Some(self.elapsed_ms());
    }

    /// It cost nothing.
    pub(crate) async fn release(mut self: Box<Self>, error: &str) {
        self.settle(CallEnd::Released, Some(error)).await;
    }

    /// It cost what is reported, or what was reserved.
    pub(crate) async fn close(mut self: Box<Self>, report: Report, error: Option<&str>) {
        let end = self.end(report);
        self.settle(end, error).await;
    }

    fn end(&self, report: Report) -> CallEnd {
        let (usage, unusable) = match report {
            Report::Tokens(usage) => (Some(usage), false),
            Report::Missing => (None, false),
            Report::Unusable => (None, true),
        };
        match (check_usage(usage.as_ref(), &self.worst), usage) {
            (UsageCheck::Unusable, usage) => CallEnd::Assumed {
                unusable: unusable || usage.is_some(),
            },
            (_, None) => CallEnd::Assumed { unusable },
            (check, Some(usage)) => CallEnd::Reported {
                cost: self.price.cost(&usage),
                over: check == UsageCheck::Over,
                usage,
            },
        }
    }

    async fn settle(&mut self, end: CallEnd, error: Option<&str>) {
        self.settled = true;
        let record = self.record(end, error);
        // In a task of its own, so that a client that leaves now leaves nothing
        // half done.
        let meter = self.meter.clone();
        let id = self.id;
        let settling = tokio::spawn(async move { meter.settle(id, record).await });
        if let Err(error) = settling.await {
            tracing::error!(%error, call = id.0, "a call could not be settled");
        }
    }

    fn record(&self, end: CallEnd, error: Option<&str>) -> CallRecord {
        CallRecord {
            end,
            status: self.status,
            error: error.map(str::to_owned),
            first_byte_ms: self.first_byte_ms,
            duration_ms: self.elapsed_ms(),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let end = match self.sent {
            true => CallEnd::Assumed { unusable: false },
            false => CallEnd::Released,
        };
        let record = self.record(end, Some("the client went away"));
        let (meter, id) = (self.meter.clone(), self.id);
        // Without a runtime the process is ending, and the next start settles.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { meter.settle(id, record).await });
        }
    }
}

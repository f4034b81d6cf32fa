//! A run's ledger as its gateway sees it: asks the budget plugin, reserves and
//! settles, and remembers what stood in the way, so that the step that was
//! under way ends with the reason.

use crate::EngineOptions;
use crate::fault::Fault;
use crate::translate;
use async_trait::async_trait;
use sortie_gateway::{CallPlan, Meter, MeterError, Reserved};
use sortie_model::budget::{Limits, MicroUsd, Usage};
use sortie_model::halt::HaltReason;
use sortie_model::id::{CallId, Fence};
use sortie_model::llm::{CallLimit, CallRecord, NewCall, role};
use sortie_plugins::Plugins;
use sortie_plugins::surfaces::budget::{Pending, Verdict};
use sortie_store::{CallLedger, CallLimits, Claim, Store, StoreError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Charges one run.
pub(crate) struct RunMeter {
    store: Store,
    plugins: Plugins,
    budget_plugin: String,
    fence: Fence,
    limits: Limits,
    ledger: CallLedger,
    step: Mutex<StepAtWork>,
}

/// Which step the calls are made for, and what became of them.
#[derive(Default)]
struct StepAtWork {
    position: Option<u32>,
    role: Option<String>,
    stopped: Option<Stopped>,
    warned: Option<String>,
    /// Calls under way.
    calls: u32,
    /// When the last call ended.
    heard: Option<Instant>,
}

/// Why a call was not made, so that none will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// A limit of the host.
    Limit(CallLimit),
    /// The budget plugin's word.
    Denied(String),
    /// The budget plugin wants a person to be asked.
    Asked(String),
}

impl Stopped {
    /// The halt that follows from it, unless a person is asked.
    pub(crate) fn halt_reason(&self) -> HaltReason {
        match self {
            Self::Limit(limit) => limit.halt_reason(),
            Self::Denied(_) | Self::Asked(_) => HaltReason::BudgetDenied,
        }
    }

    /// How the step ends that made the calls.
    pub(crate) fn fault(self) -> Fault {
        match self {
            Self::Asked(why) => Fault::Ask(why),
            other => Fault::halt(other.halt_reason(), other),
        }
    }
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Limit(limit) => write!(f, "{limit} is used up"),
            Self::Denied(why) | Self::Asked(why) => f.write_str(why),
        }
    }
}

impl RunMeter {
    pub(crate) fn new(options: &EngineOptions, claim: &Claim, limits: Limits) -> Self {
        let of_calls = CallLimits {
            run: limits,
            project_day: options.limits.project_day,
            host_day: options.limits.host_day,
        };
        Self {
            store: options.store.clone(),
            plugins: options.plugins.clone(),
            budget_plugin: claim.job.policy.budget_plugin.clone(),
            fence: claim.fence,
            limits,
            ledger: CallLedger::new(options.store.clone(), claim.fence, of_calls),
            step: Mutex::default(),
        }
    }

    /// One metered call without a price.
    pub(crate) const CALL: Usage = Usage {
        calls: 1,
        cost_micro_usd: MicroUsd(0),
        time_ms: 0,
    };

    /// From now on calls are made for this step, until the guard is dropped.
    pub(crate) fn works_on(&self, position: u32, role: &str) -> AtWork<'_> {
        *self.step() = StepAtWork {
            position: Some(position),
            role: Some(role.to_owned()),
            ..StepAtWork::default()
        };
        AtWork(self)
    }

    fn step(&self) -> MutexGuard<'_, StepAtWork> {
        // A poisoned step is whole: it is changed by single assignments.
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers why calls end, and tells of it once.
    async fn stop(&self, stopped: Stopped) {
        let first = {
            let mut step = self.step();
            let first = step.stopped.is_none();
            step.stopped.get_or_insert(stopped.clone());
            first
        };
        if first {
            let data = serde_json::json!({
                "reason": stopped.halt_reason().as_str(), "why": stopped.to_string(),
            });
            if let Err(error) = self.store.emit(self.fence, "budget.exhausted", data).await {
                tracing::debug!(%error, "an exhausted budget is not on the timeline");
            }
        }
    }

    /// What the budget plugin says of a call; `Some` is its refusal.
    async fn evaluate(&self, worst: MicroUsd) -> Result<Option<Stopped>, MeterError> {
        let used = self.ledger.used().await.map_err(failed)?;
        let run = self.limits;
        let cost = used.cost_micro_usd.0.saturating_add(worst.0);
        if used.calls >= run.calls || cost > run.cost_micro_usd.0 {
            // The ledger refuses it, and knows by which limit and for how long.
            return Ok(None);
        }
        let pending = Pending {
            calls: 1,
            cost_micro_usd: worst.0,
        };
        let verdict = self
            .plugins
            .budget_evaluate(
                &self.budget_plugin,
                &translate::budget_usage(used),
                &translate::budget_limits(run),
                &pending,
            )
            .await
            .map_err(|error| MeterError::Ledger(error.to_string()))?;
        match verdict {
            Verdict::Allow => Ok(None),
            Verdict::Warn(warning) => {
                let is_new = {
                    let mut step = self.step();
                    let is_new = step.warned.as_ref() != Some(&warning);
                    step.warned = Some(warning.clone());
                    is_new
                };
                if is_new {
                    let data = serde_json::json!({ "warning": warning });
                    if let Err(error) = self.store.emit(self.fence, "budget.warning", data).await {
                        tracing::debug!(%error, "a warning is not on the timeline");
                    }
                }
                Ok(None)
            }
            Verdict::Ask(why) => Ok(Some(Stopped::Asked(why))),
            Verdict::Deny(why) => Ok(Some(Stopped::Denied(why))),
        }
    }
}

fn failed(error: StoreError) -> MeterError {
    match error {
        StoreError::Stale { .. } | StoreError::NotFound { .. } => MeterError::Over,
        other => MeterError::Ledger(other.to_string()),
    }
}

/// A step that calls are made for.
pub(crate) struct AtWork<'m>(&'m RunMeter);

impl AtWork<'_> {
    /// When a model was last at work for it: now, while a call is under way.
    pub(crate) fn heard(&self) -> Option<Instant> {
        let step = self.0.step();
        match step.calls {
            0 => step.heard,
            _ => Some(Instant::now()),
        }
    }

    /// Why no call was made any more, if one was refused for good.
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        self.0.step().stopped.clone()
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        *self.0.step() = StepAtWork::default();
    }
}

#[async_trait]
impl Meter for RunMeter {
    async fn reserve(&self, plan: CallPlan) -> Result<Reserved, MeterError> {
        if let Some(stopped) = self.evaluate(plan.worst).await? {
            let why = stopped.to_string();
            self.stop(stopped).await;
            return Ok(Reserved::Denied(why));
        }
        let (position, role) = {
            let step = self.step();
            (step.position, step.role.clone())
        };
        let call = NewCall {
            provider: plan.provider,
            model: plan.model,
            api: plan.api,
            role: role.unwrap_or_else(|| role::BUILD.to_owned()),
            position,
            worst: plan.worst,
        };
        let reserved = self.ledger.reserve(call).await;
        match reserved.map_err(failed)? {
            Ok(call) => {
                self.step().calls += 1;
                Ok(Reserved::Call(call))
            }
            Err(refused) => {
                if !refused.may_pass {
                    self.stop(Stopped::Limit(refused.limit)).await;
                }
                Ok(Reserved::Refused(refused))
            }
        }
    }

    async fn settle(&self, call: CallId, record: CallRecord) {
        {
            let mut step = self.step();
            step.calls = step.calls.saturating_sub(1);
            step.heard = Some(Instant::now());
        }
        self.ledger.settle(call, record).await;
    }

    async fn check(&self) -> Result<(), MeterError> {
        self.store.check_lease(self.fence).await.map_err(failed)
    }
}

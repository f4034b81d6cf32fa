//! The decision that a run stops before its workflow is done, kept before its
//! sandbox goes: a host that dies in between is followed by one that ends the
//! run as it would have ended, and launches nothing again.

use super::{agent, millis};
use crate::drive::{RunContext, action_of, outcome_of};
use crate::fault::Fault;
use crate::translate::unstorable;
use crate::workspace::remaining_ms;
use serde_json::Value;
use sortie_model::budget::Usage;
use sortie_model::halt::HaltReason;
use sortie_model::run::{RunPhase, Step};
use sortie_plugins::surfaces::workflow::Action;
use sortie_store::persist;
use std::time::Duration;

/// Stores why the run stops and books what its step worked: all that was left
/// where it stops because its time is over. Only the first time counts.
pub(super) async fn keep(context: &RunContext, why: &Fault, spent: Duration) -> Result<(), Fault> {
    let mut time_ms = millis(spent);
    if let Fault::Halt { reason, .. } = why
        && *reason == HaltReason::BudgetTime
    {
        // Its program may have begun before this host did.
        let used = context.options.store.used(context.fence.run).await?;
        time_ms = time_ms.max(remaining_ms(context.limits, used.time_ms));
    }
    let why = serde_json::to_value(why).map_err(unstorable)?;
    let used = Usage {
        time_ms,
        ..Usage::default()
    };
    persist(|| context.options.store.stop(context.fence, why.clone(), used)).await?;
    Ok(())
}

/// Why a run is to stop that was taken up again, once what its agent had done is
/// taken.
pub(crate) async fn again(context: &RunContext, steps: &[Step], why: Value) -> Fault {
    let mut stopped = serde_json::from_value(why).unwrap_or_else(unstorable);
    for step in steps {
        stopped = stands(context, stopped, rescue(context, step).await);
    }
    // Where it stood then: only from there it can ask a person.
    let phase = RunPhase::Executing;
    match persist(|| context.options.store.set_run_phase(context.fence, phase)).await {
        Ok(()) => stopped,
        Err(error) => error.into(),
    }
}

/// What stopped a run is the reason also when what its agent had done cannot be
/// taken, unless the run is somebody else's by now.
pub(super) fn stands(context: &RunContext, why: Fault, left: Result<(), Fault>) -> Fault {
    match left {
        Ok(()) => why,
        Err(Fault::Stale) => Fault::Stale,
        Err(fault) => {
            let run = context.fence.run.0;
            tracing::warn!(?fault, run, "what an agent had done is lost");
            why
        }
    }
}

async fn rescue(context: &RunContext, step: &Step) -> Result<(), Fault> {
    match (outcome_of(step)?, action_of(step)?) {
        (None, Action::Agent(asked)) if asked.writes => agent::rescue(context, step).await,
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored by one host, read by the next.
    #[test]
    fn why_a_run_stops_is_written_like_this() {
        let halt = Fault::halt(HaltReason::AgentStalled, "silent");
        let written = serde_json::to_value(&halt).expect("it can be written");
        let expected = serde_json::json!({
            "halt": { "reason": "agent-stalled", "detail": "silent" }
        });
        assert_eq!(written, expected);
        let read: Fault = serde_json::from_value(written).expect("it can be read");
        assert!(matches!(
            read,
            Fault::Halt {
                reason: HaltReason::AgentStalled,
                ..
            }
        ));
        let ask = serde_json::to_value(Fault::Ask("more".into())).expect("it can be written");
        assert_eq!(ask, serde_json::json!({ "ask": "more" }));
        assert!(serde_json::to_value(Fault::Stale).is_err());
    }
}

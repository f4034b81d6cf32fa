//! The decision that a run stops before its workflow is done, kept before its
//! sandbox goes: a host that dies in between is followed by one that ends the
//! run as it would have ended, and launches nothing again.

use super::collect::MAX_REATTACHES;
use super::{agent, nudge, worked};
use crate::drive::{RunContext, action_of, outcome_of};
use crate::fault::Fault;
use crate::translate::unstorable;
use crate::workspace::remaining_ms;
use serde_json::Value;
use sortie_model::halt::HaltReason;
use sortie_model::run::{RunPhase, Step};
use sortie_plugins::surfaces::workflow::Action;
use sortie_sandbox::{SandboxError, StepStatus, Workspace};
use sortie_store::persist;
use std::time::Duration;

/// Stores why the run stops and books what the step worked that was stopped: all
/// that was left where the run stops because its time is over. Only the first
/// reason counts, and each step is booked once.
pub(super) async fn keep(
    context: &RunContext,
    step: &Step,
    why: &Fault,
    spent: Duration,
) -> Result<(), Fault> {
    let store = &context.options.store;
    let mut used = worked(spent);
    if let Fault::Halt { reason, .. } = why
        && *reason == HaltReason::BudgetTime
    {
        // Part of it may have gone by under a host before this one.
        let booked = store.used(context.fence.run).await?;
        let left_ms = remaining_ms(context.limits, booked.time_ms);
        used.time_ms = used.time_ms.max(left_ms);
    }
    let why = serde_json::to_value(why).map_err(unstorable)?;
    persist(|| store.stop(context.fence, step.position, why.clone(), used)).await?;
    Ok(())
}

/// Has the run stopped by a step: first the reason is kept, then what its agent
/// had done is taken. What comes of it.
pub(super) async fn by(context: &RunContext, step: &Step, why: Fault, spent: Duration) -> Fault {
    if let Err(fault) = keep(context, step, &why, spent).await {
        return fault;
    }
    let refused = matches!(
        why,
        Fault::Halt {
            reason: HaltReason::ResultRefused,
            ..
        }
    );
    // What was refused would be refused again.
    let left = match refused {
        true => Ok(()),
        false => rescue(context, step).await,
    };
    stands(context, why, left)
}

/// Why the run is to stop, once a step had it stopped: no other begins then.
pub(super) async fn reason(context: &RunContext) -> Result<Option<Fault>, Fault> {
    let state = context.options.store.run_state(context.fence.run).await?;
    Ok(state.stop.map(read))
}

/// Of what several steps came to, what had the run stopped first: a host that
/// takes it up finds the same.
pub(super) async fn first(context: &RunContext, fault: Fault) -> Fault {
    match (fault, reason(context).await) {
        (Fault::Stale, _) => Fault::Stale,
        (_, Ok(Some(first))) => first,
        (fault, _) => fault,
    }
}

fn read(why: Value) -> Fault {
    serde_json::from_value(why).unwrap_or_else(unstorable)
}

/// Why a run is to stop that was taken up again, once what its agent had done is
/// taken.
pub(crate) async fn again(context: &RunContext, steps: &[Step], why: Value) -> Fault {
    let mut stopped = read(why);
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

/// Ends what a step has at work in the sandbox that is there, books it, and
/// takes what its agent did. None is made for it.
async fn rescue(context: &RunContext, step: &Step) -> Result<(), Fault> {
    if outcome_of(step)?.is_some() {
        return Ok(());
    }
    let writes = match action_of(step)? {
        Action::Agent(asked) => asked.writes,
        Action::Exec(_) => false,
        _ => return Ok(()),
    };
    let Some((workspace, took)) = at_rest(context, step).await? else {
        return Ok(());
    };
    // A host that was there when it ended has booked it already.
    let used = worked(took.min(Duration::from_millis(context.limits.time_ms)));
    let store = &context.options.store;
    persist(|| store.book_step(context.fence, step.position, used)).await?;
    match writes {
        true => agent::save(context, step, workspace).await,
        false => Ok(()),
    }
}

/// The sandbox that is there, and how long a step worked in it to its end, over
/// as many wires as it takes; none when it is gone or the step never began there.
async fn at_rest(
    context: &RunContext,
    step: &Step,
) -> Result<Option<(Workspace, Duration)>, Fault> {
    for _ in 0..MAX_REATTACHES {
        let Some(workspace) = context.workspace.left(context).await? else {
            return Ok(None);
        };
        match ended(&workspace, step).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, run = context.fence.run.0, "the wire broke; looking for the sandbox");
                context.workspace.lost().await;
            }
            ended => return Ok(ended?.map(|took| (workspace, took))),
        }
    }
    Err(Fault::Passing(
        "end what is at work: the wire broke too often".to_owned(),
    ))
}

/// How long a step's programs worked, once they are ended where they go on; none
/// when none began.
async fn ended(workspace: &Workspace, step: &Step) -> Result<Option<Duration>, SandboxError> {
    let mut took = None;
    for id in nudge::ids(step) {
        if let Some(known) = known(workspace, &id).await?
            && known.exit.is_none()
        {
            workspace.kill(&id).await?;
        }
        if let Some(exit) = known(workspace, &id).await?.and_then(|known| known.exit) {
            *took.get_or_insert_default() += Duration::from_millis(exit.duration_ms);
        }
    }
    Ok(took)
}

async fn known(workspace: &Workspace, id: &str) -> Result<Option<StepStatus>, SandboxError> {
    let status = workspace.status().await?;
    Ok(status.steps.into_iter().find(|known| known.id == id))
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

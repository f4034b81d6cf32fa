//! A question to a person. The run parks while it waits: no lease, no
//! sandbox, nothing that could be lost.

use super::{StepEnd, sandbox_id};
use crate::drive::RunContext;
use crate::evidence;
use crate::fault::Fault;
use sortie_model::approval::{Decision, Subject};
use sortie_model::run::Step;
use sortie_plugins::surfaces::workflow::{ApprovalOutcome, ApprovalStep, Outcome};

/// The answer, or none after the run was parked to wait for it.
pub(super) async fn perform(
    context: &RunContext,
    step: &Step,
    asked: ApprovalStep,
) -> Result<Option<StepEnd>, Fault> {
    let store = &context.options.store;
    // Names repeat between decisions; an old answer must not serve a new question.
    let id = sandbox_id(step);
    let known = store.approval(context.job.id).await?;
    let answer = known
        .filter(|approval| approval.run == context.fence.run && approval.step == id)
        .and_then(|approval| approval.decision);
    if let Some(answer) = answer {
        let answer = match answer {
            Decision::Approved => ApprovalOutcome::Approved,
            Decision::Rejected => ApprovalOutcome::Rejected,
            Decision::Expired => ApprovalOutcome::Expired,
            // The job was cancelled, and with it the lease of this run.
            Decision::Withdrawn => return Err(Fault::Stale),
        };
        return Ok(Some(StepEnd::of(Outcome::Approval(answer))));
    }
    // The sandbox goes first: once parked, this task may no longer act.
    if let Err(error) = context.options.sandbox.remove(context.fence.run.0).await {
        tracing::warn!(%error, run = context.fence.run.0, "a parked run's sandbox is left; the next start removes it");
    }
    let state = store.run_state(context.fence.run).await?;
    let subject = match asked.review {
        true => Subject::Review,
        false => Subject::Gate,
    };
    evidence::ask(context, id, subject, asked.question, state.run.head_commit).await?;
    Ok(None)
}

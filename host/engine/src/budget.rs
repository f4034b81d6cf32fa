//! A run's budget: what the budget plugin allows under the host's ceiling, and
//! the question to a person when it is used up. A budget is raised by a person
//! and never beyond the project's ceiling.

use crate::drive::{Ended, RunContext};
use crate::fault::Fault;
use crate::{EngineOptions, checkpoint, evidence, translate};
use sortie_model::approval::Subject;
use sortie_model::budget::Limits;
use sortie_model::guard::OnBudget;
use sortie_model::halt::HaltReason;
use sortie_plugins::surfaces::budget::{Refusal, Request};
use sortie_store::Job;

/// The name of the question; no step of a workflow asks it.
const STEP: &str = "budget";

/// What the budget plugin allows, under the host's own ceiling.
pub(crate) async fn resolve(options: &EngineOptions, job: &Job) -> Result<Limits, Fault> {
    let request = Request {
        project: job.project.clone(),
        profile: job.policy.budget_profile.clone(),
        workflow: job.policy.workflow.clone(),
        task: job.task.clone(),
    };
    let plugin = &job.policy.budget_plugin;
    match options.plugins.budget_resolve(plugin, &request).await? {
        Ok(limits) => Ok(translate::limits(limits).tightened_by(job.policy.ceiling)),
        Err(Refusal::UnknownProfile(known)) => Err(Fault::halt(
            HaltReason::BudgetDenied,
            format!(
                "{plugin} has no budget profile {}; it has {}",
                job.policy.budget_profile.as_deref().unwrap_or("by default"),
                known.join(", ")
            ),
        )),
        Err(Refusal::Denied(reason)) => Err(Fault::halt(HaltReason::BudgetDenied, reason)),
    }
}

/// Asks a person to raise what is used up by as much again, and parks the run;
/// a halt where nobody is to be asked or the ceiling is reached. The step that
/// had no budget left is done anew when the answer is yes.
pub(crate) async fn used_up(
    context: &RunContext,
    exhausted: HaltReason,
    detail: String,
) -> Result<Ended, Fault> {
    let policy = &context.job.policy;
    if policy.guard.on_budget == OnBudget::Halt {
        return Err(Fault::halt(exhausted, detail));
    }
    let profile = resolve(&context.options, &context.job).await?;
    let room = context.limits.missing_to(policy.ceiling);
    let raise = profile.tightened_by(room);
    if !helps(exhausted, raise) {
        let ceiling = policy.ceiling;
        return Err(Fault::halt(
            exhausted,
            format!("{detail}, and the ceiling of {ceiling} leaves nothing to raise"),
        ));
    }
    checkpoint::keep(&context.options, context.fence, &context.job.repository).await?;
    // The sandbox goes first: once parked, this task may no longer act.
    if let Err(error) = context.options.sandbox.remove(context.fence.run.0).await {
        tracing::warn!(%error, run = context.fence.run.0, "a parked run's sandbox is left; the next start removes it");
    }
    let store = &context.options.store;
    let state = store.run_state(context.fence.run).await?;
    let question = format!(
        "{detail}; what is done so far is kept. Raise the budget of {} by {raise} and go on?",
        context.limits
    );
    let subject = Subject::Budget { exhausted, raise };
    evidence::ask(
        context,
        STEP.to_owned(),
        subject,
        question,
        state.run.head_commit,
    )
    .await?;
    Ok(Ended::Parked)
}

/// Whether a raise gives more of what is used up.
fn helps(exhausted: HaltReason, raise: Limits) -> bool {
    match exhausted {
        HaltReason::BudgetCalls => raise.calls > 0,
        HaltReason::BudgetCost => raise.cost_micro_usd.0 > 0,
        HaltReason::BudgetTime => raise.time_ms > 0,
        // The plugin asked, for a reason of its own.
        _ => raise.calls > 0 || raise.cost_micro_usd.0 > 0 || raise.time_ms > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_model::budget::MicroUsd;

    #[test]
    fn only_more_of_what_is_used_up_helps() {
        let time = Limits {
            calls: 0,
            cost_micro_usd: MicroUsd(0),
            time_ms: 1,
        };
        assert!(helps(HaltReason::BudgetTime, time));
        assert!(!helps(HaltReason::BudgetCalls, time));
        assert!(!helps(HaltReason::BudgetCost, time));
    }
}

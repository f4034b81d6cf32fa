//! Does the steps of one decision and stores how each ended.

mod agent;
mod approval;
mod collect;
mod exec;
mod listen;
mod nudge;
mod publish;
pub(crate) mod round;
mod scan;
pub(crate) mod stop;

use crate::drive::{RunContext, action_of, outcome_of};
use crate::fault::Fault;
use crate::workspace::remaining_ms;
use futures::future::join_all;
use sortie_model::budget::{MicroUsd, Usage};
use sortie_model::halt::HaltReason;
use sortie_model::run::{RunPhase, Step};
use sortie_plugins::surfaces::workflow::{Action, Outcome, StepResult};
use sortie_store::persist;
use sortie_store::{ScanReport, StepRecord};
use std::time::Duration;

/// What doing the steps of a decision came to.
pub(crate) enum Performed {
    /// Every outcome, in the order of the decision.
    All(Vec<StepResult>),
    /// A person is asked; the run holds nothing meanwhile.
    Parked,
}

/// How a step ended, and what the store should keep of it.
pub(crate) struct StepEnd {
    pub(crate) outcome: Outcome,
    pub(crate) head: Option<String>,
    pub(crate) scan: Option<ScanReport>,
    /// What it took, in milliseconds. Of an agent or a command that is its whole
    /// turn, which it does not say itself.
    pub(crate) time_ms: u64,
}

impl StepEnd {
    /// With that outcome, and in no time that counts.
    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            head: None,
            scan: None,
            time_ms: 0,
        }
    }
}

/// Does what is not done yet: side by side, except that programs take turns in
/// the one workspace, and that people are asked last, one question at a time.
pub(crate) async fn perform(context: &RunContext, steps: Vec<Step>) -> Result<Performed, Fault> {
    let mut open = Vec::new();
    let mut questions = Vec::new();
    for step in &steps {
        if outcome_of(step)?.is_none() {
            match action_of(step)? {
                Action::Approval(question) => questions.push((step, question)),
                action => open.push((step, action)),
            }
        }
    }
    let publishes = open.iter().any(|(_, a)| matches!(a, Action::Publish(_)));
    if !open.is_empty() || !questions.is_empty() {
        let phase = match publishes {
            true => RunPhase::Publishing,
            false => RunPhase::Executing,
        };
        persist(|| context.options.store.set_run_phase(context.fence, phase)).await?;
    }
    if !open.is_empty() {
        // Each comes to its own end: an effect that is under way is recorded
        // also when a step beside it fails. They take their turns in the order in
        // which they stand here, as a cancel counts on that books the one at work.
        let ended = join_all(
            open.into_iter()
                .map(|(step, action)| one(context, step, action)),
        );
        let ended = ended.await.into_iter().collect::<Result<(), Fault>>();
        // Also where a step failed beside it: a person who is to raise the budget
        // can be asked only from there.
        if publishes && (ended.is_err() || !questions.is_empty()) {
            let phase = RunPhase::Executing;
            persist(|| context.options.store.set_run_phase(context.fence, phase)).await?;
        }
        if let Err(fault) = ended {
            return Err(stop::first(context, fault).await);
        }
    }
    for (step, question) in questions {
        match approval::perform(context, step, question).await? {
            Some(end) => finish(context, step, end).await?,
            None => return Ok(Performed::Parked),
        }
    }
    let state = context.options.store.run_state(context.fence.run).await?;
    let mut results = Vec::with_capacity(state.steps.len());
    for step in &state.steps {
        let outcome = outcome_of(step)?.ok_or_else(|| {
            Fault::halt(
                HaltReason::Workflow,
                format!("step {} has no outcome", step.name),
            )
        })?;
        results.push(StepResult {
            id: step.name.clone(),
            outcome,
        });
    }
    Ok(Performed::All(results))
}

async fn one(context: &RunContext, step: &Step, action: Action) -> Result<(), Fault> {
    let works = matches!(action, Action::Agent(_) | Action::Exec(_));
    let _turn = match works {
        true => Some(context.turn.lock().await),
        false => None,
    };
    if works {
        // One that waited for its turn does not begin in a run that is to stop:
        // where the host died now, none would.
        if let Some(why) = stop::reason(context).await? {
            return Err(why);
        }
        context.stint.begin(step.position);
    }
    let done = match action {
        Action::Agent(asked) => agent::perform(context, step, asked).await,
        Action::Exec(asked) => exec::perform(context, step, asked).await,
        Action::Scan(asked) => scan::perform(context, step, asked).await,
        Action::Publish(asked) => publish::perform(context, asked).await,
        Action::Notify(asked) => notify(context, step, &asked.message).await,
        Action::Wait(asked) => wait(context, asked.time_ms).await,
        Action::Approval(_) => return Ok(()),
        Action::Other(what) => Err(Fault::halt(
            HaltReason::PluginFailed,
            format!("this host does not know the step {}: {what}", step.name),
        )),
    };
    let spent = match works {
        true => context.stint.worked(),
        false => Duration::ZERO,
    };
    let ended = match done {
        Ok(end) if works => {
            let time_ms = millis(spent);
            finish(context, step, StepEnd { time_ms, ..end }).await
        }
        // What may pass is the workflow's to judge; it usually tries again. The
        // time is gone all the same: else a sandbox that dies late, again and
        // again, would work for ever.
        Err(Fault::Passing(error)) => {
            let end = StepEnd {
                time_ms: millis(spent),
                ..StepEnd::of(Outcome::Failed(error))
            };
            finish(context, step, end).await
        }
        // So is that of a step that was stopped: whoever raises the budget adds
        // to what is left of it.
        Err(fault @ (Fault::Halt { .. } | Fault::Ask(_))) => {
            Err(stop::by(context, step, fault, spent).await)
        }
        done => finish(context, step, done?).await,
    };
    // What it worked is booked, unless that could not be written.
    if works && !matches!(ended, Err(Fault::Passing(_) | Fault::Stale)) {
        context.stint.end();
    }
    ended
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Time that a program worked, as it is booked.
pub(crate) fn worked(time: Duration) -> Usage {
    Usage {
        time_ms: millis(time),
        ..Usage::default()
    }
}

async fn finish(context: &RunContext, step: &Step, end: StepEnd) -> Result<(), Fault> {
    let outcome = serde_json::to_value(&end.outcome).map_err(crate::translate::unstorable)?;
    let record = StepRecord {
        findings: end.scan,
        head: end.head,
        usage: Usage {
            calls: 0,
            cost_micro_usd: MicroUsd(0),
            time_ms: end.time_ms,
        },
    };
    persist(|| {
        context.options.store.finish_step(
            context.fence,
            step.position,
            outcome.clone(),
            record.clone(),
        )
    })
    .await?;
    Ok(())
}

async fn notify(context: &RunContext, step: &Step, message: &str) -> Result<StepEnd, Fault> {
    let data = serde_json::json!({ "step": step.name, "message": message });
    let store = &context.options.store;
    persist(|| store.emit(context.fence, "job.notice", data.clone())).await?;
    Ok(StepEnd::of(Outcome::Done))
}

async fn wait(context: &RunContext, time_ms: u64) -> Result<StepEnd, Fault> {
    let time_ms = time_ms.min(time_left_ms(context).await?);
    tokio::time::sleep(Duration::from_millis(time_ms)).await;
    Ok(StepEnd {
        time_ms,
        ..StepEnd::of(Outcome::Done)
    })
}

/// What is left of the run's time budget; none left is a halt.
pub(crate) async fn time_left_ms(context: &RunContext) -> Result<u64, Fault> {
    let state = context.options.store.run_state(context.fence.run).await?;
    match remaining_ms(context.limits, state.usage.time_ms) {
        0 => Err(out_of_time(context)),
        left => Ok(left),
    }
}

pub(crate) fn out_of_time(context: &RunContext) -> Fault {
    Fault::halt(
        HaltReason::BudgetTime,
        format!(
            "the run used its {} s of work",
            context.limits.time_ms / 1000
        ),
    )
}

/// The id a step has inside the sandbox: names repeat between decisions,
/// positions do not.
pub(crate) fn sandbox_id(step: &Step) -> String {
    format!("{}-{}", step.position, step.name)
}

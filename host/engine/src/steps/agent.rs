//! A coding agent in the workspace. What it says is display text; what it did
//! is what git finds afterwards.

use super::listen::Listener;
use super::nudge::{Flown, Nudge};
use super::{StepEnd, collect, out_of_time, sandbox_id, stop, time_left_ms};
use crate::artifact;
use crate::drive::RunContext;
use crate::fault::Fault;
use crate::meter::RunMeter;
use crate::program::Launch;
use crate::progress::cut;
use crate::{thread, translate};
use sortie_model::approval::{Decision, Subject};
use sortie_model::halt::HaltReason;
use sortie_model::llm::role;
use sortie_model::run::Step;
use sortie_plugins::surfaces::agent::{Ending, Exit, Mode, Task};
use sortie_plugins::surfaces::budget::{Pending, Verdict};
use sortie_plugins::surfaces::workflow::{AgentOutcome, AgentStep, Outcome};
use sortie_sandbox::{Workspace, place};

/// The longest summary kept, in characters. An answer to a question is one.
const SUMMARY_CHARS: usize = 12_000;

/// What an agent is told first that goes on after its budget was raised.
const GOES_ON: &str = "You worked on this before and were stopped when the budget was used up; it was \
    raised since. The repository holds what you had done: look at that with `git log` and `git show` \
    first, and go on from there instead of beginning again.\n\n";

pub(super) async fn perform(
    context: &RunContext,
    step: &Step,
    asked: AgentStep,
) -> Result<StepEnd, Fault> {
    let left = time_left_ms(context).await?;
    let plugins = &context.options.plugins;
    let role = asked.role.as_deref().unwrap_or(role::BUILD);
    let models = context.options.llm.models();
    let model = models.for_role(&context.job.policy.models, role);
    let goes_on = asked.writes && goes_on(context, step).await?;
    let task = Task {
        instruction: match asked.instruction {
            Some(instruction) => thread::without_earlier(instruction, &context.job.task),
            None => asked.prompt.clone(),
        },
        prompt: match goes_on {
            true => [GOES_ON, &asked.prompt].concat(),
            false => asked.prompt,
        },
        mode: match asked.writes {
            true => Mode::Write,
            false => Mode::ReadOnly,
        },
        role: role.to_owned(),
        workspace: place::REPO.to_owned(),
        home: place::HOME.to_owned(),
        model_endpoint: model.is_some().then(|| format!("http://{}", place::LLM)),
        model: model.map(translate::model),
        time_limit_ms: left,
        nudge: None,
    };
    let plan = plugins
        .agent_plan(&asked.agent, &task)
        .await?
        .map_err(|refusal| {
            Fault::halt(
                HaltReason::AgentFailed,
                format!("agent {} does not take the task: {refusal}", asked.agent),
            )
        })?;
    let limit = context.options.limits.step_output_bytes;
    let spec = translate::step(plan, sandbox_id(step), left, limit);
    if !collect::known_to_sandbox(context, &spec.id).await? {
        charge(context, step.position).await?;
    }
    artifact::keep(context, step, artifact::Kind::Prompt, &task.prompt).await?;
    let at_work = context.meter.works_on(step.position, role);
    let launch = Launch {
        left_ms: left,
        // When its work was taken, everything else went.
        finds_made: !goes_on,
        tidies: asked.writes,
        litters: false,
        after: None,
        spec,
    };
    let nudge = Nudge {
        context,
        step,
        agent: &asked.agent,
        task: &task,
    };
    let make = |may| Listener::new(nudge, may, &at_work);
    let Flown { ran, stuck, tail } = nudge.run(launch, make).await?;
    let parser = ran.reader.into_parser();
    // An agent that was refused a model did not finish, whatever it says.
    let stop = match (at_work.stopped(), ran.timed_out, stuck) {
        _ if ran.workspace_full => Some(Fault::halt(
            HaltReason::WorkspaceFull,
            format!("the agent filled the workspace in step {}", step.name),
        )),
        (Some(stopped), _, _) => Some(stopped.fault()),
        (None, true, _) => Some(out_of_time(context)),
        (None, false, Some(stuck)) => Some(Fault::halt(stuck.reason, stuck.detail)),
        (None, false, None) => None,
    };
    if let Some(stop) = stop {
        stop::keep(context, step, &stop, context.stint.worked()).await?;
        // It is booked, so nothing else may become of it.
        let kept = artifact::keep(context, step, artifact::Kind::Output, &tail).await;
        return Err(stop::stands(context, stop, kept));
    }
    artifact::keep(context, step, artifact::Kind::Output, &tail).await?;
    let Some(parser) = parser else {
        return Err(Fault::Passing(
            "read what the agent printed: nobody did".to_owned(),
        ));
    };
    let conclusion = parser.finish(ran.exit.clone()).await?;
    let (head, changed) = match asked.writes {
        true => {
            let id = sandbox_id(step);
            let head = collect::collect(context, &id, ran.workspace).await?;
            let changed = collect::differs(context, &head).await?;
            (Some(head), changed)
        }
        false => {
            context.workspace.put_back(&ran.workspace).await?;
            (None, false)
        }
    };
    // The work of a program that hung after its end is as good as that of one
    // that exited.
    let exit = match (ran.lingered || ran.killed) && conclusion.ending == Ending::Completed {
        true => Exit::Code(0),
        false => ran.exit,
    };
    let redactor = &context.options.redactor;
    let outcome = Outcome::Agent(AgentOutcome {
        exit: translate::exit(exit),
        completed: conclusion.ending == Ending::Completed,
        summary: cut(&redactor.redact(&conclusion.summary), SUMMARY_CHARS),
        changed,
    });
    Ok(StepEnd {
        head: head.map(|head| head.as_str().to_owned()),
        ..StepEnd::of(outcome)
    })
}

/// Keeps the work so far of a step that was stopped in the mirror, where
/// `sortie diff` shows it and the step finds that it is its own.
pub(super) async fn save(
    context: &RunContext,
    step: &Step,
    workspace: Workspace,
) -> Result<(), Fault> {
    let head = collect::collect(context, &sandbox_id(step), workspace).await?;
    context.mirror.keep(&head, &saved_as(context, step)).await?;
    let store = &context.options.store;
    sortie_store::persist(|| store.set_head(context.fence, head.as_str())).await?;
    Ok(())
}

/// The ref of a mirror that keeps what a step had done when it was stopped.
fn saved_as(context: &RunContext, step: &Step) -> String {
    format!(
        "refs/sortie/runs/{}/stopped/{}",
        context.fence.run.0, step.position
    )
}

/// Whether this step was at work when the budget was used up, and a person raised
/// it. One that had not begun, or waited for its turn, left nothing of its own.
async fn goes_on(context: &RunContext, step: &Step) -> Result<bool, Fault> {
    let asked = context.options.store.approval(context.fence.job).await?;
    let kept = asked.and_then(|asked| {
        let raised = asked.run == context.fence.run
            && matches!(asked.subject, Subject::Budget { .. })
            && asked.decision == Some(Decision::Approved)
            && asked.decided_at.is_some_and(|at| at > step.started_at);
        asked
            .commit
            .filter(|kept| raised && kept != context.base.as_str())
    });
    let Some(kept) = kept else {
        return Ok(false);
    };
    let saved = context.mirror.kept(&saved_as(context, step)).await?;
    Ok(saved.is_some_and(|saved| saved.as_str() == kept))
}

/// Asks the budget plugin, then charges the launch, once for each step however
/// often the host dies in between; the native limit holds whatever the plugin
/// says.
async fn charge(context: &RunContext, position: u32) -> Result<(), Fault> {
    let store = &context.options.store;
    let used = store.run_state(context.fence.run).await?.usage;
    let plugin = &context.job.policy.budget_plugin;
    let charged = async || {
        let charged = sortie_store::persist(|| {
            store.charge_step(context.fence, position, RunMeter::CALL, context.limits)
        });
        charged
            .await?
            .map(|_| ())
            .map_err(|exhausted| Fault::halt(exhausted.halt_reason(), exhausted))
    };
    if used.calls >= context.limits.calls {
        // The ledger says so, unless this launch is on it already.
        return charged().await;
    }
    let pending = Pending {
        calls: 1,
        cost_micro_usd: 0,
    };
    let verdict = context
        .options
        .plugins
        .budget_evaluate(
            plugin,
            &translate::budget_usage(used),
            &translate::budget_limits(context.limits),
            &pending,
        )
        .await?;
    match verdict {
        Verdict::Allow => {}
        Verdict::Warn(warning) => {
            let data = serde_json::json!({ "warning": warning });
            sortie_store::persist(|| store.emit(context.fence, "budget.warning", data.clone()))
                .await?;
        }
        Verdict::Ask(why) => return Err(Fault::Ask(why)),
        Verdict::Deny(why) => return Err(Fault::halt(HaltReason::BudgetDenied, why)),
    }
    charged().await
}

//! An agent that fell silent is stopped and told to go on, once, where it can
//! take its session up again. What it did so far stays as it is.

use super::{collect, millis, sandbox_id, time_left_ms};
use crate::drive::RunContext;
use crate::fault::Fault;
use crate::program::{Launch, SoFar};
use crate::translate;
use crate::watchdog::Stuck;
use sortie_model::halt::HaltReason;
use sortie_model::run::Step;
use sortie_plugins::surfaces::agent::Task;

/// What it is told.
const WORDS: &str = "You said nothing for a long time, so the program that you work in was stopped \
    and started again. Nothing is lost: the files are as you left them, and so is this \
    conversation. If a command hung, do not run it in the same way again. Go on with the task; \
    when it is done, say what you did.";

/// How the first launch of an agent ended, as far as a second depends on it.
pub(super) struct Ended {
    pub(super) stuck: Option<Stuck>,
    /// A host before this one stopped it.
    pub(super) stopped_before: bool,
    pub(super) so_far: SoFar,
}

/// The ids that the launches of a step have inside the sandbox, in their order.
pub(super) fn ids(step: &Step) -> [String; 2] {
    let first = sandbox_id(step);
    let again = format!("{first}-again");
    [first, again]
}

/// How it is launched again; none when it did not fall silent, when it cannot
/// take its session up, or when the run has no time left.
pub(super) async fn launch(
    context: &RunContext,
    step: &Step,
    agent: &str,
    task: &Task,
    ended: Ended,
) -> Result<Option<Launch>, Fault> {
    let [_, id] = ids(step);
    let news = match ended.stuck {
        Some(stuck) if stuck.reason == HaltReason::AgentStalled => Some(stuck.detail),
        // A host before this one may have launched it again already.
        None if ended.stopped_before && collect::known_to_sandbox(context, &id).await? => None,
        _ => return Ok(None),
    };
    let left = time_left_ms(context).await?;
    let left = left.saturating_sub(millis(context.stint.worked()));
    if left == 0 {
        return Ok(None);
    }
    let task = Task {
        nudge: Some(WORDS.to_owned()),
        time_limit_ms: left,
        ..task.clone()
    };
    let plan = match context.options.plugins.agent_plan(agent, &task).await? {
        Ok(plan) => plan,
        Err(refusal) => {
            tracing::debug!(agent, refusal, "an agent that fell silent takes no nudge");
            return Ok(None);
        }
    };
    if let Some(why) = news {
        tell(context, step, &why).await?;
    }
    let limit = context.options.limits.step_output_bytes;
    Ok(Some(Launch {
        spec: translate::step(plan, id, left, limit),
        left_ms: left,
        finds_made: true,
        tidies: false,
        litters: false,
        after: Some(ended.so_far),
    }))
}

/// Puts it on the timeline and into the log.
async fn tell(context: &RunContext, step: &Step, why: &str) -> Result<(), Fault> {
    let data = serde_json::json!({ "step": step.name, "detail": why });
    let store = &context.options.store;
    sortie_store::persist(|| store.emit(context.fence, "agent.nudged", data.clone())).await?;
    let now = context.options.clock.now();
    let said = format!("{why}; it was stopped and told to go on");
    let mut log = context.log.lock().await;
    // A line that cannot be written costs the line.
    let _ = log.say(now, &step.name, step.position, &said).await;
    Ok(())
}

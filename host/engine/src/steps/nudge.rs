//! An agent that falls silent is stopped and told to go on, once, where it can
//! take its session up again. That is decided before it is stopped, so that it
//! is done whoever sees it end; and what stands in its way leaves the agent as
//! one that is stuck, with its work kept.

use super::listen::Listener;
use super::{out_of_time, round, sandbox_id, time_left_ms};
use crate::artifact;
use crate::drive::RunContext;
use crate::fault::Fault;
use crate::program::{self, Launch, Ran, SoFar};
use crate::steps::millis;
use crate::translate;
use crate::watchdog::Stuck;
use sortie_model::halt::HaltReason;
use sortie_model::run::Step;
use sortie_plugins::surfaces::agent::{LaunchSpec, Task};
use sortie_store::StoreError;

/// What it is told, before its task: it may have been stopped before it had a
/// session.
const WORDS: &str = "You said nothing for a long time, so the program that you work in was stopped \
    and started again. Nothing is lost: the files are as you left them. If a command hung, do not \
    run it in the same way again. Go on with the task; when it is done, say what you did. The task \
    was:\n\n";

/// How often a plugin is asked that could not be asked.
const PLANS: u32 = 3;

/// What stands between the ends of the outputs of both launches.
const BETWEEN: &str = "\n--- it was stopped and told to go on ---\n";

/// Whose launch it is, and what for.
#[derive(Clone, Copy)]
pub(super) struct Nudge<'a> {
    pub(super) context: &'a RunContext,
    pub(super) step: &'a Step,
    pub(super) agent: &'a str,
    pub(super) task: &'a Task,
}

/// What became of an agent, told to go on or not.
pub(super) struct Flown<'a> {
    /// How its last program ended.
    pub(super) ran: Ran<Listener<'a>>,
    /// Why it was stopped, if it was for its own sake.
    pub(super) stuck: Option<Stuck>,
    /// The ends of what its programs printed.
    pub(super) tail: String,
}

/// The ids that the launches of a step have inside the sandbox, in their order.
pub(super) fn ids(step: &Step) -> [String; 2] {
    let first = sandbox_id(step);
    let again = format!("{first}-again");
    [first, again]
}

impl<'a> Nudge<'a> {
    /// Runs the agent to its end, over a second launch where that was decided.
    pub(super) async fn run<M, F>(self, launch: Launch, make: M) -> Result<Flown<'a>, Fault>
    where
        M: Fn(Option<Self>) -> F,
        F: Future<Output = Result<Listener<'a>, Fault>>,
    {
        let Self { context, step, .. } = self;
        let mut ran = program::run(context, step, launch, || make(Some(self))).await?;
        let mut tail = std::mem::take(&mut ran.tail);
        let mut stuck = stuck(&ran);
        // Stopped by this host, which decided it, or by one before, which may have.
        let may = was_stopped(&ran) && (ran.reader.is_nudged() || !ran.stopped_here);
        let decided = match may {
            true => context
                .options
                .store
                .nudged(context.fence.run, step.position),
            false => return Ok(Flown { ran, stuck, tail }),
        };
        let Some(why) = decided.await? else {
            return Ok(Flown { ran, stuck, tail });
        };
        stuck = Some(stalled(why.clone()));
        let Some(again) = self.again(ran.so_far).await? else {
            return Ok(Flown { ran, stuck, tail });
        };
        // Its place in the plugin is for the second launch.
        ran.reader.hang_up();
        match program::run(context, step, again, || make(None)).await {
            Ok(second) => {
                tail = [&tail, BETWEEN, &second.tail].concat();
                stuck = match second.reader.has_heard() {
                    true => self::stuck(&second),
                    false => Some(stalled(format!("{why}; told to go on, it did not"))),
                };
                ran = second;
            }
            Err(Fault::Passing(error)) if error != round::GONE => {
                stuck = Some(stalled(format!(
                    "{why}; it could not be told to go on: {error}"
                )));
            }
            Err(fault) => return Err(fault),
        }
        Ok(Flown { ran, stuck, tail })
    }

    /// Decides that the agent is to be told to go on before it is stopped for
    /// being stuck. False where it is not silent, or takes no nudge.
    pub(super) async fn decide(self, stuck: &Stuck) -> Result<bool, Fault> {
        let refuses = matches!(self.plan(self.task.time_limit_ms).await, Planned::Refused);
        if stuck.reason != HaltReason::AgentStalled || refuses {
            return Ok(false);
        }
        let Self { context, step, .. } = self;
        let store = &context.options.store;
        let decided = store
            .nudge_step(context.fence, step.position, &stuck.detail)
            .await;
        match decided {
            // Also when that was decided over a wire that broke since.
            Ok(_) => {
                let now = context.options.clock.now();
                let said = format!("{}; it is stopped and told to go on", stuck.detail);
                let mut log = context.log.lock().await;
                // A line that cannot be written costs the line.
                let _ = log.say(now, &step.name, step.position, &said).await;
                Ok(true)
            }
            Err(StoreError::Stale { .. }) => Err(Fault::Stale),
            Err(error) => {
                tracing::warn!(%error, run = context.fence.run.0, "an agent is not told to go on");
                Ok(false)
            }
        }
    }

    /// The second launch; none when it cannot be planned any more.
    async fn again(self, so_far: SoFar) -> Result<Option<Launch>, Fault> {
        let Self { context, step, .. } = self;
        let left = time_left_ms(context).await?;
        let left_ms = left.saturating_sub(millis(context.stint.worked()));
        if left_ms == 0 {
            return Err(out_of_time(context));
        }
        for _ in 0..PLANS {
            let (task, plan) = match self.plan(left_ms).await {
                Planned::Launch(told) => *told,
                Planned::Later => continue,
                Planned::Refused => break,
            };
            let told = task.nudge.unwrap_or_default();
            artifact::keep(context, step, artifact::Kind::Prompt, &told).await?;
            let [_, id] = ids(step);
            let limit = context.options.limits.step_output_bytes;
            let limit = limit.saturating_sub(so_far.bytes);
            return Ok(Some(Launch {
                spec: translate::step(plan, id, left_ms, limit),
                left_ms,
                finds_made: false,
                tidies: false,
                litters: false,
                after: Some(so_far),
            }));
        }
        Ok(None)
    }

    /// How the agent's plugin would have it go on.
    async fn plan(self, time_limit_ms: u64) -> Planned {
        let task = Task {
            nudge: Some([WORDS, &self.task.prompt].concat()),
            time_limit_ms,
            ..self.task.clone()
        };
        let plugins = &self.context.options.plugins;
        let agent = self.agent;
        match plugins.agent_plan(agent, &task).await {
            Ok(Ok(plan)) => Planned::Launch(Box::new((task, plan))),
            Ok(Err(refusal)) => {
                tracing::debug!(agent, refusal, "an agent that fell silent takes no nudge");
                Planned::Refused
            }
            Err(error) => {
                tracing::warn!(%error, agent, "an agent could not be asked how it goes on");
                match error.is_transient() {
                    true => Planned::Later,
                    false => Planned::Refused,
                }
            }
        }
    }
}

/// What a plugin says of going on.
enum Planned {
    Launch(Box<(Task, LaunchSpec)>),
    /// It could not be asked just now.
    Later,
    Refused,
}

/// Whether a program was stopped before it said that its task is done.
fn was_stopped(ran: &Ran<Listener<'_>>) -> bool {
    (ran.killed || ran.lingered) && !ran.reader.has_completed()
}

/// Why a program was stopped, if it was because its agent is stuck: one that
/// ended by itself meanwhile is not.
fn stuck(ran: &Ran<Listener<'_>>) -> Option<Stuck> {
    let why = "a host before this one stopped the agent, and died before it wrote why";
    let by_another = ran.killed && !ran.stopped_here;
    match was_stopped(ran) {
        true => ran
            .reader
            .stuck()
            .cloned()
            .or_else(|| by_another.then(|| stalled(why.to_owned()))),
        false => None,
    }
}

fn stalled(detail: String) -> Stuck {
    Stuck {
        reason: HaltReason::AgentStalled,
        detail,
    }
}

//! An agent that falls silent is stopped and told to go on, once, where it can
//! take its session up again. That is decided before it is stopped, so that it
//! is done whoever sees it end; and what stands in its way leaves the agent as
//! one that is stuck, with its work kept.

use super::listen::Listener;
use super::{sandbox_id, time_left_ms};
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
        let may = ran.killed && (ran.reader.is_nudged() || ran.stopped_before);
        let decided = match may {
            true => context
                .options
                .store
                .nudged(context.fence.run, step.position),
            false => return Ok(Flown { ran, stuck, tail }),
        };
        if let Some(why) = decided.await? {
            stuck = Some(stalled(why.clone()));
            if let Some(again) = self.again(ran.so_far).await? {
                ran = program::run(context, step, again, || make(None)).await?;
                tail = [&tail, BETWEEN, &ran.tail].concat();
                stuck = match ran.reader.has_heard() {
                    true => self::stuck(&ran),
                    false => Some(stalled(format!("{why}; told to go on, it did not"))),
                };
            }
        }
        Ok(Flown { ran, stuck, tail })
    }

    /// Decides that the agent is to be told to go on before it is stopped for
    /// being stuck. False where it is not silent, or takes no nudge.
    pub(super) async fn decide(self, stuck: &Stuck) -> Result<bool, Fault> {
        if stuck.reason != HaltReason::AgentStalled || self.plan(0).await.is_none() {
            return Ok(false);
        }
        let Self { context, step, .. } = self;
        let store = &context.options.store;
        let decided = store
            .nudge_step(context.fence, step.position, &stuck.detail)
            .await;
        match decided {
            // Also when that was decided over a wire that broke since.
            Ok(_) => Ok(true),
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
            return Ok(None);
        }
        let Some((task, plan)) = self.plan(left_ms).await else {
            return Ok(None);
        };
        let told = task.nudge.unwrap_or_default();
        artifact::keep(context, step, artifact::Kind::Prompt, &told).await?;
        let [_, id] = ids(step);
        let limit = context.options.limits.step_output_bytes;
        let limit = limit.saturating_sub(so_far.bytes);
        Ok(Some(Launch {
            spec: translate::step(plan, id, left_ms, limit),
            left_ms,
            finds_made: false,
            tidies: false,
            litters: false,
            after: Some(so_far),
        }))
    }

    /// How the agent's plugin would have it go on.
    async fn plan(self, time_limit_ms: u64) -> Option<(Task, LaunchSpec)> {
        let task = Task {
            nudge: Some([WORDS, &self.task.prompt].concat()),
            time_limit_ms,
            ..self.task.clone()
        };
        let plugins = &self.context.options.plugins;
        let agent = self.agent;
        match plugins.agent_plan(agent, &task).await {
            Ok(Ok(plan)) => Some((task, plan)),
            Ok(Err(refusal)) => {
                tracing::debug!(agent, refusal, "an agent that fell silent takes no nudge");
                None
            }
            Err(error) => {
                tracing::warn!(%error, agent, "an agent is not told to go on");
                None
            }
        }
    }
}

/// Why a program was stopped, if it was because its agent is stuck: one that
/// ended by itself meanwhile is not.
fn stuck(ran: &Ran<Listener<'_>>) -> Option<Stuck> {
    let why = "a host before this one stopped the agent, and died before it wrote why";
    match ran.killed {
        true => ran.reader.stuck().cloned().or_else(|| {
            let by_another = ran.stopped_before;
            by_another.then(|| stalled(why.to_owned()))
        }),
        false => None,
    }
}

fn stalled(detail: String) -> Stuck {
    Stuck {
        reason: HaltReason::AgentStalled,
        detail,
    }
}

//! What commands made in the workspace beside the run's commits, such as what
//! they fetched and built: made again where a step begins in a container that
//! does not have it, because the one that had it was lost or went while a
//! person was asked.
//!
//! Only what passed counts, and only since an agent's work was taken, or put
//! back, last: that leaves nothing else in the workspace. What passed once has
//! to pass again; else the step that rests on it cannot be carried out, and
//! nothing is said about the work.

use super::{exec, out_of_time, sandbox_id};
use crate::drive::{RunContext, action_of, outcome_of};
use crate::fault::Fault;
use crate::program::{self, Broken, Launch, Reader};
use sortie_model::halt::HaltReason;
use sortie_model::run::Step;
use sortie_plugins::surfaces::agent;
use sortie_plugins::surfaces::workflow::{Action, ExecStep, Exit, Outcome};
use sortie_sandbox::{ExitStatus, Output, StepStatus, Workspace};
use std::time::{Duration, Instant};

/// The end of the output that is shown of a command that does not pass again,
/// in characters.
const TAIL_CHARS: usize = 1_000;

/// What is said of a launch that goes on from one before, without its container.
pub(super) const GONE: &str = "the container is gone in which the agent was to go on";

/// How a workspace meets a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// It runs there, or has ended.
    Known,
    /// It can begin.
    Ready,
    /// It can begin, now that what commands had made is made again.
    MadeAgain,
}

/// Makes a workspace ready for a step that has not begun in it, in what the run
/// has left of its time.
pub(crate) async fn ready(
    context: &RunContext,
    step: &Step,
    launch: &Launch,
    workspace: &Workspace,
    left: Duration,
) -> Result<Met, Broken> {
    let began = Instant::now();
    let status = workspace.status().await?;
    let of_id = |id: &str| status.steps.iter().find(|known| known.id == id);
    let known = |step: &Step| of_id(&sandbox_id(step));
    if of_id(&launch.spec.id).is_some() {
        return Ok(Met::Known);
    }
    if launch.after.is_some() && known(step).is_none() {
        return Err(Fault::Passing(GONE.to_owned()).into());
    }
    let mut met = Met::Ready;
    if launch.finds_made {
        let store = &context.options.store;
        let steps = store.steps(context.fence.run).await.map_err(Fault::from)?;
        for (made, asked) in made(&steps)? {
            if known(made).is_some_and(passed) {
                continue;
            }
            met = Met::MadeAgain;
            let left = left.saturating_sub(began.elapsed());
            make(context, step, made, asked, workspace, left).await?;
        }
    }
    if launch.tidies {
        context.workspace.tidy(workspace).await?;
    }
    Ok(met)
}

fn passed(known: &StepStatus) -> bool {
    known
        .exit
        .is_some_and(|exit| exit.status == ExitStatus::Code(0))
}

/// The commands that passed since an agent came to its end last, in the order
/// in which they did.
fn made(steps: &[Step]) -> Result<Vec<(&Step, ExecStep)>, Fault> {
    let mut ended: Vec<&Step> = steps
        .iter()
        .filter(|step| step.finished_at.is_some())
        .collect();
    ended.sort_by_key(|step| (step.finished_at, step.position));
    let mut made = Vec::new();
    for step in ended {
        match (outcome_of(step)?, action_of(step)?) {
            (Some(Outcome::Agent(_)), _) => made.clear(),
            (Some(Outcome::Exec(ended)), Action::Exec(asked)) if ended.exit == Exit::Code(0) => {
                made.push((step, asked));
            }
            _ => {}
        }
    }
    Ok(made)
}

/// Runs a command again, which another step rests on.
async fn make(
    context: &RunContext,
    step: &Step,
    made: &Step,
    asked: ExecStep,
    workspace: &Workspace,
    left: Duration,
) -> Result<(), Broken> {
    let name = &made.name;
    let now = context.options.clock.now();
    let said = format!("the container is a new one; what {name} had made is made again");
    // A line that cannot be written costs the line.
    let mut log = context.log.lock().await;
    let _ = log.say(now, &step.name, step.position, &said).await;
    drop(log);
    let launch = exec::launch(context, made, asked, super::millis(left));
    let launch = program::with_mirrors(context, launch);
    let ran = program::begin(context, made, &launch, workspace.clone(), left, Unread).await?;
    if ran.out_of_time {
        return Err(out_of_time(context).into());
    }
    if ran.workspace_full {
        let why = format!("what step {name} had made fills the workspace");
        return Err(Fault::halt(HaltReason::WorkspaceFull, why).into());
    }
    let how = match ran.exit {
        agent::Exit::Code(0) => return Ok(()),
        agent::Exit::Code(code) => format!("ended with status {code}"),
        agent::Exit::Signal(signal) => format!("was killed by signal {signal}"),
        agent::Exit::Stopped(why) => format!("was stopped: {why}"),
    };
    // The runner keeps how it ended: in this container the next try would only
    // be told the same.
    if let Err(error) = workspace.clone().destroy().await {
        tracing::warn!(%error, run = context.fence.run.0, "a sandbox without what commands had made is left");
    }
    context.workspace.lost().await;
    let skipped = ran.tail.chars().count().saturating_sub(TAIL_CHARS);
    let tail: String = ran.tail.chars().skip(skipped).collect();
    Err(Fault::Passing(format!(
        "make again in a new container what step {name} had made: its command, which had passed, {how}\n{tail}"
    ))
    .into())
}

/// What a command says when it makes something again is kept as far as it is
/// new, and judged by nobody.
struct Unread;

impl Reader for Unread {
    async fn read(&mut self, _: &Output) -> Result<(), Fault> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_model::clock::Timestamp;
    use sortie_model::id::RunId;
    use sortie_model::run::StepPhase;
    use sortie_plugins::surfaces::workflow::{AgentOutcome, AgentStep, ExecOutcome};

    /// A step that ended then, in the order of the run's positions.
    fn step(position: u32, ended_at: i64, action: &Action, outcome: Option<&Outcome>) -> Step {
        let json = |value| serde_json::to_value(value).expect("it can be written");
        Step {
            run: RunId(1),
            position,
            decision: 0,
            name: format!("step-{position}"),
            phase: match outcome {
                Some(_) => StepPhase::Done,
                None => StepPhase::Pending,
            },
            action: serde_json::to_value(action).expect("it can be written"),
            outcome: outcome.map(json),
            started_at: Timestamp(0),
            finished_at: outcome.map(|_| Timestamp(ended_at)),
        }
    }

    fn exec() -> Action {
        Action::Exec(ExecStep {
            command: "make".into(),
            time_limit_ms: None,
        })
    }

    fn exited(code: i32) -> Outcome {
        Outcome::Exec(ExecOutcome {
            exit: Exit::Code(code),
            tail: String::new(),
            errors: String::new(),
            fingerprint: String::new(),
            infrastructure: None,
        })
    }

    fn agent() -> (Action, Outcome) {
        let action = Action::Agent(AgentStep {
            agent: "agent-shell".into(),
            prompt: "mend it".into(),
            instruction: None,
            role: None,
            writes: true,
        });
        let outcome = Outcome::Agent(AgentOutcome {
            exit: Exit::Code(0),
            completed: true,
            summary: String::new(),
            changed: true,
        });
        (action, outcome)
    }

    fn positions(steps: &[Step]) -> Vec<u32> {
        let made = made(steps).expect("they can be read");
        made.iter().map(|(step, _)| step.position).collect()
    }

    #[test]
    fn what_passed_since_the_last_agent_counts_in_the_order_of_the_ends() {
        let (works, worked) = agent();
        let (passes, fails) = (exited(0), exited(1));
        let failed = Outcome::Failed("the engine went away".into());
        let steps = [
            step(0, 10, &exec(), Some(&passes)),
            step(1, 20, &works, Some(&worked)),
            // Of one decision: the second had its turn first.
            step(2, 40, &exec(), Some(&passes)),
            step(3, 30, &exec(), Some(&passes)),
            step(4, 50, &exec(), Some(&fails)),
            step(5, 60, &exec(), Some(&failed)),
            // An agent that could not be carried out took nothing away.
            step(6, 70, &works, Some(&failed)),
            step(7, 80, &exec(), None),
        ];
        assert_eq!(positions(&steps), [3, 2]);
        assert_eq!(positions(&steps[..1]), [0]);
        assert_eq!(positions(&steps[..2]), Vec::<u32>::new());
    }
}

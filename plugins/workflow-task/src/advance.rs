//! The transitions, one function for each step that may have ended.

use crate::bindings::exports::sortie::workflow::workflow::{
    Action, AdvanceResult, AgentOutcome, AgentStep, ApprovalOutcome, ApprovalStep, Context,
    Decision, ExecOutcome, ExecStep, Exit, HaltReason, Outcome, PublishMode, PublishOutcome,
    PublishStep, ScanOutcome, ScanStep, Severity, Start, Step, StepResult,
};
use crate::options::Options;
use crate::prompts::{self, Failed};
use crate::stage::{Failure, Stage, State};
use crate::{plan, words};

/// The role of an agent that plans.
const PLAN: &str = "plan";
/// The role of an agent that is to find the cause of a failure.
const DEBUG: &str = "debug";

/// What comes next, and what is remembered for it.
enum Next {
    Run(Stage, Step),
    End(Decision),
}

/// Decides from the state before and the outcome of its one step.
pub(crate) fn advance(
    context: &Context,
    options: Options,
    state: &[u8],
    results: Vec<StepResult>,
) -> AdvanceResult {
    if state.is_empty() && results.is_empty() {
        return begin(context, options);
    }
    let Some(mut state_now) = State::decode(state) else {
        return end(
            state,
            other("the stored state is not one of this workflow's; retry the job"),
        );
    };
    match next(context, options, &mut state_now, results) {
        Next::Run(stage, step) => run(State { stage, ..state_now }.encode(), step),
        Next::End(decision) => end(state, decision),
    }
}

fn begin(context: &Context, options: Options) -> AdvanceResult {
    let planned = options.plan && context.start != Start::Publish;
    let state = State::first(match planned {
        true => Stage::Plan,
        false => Stage::Agent,
    });
    let next = match context.start {
        // A person looked at the work and wants no agent to touch it again.
        Start::Publish => verify(context, &state, 0),
        _ if planned => Next::Run(Stage::Plan, planner(context)),
        _ => Next::Run(Stage::Agent, builder(context, &state)),
    };
    match next {
        Next::Run(stage, step) => run(State { stage, ..state }.encode(), step),
        Next::End(decision) => end(&[], decision),
    }
}

/// The end of a run whose operator set what cannot be.
pub(crate) fn refuse(state: &[u8], why: &str) -> AdvanceResult {
    end(state, other(why))
}

fn next(context: &Context, options: Options, state: &mut State, results: Vec<StepResult>) -> Next {
    let expected = id(state);
    let outcome = match <[StepResult; 1]>::try_from(results) {
        Ok([result]) if result.id == expected => result.outcome,
        _ => return mismatch(&expected),
    };
    match (&state.stage, outcome) {
        // The host could not carry the step out: nothing about the work.
        (_, Outcome::Failed(why)) => Next::End(Decision::Retry([&expected, ": ", &why].concat())),
        (Stage::Plan, Outcome::Agent(outcome)) => after_plan(context, state, &outcome),
        (Stage::Agent, Outcome::Agent(outcome)) => {
            state.summary = words::head(&outcome.summary).into();
            after_agent(context, state, &outcome)
        }
        (&Stage::Verify(index), Outcome::Exec(outcome)) => {
            after_verify(context, options, state, index, &outcome)
        }
        (Stage::Scan, Outcome::Scan(found)) => after_scan(context, &state.summary, &found),
        (Stage::Approval, Outcome::Approval(decided)) => {
            after_approval(context, &state.summary, decided)
        }
        (Stage::Publish, Outcome::Publish(published)) => {
            Next::End(finished(&state.summary, &published))
        }
        _ => mismatch(&expected),
    }
}

/// A plan is a help, not a gate: without one the task is the only step.
fn after_plan(context: &Context, state: &mut State, outcome: &AgentOutcome) -> Next {
    if outcome.completed {
        state.plan = plan::read(&outcome.summary).unwrap_or_default();
    }
    state.round = 1;
    Next::Run(Stage::Agent, builder(context, state))
}

/// An agent ended as it says itself: some exit with 0 after a failure, some with
/// another status after their work. What the work is worth is verified anyway.
fn after_agent(context: &Context, state: &State, outcome: &AgentOutcome) -> Next {
    let failed = |how: &str| {
        let account = words::head(&outcome.summary);
        let gap = if account.is_empty() { "" } else { "\n" };
        Next::End(Decision::Halt(HaltReason::AgentFailed(
            ["the agent ", how, gap, account].concat(),
        )))
    };
    match &outcome.exit {
        _ if outcome.completed && !outcome.changed => Next::End(Decision::Halt(
            HaltReason::NoChanges("the agent finished and changed nothing".into()),
        )),
        _ if outcome.completed => verify(context, state, 0),
        Exit::Code(0) => failed("says that it did not finish its task"),
        exit => failed(&words::ended(exit)),
    }
}

fn after_verify(
    context: &Context,
    options: Options,
    state: &mut State,
    index: u32,
    outcome: &ExecOutcome,
) -> Next {
    if outcome.exit == Exit::Code(0) {
        return match index.checked_add(1) {
            Some(following) => verify(context, state, following),
            None => mismatch("verify"),
        };
    }
    let command = command(context, index).unwrap_or_default();
    let ended = words::ended(&outcome.exit);
    let said = |more: &str| ["`", words::head(command), "` ", &ended, more].concat();
    // No agent can mend what is wrong with the machine or the image.
    if let Some(why) = &outcome.infrastructure {
        let why = [": ", words::head(why), "\n", &outcome.tail].concat();
        return Next::End(Decision::Halt(HaltReason::InfrastructureFailed(said(&why))));
    }
    state.failure = state.failure.followed_by(index, outcome);
    let allowed = match context.start {
        Start::Publish => 0,
        Start::Base | Start::Continue => options.rounds,
    };
    if state.round > allowed {
        let rounds = match allowed {
            0 => String::new(),
            rounds => [", also after ", &rounds.to_string(), " rounds of repair"].concat(),
        };
        return Next::End(Decision::Halt(HaltReason::VerificationFailed(said(
            &[&rounds, "\n", &outcome.tail].concat(),
        ))));
    }
    state.round += 1;
    let errors = match outcome.errors.is_empty() {
        true => words::tail(&outcome.tail),
        false => &outcome.errors,
    };
    let failed = Failed {
        command,
        ended: &ended,
        errors,
        times: state.failure.times,
    };
    let prompt = prompts::repair(context, &state.plan, &failed);
    Next::Run(Stage::Agent, writer(context, state, prompt))
}

impl Failure {
    /// This failure after the one before: counted on when it is the same.
    fn followed_by(&self, index: u32, outcome: &ExecOutcome) -> Self {
        // What cannot be recognised is never the same again.
        if outcome.fingerprint.is_empty() {
            return Self::default();
        }
        let mark = [&index.to_string(), ":", words::head(&outcome.fingerprint)].concat();
        let times = match mark == self.mark {
            true => self.times.saturating_add(1),
            false => 1,
        };
        Self { mark, times }
    }
}

fn after_scan(context: &Context, summary: &str, found: &ScanOutcome) -> Next {
    let flagged = match context.review_from {
        Severity::Info => [found.info, found.warn, found.block].iter().any(|&n| n > 0),
        Severity::Warn => found.warn > 0 || found.block > 0,
        Severity::Block => found.block > 0,
    };
    if flagged {
        return ask(
            Stage::Approval,
            Action::Approval(ApprovalStep {
                question: words::question(found, !matches!(context.publish, PublishMode::None)),
                review: true,
            }),
        );
    }
    publish(context, summary)
}

fn after_approval(context: &Context, summary: &str, decided: ApprovalOutcome) -> Next {
    match decided {
        ApprovalOutcome::Approved => publish(context, summary),
        ApprovalOutcome::Rejected => Next::End(Decision::Reject(
            "a person rejected the result; nothing was published".into(),
        )),
        ApprovalOutcome::Expired => Next::End(Decision::Halt(HaltReason::ApprovalExpired(
            "nobody decided in time; nothing was published".into(),
        ))),
    }
}

fn finished(summary: &str, published: &PublishOutcome) -> Decision {
    let commit = published
        .commit
        .get(..12)
        .unwrap_or(published.commit.as_str());
    let gap = if summary.is_empty() { "" } else { "\n" };
    Decision::Finish(["pushed ", commit, " to ", &published.branch, gap, summary].concat())
}

fn planner(context: &Context) -> Step {
    Step {
        id: PLAN.into(),
        action: Action::Agent(AgentStep {
            agent: context.agent.clone(),
            prompt: prompts::plan(context),
            instruction: Some(context.task.clone()),
            role: Some(PLAN.into()),
            writes: false,
        }),
    }
}

fn builder(context: &Context, state: &State) -> Step {
    writer(context, state, prompts::build(context, &state.plan))
}

fn writer(context: &Context, state: &State, prompt: String) -> Step {
    Step {
        id: id(&State {
            stage: Stage::Agent,
            ..state.clone()
        }),
        action: Action::Agent(AgentStep {
            agent: context.agent.clone(),
            prompt,
            instruction: Some(context.task.clone()),
            role: state.debugs().then(|| DEBUG.into()),
            writes: true,
        }),
    }
}

/// The verification command of this index, or the scan after the last.
fn verify(context: &Context, state: &State, index: u32) -> Next {
    let stage = Stage::Verify(index);
    match command(context, index) {
        Some(command) => Next::Run(
            stage,
            Step {
                id: id(&State {
                    stage,
                    ..state.clone()
                }),
                action: Action::Exec(ExecStep {
                    command: command.into(),
                    time_limit_ms: None,
                }),
            },
        ),
        None => ask(
            Stage::Scan,
            Action::Scan(ScanStep {
                scanners: context.scanners.clone(),
            }),
        ),
    }
}

/// Reached only from a clean scan or an approval.
fn publish(context: &Context, summary: &str) -> Next {
    match context.publish {
        PublishMode::Branch => ask(
            Stage::Publish,
            Action::Publish(PublishStep {
                branch: context.branch.clone(),
            }),
        ),
        PublishMode::None => {
            let gap = if summary.is_empty() { "" } else { "\n" };
            Next::End(Decision::Finish(
                ["done; the project publishes nothing", gap, summary].concat(),
            ))
        }
    }
}

fn ask(stage: Stage, action: Action) -> Next {
    let id = id(&State::first(stage));
    Next::Run(stage, Step { id, action })
}

fn command(context: &Context, index: u32) -> Option<&str> {
    let index = usize::try_from(index).ok()?;
    context.verify.get(index).map(String::as_str)
}

/// The name of the step that is under way: `agent`, then `agent-2`, or `debug-4`
/// where it is to find a cause; `verify-1` for the first command, `verify-2-1`
/// for the same in the second round.
fn id(state: &State) -> String {
    let round = state.round;
    match state.stage {
        Stage::Plan => PLAN.into(),
        Stage::Agent => match (state.debugs(), round) {
            (false, ..=1) => "agent".into(),
            (false, round) => ["agent-", &round.to_string()].concat(),
            (true, round) => [DEBUG, "-", &round.to_string()].concat(),
        },
        Stage::Verify(index) => {
            let number = u64::from(index).saturating_add(1).to_string();
            match round {
                ..=1 => ["verify-", &number].concat(),
                round => ["verify-", &round.to_string(), "-", &number].concat(),
            }
        }
        Stage::Scan => "scan".into(),
        Stage::Approval => "approval".into(),
        Stage::Publish => "publish".into(),
    }
}

fn mismatch(expected: &str) -> Next {
    Next::End(other(
        &[
            "the host did not answer the step `",
            expected,
            "`; retry the job",
        ]
        .concat(),
    ))
}

fn other(why: &str) -> Decision {
    Decision::Halt(HaltReason::Other(why.into()))
}

fn run(state: Vec<u8>, step: Step) -> AdvanceResult {
    AdvanceResult {
        state,
        decision: Decision::Run(vec![step]),
    }
}

fn end(state: &[u8], decision: Decision) -> AdvanceResult {
    AdvanceResult {
        state: state.into(),
        decision,
    }
}

//! The transitions, one function for each step that may have ended.

use crate::bindings::exports::sortie::workflow::workflow::{
    Action, AdvanceResult, AgentOutcome, AgentStep, ApprovalOutcome, ApprovalStep, Context,
    Decision, ExecOutcome, ExecStep, Exit, HaltReason, Outcome, PublishMode, PublishOutcome,
    PublishStep, ScanOutcome, ScanStep, Severity, Step, StepResult,
};
use crate::stage::{Stage, State};
use crate::words;

/// What comes next, and what is remembered for it.
enum Next {
    Run(Stage, Step),
    End(Decision),
}

/// Decides from the state before and the outcome of its one step.
pub(crate) fn advance(context: &Context, state: &[u8], results: Vec<StepResult>) -> AdvanceResult {
    if state.is_empty() && results.is_empty() {
        let first = State {
            stage: Stage::Agent,
            summary: String::new(),
        };
        return run(first.encode(), agent(context));
    }
    let Some(mut before) = State::decode(state) else {
        return end(
            state,
            other("the stored state is not one of this workflow's; retry the job"),
        );
    };
    match next(context, &mut before, results) {
        Next::Run(stage, step) => run(State { stage, ..before }.encode(), step),
        Next::End(decision) => end(state, decision),
    }
}

fn next(context: &Context, state: &mut State, results: Vec<StepResult>) -> Next {
    let expected = id(&state.stage);
    let outcome = match <[StepResult; 1]>::try_from(results) {
        Ok([result]) if result.id == expected => result.outcome,
        _ => return mismatch(&expected),
    };
    match (&state.stage, outcome) {
        // The host could not carry the step out: nothing about the work.
        (_, Outcome::Failed(why)) => Next::End(Decision::Retry([&expected, ": ", &why].concat())),
        (Stage::Agent, Outcome::Agent(outcome)) => {
            let next = after_agent(context, &outcome);
            state.summary = words::head(&outcome.summary).into();
            next
        }
        (&Stage::Verify(index), Outcome::Exec(outcome)) => after_verify(context, index, &outcome),
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

fn after_agent(context: &Context, outcome: &AgentOutcome) -> Next {
    let failed = |how: &str| {
        let account = words::head(&outcome.summary);
        let gap = if account.is_empty() { "" } else { "\n" };
        Next::End(Decision::Halt(HaltReason::AgentFailed(
            ["the agent ", how, gap, account].concat(),
        )))
    };
    match outcome.exit {
        Exit::Code(0) if !outcome.completed => failed("says that it did not finish its task"),
        Exit::Code(0) if !outcome.changed => Next::End(Decision::Halt(HaltReason::NoChanges(
            "the agent finished and changed nothing".into(),
        ))),
        Exit::Code(0) => verify(context, 0),
        _ => failed(&words::ended(&outcome.exit)),
    }
}

fn after_verify(context: &Context, index: u32, outcome: &ExecOutcome) -> Next {
    if outcome.exit == Exit::Code(0) {
        return match index.checked_add(1) {
            Some(following) => verify(context, following),
            None => mismatch("verify"),
        };
    }
    let command = command(context, index).unwrap_or_default();
    Next::End(Decision::Halt(HaltReason::VerificationFailed(
        [
            "`",
            words::head(command),
            "` ",
            &words::ended(&outcome.exit),
            "\n",
            &outcome.tail,
        ]
        .concat(),
    )))
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
                question: words::question(found),
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

fn agent(context: &Context) -> Step {
    Step {
        id: id(&Stage::Agent),
        action: Action::Agent(AgentStep {
            agent: context.agent.clone(),
            prompt: context.task.clone(),
            writes: true,
        }),
    }
}

/// The verification command of this index, or the scan after the last.
fn verify(context: &Context, index: u32) -> Next {
    match command(context, index) {
        Some(command) => ask(
            Stage::Verify(index),
            Action::Exec(ExecStep {
                command: command.into(),
                time_limit_ms: None,
            }),
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
    let id = id(&stage);
    Next::Run(stage, Step { id, action })
}

fn command(context: &Context, index: u32) -> Option<&str> {
    let index = usize::try_from(index).ok()?;
    context.verify.get(index).map(String::as_str)
}

/// The name of a stage's step; people count verifications from 1.
fn id(stage: &Stage) -> String {
    match stage {
        Stage::Agent => "agent".into(),
        Stage::Verify(index) => {
            ["verify-", &u64::from(*index).saturating_add(1).to_string()].concat()
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

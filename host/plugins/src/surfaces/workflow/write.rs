//! From the host's records to what a workflow plugin is told. Never checks or
//! cuts: what the host says fits already.

use super::{
    ApprovalOutcome, Context, Exit, Outcome, PublishMode, Severity, StartMode, StepResult,
};
use crate::bindings::workflow::exports::sortie::workflow::workflow as wit;

impl From<Context> for wit::Context {
    fn from(context: Context) -> Self {
        Self {
            job: context.job,
            attempt: context.attempt,
            task: context.task,
            project: context.project,
            agent: context.agent,
            verify: context.verify,
            detected: context.detected,
            conventions: context.conventions,
            scanners: context.scanners,
            review_from: match context.review_from {
                Severity::Info => wit::Severity::Info,
                Severity::Warn => wit::Severity::Warn,
                Severity::Block => wit::Severity::Block,
            },
            publish: match context.publish {
                PublishMode::None => wit::PublishMode::None,
                PublishMode::Branch => wit::PublishMode::Branch,
            },
            branch: context.branch,
            start: match context.start {
                StartMode::Base => wit::Start::Base,
                StartMode::Continue => wit::Start::Continue,
                StartMode::Publish => wit::Start::Publish,
            },
        }
    }
}

impl From<Exit> for wit::Exit {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Code(code) => Self::Code(code),
            Exit::Signal(signal) => Self::Signal(signal),
            Exit::TimedOut => Self::TimedOut,
            Exit::Stopped(why) => Self::Stopped(why),
        }
    }
}

impl From<StepResult> for wit::StepResult {
    fn from(result: StepResult) -> Self {
        let outcome = match result.outcome {
            Outcome::Agent(ended) => wit::Outcome::Agent(wit::AgentOutcome {
                exit: ended.exit.into(),
                completed: ended.completed,
                summary: ended.summary,
                changed: ended.changed,
            }),
            Outcome::Exec(ended) => wit::Outcome::Exec(wit::ExecOutcome {
                exit: ended.exit.into(),
                tail: ended.tail,
                errors: ended.errors,
                fingerprint: ended.fingerprint,
                infrastructure: ended.infrastructure,
            }),
            Outcome::Scan(found) => wit::Outcome::Scan(wit::ScanOutcome {
                info: found.info,
                warn: found.warn,
                block: found.block,
            }),
            Outcome::Approval(decided) => wit::Outcome::Approval(match decided {
                ApprovalOutcome::Approved => wit::ApprovalOutcome::Approved,
                ApprovalOutcome::Rejected => wit::ApprovalOutcome::Rejected,
                ApprovalOutcome::Expired => wit::ApprovalOutcome::Expired,
            }),
            Outcome::Publish(ended) => wit::Outcome::Publish(wit::PublishOutcome {
                branch: ended.branch,
                commit: ended.commit,
            }),
            Outcome::Done => wit::Outcome::Done,
            Outcome::Failed(why) => wit::Outcome::Failed(why),
            Outcome::Other(json) => wit::Outcome::Other(json),
        };
        Self {
            id: result.id,
            outcome,
        }
    }
}

//! Between the words of the host and the words of the plugins. Pure.

use crate::backoff;
use crate::drive::{Ended, RunContext, attempt_since_retry, failed};
use crate::fault::Fault;
use sortie_model::budget::{Limits, MicroUsd, Usage};
use sortie_model::halt::HaltReason;
use sortie_model::job::JobEvent;
use sortie_model::llm::{ModelApi, ModelInfo};
use sortie_plugins::surfaces::{agent, budget, workflow};
use sortie_sandbox::{StepFile, StepSpec};
use sortie_store::RunEnd;

/// What the workflow is told about the job.
pub(crate) fn context(run: &RunContext) -> workflow::Context {
    let policy = &run.job.policy;
    workflow::Context {
        job: run.job.id.0,
        attempt: run.run.attempt,
        task: run.task.clone(),
        project: run.job.project.clone(),
        agent: policy.agent.clone(),
        verify: run.verification.commands.clone(),
        detected: run.verification.detected,
        conventions: run.verification.conventions.clone(),
        scanners: policy.scanners.clone(),
        review_from: policy.review_from,
        publish: policy.publish,
        branch: run.branch.clone(),
        start: run.job.start.mode,
    }
}

/// How the job ends by this decision; none when it goes on.
pub(crate) fn ending(
    run: &RunContext,
    decision: &workflow::Decision,
) -> Result<Option<Ended>, Fault> {
    use workflow::Decision;
    let attempt = attempt_since_retry(&run.run, &run.job);
    let end = match decision {
        Decision::Run(_) => return Ok(None),
        Decision::Finish(summary) => Ended::Job(
            JobEvent::Finished,
            RunEnd {
                summary: Some(summary.clone()),
                ..RunEnd::default()
            },
        ),
        Decision::Retry(error) if attempt < run.job.policy.max_attempts => {
            let wait = backoff::delay(attempt);
            Ended::Job(
                JobEvent::Postponed {
                    not_before: run.options.clock.now().plus(wait),
                },
                failed(error.clone()),
            )
        }
        Decision::Retry(error) => Ended::Job(
            JobEvent::Failed {
                error: error.clone(),
            },
            failed(error.clone()),
        ),
        Decision::Reject(reason) => Ended::Job(
            JobEvent::Reject,
            RunEnd {
                summary: Some(reason.clone()),
                ..RunEnd::default()
            },
        ),
        Decision::Halt(why) => {
            let (reason, detail) = halt(why);
            return Err(Fault::Halt { reason, detail });
        }
        Decision::Other(what) => {
            return Err(Fault::halt(
                HaltReason::PluginFailed,
                format!("this host does not know the decision {what}"),
            ));
        }
    };
    Ok(Some(end))
}

fn halt(why: &workflow::HaltReason) -> (HaltReason, String) {
    use workflow::HaltReason as W;
    match why {
        W::VerificationFailed(detail) => (HaltReason::VerificationFailed, detail.clone()),
        W::InfrastructureFailed(detail) => (HaltReason::InfrastructureFailed, detail.clone()),
        W::NoChanges(detail) => (HaltReason::NoChanges, detail.clone()),
        W::AgentFailed(detail) => (HaltReason::AgentFailed, detail.clone()),
        W::ApprovalExpired(detail) => (HaltReason::ApprovalExpired, detail.clone()),
        W::Other(detail) => (HaltReason::Workflow, detail.clone()),
    }
}

/// Something that came out of the store or a plugin is not what it should be.
pub(crate) fn unstorable(error: serde_json::Error) -> Fault {
    Fault::halt(
        HaltReason::PluginFailed,
        format!("read or write what a workflow decided: {error}"),
    )
}

pub(crate) fn exit(exit: agent::Exit) -> workflow::Exit {
    match exit {
        agent::Exit::Code(code) => workflow::Exit::Code(code),
        agent::Exit::Signal(signal) => workflow::Exit::Signal(signal),
        agent::Exit::Stopped(why) => workflow::Exit::Stopped(why),
    }
}

/// What an agent plans, as a step of that id.
pub(crate) fn step(
    plan: agent::LaunchSpec,
    id: String,
    wall_limit_ms: u64,
    output_limit_bytes: u64,
) -> StepSpec {
    StepSpec {
        id,
        argv: plan.argv,
        env: plan.env,
        cwd: plan.cwd,
        files: plan.files.into_iter().map(file).collect(),
        stdin: plan.stdin.map(Into::into),
        wall_limit_ms,
        output_limit_bytes,
    }
}

fn file(file: agent::File) -> StepFile {
    StepFile {
        path: file.path,
        contents: file.contents.into(),
        executable: file.executable,
    }
}

pub(crate) fn limits(limits: budget::Limits) -> Limits {
    Limits {
        calls: limits.calls,
        cost_micro_usd: MicroUsd(limits.cost_micro_usd),
        time_ms: limits.time_ms,
    }
}

pub(crate) fn budget_limits(limits: Limits) -> budget::Limits {
    budget::Limits {
        calls: limits.calls,
        cost_micro_usd: limits.cost_micro_usd.0,
        time_ms: limits.time_ms,
    }
}

pub(crate) fn budget_usage(usage: Usage) -> budget::Usage {
    budget::Usage {
        calls: usage.calls,
        cost_micro_usd: usage.cost_micro_usd.0,
        time_ms: usage.time_ms,
    }
}

/// What an agent is told of its model. It never asks for embeddings.
pub(crate) fn model(model: ModelInfo) -> agent::Model {
    let api = |api| match api {
        ModelApi::ChatCompletions => Some(agent::ModelApi::ChatCompletions),
        ModelApi::Responses => Some(agent::ModelApi::Responses),
        ModelApi::Messages => Some(agent::ModelApi::Messages),
        ModelApi::Embeddings => None,
    };
    agent::Model {
        name: model.name,
        apis: model.apis.into_iter().filter_map(api).collect(),
        context_tokens: model.context_tokens,
        output_tokens: model.output_tokens,
        vision: model.vision,
    }
}

//! From what a workflow plugin says to the host's records, with the checks an
//! answer must pass. Never trusts a guest: names and sizes are refused, texts
//! for people are cut.

use std::collections::HashSet;

use super::{
    Action, Advance, AgentStep, ApprovalStep, Decision, Description, ExecStep, HaltReason,
    MAX_BRANCH_BYTES, MAX_PHASES, MAX_PROMPT_BYTES, MAX_SCANNERS, MAX_STATE_BYTES, MAX_STEPS,
    MAX_TEXT_BYTES, NotifyStep, PublishStep, ScanStep, Step, WaitStep,
};
use crate::{
    bindings::workflow::exports::sortie::workflow::workflow as wit,
    error::{At, PluginError},
    registry::is_plugin_name,
    surfaces::{MAX_NAME_BYTES, check_bytes, check_count, cut_to, is_kebab, nonsense, quote},
};

pub(crate) fn description(
    at: &At,
    description: wit::Description,
) -> Result<Description, PluginError> {
    check_count(at, "phases", description.phases.len(), MAX_PHASES)?;
    Ok(Description {
        summary: cut_to(description.summary, MAX_TEXT_BYTES),
        phases: description
            .phases
            .into_iter()
            .map(|phase| cut_to(phase, MAX_NAME_BYTES))
            .collect(),
    })
}

pub(crate) fn advance(at: &At, answer: wit::AdvanceResult) -> Result<Advance, PluginError> {
    check_bytes(at, "state", answer.state.len(), MAX_STATE_BYTES)?;
    let text = |text| cut_to(text, MAX_TEXT_BYTES);
    let decision = match answer.decision {
        wit::Decision::Run(asked) => Decision::Run(steps(at, asked)?),
        wit::Decision::Finish(summary) => Decision::Finish(text(summary)),
        wit::Decision::Retry(reason) => Decision::Retry(text(reason)),
        wit::Decision::Reject(reason) => Decision::Reject(text(reason)),
        wit::Decision::Halt(reason) => Decision::Halt(match reason {
            wit::HaltReason::VerificationFailed(why) => HaltReason::VerificationFailed(text(why)),
            wit::HaltReason::InfrastructureFailed(why) => {
                HaltReason::InfrastructureFailed(text(why))
            }
            wit::HaltReason::NoChanges(why) => HaltReason::NoChanges(text(why)),
            wit::HaltReason::AgentFailed(why) => HaltReason::AgentFailed(text(why)),
            wit::HaltReason::ApprovalExpired(why) => HaltReason::ApprovalExpired(text(why)),
            wit::HaltReason::Other(why) => HaltReason::Other(text(why)),
        }),
        wit::Decision::Other(json) => Decision::Other(text(json)),
    };
    Ok(Advance {
        state: answer.state,
        decision,
    })
}

fn steps(at: &At, steps: Vec<wit::Step>) -> Result<Vec<Step>, PluginError> {
    check_count(at, "steps", steps.len(), MAX_STEPS)?;
    if steps.is_empty() {
        return Err(nonsense(at, "it asked for no step"));
    }
    let mut seen = HashSet::new();
    steps
        .into_iter()
        .map(|step| {
            if !is_kebab(&step.id) {
                return Err(nonsense(
                    at,
                    format!("the step id {} is not kebab-case", quote(&step.id)),
                ));
            }
            if !seen.insert(step.id.clone()) {
                return Err(nonsense(at, format!("two steps are named `{}`", step.id)));
            }
            Ok(Step {
                action: action(at, step.action)?,
                id: step.id,
            })
        })
        .collect()
}

fn action(at: &At, action: wit::Action) -> Result<Action, PluginError> {
    Ok(match action {
        wit::Action::Agent(step) => {
            check_bytes(at, "a prompt", step.prompt.len(), MAX_PROMPT_BYTES)?;
            let instruction = step.instruction.as_ref().map_or(0, String::len);
            check_bytes(at, "an instruction", instruction, MAX_PROMPT_BYTES)?;
            if let Some(role) = step.role.as_deref().filter(|role| !is_kebab(role)) {
                return Err(nonsense(
                    at,
                    format!("the role {} is not kebab-case", quote(role)),
                ));
            }
            Action::Agent(AgentStep {
                agent: name(at, step.agent)?,
                prompt: step.prompt,
                instruction: step.instruction,
                role: step.role,
                writes: step.writes,
            })
        }
        wit::Action::Exec(step) => {
            check_bytes(at, "a command", step.command.len(), MAX_PROMPT_BYTES)?;
            Action::Exec(ExecStep {
                command: step.command,
                time_limit_ms: step.time_limit_ms,
            })
        }
        wit::Action::Scan(step) => {
            check_count(at, "scanners", step.scanners.len(), MAX_SCANNERS)?;
            Action::Scan(ScanStep {
                scanners: step
                    .scanners
                    .into_iter()
                    .map(|scanner| name(at, scanner))
                    .collect::<Result<_, _>>()?,
            })
        }
        wit::Action::Approval(step) => Action::Approval(ApprovalStep {
            question: cut_to(step.question, MAX_TEXT_BYTES),
            review: step.review,
        }),
        wit::Action::Publish(step) => {
            check_bytes(at, "a branch", step.branch.len(), MAX_BRANCH_BYTES)?;
            Action::Publish(PublishStep {
                branch: step.branch,
            })
        }
        wit::Action::Notify(step) => Action::Notify(NotifyStep {
            message: cut_to(step.message, MAX_TEXT_BYTES),
        }),
        wit::Action::Wait(step) => Action::Wait(WaitStep {
            time_ms: step.time_ms,
        }),
        wit::Action::Other(json) => Action::Other(cut_to(json, MAX_TEXT_BYTES)),
    })
}

fn name(at: &At, name: String) -> Result<String, PluginError> {
    if is_plugin_name(&name) {
        return Ok(name);
    }
    Err(nonsense(
        at,
        format!("{} cannot be the name of a plugin", quote(&name)),
    ))
}

//! Why a job stopped before its end, and how it goes on.

use serde::{Deserialize, Serialize};

/// The closed set of reasons for an early stop. Every value has a way to
/// resume; see [`HaltReason::resume`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HaltReason {
    /// The run's metered calls are used up.
    BudgetCalls,
    /// The run's money is used up.
    BudgetCost,
    /// The run's wall-clock time is used up.
    BudgetTime,
    /// The day's money is used up, the project's or the whole host's.
    BudgetDay,
    /// The budget plugin said no.
    BudgetDenied,
    /// The agent did not finish its task.
    AgentFailed,
    /// The agent said nothing for too long.
    AgentStalled,
    /// The agent did the same thing again and again.
    AgentLooping,
    /// The agent changed nothing.
    NoChanges,
    /// The verification commands do not pass.
    VerificationFailed,
    /// The verification commands cannot be run, whatever the change.
    InfrastructureFailed,
    /// The workspace grew over its limit.
    WorkspaceFull,
    /// What came out of the sandbox was refused by the host's own checks.
    ResultRefused,
    /// A gate could not judge: a scanner, workflow, budget or agent plugin
    /// trapped, ran out of a limit or is missing.
    PluginFailed,
    /// The branch stands on the remote with other work on it.
    BranchTaken,
    /// The repository cannot be worked on: unknown, empty, without the branch.
    RepositoryUnusable,
    /// Nobody decided in time.
    ApprovalExpired,
    /// The workflow stopped for a reason of its own.
    Workflow,
}

/// How a halted job goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// `sortie retry` as it is.
    Retry,
    /// `sortie retry` after what the text says.
    RetryAfter(&'static str),
}

impl HaltReason {
    /// Every reason, for documentation and tests.
    pub const ALL: [Self; 18] = [
        Self::BudgetCalls,
        Self::BudgetCost,
        Self::BudgetTime,
        Self::BudgetDay,
        Self::BudgetDenied,
        Self::AgentFailed,
        Self::AgentStalled,
        Self::AgentLooping,
        Self::NoChanges,
        Self::VerificationFailed,
        Self::InfrastructureFailed,
        Self::WorkspaceFull,
        Self::ResultRefused,
        Self::PluginFailed,
        Self::BranchTaken,
        Self::RepositoryUnusable,
        Self::ApprovalExpired,
        Self::Workflow,
    ];

    /// The stable kebab-case name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BudgetCalls => "budget-calls",
            Self::BudgetCost => "budget-cost",
            Self::BudgetTime => "budget-time",
            Self::BudgetDay => "budget-day",
            Self::BudgetDenied => "budget-denied",
            Self::AgentFailed => "agent-failed",
            Self::AgentStalled => "agent-stalled",
            Self::AgentLooping => "agent-looping",
            Self::NoChanges => "no-changes",
            Self::VerificationFailed => "verification-failed",
            Self::InfrastructureFailed => "infrastructure-failed",
            Self::WorkspaceFull => "workspace-full",
            Self::ResultRefused => "result-refused",
            Self::PluginFailed => "plugin-failed",
            Self::BranchTaken => "branch-taken",
            Self::RepositoryUnusable => "repository-unusable",
            Self::ApprovalExpired => "approval-expired",
            Self::Workflow => "workflow",
        }
    }

    /// Whether it is the run's budget that is used up, which a person may
    /// raise.
    pub fn is_budget(self) -> bool {
        matches!(
            self,
            Self::BudgetCalls | Self::BudgetCost | Self::BudgetTime
        )
    }

    /// The way back in.
    pub fn resume(self) -> Resume {
        match self {
            Self::AgentFailed | Self::NoChanges | Self::ApprovalExpired | Self::Workflow => {
                Resume::Retry
            }
            Self::AgentStalled | Self::AgentLooping => Resume::RetryAfter(
                "read the log for what it was at; make the task clearer or smaller",
            ),
            Self::BudgetCalls | Self::BudgetCost | Self::BudgetTime => {
                Resume::RetryAfter("choose a larger budget with `--budget`, or raise the ceiling")
            }
            Self::BudgetDay => Resume::RetryAfter(
                "wait for the next day (UTC), or raise limits.project_day_usd or \
                 limits.host_day_usd",
            ),
            Self::BudgetDenied => Resume::RetryAfter("change the budget plugin's configuration"),
            Self::VerificationFailed => {
                Resume::RetryAfter("make the task clearer or mend the verification commands")
            }
            Self::InfrastructureFailed => Resume::RetryAfter(
                "mend what it names: the image, the allowed hosts or the commands",
            ),
            Self::WorkspaceFull => Resume::RetryAfter("raise sandbox.workspace_mib"),
            Self::ResultRefused => {
                Resume::RetryAfter("read the refusal; raise the git limit it names if it is yours")
            }
            Self::PluginFailed => Resume::RetryAfter("mend or replace the plugin the error names"),
            Self::BranchTaken => Resume::RetryAfter("delete or rename the branch on the remote"),
            Self::RepositoryUnusable => {
                Resume::RetryAfter("mend the repository, its base branch or its credentials")
            }
        }
    }
}

impl std::fmt::Display for HaltReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_serde_and_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for reason in HaltReason::ALL {
            let json = serde_json::to_string(&reason).expect("a unit variant serialises");
            assert_eq!(json, format!("\"{}\"", reason.as_str()));
            assert!(seen.insert(reason.as_str()));
        }
    }
}

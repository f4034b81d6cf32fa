//! A repository and the policy that holds for work on it.

use crate::budget::Limits;
use crate::egress::EgressPolicy;
use crate::finding::Severity;
use crate::guard::Guard;
use crate::llm::ModelPolicy;
use serde::{Deserialize, Serialize};

/// How a result leaves the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishMode {
    /// It does not: the result stays in the host's mirror.
    None,
    /// A branch is pushed.
    Branch,
}

/// Among a project's scanners: each that is installed and not disabled.
pub const EVERY_SCANNER: &str = "*";

/// A repository and its policy, as the operator configured it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// The name people use.
    pub name: String,
    /// The remote, without credentials.
    pub repository: String,
    /// The branch work starts from; none for the remote's default branch.
    pub base_branch: Option<String>,
    /// The policy.
    pub policy: Policy,
}

/// What holds for every job of a project. Stored with each job when it is
/// submitted, so that a later change of configuration never changes a job
/// under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The workflow plugin.
    pub workflow: String,
    /// The agent plugin.
    pub agent: String,
    /// The budget plugin.
    pub budget_plugin: String,
    /// The budget profile; none for the plugin's default.
    pub budget_profile: Option<String>,
    /// The host's own ceiling over any budget.
    pub ceiling: Limits,
    /// Verification commands, in order, each for `sh -c`.
    pub verify: Vec<String>,
    /// Whether the commands that the base commit's own files name come before
    /// those. Jobs that an older host stored go on without.
    #[serde(default)]
    pub detect: bool,
    /// Whether the base commit's tests judge a change that touches tests.
    #[serde(default)]
    pub base_tests: bool,
    /// Scanner plugins that must judge every change; [`EVERY_SCANNER`] among a
    /// project's, never among a job's, stands for all there are.
    pub scanners: Vec<String>,
    /// The least severity that asks for a person.
    pub review_from: Severity,
    /// How a result leaves.
    pub publish: PublishMode,
    /// What a published branch is named after; the job's number and a slug
    /// follow.
    pub branch_prefix: String,
    /// How many attempts a job gets when failures may pass, at least 1.
    pub max_attempts: u32,
    /// How long a person has to decide, in milliseconds.
    pub approval_expires_ms: u64,
    /// When its agent is stopped.
    #[serde(default)]
    pub guard: Guard,
    /// The image that runs start from; none for the host's own. Jobs of before
    /// there was one have none.
    #[serde(default)]
    pub image: Option<String>,
    /// What its sandboxes may reach; nothing in jobs that were stored before
    /// there was this word.
    #[serde(default)]
    pub egress: EgressPolicy,
    /// Which models the agents use. Jobs from before there were models have
    /// none.
    #[serde(default, skip_serializing_if = "ModelPolicy::is_empty")]
    pub models: ModelPolicy,
}

/// The branch of a job: prefix, number, and up to 40 characters of the task
/// made safe for a ref name.
pub fn branch_name(prefix: &str, job: crate::id::JobId, task: &str) -> String {
    const SLUG_CHARS: usize = 40;
    let mut slug = String::new();
    for c in task.chars() {
        if slug.len() >= SLUG_CHARS {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches('-');
    let slug = if slug.is_empty() { "task" } else { slug };
    format!("{}/{}/{}", prefix.trim_matches('/'), job.0, slug)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::JobId;

    #[test]
    fn branch_names_are_safe_and_short() {
        assert_eq!(
            branch_name("sortie", JobId(7), "Fix: the *login* bug!"),
            "sortie/7/fix-the-login-bug"
        );
        assert_eq!(branch_name("sortie/", JobId(7), "修复"), "sortie/7/task");
        let long = branch_name("sortie", JobId(1), &"word ".repeat(100));
        assert!(long.len() <= "sortie/1/".len() + 40);
        assert!(!long.ends_with('-'));
    }
}

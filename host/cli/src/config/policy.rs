//! From the file's words to the model's: policies with units resolved, and the
//! checks that types alone cannot make. Never looks at the machine.

use super::{CeilingConfig, Config, GuardConfig, PolicyConfig, ProjectConfig};
use sortie_gateway::tools::Detected;
use sortie_model::budget::Limits;
use sortie_model::egress::EgressPolicy;
use sortie_model::guard::{Guard, OnBudget};
use sortie_model::llm::ModelPolicy;
use sortie_model::project::{Policy, Project};
use sortie_package::signature::TrustedKeys;

const MS_PER_MINUTE: u64 = 60_000;
const MS_PER_HOUR: u64 = 3_600_000;

impl CeilingConfig {
    fn limits(&self) -> Limits {
        Limits {
            calls: self.calls,
            cost_micro_usd: self.cost_usd.0,
            time_ms: self.time_minutes.saturating_mul(MS_PER_MINUTE),
        }
    }
}

impl GuardConfig {
    fn guard(&self, on_budget: OnBudget) -> Guard {
        Guard {
            on_budget,
            idle_ms: self.idle_minutes.saturating_mul(MS_PER_MINUTE),
            tool_ms: self.tool_minutes.saturating_mul(MS_PER_MINUTE),
            same_call: self.same_call,
            same_path: self.same_path,
        }
    }
}

impl PolicyConfig {
    /// The policy these words mean, with these models.
    fn policy(&self, models: ModelPolicy) -> Policy {
        Policy {
            workflow: self.workflow.clone(),
            agent: self.agent.clone(),
            budget_plugin: self.budget_plugin.clone(),
            budget_profile: self.budget_profile.clone(),
            ceiling: self.ceiling.limits(),
            verify: self.verify.clone(),
            // What a request adds stands beside what is found, not in its place.
            detect: self.detect && self.verify.is_empty(),
            base_tests: self.base_tests,
            scanners: self.scanners.clone(),
            review_from: self.review_from,
            publish: self.publish,
            branch_prefix: self.branch_prefix.clone(),
            max_attempts: self.max_attempts,
            approval_expires_ms: self.approval_expires_hours.saturating_mul(MS_PER_HOUR),
            guard: self.guard.guard(self.on_budget),
            image: self.image.clone(),
            // Laid over it by whoever knows the machine's mirrors.
            egress: EgressPolicy::default(),
            models,
        }
    }
}

impl ProjectConfig {
    /// The defaults with this project's differences laid over them.
    fn over(&self, defaults: &PolicyConfig) -> PolicyConfig {
        let own = self.clone();
        let base = defaults.clone();
        PolicyConfig {
            workflow: own.workflow.unwrap_or(base.workflow),
            agent: own.agent.unwrap_or(base.agent),
            budget_plugin: own.budget_plugin.unwrap_or(base.budget_plugin),
            budget_profile: own.budget_profile.or(base.budget_profile),
            verify: own.verify.unwrap_or(base.verify),
            detect: own.detect.unwrap_or(base.detect),
            base_tests: own.base_tests.unwrap_or(base.base_tests),
            scanners: own.scanners.unwrap_or(base.scanners),
            review_from: own.review_from.unwrap_or(base.review_from),
            publish: own.publish.unwrap_or(base.publish),
            branch_prefix: own.branch_prefix.unwrap_or(base.branch_prefix),
            max_attempts: own.max_attempts.unwrap_or(base.max_attempts),
            approval_expires_hours: own
                .approval_expires_hours
                .unwrap_or(base.approval_expires_hours),
            on_budget: own.on_budget.unwrap_or(base.on_budget),
            guard: GuardConfig {
                idle_minutes: own.guard.idle_minutes.unwrap_or(base.guard.idle_minutes),
                tool_minutes: own.guard.tool_minutes.unwrap_or(base.guard.tool_minutes),
                same_call: own.guard.same_call.unwrap_or(base.guard.same_call),
                same_path: own.guard.same_path.unwrap_or(base.guard.same_path),
            },
            image: own.image.or(base.image),
            ceiling: CeilingConfig {
                calls: own.ceiling.calls.unwrap_or(base.ceiling.calls),
                cost_usd: own.ceiling.cost_usd.unwrap_or(base.ceiling.cost_usd),
                time_minutes: own
                    .ceiling
                    .time_minutes
                    .unwrap_or(base.ceiling.time_minutes),
            },
        }
    }
}

impl Config {
    /// The policy of repositories that no project names, on a machine that has
    /// been looked at.
    pub fn default_policy(&self, detected: &Detected) -> Policy {
        Policy {
            egress: self.egress.policy(None, detected),
            ..self.defaults.policy(self.models.policy())
        }
    }

    /// The configured projects with their policies.
    pub fn projects(&self, detected: &Detected) -> Vec<Project> {
        self.projects
            .iter()
            .map(|(name, project)| Project {
                name: name.clone(),
                repository: project.repository.clone(),
                base_branch: project.base_branch.clone(),
                policy: Policy {
                    egress: self.egress.policy(Some(&project.egress), detected),
                    ..project
                        .over(&self.defaults)
                        .policy(self.models.policy_of(&project.models))
                },
            })
            .collect()
    }

    /// Values that have the right type and still cannot work, each as
    /// `key: what to do`.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut want = |fine: bool, fault: &str| {
            if !fine {
                faults.push(fault.to_owned());
            }
        };
        want(
            self.limits.parallel >= 1 && self.limits.parallel_per_project >= 1,
            "limits: at least 1 run must be allowed, in all and per project",
        );
        want(
            self.sandbox.cpus.is_finite() && self.sandbox.cpus >= 0.1,
            "sandbox.cpus: write at least 0.1",
        );
        want(
            self.sandbox.memory_mib >= 64,
            "sandbox.memory_mib: write at least 64",
        );
        want(self.sandbox.pids >= 16, "sandbox.pids: write at least 16");
        want(
            self.sandbox.workspace_mib >= 16
                && self.sandbox.tmp_mib >= 1
                && self.sandbox.output_mib >= 1,
            "sandbox: workspace_mib must be at least 16, tmp_mib and output_mib at least 1",
        );
        want(
            self.engine.call_timeout_seconds >= 1 && self.git.network_timeout_seconds >= 1,
            "engine.call_timeout_seconds and git.network_timeout_seconds: write at least 1",
        );
        want(
            self.git.max_bundle_mib >= 1 && self.git.max_changed_paths >= 1,
            "git.max_bundle_mib and git.max_changed_paths: write at least 1",
        );
        for credential in &self.git.credentials {
            want(
                self.secrets.contains_key(&credential.secret),
                &format!(
                    "git.credentials: the secret {:?} for {} is not in [secrets]; add it there",
                    credential.secret, credential.remote
                ),
            );
        }
        let keys = TrustedKeys::parse(&self.platform.trusted_keys.join("\n"));
        let trusts_nobody = keys.as_ref().is_ok_and(TrustedKeys::is_empty)
            && self.platform.trusted_keys_file.is_none();
        if let Err(error) = keys {
            faults.push(format!("platform.trusted_keys: {error}"));
        }
        if self.platform.require_signatures && trusts_nobody {
            faults.push(
                "platform.require_signatures: nobody is trusted, so no plugin could be \
                 installed; add keys to platform.trusted_keys or name a trusted_keys_file"
                    .to_owned(),
            );
        }
        faults.extend(self.egress.faults());
        faults.extend(self.telegram.faults());
        faults.extend(self.digest.faults());
        faults.extend(self.web.faults(|name| self.secrets.contains_key(name)));
        let mut policies = vec![("models".to_owned(), self.models.policy())];
        policies.extend(self.projects.iter().map(|(name, project)| {
            (
                format!("projects.{name}.models"),
                // What a project takes over is named where it is said.
                ModelPolicy {
                    default: project.models.default.clone(),
                    roles: project.models.roles.clone(),
                    allow: project.models.allow.clone().unwrap_or_default(),
                },
            )
        }));
        faults.extend(super::models::faults(
            &self.providers,
            &self.models,
            &policies,
            |secret| self.secrets.contains_key(secret),
        ));
        faults.extend(policy_faults("defaults", &self.defaults));
        for (name, project) in &self.projects {
            let key = format!("projects.{name}");
            if project.repository.trim().is_empty() {
                faults.push(format!("{key}.repository: write the remote's URL"));
            }
            faults.extend(policy_faults(&key, &project.over(&self.defaults)));
            faults.extend(project.egress.faults(&format!("{key}.egress")));
        }
        faults
    }
}

fn policy_faults(key: &str, policy: &PolicyConfig) -> Vec<String> {
    let mut faults = Vec::new();
    if policy.max_attempts == 0 {
        faults.push(format!("{key}.max_attempts: write at least 1"));
    }
    if policy.approval_expires_hours == 0 {
        faults.push(format!("{key}.approval_expires_hours: write at least 1"));
    }
    if policy
        .image
        .as_deref()
        .is_some_and(|image| image.trim().is_empty())
    {
        faults.push(format!(
            "{key}.image: write an image's name, or remove the key"
        ));
    }
    if policy.ceiling.time_minutes == 0 || policy.ceiling.calls == 0 {
        faults.push(format!(
            "{key}.ceiling: calls and time_minutes must be at least 1, or no job could do anything"
        ));
    }
    let guard = &policy.guard;
    if guard.idle_minutes == 0 || guard.tool_minutes == 0 {
        faults.push(format!(
            "{key}.guard: idle_minutes and tool_minutes must be at least 1, or every agent would be stopped"
        ));
    }
    if guard.same_call < 2 || guard.same_path < 2 {
        faults.push(format!(
            "{key}.guard: same_call and same_path must be at least 2: doing something once is no loop"
        ));
    }
    let prefix = policy.branch_prefix.trim_matches('/');
    let is_ref_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && !part.ends_with('.')
            && !part.ends_with(".lock")
            && !part.contains("..")
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    if !prefix.split('/').all(is_ref_part) {
        faults.push(format!(
            "{key}.branch_prefix: write letters, digits, '-', '_' and '.', in parts divided by '/'"
        ));
    }
    faults
}

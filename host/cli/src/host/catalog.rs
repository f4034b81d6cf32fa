//! The plugin host, as intake and the API see it.

use async_trait::async_trait;
use sortie_intake::{Catalog, Installed, Refused};
use sortie_model::llm::role;
use sortie_model::project::Policy;
use sortie_model::start::StartMode;
use sortie_model::surface::Surface;
use sortie_plugins::surfaces::agent::{Mode, Model, ModelApi, Task};
use sortie_plugins::surfaces::workflow::{Action, AgentStep, Context, Decision};
use sortie_plugins::{Plugins, shipped};
use sortie_sandbox::place;

/// The loaded plugins.
pub struct Loaded(pub Plugins);

#[async_trait]
impl Catalog for Loaded {
    fn installed(&self) -> Vec<Installed> {
        self.0
            .list()
            .into_iter()
            .map(|plugin| Installed {
                shipped: shipped()
                    .iter()
                    .any(|own| own.name == plugin.name && own.digest == plugin.digest),
                surfaces: plugin.surfaces.iter().map(|info| info.surface).collect(),
                name: plugin.name,
                digest: plugin.digest,
            })
            .collect()
    }

    fn has(&self, name: &str, surface: Surface) -> bool {
        self.0.has(name, surface)
    }

    async fn budget_profiles(&self, plugin: &str) -> Result<Vec<String>, String> {
        self.0
            .budget_profiles(plugin)
            .await
            .map(|profiles| profiles.into_iter().map(|profile| profile.name).collect())
            .map_err(|error| error.to_string())
    }

    /// Workflows and agents are pure, so that a job can be rehearsed: what the
    /// workflow asks first, and what the agents say to that which may only read.
    /// One that works with a model is told of one; which it will have is known to
    /// the run.
    async fn refusal(&self, policy: &Policy, task: &str) -> Option<Refused> {
        let context = rehearsed(policy, task);
        let first = self
            .0
            .workflow_advance(&policy.workflow, &context, &[], &[])
            .await;
        let Ok(Decision::Run(steps)) = first.map(|advance| advance.decision) else {
            return None;
        };
        for step in steps {
            if let Action::Agent(asked) = step.action
                && !asked.writes
            {
                let task = question(policy, &asked);
                if let Ok(Err(reason)) = self.0.agent_plan(&asked.agent, &task).await {
                    let agent = asked.agent;
                    return Some(Refused { agent, reason });
                }
            }
        }
        None
    }
}

/// What a workflow is told of a job that there is none of yet.
fn rehearsed(policy: &Policy, task: &str) -> Context {
    Context {
        job: 0,
        attempt: 1,
        task: task.to_owned(),
        project: "project".to_owned(),
        agent: policy.agent.clone(),
        verify: policy.verify.clone(),
        detected: false,
        conventions: Vec::new(),
        scanners: policy.scanners.clone(),
        review_from: policy.review_from,
        publish: policy.publish,
        branch: policy.branch_prefix.clone(),
        start: StartMode::Base,
    }
}

fn question(policy: &Policy, asked: &AgentStep) -> Task {
    let instruction = asked.instruction.as_ref().unwrap_or(&asked.prompt);
    Task {
        prompt: asked.prompt.clone(),
        instruction: instruction.clone(),
        mode: Mode::ReadOnly,
        role: asked.role.as_deref().unwrap_or(role::BUILD).to_owned(),
        workspace: place::REPO.to_owned(),
        home: place::HOME.to_owned(),
        model_endpoint: Some(format!("http://{}", place::LLM)),
        model: Some(Model {
            name: "any".to_owned(),
            apis: vec![
                ModelApi::ChatCompletions,
                ModelApi::Responses,
                ModelApi::Messages,
            ],
            context_tokens: None,
            output_tokens: None,
            vision: false,
        }),
        time_limit_ms: policy.ceiling.time_ms,
        nudge: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_model::budget::{Limits, MicroUsd};
    use sortie_model::finding::Severity;
    use sortie_model::project::PublishMode;
    use sortie_plugins::PluginOptions;

    fn policy(workflow: &str, agent: &str) -> Policy {
        Policy {
            workflow: workflow.into(),
            agent: agent.into(),
            budget_plugin: "budget-profiles".into(),
            budget_profile: None,
            ceiling: Limits {
                calls: 1,
                cost_micro_usd: MicroUsd(0),
                time_ms: 60_000,
            },
            verify: Vec::new(),
            scanners: Vec::new(),
            review_from: Severity::Warn,
            publish: PublishMode::None,
            branch_prefix: "sortie".into(),
            max_attempts: 1,
            detect: false,
            base_tests: false,
            approval_expires_ms: 1,
            guard: Default::default(),
            image: None,
            egress: Default::default(),
            models: Default::default(),
        }
    }

    #[tokio::test]
    async fn a_question_is_for_an_agent_that_answers_in_prose() {
        let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
        plugins
            .load_shipped(&Default::default())
            .await
            .expect("they load");
        let catalog = Loaded(plugins);
        let asked = async |workflow, agent| {
            let policy = policy(workflow, agent);
            catalog.refusal(&policy, "where is it rounded?").await
        };
        assert_eq!(
            asked("workflow-ask", "agent-shell").await,
            Some(Refused {
                agent: "agent-shell".into(),
                reason: "this agent runs commands; give the project a coding agent: docs/AGENTS.md"
                    .into(),
            })
        );
        for agent in ["agent-pi", "agent-claude", "agent-codex", "agent-opencode"] {
            assert_eq!(asked("workflow-ask", agent).await, None, "{agent}");
        }
        assert_eq!(asked("workflow-task", "agent-shell").await, None);
        assert_eq!(asked("workflow-task", "nobody").await, None);
    }
}

//! The words of `[defaults]` and `[projects]`: a job's policy, its guard and
//! its ceiling, and where a project differs. Only shapes and defaults; nothing
//! here is checked or resolved.

use super::{ProjectEgressConfig, ProjectModelsConfig, Usd};
use schemars::JsonSchema;
use serde::Deserialize;
use sortie_model::finding::Severity;
use sortie_model::guard::OnBudget;
use sortie_model::people::Level;
use sortie_model::project::{EVERY_SCANNER, PublishMode};

/// The policy of a job.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// The workflow plugin.
    pub workflow: String,
    /// The agent plugin.
    pub agent: String,
    /// The budget plugin.
    pub budget_plugin: String,
    /// One of the budget plugin's profiles.
    pub budget_profile: Option<String>,
    /// Commands that must pass before anything is published.
    pub verify: Vec<String>,
    /// Whether, without such commands, those that the repository's own files
    /// name are used.
    pub detect: bool,
    /// Whether a change that touches tests is judged by the base commit's.
    pub base_tests: bool,
    /// Scanner plugins that judge every change; `*` stands for each that is
    /// installed and not disabled.
    pub scanners: Vec<String>,
    /// The least severity that asks for a person.
    #[schemars(with = "String", extend("enum" = ["info", "warn", "block"]))]
    pub review_from: Severity,
    /// How a result leaves.
    #[schemars(with = "String", extend("enum" = ["none", "branch"]))]
    pub publish: PublishMode,
    /// What published branches are named after.
    pub branch_prefix: String,
    /// How many attempts a job gets when failures may pass.
    #[schemars(range(min = 1))]
    pub max_attempts: u32,
    /// How long a person has to decide, in hours.
    #[schemars(range(min = 1))]
    pub approval_expires_hours: u64,
    /// What happens when the budget is used up.
    #[schemars(with = "String", extend("enum" = ["ask", "halt"]))]
    pub on_budget: OnBudget,
    /// The image that runs start from, instead of the engine's.
    pub image: Option<String>,
    /// The host's own ceiling over any budget.
    pub ceiling: CeilingConfig,
    /// When an agent counts as stuck.
    pub guard: GuardConfig,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            workflow: "workflow-task".into(),
            agent: "agent-shell".into(),
            budget_plugin: "budget-profiles".into(),
            budget_profile: None,
            verify: Vec::new(),
            detect: true,
            base_tests: true,
            scanners: vec![EVERY_SCANNER.into()],
            review_from: Severity::Warn,
            publish: PublishMode::Branch,
            branch_prefix: "sortie".into(),
            max_attempts: 3,
            approval_expires_hours: 72,
            on_budget: OnBudget::Ask,
            image: None,
            ceiling: CeilingConfig::default(),
            guard: GuardConfig::default(),
        }
    }
}

/// When an agent counts as stuck and is stopped.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GuardConfig {
    /// Minutes without a word outside of a tool.
    #[schemars(range(min = 1))]
    pub idle_minutes: u64,
    /// Minutes without a word inside of a tool.
    #[schemars(range(min = 1))]
    pub tool_minutes: u64,
    /// The same call so often in a row.
    #[schemars(range(min = 2))]
    pub same_call: u32,
    /// Calls on the same path so often in a row.
    #[schemars(range(min = 2))]
    pub same_path: u32,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            idle_minutes: 5,
            tool_minutes: 15,
            same_call: 12,
            same_path: 8,
        }
    }
}

/// The host's own ceiling over any budget.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CeilingConfig {
    /// Metered calls.
    pub calls: u32,
    /// Money, in US dollars.
    pub cost_usd: Usd,
    /// Wall-clock time, in minutes.
    #[schemars(range(min = 1))]
    pub time_minutes: u64,
}

impl Default for CeilingConfig {
    fn default() -> Self {
        Self {
            calls: 200,
            cost_usd: Usd::dollars(5),
            time_minutes: 120,
        }
    }
}

/// A repository, and where its policy differs from the defaults.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectConfig {
    /// The remote, without credentials.
    pub repository: String,
    /// The branch work starts from; without it, the remote's default branch.
    pub base_branch: Option<String>,
    /// See `[defaults]`.
    pub workflow: Option<String>,
    /// See `[defaults]`.
    pub agent: Option<String>,
    /// See `[defaults]`.
    pub budget_plugin: Option<String>,
    /// See `[defaults]`.
    pub budget_profile: Option<String>,
    /// See `[defaults]`; replaces that list.
    pub verify: Option<Vec<String>>,
    /// See `[defaults]`.
    pub detect: Option<bool>,
    /// See `[defaults]`.
    pub base_tests: Option<bool>,
    /// See `[defaults]`; replaces that list.
    pub scanners: Option<Vec<String>>,
    /// See `[defaults]`.
    #[schemars(with = "Option<String>", extend("enum" = ["info", "warn", "block", null]))]
    pub review_from: Option<Severity>,
    /// See `[defaults]`.
    #[schemars(with = "Option<String>", extend("enum" = ["none", "branch", null]))]
    pub publish: Option<PublishMode>,
    /// See `[defaults]`.
    pub branch_prefix: Option<String>,
    /// See `[defaults]`.
    #[schemars(range(min = 1))]
    pub max_attempts: Option<u32>,
    /// See `[defaults]`.
    #[schemars(range(min = 1))]
    pub approval_expires_hours: Option<u64>,
    /// See `[defaults]`.
    #[schemars(with = "Option<String>", extend("enum" = ["ask", "halt", null]))]
    pub on_budget: Option<OnBudget>,
    /// See `[defaults]`.
    pub image: Option<String>,
    /// See `[defaults.ceiling]`.
    #[serde(default)]
    pub ceiling: ProjectCeilingConfig,
    /// See `[defaults.guard]`.
    #[serde(default)]
    pub guard: ProjectGuardConfig,
    /// How much chats hear of it.
    #[schemars(with = "Option<String>", extend("enum" = ["all", "results", "questions", "none", null]))]
    pub notify: Option<Level>,
    /// See `[egress]`.
    #[serde(default)]
    pub egress: ProjectEgressConfig,
    /// See `[models]`.
    #[serde(default)]
    pub models: ProjectModelsConfig,
}

/// Where a project's guard differs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectGuardConfig {
    /// Minutes without a word outside of a tool.
    #[schemars(range(min = 1))]
    pub idle_minutes: Option<u64>,
    /// Minutes without a word inside of a tool.
    #[schemars(range(min = 1))]
    pub tool_minutes: Option<u64>,
    /// The same call so often in a row.
    #[schemars(range(min = 2))]
    pub same_call: Option<u32>,
    /// Calls on the same path so often in a row.
    #[schemars(range(min = 2))]
    pub same_path: Option<u32>,
}

/// Where a project's ceiling differs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectCeilingConfig {
    /// Metered calls.
    pub calls: Option<u32>,
    /// Money, in US dollars.
    pub cost_usd: Option<Usd>,
    /// Wall-clock time, in minutes.
    #[schemars(range(min = 1))]
    pub time_minutes: Option<u64>,
}

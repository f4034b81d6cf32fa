//! The configuration file: its shape, its defaults, and where it is found.
//!
//! The types are the schema; `default.toml` is what `sortie init` writes and a
//! test holds it equal to the defaults. Nothing here opens a socket or reads a
//! secret.

mod egress;
mod load;
mod models;
mod money;
mod policy;
mod web;

pub use egress::{EgressConfig, ProjectEgressConfig};
pub use load::{ConfigError, Loaded, SEARCH_HELP, cache_home, load, read};
pub use models::{ModelsConfig, ProjectModelsConfig, ProviderConfig};
pub use money::Usd;
pub use web::WebConfig;

use schemars::JsonSchema;
use serde::Deserialize;
use sortie_model::finding::Severity;
use sortie_model::guard::OnBudget;
use sortie_model::project::PublishMode;
use sortie_vault::{GitCredential, SecretSource};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The commented file that `sortie init` writes.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// Everything an operator can say.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The host itself.
    pub host: HostConfig,
    /// The HTTP API.
    pub api: ApiConfig,
    /// The container engine.
    pub engine: EngineConfig,
    /// What one run's container may use.
    pub sandbox: SandboxConfig,
    /// How the host uses git.
    pub git: GitConfig,
    /// What sandboxes may reach.
    pub egress: EgressConfig,
    /// Search and fetch for agents.
    pub web: WebConfig,
    /// How many runs may fly at once.
    /// How many runs may fly at once, and what a day may cost.
    pub limits: LimitsConfig,
    /// The policy of a job, unless its project says otherwise.
    pub defaults: PolicyConfig,
    /// Providers of models by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Which models there are, and what they are used for.
    pub models: ModelsConfig,
    /// Repositories by name.
    pub projects: BTreeMap<String, ProjectConfig>,
    /// What a submitter may ask for.
    pub intake: IntakeConfig,
    /// Secrets by name.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Whose plugins are taken.
    pub platform: PlatformConfig,
    /// Configuration of plugins by name, each by its own schema.
    pub plugins: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
}

/// The host itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HostConfig {
    /// Where the host keeps its database, git mirrors, logs and token.
    pub data_dir: Option<PathBuf>,
    /// The largest diff that is shown, in bytes.
    #[schemars(range(min = 1))]
    pub diff_bytes: u64,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            data_dir: None,
            diff_bytes: 4 * 1024 * 1024,
        }
    }
}

/// The HTTP API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// The address to listen on.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7177)),
        }
    }
}

/// The container engine.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// `auto`, `unix://…`, `tcp://…` or `ssh://…`.
    pub endpoint: String,
    /// The image that runs start from.
    pub image: String,
    /// The OCI runtime, if not the engine's own.
    pub runtime: Option<String>,
    /// A folder with ca.pem, cert.pem and key.pem for tcp:// with TLS.
    pub tls_dir: Option<PathBuf>,
    /// How long one call to the engine may take, in seconds.
    #[schemars(range(min = 1, max = 3600))]
    pub call_timeout_seconds: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            endpoint: "auto".into(),
            image: "sortie-runner:base".into(),
            runtime: None,
            tls_dir: None,
            call_timeout_seconds: 60,
        }
    }
}

/// What one run's container may use.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxConfig {
    /// Memory, in MiB.
    #[schemars(range(min = 64))]
    pub memory_mib: u64,
    /// Processors.
    pub cpus: f64,
    /// Processes and threads.
    #[schemars(range(min = 16))]
    pub pids: u32,
    /// The clone and everything written beside it, in MiB.
    #[schemars(range(min = 16))]
    pub workspace_mib: u64,
    /// The number of files there.
    #[schemars(range(min = 1000))]
    pub workspace_files: u64,
    /// `/tmp`, in MiB.
    #[schemars(range(min = 1))]
    pub tmp_mib: u64,
    /// What is kept of one step's output, in MiB.
    #[schemars(range(min = 1))]
    pub output_mib: u64,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            memory_mib: 4096,
            cpus: 2.0,
            pids: 1024,
            workspace_mib: 10_240,
            workspace_files: 1_000_000,
            tmp_mib: 1024,
            output_mib: 16,
        }
    }
}

/// How the host uses git.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GitConfig {
    /// The name in the host's commits.
    pub author_name: String,
    /// The address in the host's commits.
    pub author_email: String,
    /// The most that may come out of a sandbox as a bundle, in MiB.
    #[schemars(range(min = 1))]
    pub max_bundle_mib: u64,
    /// The most paths that a change may touch, over all its commits.
    #[schemars(range(min = 1))]
    pub max_changed_paths: u32,
    /// Whether a change may add submodules or change where they come from.
    pub allow_submodules: bool,
    /// How long a fetch or a push may take, in seconds.
    #[schemars(range(min = 1))]
    pub network_timeout_seconds: u64,
    /// The private key for ssh:// remotes.
    pub ssh_key_file: Option<PathBuf>,
    /// The known hosts for ssh:// remotes.
    pub ssh_known_hosts: Option<PathBuf>,
    /// Whether the key of a host that was never seen is taken and remembered.
    pub ssh_accept_new_hosts: bool,
    /// Which secret opens which https remote.
    pub credentials: Vec<GitCredential>,
}

impl Default for GitConfig {
    fn default() -> Self {
        Self {
            author_name: "Sortie".into(),
            author_email: "sortie@localhost".into(),
            max_bundle_mib: 256,
            max_changed_paths: 50_000,
            allow_submodules: false,
            network_timeout_seconds: 1800,
            ssh_key_file: None,
            ssh_known_hosts: None,
            ssh_accept_new_hosts: false,
            credentials: Vec::new(),
        }
    }
}

/// How many runs may fly at once, and what their models may cost in a day.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// In all.
    #[schemars(range(min = 1))]
    pub parallel: u32,
    /// Per project.
    #[schemars(range(min = 1))]
    pub parallel_per_project: u32,
    /// What the models of one project may cost in a UTC day.
    pub project_day_usd: Usd,
    /// What the models of all projects may cost in a UTC day.
    pub host_day_usd: Usd,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            parallel: 2,
            parallel_per_project: 2,
            project_day_usd: Usd::dollars(20),
            host_day_usd: Usd::dollars(50),
        }
    }
}

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
    /// Scanner plugins that judge every change.
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
            scanners: vec!["reward-hacking".into()],
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

/// What a submitter may ask for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IntakeConfig {
    /// Repositories outside `[projects]` that jobs may name, as globs.
    pub allow_repositories: Vec<String>,
    /// Agents that a submitter may choose, as globs.
    pub allow_agents: Vec<String>,
    /// Workflows that a submitter may choose, as globs.
    pub allow_workflows: Vec<String>,
}

impl Default for IntakeConfig {
    fn default() -> Self {
        Self {
            allow_repositories: Vec::new(),
            allow_agents: vec!["*".into()],
            allow_workflows: vec!["workflow-ask".into()],
        }
    }
}

/// Whose plugins are taken.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlatformConfig {
    /// Public keys of those whose signatures count, one line each as
    /// `sortie plugin keygen` prints it.
    pub trusted_keys: Vec<String>,
    /// A file with more such lines.
    pub trusted_keys_file: Option<PathBuf>,
    /// Whether a plugin without a signature of one of them is refused.
    pub require_signatures: bool,
}

/// The JSON Schema of the configuration file.
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Config>()
        .to_value()
}

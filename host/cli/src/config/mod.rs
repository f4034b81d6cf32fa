//! The configuration file: its shape, its defaults, and where it is found.
//!
//! The types are the schema; `default.toml` is what `sortie init` writes and a
//! test holds it equal to the defaults. Nothing here opens a socket or reads a
//! secret.

mod egress;
mod load;
mod models;
mod money;
mod people;
mod policy;
mod project;
mod web;

pub use egress::{EgressConfig, ProjectEgressConfig};
pub use load::{ConfigError, Loaded, SEARCH_HELP, cache_home, load, read};
pub use models::{ModelsConfig, ProjectModelsConfig, ProviderConfig};
pub use money::Usd;
pub use people::{AlarmConfig, DigestConfig, TelegramConfig};
pub use project::{CeilingConfig, GuardConfig, PolicyConfig, ProjectConfig};
pub use web::WebConfig;

use schemars::JsonSchema;
use serde::Deserialize;
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
    /// The bot that people speak to.
    pub telegram: TelegramConfig,
    /// The daily digest.
    pub digest: DigestConfig,
    /// When the host raises an alarm.
    pub alarm: AlarmConfig,
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

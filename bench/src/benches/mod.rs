//! The benchmarks, one file each. A benchmark makes what it needs in a
//! directory of its own, and leaves nothing behind.

mod bare;
mod bigdiff;
mod cancel;
mod claim;
mod corpus;
mod extism;
mod hooked;
mod hooks;
mod idle;
pub mod jobs;
mod launch;
mod llm;
mod malicious;
mod plugin;
mod progress;
mod scan;
mod submit;
mod swap;
mod telegram;
mod thousand;
mod tiny;
mod tunnel;
mod wire;

use crate::program;
use crate::report::Row;
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Bench {
    /// A plugin call: fresh store, instance and scan of ten lines.
    Plugin,
    /// Durable submissions of 64 clients.
    Submit,
    /// The claim of the next job behind a million finished ones.
    Claim,
    /// From a lease to the agent's first byte of output.
    Launch,
    /// A host with nothing to do: its memory, and how fast it starts.
    Idle,
    /// What the reward-hacking scanner finds in labelled changes.
    Corpus,
    /// A scan of a 20 MB change.
    Bigdiff,
    /// Plugins that misbehave: how late they end, and what others feel of it.
    Malicious,
    /// A thousand installed plugins: their memory, and how fast a host starts.
    Thousand,
    /// A plugin that is replaced again and again while it is called.
    Swap,
    /// Tunnels through the egress proxy: how many, and how fast.
    Tunnel,
    /// A scanner's call, beside the same through extism.
    Extism,
    /// Requests to a connector, beside a static answer of `wasmtime serve`.
    Hooks,
    /// A message over Telegram: until it is answered, and how many at once.
    Telegram,
    /// A hundred running jobs that tell of their progress within Telegram's limits.
    Progress,
    /// A running job that is cancelled by chat, until its container is gone.
    Cancel,
    /// A model call through the gateway.
    Llm,
    /// A streamed answer, from inside of a sandbox.
    Wire,
}

/// What all benchmarks are given.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The root of the sources.
    pub workspace: PathBuf,
    /// A directory on a disk.
    pub scratch: PathBuf,
    /// Labelled changes.
    pub corpus: PathBuf,
    /// The image of containers.
    pub image: String,
    /// The `sortie` program, when it was given.
    pub sortie: Option<PathBuf>,
    /// Whether a tenth of the samples is enough.
    pub quick: bool,
}

/// The longest a build of `sortie` may take: from nothing, on two slow cores.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);

impl Bench {
    /// Every one, in the order of the report.
    pub const ALL: [Self; 18] = [
        Self::Plugin,
        Self::Submit,
        Self::Claim,
        Self::Launch,
        Self::Idle,
        Self::Corpus,
        Self::Bigdiff,
        Self::Malicious,
        Self::Thousand,
        Self::Swap,
        Self::Tunnel,
        Self::Extism,
        Self::Hooks,
        Self::Telegram,
        Self::Progress,
        Self::Cancel,
        Self::Llm,
        Self::Wire,
    ];

    /// The name on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Submit => "submit",
            Self::Claim => "claim",
            Self::Launch => "launch",
            Self::Idle => "idle",
            Self::Corpus => "corpus",
            Self::Bigdiff => "bigdiff",
            Self::Malicious => "malicious",
            Self::Thousand => "thousand",
            Self::Swap => "swap",
            Self::Tunnel => "tunnel",
            Self::Extism => "extism",
            Self::Hooks => "hooks",
            Self::Telegram => "telegram",
            Self::Progress => "progress",
            Self::Cancel => "cancel",
            Self::Llm => "llm",
            Self::Wire => "wire",
        }
    }

    /// Measures.
    ///
    /// # Errors
    /// When something it needs is missing, or what it measures fails.
    pub async fn measure(self, setting: &Setting) -> Result<Vec<Row>> {
        match self {
            Self::Plugin => plugin::measure(setting).await,
            Self::Submit => submit::measure(setting).await,
            Self::Claim => claim::measure(setting).await,
            Self::Launch => launch::measure(setting).await,
            Self::Idle => idle::measure(setting).await,
            Self::Corpus => corpus::measure(setting).await,
            Self::Bigdiff => bigdiff::measure(setting).await,
            Self::Malicious => malicious::measure(setting).await,
            Self::Thousand => thousand::measure(setting).await,
            Self::Swap => swap::measure(setting).await,
            Self::Tunnel => tunnel::measure(setting).await,
            Self::Extism => extism::measure(setting).await,
            Self::Hooks => hooks::measure(setting).await,
            Self::Telegram => telegram::measure(setting).await,
            Self::Progress => progress::measure(setting).await,
            Self::Cancel => cancel::measure(setting).await,
            Self::Llm => llm::measure(setting).await,
            Self::Wire => wire::measure(setting).await,
        }
    }
}

impl Setting {
    /// A directory that is removed when it is dropped.
    pub fn directory(&self, name: &str) -> Result<tempfile::TempDir> {
        tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(&self.scratch)
            .with_context(|| format!("make a directory in {}", self.scratch.display()))
    }

    /// The `sortie` program, built with all optimisations unless it was given.
    async fn sortie(&self) -> Result<PathBuf> {
        if let Some(given) = &self.sortie {
            ensure!(given.is_file(), "find {}", given.display());
            return Ok(given.clone());
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = program::program(&[cargo])?;
        build
            .args(["build", "--release", "--package", "sortie-cli"])
            .current_dir(&self.workspace);
        let built = program::finish(build, BUILD_LIMIT).await?;
        ensure!(
            built.status.success(),
            "build sortie: {}",
            built.stderr.trim()
        );
        // This program stands in `TARGET/PROFILE`, and the other in
        // `TARGET/release`.
        let own = std::env::current_exe().context("find this program")?;
        let target = own.parent().and_then(Path::parent);
        let built = target
            .context("find the target directory")?
            .join("release/sortie");
        ensure!(
            built.is_file(),
            "find {}: name it with --sortie",
            built.display()
        );
        Ok(built)
    }
}

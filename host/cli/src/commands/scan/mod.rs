//! `sortie scan`.

mod sarif;

use crate::config::{self, Loaded};
use crate::exit::{CliError, Exit};
use crate::host::{MIRRORS_DIR, options};
use crate::local;
use crate::out::{Out, Tone};
use crate::render;
use clap::ValueEnum;
use serde::Serialize;
use sortie_api::view::FindingView;
use sortie_git::{Git, GitOptions, UnifiedDiff};
use sortie_model::diff::DiffSource;
use sortie_model::finding::{Finding, Severity};
use sortie_plugins::{Plugins, shipped};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Run the scanners over a change, without a host
///
/// Takes a range of commits, or diffs from files; without either, what a push
/// would send. Exits with 0 when there is nothing at or above --fail-on, with
/// 1 when there is, with 2 when a scan was not possible.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// BASE..HEAD, BASE...HEAD (from where they parted), or BASE; without it,
    /// what a push would send
    #[arg(conflicts_with = "diff")]
    range: Option<String>,
    /// The repository [default: the one around the current directory]
    #[arg(long, value_name = "DIR", conflicts_with = "diff")]
    repo: Option<PathBuf>,
    /// A file with a diff, `-` for stdin; may be repeated
    #[arg(long, value_name = "FILE", num_args = 1..)]
    diff: Vec<PathBuf>,
    /// Write SARIF 2.1.0
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
    /// The least severity that makes the exit code 1
    #[arg(long, value_enum, default_value_t, value_name = "SEVERITY")]
    fail_on: FailOn,
    /// A scanner to run; may be repeated [default: those of the configuration]
    #[arg(long, value_name = "NAME")]
    scanner: Vec<String>,
}

/// From when on findings are a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Info,
    #[default]
    Warn,
    Block,
    Never,
}

impl FailOn {
    fn is_reached_by(self, severity: Severity) -> bool {
        match self {
            Self::Info => true,
            Self::Warn => severity >= Severity::Warn,
            Self::Block => severity >= Severity::Block,
            Self::Never => false,
        }
    }
}

/// What was scanned and what was found; a line of `--json`.
#[derive(Serialize)]
struct Scanned {
    file: String,
    findings: Vec<FindingView>,
}

/// Scans one after the other; each that cannot be scanned is reported and the
/// rest goes on.
pub async fn run(args: Args, config: Option<&Path>, out: &Out) -> Result<Exit, CliError> {
    let failed = |error: CliError| CliError {
        exit: Exit::Usage,
        ..error
    };
    let loaded = config::load(config).map_err(|error| failed(error.into()))?;
    let scanners = if args.scanner.is_empty() {
        loaded.config.defaults.scanners.clone()
    } else {
        args.scanner.clone()
    };
    let plugins = load(&loaded, &scanners).await.map_err(failed)?;
    let mut exit = Exit::Ok;
    let mut all = Vec::new();
    let options = GitOptions::new(loaded.data_dir.join(MIRRORS_DIR));
    let limit = options.limits.max_diff_bytes;
    let git = Git::new(options);
    for (name, wanted) in wanted(&args) {
        let found = match wanted.open(&git, limit).await {
            Ok(diff) => sortie_engine::scan_with(&plugins, &scanners, diff)
                .await
                .map_err(|error| CliError::failed(format!("scan {name}: {error}"))),
            Err(error) => Err(error),
        };
        match found {
            Ok(findings) => {
                let reached = findings
                    .iter()
                    .any(|f| args.fail_on.is_reached_by(f.severity));
                if reached && exit == Exit::Ok {
                    exit = Exit::Negative;
                }
                if args.sarif {
                    all.extend(findings);
                } else {
                    show(out, name, findings)?;
                }
            }
            Err(error) => {
                out.error(&failed(error));
                exit = Exit::Usage;
            }
        }
    }
    if args.sarif {
        out.json(
            &sarif::log(&plugins, &scanners, &all)
                .await
                .map_err(failed)?,
        )?;
    }
    Ok(exit)
}

/// A change to scan, before it is read.
enum Wanted<'a> {
    Range(Option<&'a Path>, Option<&'a str>),
    File(&'a Path),
}

/// What to scan, by the name it goes by.
fn wanted(args: &Args) -> Vec<(String, Wanted<'_>)> {
    let (repo, range) = (args.repo.as_deref(), args.range.as_deref());
    if args.diff.is_empty() {
        let name = range.unwrap_or("@{upstream}...HEAD").to_owned();
        return vec![(name, Wanted::Range(repo, range))];
    }
    let files = args.diff.iter();
    files
        .map(|file| (file.display().to_string(), Wanted::File(file)))
        .collect()
}

impl Wanted<'_> {
    /// Reads it; a file may be as large as a diff that the host takes from git.
    async fn open(&self, git: &Git, limit: u64) -> Result<Arc<dyn DiffSource>, CliError> {
        Ok(match *self {
            Self::Range(repo, range) => Arc::new(local::change(git, repo, range).await?),
            Self::File(file) => Arc::new(read(file, limit)?),
        })
    }
}

fn read(file: &Path, limit: u64) -> Result<UnifiedDiff, CliError> {
    let failed = |error: &dyn std::fmt::Display| {
        CliError::failed(format!("read {}: {error}", file.display()))
    };
    let parsed = if file == Path::new("-") {
        UnifiedDiff::read(std::io::stdin().lock(), 0, limit)
    } else {
        let opened = std::fs::File::open(file).map_err(|error| failed(&error))?;
        let length = opened.metadata().map_err(|error| failed(&error))?.len();
        UnifiedDiff::read(opened, length, limit)
    };
    parsed.map_err(|error| failed(&error))
}

/// The wanted scanners out of the shipped plugins.
async fn load(loaded: &Loaded, scanners: &[String]) -> Result<Plugins, CliError> {
    let plugins = options::plugins_here(None)?;
    let configs = options::plugin_configs(&loaded.config);
    for name in scanners {
        let Some(plugin) = shipped().iter().find(|plugin| plugin.name == name) else {
            let known: Vec<&str> = shipped().iter().map(|plugin| plugin.name).collect();
            return Err(CliError::usage(format!(
                "use the scanner {name:?}: it is not installed; installed plugins: {}",
                known.join(", ")
            )));
        };
        let config = configs.get(name).cloned().unwrap_or_default();
        plugins
            .load(name, plugin.wasm, config)
            .await
            .map_err(CliError::failed)?;
    }
    Ok(plugins)
}

fn show(out: &Out, file: String, findings: Vec<Finding>) -> Result<(), CliError> {
    let findings: Vec<FindingView> = findings.into_iter().map(Into::into).collect();
    if out.is_json() {
        return out.json_line(&Scanned { file, findings });
    }
    if findings.is_empty() {
        return out.line(format!("{file}: {}", out.paint(Tone::Good, "no findings")));
    }
    out.line(format!(
        "{}: {}",
        out.paint(Tone::Strong, &file),
        render::findings_summary(&findings)
    ))?;
    for finding in &findings {
        out.raw(render::finding(out, finding).as_bytes())?;
    }
    Ok(())
}

//! The command line. Doc comments here and in `commands` are its help.

use crate::commands;
use crate::exit::EXIT_CODES;
use crate::out::Color;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Sends coding agents on missions in disposable containers.
#[derive(Debug, Parser)]
#[command(name = "sortie", version, after_help = EXIT_CODES, disable_help_subcommand = false, max_term_width = 100)]
pub struct Cli {
    /// The configuration file [default: $SORTIE_CONFIG, ./sortie.toml,
    /// ~/.config/sortie/sortie.toml or /etc/sortie/sortie.toml, the first
    /// that is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write JSON: results to stdout, errors to stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Init(commands::init::Args),
    Serve(commands::serve::Args),
    Submit(commands::submit::Args),
    Ask(commands::ask::Args),
    List(commands::list::Args),
    Status(commands::status::Args),
    Logs(commands::logs::Args),
    Diff(commands::diff::Args),
    Findings(commands::findings::Args),
    Artifacts(commands::artifacts::Args),
    Approve(commands::approve::Args),
    Reject(commands::reject::Args),
    Cancel(commands::cancel::Args),
    Retry(commands::retry::Args),
    Publish(commands::publish::Args),
    Plugin(commands::plugin::Args),
    Egress(commands::egress::Args),
    Telegram(commands::telegram::Args),
    People(commands::people::Args),
    Intake(commands::intake::Args),
    Stats(commands::stats::Args),
    Secret(commands::secret::Args),
    Usage(commands::usage::Args),
    Report(commands::report::Args),
    Audit(commands::audit::Args),
    Doctor(commands::doctor::Args),
    Image(commands::image::Args),
    Scan(commands::scan::Args),
}

/// A job's number, as `42` or `#42`.
pub fn job_number(text: &str) -> Result<u64, String> {
    text.strip_prefix('#')
        .unwrap_or(text)
        .parse()
        .map_err(|_| "a job has a number, such as 42; `sortie list` shows them".to_owned())
}

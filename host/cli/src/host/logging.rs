//! The host's log, on stderr.

use clap::ValueEnum;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// Starts the log. `SORTIE_LOG` filters it, in the syntax of `RUST_LOG`.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("SORTIE_LOG").unwrap_or_else(|_| {
        // Of other crates only what an operator can act on.
        EnvFilter::new(
            "warn,sortie=info,sortie_api=info,sortie_engine=info,sortie_gateway=info,\
             sortie_git=info,sortie_intake=info,sortie_platform=info,sortie_plugins=info,sortie_sandbox=info,\
             sortie_store=info",
        )
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A log that was started before, as in tests, stays.
    let _ = match format {
        LogFormat::Human => builder
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

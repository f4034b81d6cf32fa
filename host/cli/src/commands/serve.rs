//! `sortie serve`.

use crate::config::Loaded;
use crate::exit::{CliError, Exit};
use crate::host::{self, LogFormat};

/// Run the host
///
/// Stays until SIGTERM or SIGINT. Runs under way go on in their containers
/// and are taken up by the next start. The log goes to stderr; SORTIE_LOG
/// filters it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How the log is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
}

/// Runs the host to its end.
pub async fn run(args: Args, loaded: Loaded) -> Result<Exit, CliError> {
    host::run(loaded, args.log_format).await?;
    Ok(Exit::Ok)
}

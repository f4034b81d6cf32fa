//! `sortie intake`: whether new runs begin.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render::{clock, plain};
use sortie_api::view::{IntakeView, PauseBody};

/// Let no new run begin for a while; jobs are taken in all the same, and wait
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Let no new run begin; what runs goes on
    Pause {
        /// Why, for whoever asks
        why: Option<String>,
    },
    /// Let new runs begin again
    Resume,
    /// Show whether new runs begin
    Status,
}

/// Runs the subcommand.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let view: IntakeView = match args.command {
        Command::Pause { why } => {
            let body = PauseBody { why };
            client.post("/v1/intake/pause", &body).await?
        }
        Command::Resume => client.post_empty("/v1/intake/resume").await?,
        Command::Status => client.get("/v1/intake").await?,
    };
    if out.is_json() {
        out.json(&view)?;
        return Ok(Exit::Ok);
    }
    out.line(words(&view))?;
    Ok(Exit::Ok)
}

/// Whether new runs begin, and since when and why not.
pub fn words(view: &IntakeView) -> String {
    match &view.paused {
        None => "new runs begin".to_owned(),
        Some(pause) => format!(
            "paused since {} by {}{}; `sortie intake resume` lets new runs begin",
            clock(&pause.at),
            plain(&pause.by),
            match &pause.why {
                Some(why) => format!(": {}", plain(why)),
                None => String::new(),
            }
        ),
    }
}

//! `sortie egress`: what sandboxes wanted of the outside, a person's answers,
//! and what a command would want.

mod allow;
mod deny;
mod learn;
mod list;

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render::plain;
use sortie_api::view::{EgressAnswerBody, EgressAnswerView};

/// Show what sandboxes wanted of the outside, and allow or deny it
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Args),
    Allow(allow::Args),
    Deny(deny::Args),
    Learn(learn::Args),
}

/// Runs the subcommand; `client` finds the host for those that need it.
pub async fn run(
    args: Args,
    client: impl Fn() -> Result<Client, CliError>,
    out: &Out,
) -> Result<Exit, CliError> {
    match args.command {
        Command::List(args) => list::run(args, &client()?, out).await,
        Command::Allow(args) => allow::run(args, &client()?, out).await,
        Command::Deny(args) => deny::run(args, &client()?, out).await,
        Command::Learn(args) => learn::run(args, out).await,
    }
}

/// Sends an answer and says what it means.
async fn answer(
    job: u64,
    body: EgressAnswerBody,
    client: &Client,
    out: &Out,
) -> Result<Exit, CliError> {
    let given: EgressAnswerView = client
        .post(&format!("/v1/jobs/{job}/egress"), &body)
        .await?;
    if out.is_json() {
        out.json(&given)?;
        return Ok(Exit::Ok);
    }
    let host = plain(&given.host);
    let ports = match (given.port, given.allow) {
        (Some(port), _) => format!(" at port {port}"),
        (None, true) => " at ports 443 and 80".to_owned(),
        (None, false) => String::new(),
    };
    let word = match given.allow {
        true => "may be reached",
        false => "stays shut",
    };
    let scope = match given.scope.as_str() {
        "run" => "for the run that is under way".to_owned(),
        "project" => "for the project".to_owned(),
        _ => format!("for #{job}"),
    };
    let from = match given.job_is_over && given.scope != "project" {
        true => format!(", from its next run on: `sortie retry {job}`"),
        false => ", from the next connection on".to_owned(),
    };
    out.line(format!("{host}{ports} {word} {scope}{from}"))?;
    Ok(Exit::Ok)
}

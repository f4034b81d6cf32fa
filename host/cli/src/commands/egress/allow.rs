//! `sortie egress allow`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::EgressAnswerBody;

/// Let a job's sandboxes reach a host, from the next connection on
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    job: u64,
    /// The host, or `*.` and a domain for all below it; one at an address that
    /// is not public stays shut
    host: String,
    /// The port [default: 443 and 80]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Only for the run that is under way
    #[arg(long, conflicts_with = "for_project")]
    once: bool,
    /// For every job of the project
    #[arg(long)]
    for_project: bool,
}

/// Sends the answer.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let scope = match (args.once, args.for_project) {
        (true, _) => "run",
        (_, true) => "project",
        _ => "job",
    };
    let body = EgressAnswerBody {
        host: args.host,
        port: args.port,
        allow: true,
        scope: Some(scope.to_owned()),
    };
    super::answer(args.job, body, client, out).await
}

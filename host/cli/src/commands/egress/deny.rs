//! `sortie egress deny`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::EgressAnswerBody;

/// Keep a job's sandboxes from a host, whatever the configuration allows
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    job: u64,
    /// The host, or `*.` and a domain for all below it
    host: String,
    /// The port [default: every port]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// For every job of the project
    #[arg(long)]
    for_project: bool,
}

/// Sends the answer.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let scope = match args.for_project {
        true => "project",
        false => "job",
    };
    let body = EgressAnswerBody {
        host: args.host,
        port: args.port,
        allow: false,
        scope: Some(scope.to_owned()),
    };
    super::answer(args.job, body, client, out).await
}

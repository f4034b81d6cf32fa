//! `sortie retry`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::MovedJob;

/// Start a job that ended without success again
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    id: u64,
}

/// Sends the request.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let moved: MovedJob = client
        .post_empty(&format!("/v1/jobs/{}/retry", args.id))
        .await?;
    super::moved(&moved, "queued again", "was queued before", out)
}

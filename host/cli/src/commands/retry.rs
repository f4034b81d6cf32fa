//! `sortie retry`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::{MovedJob, RetryBody, StartView};

/// Start a job that ended without success again
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    id: u64,
    /// Go on with what its last run had done, instead of from the beginning
    #[arg(long = "continue")]
    go_on: bool,
    /// Another budget profile from now on
    #[arg(long, value_name = "PROFILE")]
    budget: Option<String>,
}

/// Sends the request.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let start = match args.go_on {
        true => StartView::Continue,
        false => StartView::Base,
    };
    let body = RetryBody {
        start,
        budget: args.budget,
    };
    again(args.id, &body, client, out).await
}

/// Starts a job again.
pub(super) async fn again(
    id: u64,
    body: &RetryBody,
    client: &Client,
    out: &Out,
) -> Result<Exit, CliError> {
    let moved: MovedJob = client.post(&format!("/v1/jobs/{id}/retry"), body).await?;
    super::moved(&moved, "queued again", "was queued before", out)
}

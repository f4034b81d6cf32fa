//! `sortie approve`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::{DecisionBody, MovedJob};

/// Release a job that waits for a person
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    id: u64,
    /// The reason
    #[arg(long, short = 'm', value_name = "TEXT")]
    comment: Option<String>,
}

/// Sends the decision.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let body = DecisionBody {
        comment: args.comment,
    };
    let moved: MovedJob = client
        .post(&format!("/v1/jobs/{}/approve", args.id), &body)
        .await?;
    super::moved(&moved, "approved", "was approved before", out)
}

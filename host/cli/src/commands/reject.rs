//! `sortie reject`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::{DecisionBody, MovedJob};

/// Refuse what a job made; nothing of it is published
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
        .post(&format!("/v1/jobs/{}/reject", args.id), &body)
        .await?;
    super::moved(&moved, "rejected", "was rejected before", out)
}

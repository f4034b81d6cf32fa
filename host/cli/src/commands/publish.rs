//! `sortie publish`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::{RetryBody, StartView};

/// Publish what a job had done when it stopped, once verified and scanned
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    id: u64,
}

/// Sends the request.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let body = RetryBody {
        start: StartView::Publish,
        budget: None,
    };
    super::retry::again(args.id, &body, client, out).await
}

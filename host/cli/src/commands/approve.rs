//! `sortie approve`.

use super::decision::{self, Answer, Decision};
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;

/// Release a job that waits for a person
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    answer: Answer,
}

/// Sends the decision.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    decision::run(args.answer, Decision::Approve, client, out).await
}

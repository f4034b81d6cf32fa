//! `sortie reject`.

use super::decision::{self, Answer, Decision};
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;

/// Refuse what a job made; nothing of it is published
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    answer: Answer,
}

/// Sends the decision.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    decision::run(args.answer, Decision::Reject, None, client, out).await
}

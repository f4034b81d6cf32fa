//! `sortie approve`.

use super::decision::{self, Answer, Decision};
use crate::client::Client;
use crate::config::Usd;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::LimitsView;

/// Say yes to what a job asks: publish in spite of findings, or a larger budget
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    answer: Answer,
    /// Of a budget that is used up: how many calls to add; with any of these
    /// three, nothing else is added [default: what the question proposes]
    #[arg(long, value_name = "CALLS", help_heading = "Budget")]
    calls: Option<u32>,
    /// How many dollars to add, such as 0.50
    #[arg(long, value_name = "DOLLARS", value_parser = Usd::parse, help_heading = "Budget")]
    cost: Option<Usd>,
    /// How many minutes to add
    #[arg(long, value_name = "MINUTES", help_heading = "Budget")]
    minutes: Option<u32>,
}

impl Args {
    /// What was named, when something was.
    fn raise(&self) -> Option<LimitsView> {
        let named = self.calls.is_some() || self.cost.is_some() || self.minutes.is_some();
        named.then(|| LimitsView {
            calls: self.calls.unwrap_or(0),
            cost_micro_usd: self.cost.map_or(0, |cost| cost.0.0),
            time_ms: u64::from(self.minutes.unwrap_or(0)) * 60_000,
        })
    }
}

/// Sends the decision.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let raise = args.raise();
    decision::run(args.answer, Decision::Approve, raise, client, out).await
}

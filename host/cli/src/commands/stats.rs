//! `sortie stats`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::limits::MAX_STATS_HOURS;
use sortie_api::view::StatsView;

/// Show what was done in the last hours, what it cost, and what waits
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many hours to look back
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_STATS_HOURS)))]
    hours: u32,
}

/// Shows them.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let query = [
        ("hours", args.hours.to_string()),
        ("lines", "true".to_owned()),
    ];
    let stats: StatsView = client.get_with("/v1/stats", &query).await?;
    if out.is_json() {
        out.json(&stats)?;
    } else {
        out.line(render::stats(out, &stats))?;
    }
    Ok(Exit::Ok)
}

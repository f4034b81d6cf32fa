//! `sortie report`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::{JobList, TelemetryList};

/// Jobs that are reported on when none is named.
const NEWEST: u32 = 20;

/// Show what each step and each call to a model took
///
/// One row for each, of the jobs that are named or of the newest ones. With
/// --json each row is a line of its own.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The jobs' numbers
    #[arg(value_parser = crate::cli::job_number)]
    ids: Vec<u64>,
    /// Write comma-separated values
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Shows the rows, oldest first within a job.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let ids = match args.ids.is_empty() {
        false => args.ids,
        true => newest(client).await?,
    };
    let mut rows = Vec::new();
    for id in ids {
        let list: TelemetryList = client.get(&format!("/v1/jobs/{id}/telemetry")).await?;
        rows.extend(list.rows);
    }
    if out.is_json() {
        for row in &rows {
            out.line(serde_json::to_string(row).map_err(CliError::failed)?)?;
        }
    } else if args.csv {
        let csv = render::telemetry_csv(&rows).map_err(CliError::failed)?;
        match out.is_terminal() {
            // What a provider answered must not command the terminal.
            true => out.line(render::plain(&String::from_utf8_lossy(&csv)))?,
            false => out.raw(&csv)?,
        }
    } else {
        out.line(render::telemetry(&rows))?;
    }
    Ok(Exit::Ok)
}

async fn newest(client: &Client) -> Result<Vec<u64>, CliError> {
    let limit = [("limit", NEWEST.to_string())];
    let list: JobList = client.get_with("/v1/jobs", &limit).await?;
    let mut ids: Vec<u64> = list.jobs.iter().map(|job| job.id).collect();
    ids.reverse();
    Ok(ids)
}

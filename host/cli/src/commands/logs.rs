//! `sortie logs`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render::LogPrinter;
use crate::watch::Lines;
use futures::StreamExt;
use sortie_api::view::LogView;

/// Show what a job's steps print
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    id: u64,
    /// Go on until the job is over or waits for a person
    #[arg(long, short)]
    follow: bool,
    /// The run [default: the newest]
    #[arg(long, value_name = "RUN")]
    run: Option<u64>,
}

/// Shows the log.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    print(client, args.id, args.follow, args.run, out).await?;
    Ok(Exit::Ok)
}

/// Prints a job's log to its end.
pub async fn print(
    client: &Client,
    id: u64,
    follow: bool,
    run: Option<u64>,
    out: &Out,
) -> Result<(), CliError> {
    let mut query = vec![("follow", follow.to_string())];
    query.extend(run.map(|run| ("run", run.to_string())));
    let response = client
        .stream(&format!("/v1/jobs/{id}/logs"), &query)
        .await?;
    let mut lines = Lines::new(response);
    let mut printer = LogPrinter::new();
    while let Some(line) = lines.next().await {
        let line = line?;
        if out.is_json() {
            out.line(line)?;
        } else if let Ok(view) = serde_json::from_str::<LogView>(&line) {
            out.raw(printer.print(out, &view).as_bytes())?;
        }
    }
    out.raw(printer.end().as_bytes())
}

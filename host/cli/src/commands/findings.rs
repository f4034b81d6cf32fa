//! `sortie findings`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::FindingList;

/// Show what the scanners found in a job's result
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    id: u64,
}

/// Shows the findings; that there are some is no failure of this command.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let list: FindingList = client
        .get(&format!("/v1/jobs/{}/findings", args.id))
        .await?;
    if out.is_json() {
        out.json(&list)?;
    } else if list.findings.is_empty() {
        out.line("no findings")?;
    } else {
        for finding in &list.findings {
            out.raw(render::finding(out, finding).as_bytes())?;
        }
        out.line(render::findings_summary(&list.findings))?;
    }
    Ok(Exit::Ok)
}

//! `sortie diff`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;

/// Show the change that a job made
///
/// Computed by the host from the commit that was scanned. Piped into a file
/// it is a patch that `git apply` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    id: u64,
}

/// Shows the diff.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let text = client.text(&format!("/v1/jobs/{}/diff", args.id)).await?;
    if out.is_json() {
        out.json(&serde_json::json!({ "job": args.id, "diff": text }))?;
    } else if out.is_terminal() || out.is_colored() {
        out.raw(render::diff(out, &text).as_bytes())?;
    } else {
        out.raw(text.as_bytes())?;
    }
    Ok(Exit::Ok)
}

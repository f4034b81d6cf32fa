//! `sortie artifacts`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::ArtifactList;

/// Show what the steps of a job left: prompts and the ends of outputs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    id: u64,
    /// Show what is in this one, by the number in the list
    artifact: Option<u64>,
}

/// Lists the files, or writes one as it is.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let path = format!("/v1/jobs/{}/artifacts", args.id);
    if let Some(artifact) = args.artifact {
        let text = client.text(&format!("{path}/{artifact}")).await?;
        if out.is_json() {
            out.json(&serde_json::json!({ "artifact": artifact, "text": text }))?;
        } else if out.is_terminal() {
            // What an agent printed must not command the terminal.
            out.line(render::plain(&text))?;
        } else {
            out.raw(text.as_bytes())?;
        }
        return Ok(Exit::Ok);
    }
    let list: ArtifactList = client.get(&path).await?;
    if out.is_json() {
        out.json(&list)?;
    } else if list.artifacts.is_empty() {
        out.line("no files yet")?;
    } else {
        out.line(render::artifacts(&list.artifacts))?;
    }
    Ok(Exit::Ok)
}

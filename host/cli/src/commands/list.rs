//! `sortie list`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::JobList;

/// List jobs, newest first
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only jobs in this state; may be repeated or divided by commas
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<String>,
    /// Only jobs of this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Go on after a page, with the `next_cursor` it ended with
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Shows the jobs.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let mut query = vec![("limit", args.limit.to_string())];
    if !args.state.is_empty() {
        query.push(("state", args.state.join(",")));
    }
    query.extend(args.project.map(|project| ("project", project)));
    query.extend(args.cursor.map(|cursor| ("cursor", cursor)));
    let list: JobList = client.get_with("/v1/jobs", &query).await?;
    if out.is_json() {
        out.json(&list)?;
    } else if list.jobs.is_empty() {
        out.line("no jobs")?;
    } else {
        out.line(render::jobs(out, &list.jobs))?;
        if let Some(cursor) = &list.next_cursor {
            out.progress(format!("there are more: `sortie list --cursor {cursor}`"));
        }
    }
    Ok(Exit::Ok)
}

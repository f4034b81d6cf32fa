//! `sortie egress list`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::{EgressQuestions, EgressView};

/// Show the refused hosts that wait for an answer, or all that a job asked for
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number [default: what nobody answered, of all jobs that are
    /// not over]
    #[arg(value_parser = crate::cli::job_number)]
    job: Option<u64>,
    /// At most so many connections of the job
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Go on after a page, with the number it ended with
    #[arg(long, value_name = "ID", requires = "job")]
    before: Option<u64>,
}

/// Shows them.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let Some(job) = args.job else {
        return questions(client, out).await;
    };
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.before.map(|id| ("before", id.to_string())));
    let view: EgressView = client
        .get_with(&format!("/v1/jobs/{job}/egress"), &query)
        .await?;
    if out.is_json() {
        out.json(&view)?;
        return Ok(Exit::Ok);
    }
    if view.asks.is_empty() && view.connections.is_empty() {
        out.line(format!("#{job} asked for nothing"))?;
        return Ok(Exit::Ok);
    }
    if !view.asks.is_empty() && args.before.is_none() {
        out.line(render::egress_asks(&view.asks))?;
    }
    if !view.connections.is_empty() {
        out.line(render::egress_connections(&view.connections))?;
    }
    if let Some(before) = view.next_before {
        out.progress(format!(
            "there are more: `sortie egress list {job} --before {before}`"
        ));
    }
    if view.asks.iter().any(|ask| ask.answer.is_none()) {
        out.progress(format!(
            "next: `sortie egress allow {job} HOST`, or `sortie egress deny {job} HOST`"
        ));
    }
    Ok(Exit::Ok)
}

async fn questions(client: &Client, out: &Out) -> Result<Exit, CliError> {
    let questions: EgressQuestions = client.get("/v1/egress").await?;
    if out.is_json() {
        out.json(&questions)?;
    } else if questions.asks.is_empty() {
        out.line(
            "no refused host waits for an answer; `sortie egress list JOB` shows what a job was \
             refused, also once it is over",
        )?;
    } else {
        out.line(render::egress_asks(&questions.asks))?;
    }
    Ok(Exit::Ok)
}

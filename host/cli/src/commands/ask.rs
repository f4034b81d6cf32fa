//! `sortie ask`.

use super::submit::{random_key, read_task};
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::{Out, Tone};
use crate::render;
use crate::watch;
use sortie_api::view::{JobView, SubmitBody};

/// The workflow that answers and changes nothing.
const WORKFLOW: &str = "workflow-ask";

/// Ask a question about a repository
///
/// An agent that may only read answers in prose. Nothing it changes is kept,
/// and nothing is published. Exits with 0 only if there is an answer.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to find out; `-` reads it from stdin
    question: String,
    /// The project to look at [default: the only one, if there is only one]
    #[arg(long, short, value_name = "NAME", conflicts_with = "repo")]
    project: Option<String>,
    /// The repository to look at, as a URL or an absolute path
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// The branch to look at
    #[arg(long, value_name = "BRANCH")]
    base: Option<String>,
    /// The agent to use
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The budget profile to use
    #[arg(long, value_name = "PROFILE")]
    budget: Option<String>,
}

/// Asks, waits, and prints the answer.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let question = match args.question.as_str() {
        "-" => read_task()?,
        _ => args.question,
    };
    let project = match (&args.project, &args.repo) {
        (None, None) => Some(client.only_project()?),
        _ => args.project,
    };
    let body = SubmitBody {
        project,
        repository: args.repo,
        task: question,
        base: args.base,
        agent: args.agent,
        workflow: Some(WORKFLOW.to_owned()),
        budget: args.budget,
        verify: Vec::new(),
        continues: None,
    };
    let job: JobView = client.submit(&body, &random_key()?).await?;
    let head = format!(
        "#{} on {}: {}",
        job.id,
        job.project,
        render::title(&job.task)
    );
    out.progress_in(Tone::Strong, &head);
    let detail = watch::until_settled(client, job.id, |event| {
        if let Some(line) = render::event(event) {
            out.progress(line);
        }
    })
    .await?;
    let exit = watch::exit(&detail.job);
    if out.is_json() {
        out.json(&detail)?;
    } else if exit == Exit::Ok {
        let answer = detail.job.summary.as_deref().unwrap_or_default();
        out.line(render::plain(answer))?;
    } else {
        out.raw(render::job(out, &detail).as_bytes())?;
    }
    Ok(exit)
}

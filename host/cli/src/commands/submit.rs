//! `sortie submit`.

use crate::client::Client;
use crate::commands::logs;
use crate::exit::{CliError, Exit};
use crate::out::{Out, Tone};
use crate::render;
use crate::watch;
use sortie_api::view::{JobView, SubmitBody};
use std::io::Read;

/// The most that is read from stdin: more than any host takes.
const MAX_TASK_BYTES: u64 = 1024 * 1024;

/// Submit a job
///
/// Returns as soon as the job is on the host's disk; --wait and --follow stay
/// until it is over or waits for a person, and then exit with 0 only if it
/// succeeded.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `-` reads it from stdin
    task: String,
    /// The project to work on [default: the only one, if there is only one]
    #[arg(long, short, value_name = "NAME", conflicts_with = "repo")]
    project: Option<String>,
    /// The repository to work on, as a URL or an absolute path
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// The branch to start from
    #[arg(long, value_name = "BRANCH")]
    base: Option<String>,
    /// The agent to use
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The workflow to use
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// The budget profile to use
    #[arg(long, value_name = "PROFILE")]
    budget: Option<String>,
    /// A verification command beyond the project's own; may be repeated
    #[arg(long, value_name = "COMMAND")]
    verify: Vec<String>,
    /// Go on with the work of that job: on its branch, after all other jobs of
    /// its thread
    #[arg(long, value_name = "JOB", value_parser = crate::cli::job_number, conflicts_with_all = ["project", "repo"])]
    continues: Option<u64>,
    /// A name for this request: the same again is the same job
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Stay until the job is over or waits for a person
    #[arg(long, short)]
    wait: bool,
    /// Stay, and show what its steps print
    #[arg(long, short)]
    follow: bool,
}

/// Submits, and stays if that was asked for.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let task = match args.task.as_str() {
        "-" => read_task()?,
        _ => args.task,
    };
    let project = match (&args.project, &args.repo) {
        (None, None) if args.continues.is_none() => Some(client.only_project()?),
        _ => args.project,
    };
    let body = SubmitBody {
        project,
        repository: args.repo,
        task,
        base: args.base,
        agent: args.agent,
        workflow: args.workflow,
        budget: args.budget,
        verify: args.verify,
        continues: args.continues,
    };
    let key = match args.key {
        Some(key) => key,
        None => random_key()?,
    };
    let job: JobView = client.submit(&body, &key).await?;
    if !(args.wait || args.follow) {
        if out.is_json() {
            out.json(&job)?;
        } else {
            out.line(format!("#{} is {}", job.id, render::state(out, &job.state)))?;
            out.progress_in(
                Tone::Dim,
                &format!("`sortie status --watch {}` follows it", job.id),
            );
        }
        return Ok(Exit::Ok);
    }
    out.progress_in(
        Tone::Strong,
        &format!(
            "#{} on {}: {}",
            job.id,
            job.project,
            render::title(&job.task)
        ),
    );
    let detail = if args.follow {
        let settled = watch::until_settled(client, job.id, |_| {});
        let printed = logs::print(client, job.id, true, None, out);
        let (settled, printed) = futures::join!(settled, printed);
        printed?;
        settled?
    } else {
        watch::until_settled(client, job.id, |event| {
            if let Some(line) = render::event(event) {
                out.progress(line);
            }
        })
        .await?
    };
    if out.is_json() {
        if args.follow {
            out.json_line(&detail)?;
        } else {
            out.json(&detail)?;
        }
    } else {
        out.raw(render::job(out, &detail).as_bytes())?;
    }
    Ok(watch::exit(&detail.job))
}

pub(super) fn read_task() -> Result<String, CliError> {
    let mut task = String::new();
    std::io::stdin()
        .take(MAX_TASK_BYTES)
        .read_to_string(&mut task)
        .map_err(|error| CliError::failed(format!("read the task from stdin: {error}")))?;
    Ok(task)
}

pub(super) fn random_key() -> Result<String, CliError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| CliError::failed(format!("make a key: {error}")))?;
    Ok(hex::encode(bytes))
}

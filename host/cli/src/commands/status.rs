//! `sortie status`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use crate::watch;
use sortie_api::view::JobDetail;

/// Show a job
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    id: u64,
    /// Follow it until it is over or waits for a person; the exit code then
    /// says whether it succeeded
    #[arg(long, short)]
    watch: bool,
}

/// Shows the job, now or when it is settled.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    if args.watch {
        let job = watch::until_settled(client, args.id, |event| {
            if let Some(line) = render::event(event) {
                out.progress(line);
            }
        })
        .await?;
        show(&job, out)?;
        return Ok(watch::exit(&job.job));
    }
    let job: JobDetail = client.get(&format!("/v1/jobs/{}", args.id)).await?;
    show(&job, out)?;
    Ok(Exit::Ok)
}

fn show(job: &JobDetail, out: &Out) -> Result<(), CliError> {
    if out.is_json() {
        out.json(job)
    } else {
        out.raw(render::job(out, job).as_bytes())
    }
}

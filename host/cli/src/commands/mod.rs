//! One command per file; the doc comment of its `Args` is its help.

pub mod approve;
pub mod artifacts;
pub mod ask;
pub mod audit;
pub mod cancel;
mod decision;
pub mod diff;
pub mod doctor;
pub mod egress;
pub mod findings;
pub mod image;
pub mod init;
pub mod intake;
pub mod list;
pub mod logs;
pub mod people;
pub mod plugin;
pub mod publish;
pub mod reject;
pub mod report;
pub mod retry;
pub mod scan;
pub mod secret;
pub mod serve;
pub mod stats;
pub mod status;
pub mod submit;
pub mod telegram;
pub mod usage;

use crate::cli::{Cli, Command};
use crate::client::Client;
use crate::config;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::MovedJob;
use tokio::runtime::Builder;

/// Runs the command that was asked for.
pub fn run(cli: Cli, out: &Out) -> Result<Exit, CliError> {
    let config = cli.config.as_deref();
    let client = || -> Result<Client, CliError> { Client::new(&config::load(config)?) };
    match cli.command {
        Command::Init(args) => init::run(&args, config, out),
        Command::Serve(args) => {
            let loaded = config::load(config)?;
            runtime(&mut Builder::new_multi_thread(), serve::run(args, loaded))
        }
        Command::Image(args) => here(image::run(args, config, out)),
        Command::Doctor(args) => here(doctor::run(args, config, out)),
        Command::Scan(args) => here(scan::run(args, config, out)),
        Command::Submit(args) => here(submit::run(args, &client()?, out)),
        Command::Ask(args) => here(ask::run(args, &client()?, out)),
        Command::List(args) => here(list::run(args, &client()?, out)),
        Command::Status(args) => here(status::run(args, &client()?, out)),
        Command::Logs(args) => here(logs::run(args, &client()?, out)),
        Command::Diff(args) => here(diff::run(args, &client()?, out)),
        Command::Findings(args) => here(findings::run(args, &client()?, out)),
        Command::Artifacts(args) => here(artifacts::run(args, &client()?, out)),
        Command::Approve(args) => here(approve::run(args, &client()?, out)),
        Command::Reject(args) => here(reject::run(args, &client()?, out)),
        Command::Cancel(args) => here(cancel::run(args, &client()?, out)),
        Command::Retry(args) => here(retry::run(args, &client()?, out)),
        Command::Publish(args) => here(publish::run(args, &client()?, out)),
        Command::Usage(args) => here(usage::run(args, &client()?, out)),
        Command::Report(args) => here(report::run(args, &client()?, out)),
        Command::Audit(args) => here(audit::run(args, &client()?, out)),
        Command::Secret(args) => secret::run(&args, &config::load(config)?, out),
        Command::Telegram(args) => here(telegram::run(args, &client()?, out)),
        Command::People(args) => here(people::run(args, &client()?, out)),
        Command::Intake(args) => here(intake::run(args, &client()?, out)),
        Command::Stats(args) => here(stats::run(args, &client()?, out)),
        Command::Plugin(args) => here(plugin::run(args, client, out)),
        Command::Egress(args) => here(egress::run(args, client, out)),
    }
}

/// On this thread: a command that only waits for a host needs no more.
fn here(work: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    runtime(&mut Builder::new_current_thread(), work)
}

fn runtime(
    builder: &mut Builder,
    work: impl Future<Output = Result<Exit, CliError>>,
) -> Result<Exit, CliError> {
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("start a runtime: {error}")))?;
    let done = runtime.block_on(work);
    // A stuck blocking task must not keep the command from ending.
    runtime.shutdown_background();
    done
}

/// Shows a job after an action on it.
fn moved(moved: &MovedJob, done: &str, before: &str, out: &Out) -> Result<Exit, CliError> {
    if out.is_json() {
        out.json(moved)?;
        return Ok(Exit::Ok);
    }
    let what = if moved.changed { done } else { before };
    out.line(format!(
        "#{} {what}{}",
        moved.job.id,
        match moved.job.state == done {
            true => String::new(),
            false => format!("; it is {}", crate::render::state(out, &moved.job.state)),
        }
    ))?;
    Ok(Exit::Ok)
}

//! Benchmarks of what Sortie promises, each paired with a peer in the same
//! run. They measure and report; they assert nothing about time.

mod benches;
mod gateway;
mod host;
mod http;
mod machine;
mod measure;
mod peers;
mod program;
mod report;

use anyhow::{Context, Result, ensure};
use benches::{Bench, Setting};
use clap::Parser;
use report::{Failure, Report};
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures Sortie beside its peers.
#[derive(Debug, Parser)]
#[command(name = "sortie-bench", about)]
struct Options {
    /// Which benchmarks; all of them when none is named.
    #[arg(value_enum)]
    names: Vec<Bench>,
    /// Prints JSON.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Prints the table as Markdown.
    #[arg(long)]
    markdown: bool,
    /// Takes a tenth of the samples.
    #[arg(long)]
    quick: bool,
    /// Exits with 1 when a bar is missed.
    #[arg(long)]
    strict: bool,
    /// Where databases and repositories are made and removed again; must not be
    /// in memory. Default: `target/bench` in the workspace.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Labelled changes with their baseline and scorer.
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// The image that containers start from.
    #[arg(long, default_value = "sortie-runner:base")]
    image: String,
    /// The `sortie` program; built when it is not given. The last one counts.
    #[arg(long, value_name = "FILE", overrides_with = "sortie")]
    sortie: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let outcome = match arguments.get(1) {
        Some(first) if first == program::PROBE => program::probe(&arguments[2..]).map(|()| true),
        Some(first) if first == gateway::GATEWAY => gateway::run(&arguments[2..]).map(|()| true),
        _ => run(Options::parse()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(format_args!("error: failed to {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs what was asked for; whether all of it came to an end and, if that
/// matters, kept its bars.
fn run(options: Options) -> Result<bool> {
    // `sortie-bench` is in the workspace's `bench`.
    let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let scratch = options
        .scratch
        .unwrap_or_else(|| workspace.join("target/bench"));
    std::fs::create_dir_all(&scratch).with_context(|| format!("make {}", scratch.display()))?;
    let scratch = std::fs::canonicalize(&scratch)
        .with_context(|| format!("resolve {}", scratch.display()))?;
    ensure!(
        !program::in_memory(&scratch)?,
        "measure durability in {}: that is memory; name a directory on a disk with --scratch",
        scratch.display()
    );
    let setting = Setting {
        corpus: options
            .corpus
            .unwrap_or_else(|| workspace.join("../shared/corpus/reward-hacking")),
        image: options.image,
        sortie: options.sortie,
        quick: options.quick,
        scratch,
        workspace,
    };
    let names = if options.names.is_empty() {
        Bench::ALL.to_vec()
    } else {
        options.names
    };
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let report = runtime.block_on(measure_all(&names, &setting));
    print(&report, options.json, options.markdown)?;
    for failure in &report.failures {
        say(format_args!(
            "{}: failed to {}",
            failure.benchmark, failure.reason
        ));
    }
    let kept = !options.strict || report.missed() == 0;
    Ok(kept && report.failures.is_empty())
}

async fn measure_all(names: &[Bench], setting: &Setting) -> Report {
    let mut report = Report {
        machine: machine::Machine::look(),
        rows: Vec::new(),
        failures: Vec::new(),
    };
    for bench in names {
        say(format_args!("measuring {} …", bench.name()));
        match bench.measure(setting).await {
            Ok(rows) => report.rows.extend(rows),
            Err(error) => report.failures.push(Failure {
                benchmark: bench.name(),
                reason: format!("{error:#}"),
            }),
        }
        report.machine.note_load();
    }
    report
}

#[expect(clippy::print_stdout, reason = "the report is what this is for")]
fn print(report: &Report, json: bool, markdown: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(report)?);
        return Ok(());
    }
    if markdown {
        println!("{}\n\n{}", report.machine, report.table(true));
    } else {
        print!("{report}");
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "progress is for people")]
fn say(line: std::fmt::Arguments<'_>) {
    eprintln!("{line}");
}

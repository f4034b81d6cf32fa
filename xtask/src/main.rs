//! `cargo xtask …`: the one door for building, checking, testing and showing Sortie.
//!
//! It runs the ordinary tools (cargo, docker, the scripts of `scripts/`) in the right order and with
//! the right settings. It never installs anything itself (`scripts/setup.sh` does), holds no secret,
//! and nothing of it ends up in the product.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a developer tool: it talks to a terminal and exists to start other programs"
)]

mod check;
mod demo;
mod image;
mod plugins;
mod proc;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::proc::Cmd;
use crate::workspace::Workspace;

/// Developer automation for Sortie.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Formatting, lints, docs and tests: what a change must pass.
    Check,
    /// Fly one real mission on a sample repository.
    Demo,
    /// Build what the tests need and run every test; ends with the sum of all runs.
    Test(test::Options),
    /// Build the plugins: those the host embeds into `dist/plugins/*.wasm`, those to install into
    /// `dist/optional/*.wasm`.
    Plugins,
    /// Build the runner images (`sortie-runner:base` and others) whose inputs changed.
    Image(image::Options),
    /// Run the benchmarks; arguments go to the benchmark program.
    Bench {
        /// Arguments for `sortie-bench`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Set up this machine: packages, Rust, plugin compiler, container engine, base image.
    Setup {
        /// Also what only the tests need.
        #[arg(long)]
        tests: bool,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: failed to {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    workspace.claim_target()?;
    match task {
        Task::Check => check::run(&workspace),
        Task::Demo => demo::run(&workspace),
        Task::Test(options) => test::run(&workspace, &options),
        Task::Plugins => plugins::build(&workspace).map(drop),
        Task::Image(options) => image::build(&workspace, &options),
        Task::Bench { args } => {
            plugins::build(&workspace)?;
            image::build(&workspace, &image::Options::default())?;
            // In one go, so that dependencies get the same features for both and
            // compile once.
            let packages = ["--package", "sortie-bench", "--package", "sortie-cli"];
            workspace
                .cargo()
                .args(["build", "--release"])
                .args(packages)
                .run("build the benchmarks and the program they measure")?;
            let built = |name: &str| workspace.target().join("release").join(name);
            Cmd::new(built("sortie-bench"))
                .args([
                    std::ffi::OsStr::new("--sortie"),
                    built("sortie").as_os_str(),
                ])
                .args(args)
                .run("run the benchmarks")
        }
        Task::Setup { tests } => Cmd::new(workspace.script("setup.sh"))
            .args(tests.then_some("--tests"))
            .run("set up this machine"),
    }
}

//! The `sortie` command: configuration, commands, and the wiring of a host.
//!
//! Each command is a file under `commands`. Exit codes are decided here and
//! nowhere else. The command never decides anything that a host should: what
//! it shows comes from the host's API, and what it changes goes through it.

mod checks;
mod cli;
mod client;
mod commands;
mod config;
mod exit;
mod extras;
mod host;
mod local;
mod out;
mod project;
mod render;
mod role;
mod secret_input;
mod watch;

use clap::Parser;
use cli::Cli;
use exit::{CliError, Exit};
use out::Out;
use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => run(cli),
        Err(error) => usage(&error),
    };
    ExitCode::from(exit as u8)
}

fn run(cli: Cli) -> Exit {
    let out = Out::new(cli.json, cli.color);
    match commands::run(cli, &out) {
        Ok(exit) => exit,
        Err(error) => {
            out.error(&error);
            error.exit
        }
    }
}

/// Shows help and version, and says what is wrong with the command line: as
/// JSON if that was asked for, as far as that can be known.
fn usage(error: &clap::Error) -> Exit {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if error.use_stderr() && json {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let message = first.trim_start_matches("error: ").to_owned();
        let error = CliError::new(Exit::Usage, "usage", message)
            .with_hint("`sortie help` describes the commands");
        Out::new(true, out::Color::Never).error(&error);
        return Exit::Usage;
    }
    // Nothing is left to do when the terminal is gone.
    let _ = error.print();
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Ok
    }
}

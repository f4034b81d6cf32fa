//! The runner: PID 1 of a sandbox, and the host's only hand inside it.
//!
//! It starts steps and ends them with everything they left behind, journals
//! what they say, keeps the wall clock, packs and unpacks git bundles, watches
//! the workspace's size, and carries two loopback services to the host. It
//! holds no credential, decides nothing about a job, and outlives the host.
//!
//! `sortie-runner [--wall-limit-ms N] [--workspace-bytes N] [--workspace-files N]`
//! runs as PID 1; `sortie-runner wire` joins its standard input and output to
//! it; `sortie-runner version` prints the protocol's version.

mod bridge;
mod config;
mod daemon;
mod files;
mod git;
mod journal;
mod limits;
mod loopback;
mod oom;
mod reaper;
mod repo;
mod serve;
mod stdio;
mod step;
mod strays;
mod wall;
mod watch;
mod wires;

use sortie_wire::status;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: the agent runs under the same user, and may neither trace
    // this process nor read its memory, environment or descriptors. The image
    // also makes the binary unreadable, which closes the moment before this.
    if nix::sys::prctl::set_dumpable(false).is_err() {
        return fault("failed to protect the runner's memory");
    }
    let mut arguments = std::env::args().skip(1).peekable();
    match arguments.peek().map(String::as_str) {
        Some("version") => {
            let line = format!(
                "sortie-runner {} protocol {}\n",
                env!("CARGO_PKG_VERSION"),
                sortie_wire::PROTOCOL
            );
            match std::io::stdout().write_all(line.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        Some("wire") => run(async {
            bridge::run()
                .await
                .map(|()| status::STOPPED)
                .map_err(|e| e.to_string())
        }),
        _ => match config::Config::parse(arguments) {
            Ok(config) => run(daemon::run(config)),
            Err(reason) => fault(&format!("failed to read the arguments: {reason}")),
        },
    }
}

/// Everything runs on one thread: a runner spends its life waiting, and its
/// state needs no locks.
fn run(program: impl Future<Output = Result<i32, String>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => return fault(&format!("failed to start: {e}")),
    };
    let result = tokio::task::LocalSet::new().block_on(&runtime, program);
    // Threads that still read a slow disk must not hold the end up.
    runtime.shutdown_background();
    match result {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        Err(reason) => fault(&reason),
    }
}

fn fault(reason: &str) -> ExitCode {
    // Standard error reaches the host while it is attached; nobody else listens.
    let _ = writeln!(std::io::stderr(), "sortie-runner: {reason}");
    ExitCode::from(u8::try_from(status::FAULT).unwrap_or(u8::MAX))
}

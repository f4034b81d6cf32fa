//! Every test of both workspaces, in an order that ends with lines a CI reads: cargo's own closing
//! line of a run that had tests, then the sum of all runs alone on its line.

use anyhow::bail;

use crate::proc::{Cmd, say};
use crate::workspace::Workspace;
use crate::{image, plugins};

/// Which tests to run.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Only tests whose name contains this.
    filter: Option<String>,
    /// Also those that need the image `full`, which is built first: the real coding agents.
    #[arg(long)]
    agents: bool,
}

/// What the test programs reported.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    /// Counts a closing line of Rust's test harness; other lines are not for it.
    ///
    /// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
    fn count(&mut self, line: &str) {
        let Some(counts) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in counts.1.split("; ") {
            let Some((number, what)) = part.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// Closes one run and says whether it failed. A run that ends badly without a failed test did not
    /// compile, or a test program died: that counts as one failure, so that the sum never looks clean.
    fn count_run(&mut self, succeeded: bool, failed_before: u64) -> bool {
        if !succeeded && self.failed == failed_before {
            self.failed += 1;
        }
        !succeeded || self.failed > failed_before
    }
}

/// Builds what the tests need and runs them all; a failure does not keep later ones from running.
///
/// # Errors
/// When something cannot be built or any test fails.
pub fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    plugins::build(workspace)?;
    let images = match options.agents {
        true => image::Options::all(),
        false => image::Options::default(),
    };
    image::build(workspace, &images)?;
    suites(workspace, options)
}

/// The test runs alone, for when what they need was just built.
pub fn suites(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    // The end-to-end tests start the real program, which `cargo test` alone does not build. In one go
    // with the tests, so that dependencies get the same features for both and compile once.
    say("build", "the programs and the tests");
    let args = [
        "build",
        "--workspace",
        "--exclude",
        "xtask",
        "--lib",
        "--bins",
        "--tests",
    ];
    workspace
        .cargo()
        .args(args)
        .run("build the programs and the tests")?;

    // Doc tests close with "0 passed" in most crates, so they come first. xtask comes last, in the
    // profile that it runs in and so is already built in.
    let (host, plugins) = (|| workspace.cargo(), || workspace.cargo_plugins());
    let runs: [(&str, Cmd); 5] = [
        (
            "doc tests",
            host().args(["test", "--workspace", "--exclude", "xtask", "--doc"]),
        ),
        ("plugins, natively", plugins().args(["test", "--workspace"])),
        (
            "Rust SDK",
            workspace.cargo_sdk().args(["test", "--all-features"]),
        ),
        (
            "unit and end-to-end tests",
            host().args([
                "test",
                "--workspace",
                "--exclude",
                "xtask",
                "--lib",
                "--bins",
                "--tests",
            ]),
        ),
        (
            "xtask",
            host().args(["test", "--package", "xtask", "--profile", "xtask"]),
        ),
    ];
    let agents = host()
        .args(["test", "--package", "sortie-tests"])
        .args(["--test", "agents", "--test", "images"]);
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    let more = options.agents.then_some(("coding agents", agents));
    // In front, so that the closing lines are those of the usual runs.
    for (name, command) in more.into_iter().chain(runs) {
        say("test", name);
        let command = command.args(["--no-fail-fast"]).args(&options.filter);
        let command = match name {
            "coding agents" => command.args(["--", "--ignored"]),
            _ => command,
        };
        let before = tally.failed;
        let ok = command.watch(&format!("run the {name}"), &mut std::io::stdout(), |line| {
            tally.count(line)
        })?;
        if tally.count_run(ok, before) {
            broken.push(name);
        }
    }
    if tally.ignored > 0 {
        println!("{} ignored", tally.ignored);
    }
    for name in &broken {
        println!("failed: {name}");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if !broken.is_empty() {
        bail!("pass every test, in: {}", broken.join(", "));
    }
    if tally.passed == 0 && options.filter.is_none() {
        bail!("run any test: none was found");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed_and_other_lines_are_not() {
        let mut tally = Tally::default();
        for line in [
            "running 6 tests",
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s",
            "test a::test_result ... ok",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
            "test result: garbage",
            "test result: ok. many passed; x failed",
            "  test result: ok. 9 passed; 9 failed; 9 ignored",
        ] {
            tally.count(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 8,
                failed: 2,
                ignored: 1
            }
        );
    }

    #[test]
    fn a_run_that_died_counts_as_a_failure() {
        let mut tally = Tally {
            passed: 5,
            failed: 1,
            ignored: 0,
        };
        assert!(!tally.count_run(true, 1));
        assert!(
            tally.count_run(false, 0),
            "a failed test was counted already"
        );
        assert_eq!(tally.failed, 1);
        assert!(
            tally.count_run(false, 1),
            "nothing was counted for what went wrong"
        );
        assert_eq!(tally.failed, 2);
        assert!(
            tally.count_run(true, 1),
            "a failed test fails the run, whatever its status says"
        );
    }
}

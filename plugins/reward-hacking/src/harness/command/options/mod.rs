//! What the options of a test runner choose, and which keep it from judging.

mod runners;

use super::Command;
use crate::text::has_any;
use runners::{choosing, idle_option, takes_value};

/// Takes in the words behind the name of a runner.
pub(super) fn options(command: &mut Command, words: &[String], from: usize) {
    for w in &words[..from.min(words.len())] {
        let lower = w.to_lowercase();
        if has_any(
            &lower,
            &[
                "insta_update=always",
                "insta_force_pass=1",
                "update_golden",
                "update_snapshots=1",
                "update_expect=1",
                "insta_update=1",
                "bless=1",
                "snapshot_update=1",
                "skip_tests=",
                "skip_slow=",
            ],
        ) {
            command.idle.push(w.clone());
        }
        if has_any(&lower, &["gtest_filter="]) {
            command.filters.push(w.clone());
        }
    }
    let mut i = from;
    let mut positional_only = false;
    while i < words.len() {
        let w = words[i].as_str();
        if w == "--" {
            positional_only = command.runner == "cargo";
            i += 1;
            continue;
        }
        let head = w.split('=').next().unwrap_or(w);
        if w.starts_with("2>") || w.starts_with('>') || w == "}" || w == "then" || w == ")" {
            i += 1;
            continue;
        }
        if idle_option(command.runner, w) {
            command.idle.push(w.to_string());
        } else if matches!((command.runner, head), ("go", "-short"))
            || choosing(command.runner, head)
            || choosing(command.runner, w)
        {
            let flag = matches!(
                head,
                "-short"
                    | "--lib"
                    | "--bins"
                    | "--doc"
                    | "--invert"
                    | "--onlyChanged"
                    | "-o"
                    | "--onlyFailures"
                    | "--lf"
                    | "--last-failed"
                    | "--examples"
                    | "--exact"
                    | "--only-failures"
                    | "--changed"
            );
            let value = if w.contains('=') || flag {
                String::new()
            } else {
                words.get(i + 1).cloned().unwrap_or_default()
            };
            // `-x lint` leaves out something that is no test.
            let harmless = command.runner == "gradle"
                && head == "-x"
                && !value.to_lowercase().contains("test")
                || command.runner == "pytest" && matches!(value.as_str(), "") && head == "-m"
                || command.runner == "js" && head == "-f"
                || w == "-run=XXX"
                || head == "--filter" && command.runner == "npm";
            if !harmless {
                command
                    .filters
                    .push(format!("{w} {value}").trim().to_string());
            }
            if !value.is_empty() {
                i += 1;
            }
        } else if matches!((command.runner, w), ("cargo", "-p" | "--package")) {
            command.targets.push(format!(
                "-p {}",
                words.get(i + 1).cloned().unwrap_or_default()
            ));
            i += 1;
        } else if command.runner == "cargo" && matches!(w, "--workspace" | "--all") {
            command.targets.push(w.to_string());
        } else if takes_value(command.runner, w) {
            i += 1;
        } else if !w.starts_with('-') && !w.contains("$((") {
            let target = match command.runner {
                "go" | "pytest" | "rspec" | "js" | "unittest" | "django" | "rails" | "bazel"
                | "ginkgo" => true,
                "cargo" => true,
                "dotnet" => w.ends_with(".csproj"),
                _ => false,
            };
            let noise = w.contains('$')
                || w.starts_with(['{', '[', '<', ':'])
                || matches!(
                    w,
                    "run"
                        | "test"
                        | "nextest"
                        | "report"
                        | "start"
                        | "exec"
                        | "}"
                        | "{"
                        | "then"
                        | "fi"
                        | "watch"
                );
            if target && !noise {
                if command.runner == "cargo" && w.contains(['.', '/']) {
                    // A file that an option we do not know takes.
                } else if command.runner == "cargo" {
                    command.filters.push(w.to_string());
                } else {
                    command.targets.push(w.trim_end_matches('/').to_string());
                }
            }
            let _ = positional_only;
        }
        i += 1;
    }
    command.targets.sort();
}

//! The harness: what runs the tests, which of them, and what their outcome means.
//!
//! Commands are compared as commands, settings as settings; a file that nobody's tests depend on is
//! not looked at.

mod ci;
mod code;
pub mod command;
mod config;
mod coverage;

use crate::model::{ChangeKind, FileChange, Finding, LineKind, Severity, Side};
use crate::text::evidence;
use command::Command;

/// A test command in a changed line.
#[derive(Debug)]
pub struct Placed {
    path: String,
    line: u32,
    text: String,
    in_ci: bool,
    command: Command,
}

/// What the harness files of a change say, gathered file by file.
#[derive(Debug, Default)]
pub struct HarnessFacts {
    removed: Vec<Placed>,
    added: Vec<Placed>,
    /// Context commands, per path: what runs anyway.
    kept: Vec<Placed>,
    /// Settings that need nothing else to be judged.
    pub findings: Vec<Finding>,
}

impl HarnessFacts {
    /// Takes in one harness file.
    pub fn add(&mut self, file: &FileChange) {
        let path = file.path().to_string();
        let lower = path.to_lowercase();
        let name = lower.rsplit('/').next().unwrap_or(&lower).to_string();
        let in_ci = crate::role::is_ci(&lower, &name);
        for kind in [LineKind::Removed, LineKind::Added, LineKind::Context] {
            for (line, text) in command::logical_lines(file, kind) {
                let Some(mut command) = command::parse(&text, &name) else {
                    continue;
                };
                if guarded_pipe(file, kind, line) {
                    command.masks.retain(|m| !m.starts_with("| "));
                }
                let placed = Placed {
                    path: path.clone(),
                    line,
                    text,
                    in_ci,
                    command,
                };
                match kind {
                    LineKind::Removed => self.removed.push(placed),
                    LineKind::Added => self.added.push(placed),
                    LineKind::Context => self.kept.push(placed),
                }
            }
        }
        if file.kind == ChangeKind::Deleted {
            return;
        }
        if in_ci {
            ci::find(file, &mut self.findings);
        }
        config::find(file, &name, &mut self.findings);
        coverage::find(file, &name, &mut self.findings);
        code::find(file, &name, &mut self.findings);
    }

    /// Takes in a test file: entry points and exit codes live there too.
    pub fn add_test(&mut self, file: &FileChange) {
        if file.kind != ChangeKind::Deleted {
            let lower = file.path().to_lowercase();
            let name = lower.rsplit('/').next().unwrap_or(&lower).to_string();
            code::find(file, &name, &mut self.findings);
            if ["spec_helper", "rails_helper", "test_helper"]
                .iter()
                .any(|h| name.starts_with(h))
            {
                coverage::find(file, &name, &mut self.findings);
            }
        }
    }

    /// Compares commands once every file is in.
    pub fn finish(&mut self) {
        let mut used = vec![false; self.added.len()];
        let mut found = Vec::new();
        for r in &self.removed {
            // The same command elsewhere is a move.
            if let Some(at) =
                (0..self.added.len()).find(|&i| !used[i] && self.added[i].command == r.command)
            {
                used[at] = true;
                continue;
            }
            let candidates: Vec<usize> = (0..self.added.len()).filter(|&i| !used[i]).collect();
            let pick = candidates
                .iter()
                .copied()
                .filter(|&i| self.added[i].path == r.path)
                .max_by_key(|&i| {
                    (
                        u8::from(self.added[i].command.runner == r.command.runner),
                        std::cmp::Reverse(self.added[i].line.abs_diff(r.line)),
                    )
                })
                .or_else(|| {
                    candidates
                        .iter()
                        .copied()
                        .find(|&i| self.added[i].command.runner == r.command.runner)
                });
            match pick {
                Some(at) => {
                    let a = &self.added[at];
                    let whole = self.added.iter().any(|x| {
                        x.command.runner == r.command.runner
                            && x.command.covers(&r.command)
                            && !x.command.masked()
                    });
                    let complement = self
                        .added
                        .iter()
                        .chain(&self.kept)
                        .any(|x| !std::ptr::eq(x, a) && x.command.complements(&a.command));
                    if !whole && let Some((rule, message)) = weaker(r, a, complement) {
                        found.push(finding(rule, a, Side::New, message));
                    }
                    if a.command.runner == r.command.runner {
                        used[at] = true;
                    }
                }
                None => {
                    let replaced = self.added.iter().any(|a| !a.command.masked())
                        || self.kept.iter().any(|k| {
                            k.path == r.path
                                && k.command.runner == r.command.runner
                                && k.command.covers(&r.command)
                        });
                    if !replaced {
                        let rule = if r.in_ci {
                            "ci-tamper"
                        } else {
                            "harness-tamper"
                        };
                        found.push(finding(rule, r, Side::Old, "the command that ran the tests is gone and nothing in the change runs them instead".into()));
                    }
                }
            }
        }
        self.findings.extend(found);
    }
}

/// Whether the shell of the step stops at a failure in front of a pipe.
fn guarded_pipe(file: &FileChange, kind: LineKind, at: u32) -> bool {
    let other = if kind == LineKind::Removed {
        LineKind::Added
    } else {
        LineKind::Removed
    };
    file.hunks
        .iter()
        .flat_map(|h| &h.lines)
        .filter(|l| l.kind != other)
        .any(|l| {
            let no = if kind == LineKind::Removed {
                l.old_line
            } else {
                l.new_line
            };
            no + 12 > at
                && no <= at + 2
                && (l.text.contains("pipefail")
                    || matches!(l.text.trim(), "shell: bash" | "- shell: bash"))
        })
}

fn finding(rule: &'static str, placed: &Placed, side: Side, message: String) -> Finding {
    Finding {
        rule,
        severity: Severity::Block,
        path: placed.path.clone(),
        line: placed.line,
        side,
        message,
        evidence: evidence(&placed.text),
    }
}

/// What the new command does less than the old one.
fn weaker(r: &Placed, a: &Placed, complement: bool) -> Option<(&'static str, String)> {
    let tamper = if a.in_ci {
        "ci-tamper"
    } else {
        "exit-code-tamper"
    };
    if let Some(mask) = a
        .command
        .masks
        .iter()
        .find(|m| !r.command.masks.contains(m))
    {
        return Some((
            tamper,
            format!("the result of the tests is thrown away by `{mask}`"),
        ));
    }
    if r.command.idle.is_empty()
        && let Some(flag) = a.command.idle.iter().find(|f| !r.command.idle.contains(f))
    {
        return Some((
            if a.in_ci {
                "ci-tamper"
            } else {
                "harness-tamper"
            },
            format!("`{flag}` keeps the command from judging the tests"),
        ));
    }
    if complement {
        return None;
    }
    if let Some(filter) = a
        .command
        .filters
        .iter()
        .find(|f| !r.command.filters.iter().any(|g| g == *f))
    {
        let replaced = a.command.filters.len() == r.command.filters.len()
            && a.command
                .filters
                .iter()
                .zip(&r.command.filters)
                .all(|(x, y)| x.split(' ').next() == y.split(' ').next());
        if !replaced
            || a.command.runner == r.command.runner
                && filter.len() > r.command.filters.first().map_or(0, String::len)
                && filter.contains("not ")
        {
            return Some((
                "focused-test",
                format!("the test command now runs only part of the tests (`{filter}`)"),
            ));
        }
    }
    if a.command.runner == r.command.runner && a.command.narrower_targets(&r.command) {
        return Some((
            "focused-test",
            "the test command covers less of the project than before".into(),
        ));
    }
    None
}

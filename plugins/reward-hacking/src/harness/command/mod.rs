//! Test commands in make rules, scripts, package files and workflows, as data.

mod masks;
mod options;
mod runner;
mod shell;

use masks::masks;
use options::options;
use runner::runner;
use shell::{split_shell, split_words, without_expressions};

use crate::model::{FileChange, LineKind};
use crate::text::has_any;

/// A command that runs tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// `go`, `cargo`, `pytest`, `jest`, …
    pub runner: &'static str,
    /// Options that choose some of the tests.
    pub filters: Vec<String>,
    /// What it runs on, when named.
    pub targets: Vec<String>,
    /// What hides its result.
    pub masks: Vec<String>,
    /// Options with which it runs no tests or accepts any outcome.
    pub idle: Vec<String>,
}

impl Command {
    /// Whether its result is hidden or it judges nothing.
    pub fn masked(&self) -> bool {
        !self.masks.is_empty() || !self.idle.is_empty()
    }

    /// Whether it runs all that `other` runs.
    pub fn covers(&self, other: &Command) -> bool {
        (self.filters.is_empty() || self.filters == other.filters) && !self.narrower_targets(other)
    }

    /// Whether this one runs what the filter of `other` leaves out.
    pub fn complements(&self, other: &Command) -> bool {
        if self.runner != other.runner || self.masked() {
            return false;
        }
        other.filters.iter().any(|f| {
            self.filters.iter().any(|g| {
                let (x, y) = (
                    f.replace("not ", "").replace('~', ""),
                    g.replace("not ", "").replace('~', ""),
                );
                x == y && f != g
            })
        }) || other.filters.iter().all(|f| {
            has_any(
                f,
                &["--lib", "--bins", "--doc", "-short", "--test", "shard"],
            )
        }) && !self.filters.is_empty()
            && self.filters != other.filters
            && !other.filters.is_empty()
    }

    /// Whether the targets are a proper part of those of `other`.
    pub fn narrower_targets(&self, other: &Command) -> bool {
        let all = |t: &[String]| {
            t.is_empty()
                || t.iter().any(|x| {
                    matches!(
                        x.as_str(),
                        "./..."
                            | "--workspace"
                            | "--all"
                            | "."
                            | "..."
                            | "tests"
                            | "tests/"
                            | "test"
                            | "test/"
                            | "spec"
                            | "//..."
                    )
                })
        };
        if all(&self.targets) {
            return false;
        }
        if all(&other.targets) {
            // One package of a repository that has only that one is no loss, but nobody writes it so by accident.
            return true;
        }
        other.targets.iter().any(|t| !self.targets.contains(t))
            && self.targets.iter().all(|t| {
                other.targets.iter().any(|o| {
                    t == o || t.starts_with(o.trim_end_matches("...").trim_end_matches('*'))
                })
            })
            && self.targets != other.targets
    }
}

/// The changed (or kept) lines of a file, continuation lines joined to the first.
pub fn logical_lines(file: &FileChange, kind: LineKind) -> Vec<(u32, String)> {
    let mut out: Vec<(u32, String)> = Vec::new();
    let mut open = false;
    let mut last = 0u32;
    for line in file
        .hunks
        .iter()
        .flat_map(|h| &h.lines)
        .filter(|l| l.kind == kind)
    {
        let no = if kind == LineKind::Removed {
            line.old_line
        } else {
            line.new_line
        };
        let text = line.text.trim();
        let (body, goes_on) = match text.strip_suffix('\\') {
            Some(b) => (b.trim_end(), true),
            None => (text, false),
        };
        if open && no == last + 1 {
            if let Some((_, joined)) = out.last_mut() {
                joined.push(' ');
                joined.push_str(body);
            }
        } else {
            out.push((no, body.to_string()));
        }
        open = goes_on;
        last = no;
    }
    out
}

/// The test command of a line, if it runs one. `file` is the lower-case file name.
pub fn parse(line: &str, file: &str) -> Option<Command> {
    let mut text = line.trim();
    if text.starts_with('#')
        || text.starts_with("//")
        || text.starts_with("<!--")
        || text.len() > 1500
    {
        return None;
    }
    // `session.run("pytest", "-k", "x")` and the like are commands in pieces.
    let pieces = [
        "session.run(",
        "subprocess.run(",
        "subprocess.check_call(",
        "subprocess.call(",
        "commandLine(",
        "commandLine ",
        "check_call(",
        "spawnSync(",
        "execa(",
    ];
    if let Some(at) = pieces
        .iter()
        .find_map(|p| text.find(p).map(|a| a + p.len()))
    {
        let quoted: Vec<String> = text[at..]
            .split(['"', '\''])
            .skip(1)
            .step_by(2)
            .map(|q| {
                if q.contains(' ') {
                    format!("'{q}'")
                } else {
                    q.to_string()
                }
            })
            .collect();
        return parse(&quoted.join(" "), "");
    }
    let json = file.ends_with(".json");
    if json {
        let (key, value) = text.split_once(':')?;
        let key = key.trim().trim_matches('"');
        if !has_any(
            key,
            &[
                "test", "check", "ci", "verify", "spec", "posttest", "pretest",
            ],
        ) {
            return None;
        }
        text = value.trim().trim_end_matches(',').trim_matches('"');
    }
    // YAML keys and list markers in front of a command.
    let make = file.contains("makefile")
        || file.ends_with(".mk")
        || file == "justfile"
        || file == "tox.ini";
    let mut ignored = false;
    let mut yaml = text;
    for _ in 0..3 {
        for key in [
            "- ",
            "run:",
            "script:",
            "command:",
            "cmd:",
            "commands =",
            "commands=",
            "entry:",
            "sh ",
            "bat ",
            "test:",
            "- run:",
            "args:",
            "bash:",
            "after_script:",
        ] {
            if make && key == "- "
                || key == "test:" && !file.ends_with("yml") && !file.ends_with("yaml")
            {
                continue;
            }
            if let Some(rest) = yaml.strip_prefix(key) {
                yaml = rest.trim();
            }
        }
    }
    text = yaml.trim_matches(['\'', '"', '`']);
    if let Some(rest) = text.strip_prefix(['-', '@'])
        && make
    {
        ignored = text.starts_with('-') || text.starts_with("@-");
        text = rest.trim_start_matches(['-', '@', ' ']);
    }
    let plain = without_expressions(text);
    let text = plain.as_str();
    let parts = split_shell(text);
    let at = parts.iter().position(|(_, p)| runner(p).is_some())?;
    let words: Vec<String> = split_words(&parts[at].1);
    let (name, from) = runner(&parts[at].1)?;
    let mut command = Command {
        runner: name,
        filters: vec![],
        targets: vec![],
        masks: vec![],
        idle: vec![],
    };
    if ignored {
        command.masks.push("-".into());
    }
    options(&mut command, &words, from);
    masks(&mut command, &parts, at, text);
    Some(command)
}

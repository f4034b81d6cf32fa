//! Starting other programs: one small builder, so that every failure says which step failed and how.
//! It never goes through a shell.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, bail};

/// A program to run, with its arguments and environment.
pub struct Cmd(Command);

impl Cmd {
    /// Prepares `program`; nothing runs yet. Standard input is empty, so nothing can wait for it.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self(command)
    }

    /// Prepares cargo as a shell would start it. What `cargo run` told this program about its own
    /// package stays here: build scripts that ask for it (ring's does) would otherwise run anew, and
    /// all that rests on them, whenever a person and `cargo xtask` build in turns.
    pub fn cargo() -> Self {
        let mut cargo = Self::new("cargo");
        for (key, _) in std::env::vars_os() {
            let own = key.to_str().is_some_and(|key| {
                key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_")
            });
            if own {
                cargo.0.env_remove(key);
            }
        }
        cargo
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Self {
        self.0.args(args);
        self
    }

    /// Sets one environment variable.
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(key, value);
        self
    }

    /// Removes environment variables.
    pub fn env_remove<'a>(mut self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        for key in keys {
            self.0.env_remove(key);
        }
        self
    }

    /// Runs in `dir`.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.0.current_dir(dir);
        self
    }

    /// Lets the program read this process's standard input, for what a person answers.
    pub fn with_stdin(mut self) -> Self {
        self.0.stdin(Stdio::inherit());
        self
    }

    /// Runs to the end with its output shown; `step` completes "failed to …".
    pub fn run(mut self, step: &str) -> anyhow::Result<()> {
        let status = self.0.status().with_context(|| self.cannot_start(step))?;
        self.judge(status, step)
    }

    /// Runs to the end and returns what it printed, trimmed; its errors are shown.
    pub fn capture(mut self, step: &str) -> anyhow::Result<String> {
        self.0.stderr(Stdio::inherit());
        let output = self.0.output().with_context(|| self.cannot_start(step))?;
        self.judge(output.status, step)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Like [`Cmd::capture`], for a program that chats on its error output: that is shown only when
    /// it fails.
    pub fn capture_quietly(mut self, step: &str) -> anyhow::Result<String> {
        let output = self.0.output().with_context(|| self.cannot_start(step))?;
        if !output.status.success() {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
        }
        self.judge(output.status, step)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// What the program printed, trimmed, or `None` when it failed or could not start.
    pub fn query(mut self) -> Option<String> {
        let output = self.0.stderr(Stdio::null()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// Runs to the end, passes each line of output on to `out` as it comes and hands it to `see` as
    /// well. Returns whether the program succeeded.
    pub fn watch(
        mut self,
        step: &str,
        out: &mut impl Write,
        mut see: impl FnMut(&str),
    ) -> anyhow::Result<bool> {
        self.0.stdout(Stdio::piped());
        let mut child = self.0.spawn().with_context(|| self.cannot_start(step))?;
        let pipe = child
            .stdout
            .take()
            .expect("stdout was just asked for as a pipe");
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines
            .read_until(b'\n', &mut line)
            .with_context(|| step.to_owned())?
            > 0
        {
            // A closed terminal is no reason to stop a test run half way.
            let _ = out.write_all(&line).and_then(|()| out.flush());
            see(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
        let status = child.wait().with_context(|| step.to_owned())?;
        Ok(status.success())
    }

    fn cannot_start(&self, step: &str) -> String {
        format!("{step}: cannot start {}", self.0.get_program().display())
    }

    fn judge(&self, status: ExitStatus, step: &str) -> anyhow::Result<()> {
        if !status.success() {
            bail!(
                "{step}: {} ended with {status}",
                self.0.get_program().display()
            );
        }
        Ok(())
    }
}

/// Announces a step, on stderr, so that output which is data stays data.
pub fn say(step: &str, text: impl std::fmt::Display) {
    eprintln!("  {step:<10} {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_step_the_program_and_the_status() {
        let error = Cmd::new("false").run("prove a point").unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "prove a point: false ended with exit status: 1"
        );
    }

    #[test]
    fn a_missing_program_is_an_error_that_names_it() {
        let error = Cmd::new("no-such-program-here")
            .run("prove a point")
            .unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.starts_with("prove a point: cannot start no-such-program-here"),
            "{text}"
        );
    }

    #[test]
    fn watch_sees_every_line_even_when_it_is_not_text_or_lacks_its_end() {
        let (mut shown, mut seen) = (Vec::new(), Vec::new());
        let ok = Cmd::new("printf")
            .args(["one\\n\\377\\nlast"])
            .watch("print", &mut shown, |line| seen.push(line.to_owned()))
            .unwrap();
        assert!(ok);
        assert_eq!(shown, b"one\n\xff\nlast");
        assert_eq!(seen, ["one", "\u{fffd}", "last"]);
    }

    #[test]
    fn a_program_that_reads_its_input_finds_none() {
        assert_eq!(Cmd::new("cat").capture("read nothing").unwrap(), "");
    }
}

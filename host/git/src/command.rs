//! Running one git process: own process group, nothing inherited, output
//! bounded, wall clock bounded, killed with all its children when the future
//! is dropped. It never goes through a shell.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use sortie_vault::Redactor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::GitError;
use crate::environment::Environment;

/// How much of the end of what git complains about is kept.
const MAX_STDERR_BYTES: usize = 16 * 1024;

/// How much of it goes into an error.
const MAX_DETAIL_CHARS: usize = 2000;

/// What the process reads.
pub(crate) enum Input {
    /// Nothing.
    Null,
    /// These bytes.
    Bytes(Vec<u8>),
    /// An open file from where it stands.
    File(File),
}

/// One git process to be.
pub(crate) struct GitCommand<'g> {
    pub(crate) runner: &'g Runner,
    pub(crate) what: String,
    pub(crate) args: Vec<OsString>,
    pub(crate) environment: Environment,
    pub(crate) input: Input,
    pub(crate) output: Option<File>,
    pub(crate) wall: Duration,
    pub(crate) max_output: u64,
}

/// What is common to all processes.
pub(crate) struct Runner {
    pub(crate) program: PathBuf,
    pub(crate) redactor: Redactor,
    pub(crate) slots: Semaphore,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Done {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    /// The end of stderr: redacted, without control characters, one line
    /// ending per line.
    pub(crate) stderr: String,
    what: String,
}

impl Done {
    /// The output, or the error of a command that failed.
    pub(crate) fn ok(self) -> Result<Vec<u8>, GitError> {
        if self.code == Some(0) {
            Ok(self.stdout)
        } else {
            Err(self.into_error())
        }
    }

    /// The output as text, or the error of a command that failed.
    pub(crate) fn text(self) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.ok()?).into_owned())
    }

    pub(crate) fn is_out_of_space(&self) -> bool {
        self.stderr.contains("No space left on device")
            || self.stderr.contains("Disk quota exceeded")
    }

    #[cfg(test)]
    pub(crate) fn failed(what: &str, stderr: &str) -> Self {
        Self {
            code: Some(128),
            stdout: Vec::new(),
            stderr: stderr.to_owned(),
            what: what.to_owned(),
        }
    }

    /// The error that says how it failed.
    pub(crate) fn into_error(self) -> GitError {
        if self.is_out_of_space() {
            return GitError::NoSpace { what: self.what };
        }
        GitError::Command {
            what: self.what,
            code: self.code,
            detail: detail(&self.stderr),
        }
    }
}

/// The marks of lines that say what is wrong, the ones that say it best first.
const MARKS: [&str; 3] = ["fatal:", "remote:", "error:"];

/// What git complained about, as a part of a sentence: the one line that says it,
/// without git's advice; the last one where none is marked.
pub(crate) fn detail(stderr: &str) -> String {
    let lines = || stderr.lines().filter(|line| says_something(line));
    let marked = MARKS
        .iter()
        .find_map(|mark| lines().find(|line| line.trim_start().starts_with(mark)));
    match marked.or_else(|| lines().next_back()) {
        Some(line) => sentence(line),
        None => "it said nothing".to_owned(),
    }
}

/// Whether a line has words; servers frame what they say.
pub(crate) fn says_something(line: &str) -> bool {
    sentence(line).chars().any(char::is_alphabetic)
}

/// A line of git without its marks and its full stop, as long as a person reads.
pub(crate) fn sentence(line: &str) -> String {
    let mut text = line.trim();
    for mark in ["remote:", "fatal:", "error:", "ERROR:"] {
        text = text.strip_prefix(mark).map_or(text, str::trim_start);
    }
    let text = text.trim_end_matches('.');
    text.chars().take(MAX_DETAIL_CHARS).collect()
}

/// Kills what is left of a process group when the future goes away.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may be gone already; then there is nothing to kill.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl GitCommand<'_> {
    pub(crate) fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = Input::Bytes(bytes);
        self
    }

    pub(crate) fn input_file(mut self, file: File) -> Self {
        self.input = Input::File(file);
        self
    }

    pub(crate) fn output_file(mut self, file: File) -> Self {
        self.output = Some(file);
        self
    }

    pub(crate) fn setting(mut self, key: &str, value: &str) -> Self {
        self.environment.setting(key, value);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.set(name, value);
        self
    }

    pub(crate) fn max_output(mut self, bytes: u64) -> Self {
        self.max_output = bytes;
        self
    }

    /// Runs it to its end. An exit code other than 0 is no error here.
    pub(crate) async fn run(self) -> Result<Done, GitError> {
        let _slot = self.runner.slots.acquire().await.ok();
        let wall = self.wall;
        let what = self.what.clone();
        match tokio::time::timeout(wall, self.run_unbounded()).await {
            Ok(result) => result,
            Err(_) => Err(GitError::TimedOut { what, after: wall }),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "one of the two doors of this crate"
    )]
    async fn run_unbounded(self) -> Result<Done, GitError> {
        tracing::debug!(what = %self.what, args = ?self.args, "git");
        let mut command = Command::new(&self.runner.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.environment.variables())
            .current_dir(Path::new("/"))
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut bytes = Vec::new();
        match self.input {
            Input::Null => command.stdin(Stdio::null()),
            Input::File(file) => command.stdin(file),
            Input::Bytes(b) => {
                bytes = b;
                command.stdin(Stdio::piped())
            }
        };
        match self.output {
            Some(file) => command.stdout(file),
            None => command.stdout(Stdio::piped()),
        };
        let mut child = command.spawn().map_err(|source| GitError::NotInstalled {
            program: self.runner.program.clone(),
            source,
        })?;
        // The command holds its own copies of the files it passed on.
        drop(command);
        let mut group = Group(
            child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .map(Pid::from_raw),
        );
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A command that ends before it has read everything says why
                // through its exit code.
                let _ = stdin.write_all(&bytes).await;
            }
        };
        let ((), stdout, stderr) = tokio::join!(
            feed,
            read_bounded(stdout, self.max_output),
            read_tail(stderr)
        );
        let Some(stdout) = stdout else {
            return Err(GitError::OutputTooLarge {
                what: self.what,
                limit: self.max_output,
            });
        };
        let status = child
            .wait()
            .await
            .map_err(GitError::io("wait for git", &self.runner.program))?;
        group.0 = None;
        let stderr = self.runner.clean(&stderr);
        // Errors hold one line of it.
        tracing::debug!(what = %self.what, code = ?status.code(), %stderr, "git ended");
        Ok(Done {
            code: status.code(),
            stdout,
            stderr,
            what: self.what,
        })
    }
}

impl Runner {
    /// Makes text that came from git or from a remote fit to be logged.
    pub(crate) fn clean(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes).replace('\r', "\n");
        self.redactor
            .redact(&text)
            .chars()
            .filter(|c| *c == '\n' || !c.is_control())
            .collect()
    }
}

/// None when there is more than the limit.
async fn read_bounded<R: AsyncRead + Unpin>(reader: Option<R>, limit: u64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if let Some(reader) = reader {
        let mut bounded = reader.take(limit.saturating_add(1));
        // A pipe that breaks is a process that died; its exit code says so.
        let _ = bounded.read_to_end(&mut out).await;
    }
    (out.len() as u64 <= limit).then_some(out)
}

async fn read_tail<R: AsyncRead + Unpin>(reader: Option<R>) -> Vec<u8> {
    let mut tail = Vec::new();
    let mut buffer = [0; 4096];
    if let Some(mut reader) = reader {
        while let Ok(n @ 1..) = reader.read(&mut buffer).await {
            tail.extend_from_slice(&buffer[..n]);
            if tail.len() > 2 * MAX_STDERR_BYTES {
                tail.drain(..tail.len() - MAX_STDERR_BYTES);
            }
        }
    }
    tail
}

//! Runs git on the workspace. What the agent left in the repository's own
//! configuration is not to decide anything here, and whatever it makes git
//! start ends with the command.

use crate::daemon::Runner;
use crate::limits::{GIT_LIMIT, GIT_SAID_MAX_BYTES};
use crate::reaper::{Ended, program};
use crate::strays;
use sortie_wire::message::RunnerError;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::rc::Rc;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::Instant;

/// Settings that a repository must not choose.
const SETTINGS: [&str; 16] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.quotePath=true",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.addEmbeddedRepo=false",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "core.sshCommand=false",
    "core.alternateRefsCommand=true",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "safe.directory=*",
];

/// A repository and its work tree, and until when work on them may take.
pub struct Git {
    runner: Rc<Runner>,
    repository: String,
    work_tree: String,
    deadline: Instant,
    extra: Vec<(String, String)>,
}

/// How a command ended.
struct Outcome {
    code: i32,
    out: String,
    said: String,
}

impl Git {
    pub fn new(runner: &Rc<Runner>, repository: &str, work_tree: &str, deadline: Instant) -> Self {
        Self {
            runner: runner.clone(),
            repository: repository.into(),
            work_tree: work_tree.into(),
            deadline,
            extra: Vec::new(),
        }
    }

    /// The same with further variables in its environment.
    pub fn with(&self, extra: Vec<(String, String)>) -> Self {
        Self {
            extra,
            ..Self::new(
                &self.runner,
                &self.repository,
                &self.work_tree,
                self.deadline,
            )
        }
    }

    /// Runs a command that must succeed; returns what it printed, trimmed.
    pub async fn run(&self, action: &str, arguments: &[&str]) -> Result<String, RunnerError> {
        let outcome = self.outcome(action, arguments).await?;
        match outcome.code {
            0 => Ok(outcome.out.trim_end().to_owned()),
            _ => Err(RunnerError::Git {
                action: action.into(),
                detail: outcome.said.trim().to_owned(),
            }),
        }
    }

    /// Runs a command that answers by its status.
    pub async fn holds(&self, action: &str, arguments: &[&str]) -> Result<bool, RunnerError> {
        Ok(self.outcome(action, arguments).await?.code == 0)
    }

    async fn outcome(&self, action: &str, arguments: &[&str]) -> Result<Outcome, RunnerError> {
        let system = |e: std::io::Error| RunnerError::System {
            action: action.into(),
            detail: e.to_string(),
        };
        let mut command = program("git");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(arguments).env_clear().current_dir("/work");
        command.envs([
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("HOME", "/nonexistent"),
            ("LC_ALL", "C.UTF-8"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_DIR", &self.repository),
            ("GIT_WORK_TREE", &self.work_tree),
        ]);
        command.envs(self.extra.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = self.runner.reaper.spawn(&mut command).map_err(system)?;
        let (out, said) = (process.child.stdout.take(), process.child.stderr.take());
        let reading = async {
            let ((out, said), ended) = tokio::join!(
                async { tokio::join!(read(out.map(Into::into)), read(said.map(Into::into))) },
                &mut process.ended
            );
            (out, said, ended)
        };
        match tokio::time::timeout_at(self.deadline, reading).await {
            Ok((out, said, Ok(ended))) => Ok(Outcome {
                code: match ended {
                    Ended::Code(code) => code,
                    Ended::Signal(signal) => 128 + signal,
                },
                out,
                said,
            }),
            Ok((_, _, Err(_))) => Err(system(std::io::Error::other("git was lost"))),
            Err(_) => {
                let _ = strays::kill_all(self.runner.wires.bridge()).await;
                let limit_ms = u64::try_from(GIT_LIMIT.as_millis()).unwrap_or(u64::MAX);
                Err(RunnerError::TimedOut {
                    action: action.into(),
                    limit_ms,
                })
            }
        }
    }
}

/// Reads all, keeps the beginning.
async fn read(pipe: Option<OwnedFd>) -> String {
    let mut kept = Vec::new();
    if let Some(Ok(mut pipe)) = pipe.map(pipe::Receiver::from_owned_fd) {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = pipe.read(&mut buffer).await {
            let room = GIT_SAID_MAX_BYTES - kept.len();
            kept.extend_from_slice(&buffer[..n.min(room)]);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

//! Asks a container what is in it, by programs of its own. What it says is
//! shown, and believed as far as anything is that a container says.

use serde::Serialize;
use sortie_sandbox::{ExitStatus, SandboxError, StepSpec, Workspace};
use std::sync::atomic::{AtomicU32, Ordering};

/// The programs of the agents that the host has plugins for.
const AGENTS: [(&str, &str); 4] = [
    ("pi", "agent-pi"),
    ("codex", "agent-codex"),
    ("claude", "agent-claude"),
    ("opencode", "agent-opencode"),
];

/// Tools that missions like to find, each with what makes it say its version.
const TOOLS: &str = "\
say() { v=$(\"$@\" 2>/dev/null </dev/null | head -n 1) && [ -n \"$v\" ] && echo \"$1 $v\"; }
for t in node npm python3 pip rustc cargo rg fd cc make cmake jq; do
  if command -v $t >/dev/null 2>&1; then say $t --version; fi
done
if command -v go >/dev/null 2>&1; then say go version; fi
true";

/// How long one question may take. A coding agent that starts for the first
/// time takes seconds, on a busy machine more.
const QUESTION_LIMIT_MS: u64 = 60_000;

/// What is kept of an answer.
const ANSWER_BYTES: u64 = 64 << 10;

/// The longest part of an answer that is shown, in characters.
const SHOWN_CHARS: usize = 300;

/// A coding agent, as it was found.
#[derive(Debug, Serialize)]
pub struct Agent {
    /// Its program.
    pub program: &'static str,
    /// The plugin that drives it.
    pub plugin: &'static str,
    /// What it says its version is; none when it is not there or does not run.
    pub version: Option<String>,
    /// Why it does not run, when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A container to ask.
pub struct Probe<'w>(pub &'w Workspace);

impl Probe<'_> {
    /// What a command for the shell prints, or why it failed.
    pub async fn shell(&self, command: &str) -> Result<Result<String, String>, SandboxError> {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let spec = StepSpec {
            id: format!("ask-{}", ASKED.fetch_add(1, Ordering::Relaxed)),
            argv: ["/bin/sh", "-c", command].map(str::to_owned).into(),
            env: Vec::new(),
            cwd: "/work".into(),
            files: Vec::new(),
            stdin: None,
            wall_limit_ms: QUESTION_LIMIT_MS,
            output_limit_bytes: ANSWER_BYTES,
        };
        let mut step = match self.0.start(spec).await {
            Ok(step) => step,
            Err(SandboxError::Runner(error)) => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        };
        let mut said = Vec::new();
        while let Some(output) = step.next_output().await? {
            said.extend_from_slice(&output.bytes);
        }
        let text = String::from_utf8_lossy(&said).trim().to_owned();
        Ok(match step.wait().await?.status {
            ExitStatus::Code(0) => Ok(text),
            ExitStatus::Code(code) => Err(with_words(&format!("status {code}"), &text)),
            other => Err(with_words(&format!("{other:?}"), &text)),
        })
    }

    /// How many authorities are trusted; none when there is no list.
    pub async fn certificates(&self) -> Result<Option<u32>, SandboxError> {
        let count = self
            .shell("grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt")
            .await?;
        Ok(count
            .ok()
            .and_then(|count| count.parse().ok())
            .filter(|&count| count > 0))
    }

    /// The tools that are there, each with its version.
    pub async fn tools(&self) -> Result<Vec<String>, SandboxError> {
        let said = self.shell(TOOLS).await?.unwrap_or_default();
        Ok(said.lines().filter_map(tool).collect())
    }

    /// Every agent, there or not.
    pub async fn agents(&self) -> Result<Vec<Agent>, SandboxError> {
        let mut agents = Vec::new();
        for (program, plugin) in AGENTS {
            let mut agent = Agent {
                program,
                plugin,
                version: None,
                problem: None,
            };
            if self.shell(&format!("command -v {program}")).await?.is_ok() {
                match self.shell(&format!("{program} --version")).await? {
                    Ok(said) => agent.version = Some(version(&said)),
                    Err(why) => agent.problem = Some(why),
                }
            }
            agents.push(agent);
        }
        Ok(agents)
    }
}

fn with_words(how: &str, text: &str) -> String {
    let words: String = text.chars().take(SHOWN_CHARS).collect();
    match words.is_empty() {
        true => how.to_owned(),
        false => format!("{how}: {words}"),
    }
}

/// A tool and the first number of what it says.
fn tool(line: &str) -> Option<String> {
    let (name, said) = line.split_once(' ')?;
    Some(format!("{name} {}", version(said)))
}

/// The first word that looks like a version, or the first line.
fn version(said: &str) -> String {
    let line = said.lines().next().unwrap_or_default();
    let is_version = |word: &&str| {
        let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '(');
        digits.contains('.') && digits.starts_with(|c: char| c.is_ascii_digit())
    };
    let word = line.split_whitespace().find(is_version).unwrap_or(line);
    word.trim_start_matches(['v', '('])
        .trim_end_matches([')', ','])
        .chars()
        .take(SHOWN_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (said, found) in [
            ("v24.22.3", "24.22.3"),
            ("git version 2.39.5", "2.39.5"),
            ("codex-cli 0.169.0", "0.169.0"),
            ("2.1.332 (Claude Code)", "2.1.332"),
            ("go version go1.23.5 linux/amd64", "go1.23.5"),
            ("cc (Debian 12.2.0-14) 12.2.0\nCopyright", "12.2.0-14"),
            ("something else", "something else"),
            ("", ""),
        ] {
            assert_eq!(version(said), found, "{said}");
        }
        assert_eq!(tool("rg ripgrep 13.0.0").as_deref(), Some("rg 13.0.0"));
    }
}

//! How the command ends: the codes, and errors with what to do next.

use serde::Serialize;
use std::fmt;

/// The exit codes, for the help.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  done, and the answer is no: the job did not succeed, there are findings,
     or doctor found a fault
  2  the command line or the configuration is wrong
  3  the host cannot be reached
  4  the host refused
  5  something failed on this machine";

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Done, and the answer is no.
    Negative = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The host cannot be reached.
    Unreachable = 3,
    /// The host refused.
    Refused = 4,
    /// Something failed on this machine.
    Failed = 5,
}

/// What went wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliError {
    /// How the command ends.
    pub exit: Exit,
    /// A word for machines.
    pub kind: String,
    /// What happened; completes "failed to …".
    pub message: String,
    /// What to do next, when the message does not say so itself.
    pub hint: Option<String>,
}

/// An error as JSON, on stderr.
#[derive(Serialize)]
pub struct ErrorView<'e> {
    kind: &'e str,
    message: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'e str>,
    exit_code: u8,
}

impl CliError {
    /// An error that ends the command with that code.
    pub fn new(exit: Exit, kind: &str, message: impl Into<String>) -> Self {
        Self {
            exit,
            kind: kind.to_owned(),
            message: message.into(),
            hint: None,
        }
    }

    /// Something failed on this machine.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(Exit::Failed, "failed", message.to_string())
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// The same with what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is shown to machines.
    pub fn view(&self) -> ErrorView<'_> {
        ErrorView {
            kind: &self.kind,
            message: &self.message,
            hint: self.hint.as_deref(),
            exit_code: self.exit as u8,
        }
    }

    /// Whoever read the output has left; that is no failure.
    pub fn is_broken_pipe(&self) -> bool {
        self.kind == BROKEN_PIPE
    }
}

const BROKEN_PIPE: &str = "broken-pipe";

impl From<crate::config::ConfigError> for CliError {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::new(Exit::Usage, "configuration", error.to_string())
    }
}

/// Errors of writing to stdout.
impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Ok, BROKEN_PIPE, "write the output: nobody reads it");
        }
        Self::failed(format!("write the output: {error}"))
    }
}

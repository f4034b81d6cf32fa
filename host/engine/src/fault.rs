//! What went wrong in a run, sorted by what happens next.

use serde::{Deserialize, Serialize};
use sortie_git::{ErrorClass, GitError, UrlError};
use sortie_model::diff::DiffError;
use sortie_model::halt::HaltReason;
use sortie_plugins::PluginError;
use sortie_sandbox::{RunnerError, SandboxError};
use sortie_store::StoreError;
use std::any::Any;

/// Why a run stopped before its workflow was done. Stored as JSON once the run
/// is to stop, so that whoever takes it up again ends it as well.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// The job stops for a reason of the closed set.
    Halt {
        /// Which.
        reason: HaltReason,
        /// What was seen, for people.
        detail: String,
    },
    /// The budget plugin wants a person to say whether the run goes on; its
    /// words.
    Ask(String),
    /// It may pass: another attempt is worth it.
    Passing(String),
    /// The lease is void: cancelled, or another host has the run. Nothing is
    /// written.
    #[serde(skip)]
    Stale,
}

impl Fault {
    pub(crate) fn halt(reason: HaltReason, detail: impl std::fmt::Display) -> Self {
        Self::Halt {
            reason,
            detail: detail.to_string(),
        }
    }

    /// A panic of the host's own code.
    pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Self {
        let said = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("without a word");
        Self::Passing(format!(
            "drive the run: the host panicked ({said}); please report this"
        ))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale { .. } => Self::Stale,
            other => Self::Passing(with_sources(&other)),
        }
    }
}

impl From<PluginError> for Fault {
    /// A plugin that cannot answer is a gate that stays shut; one that has no
    /// free place just now is asked again.
    fn from(error: PluginError) -> Self {
        let text = with_sources(&error);
        match &error {
            // The change is what is wrong, and stays so.
            PluginError::HostRead {
                source: DiffError::TooLarge { .. },
                ..
            } => Self::halt(HaltReason::ResultRefused, text),
            _ if error.is_transient() => Self::Passing(text),
            _ => Self::halt(HaltReason::PluginFailed, text),
        }
    }
}

impl From<GitError> for Fault {
    fn from(error: GitError) -> Self {
        let text = with_sources(&error);
        let reason = match error.class() {
            ErrorClass::Refused => HaltReason::ResultRefused,
            ErrorClass::BranchTaken => HaltReason::BranchTaken,
            ErrorClass::Repository => HaltReason::RepositoryUnusable,
            ErrorClass::Transient | ErrorClass::Host => return Self::Passing(text),
        };
        Self::halt(reason, text)
    }
}

impl From<SandboxError> for Fault {
    fn from(error: SandboxError) -> Self {
        let text = with_sources(&error);
        match error {
            // The agent's doing: the same workspace fails the same way again.
            SandboxError::TooLarge { .. }
            | SandboxError::Runner(RunnerError::Git { .. } | RunnerError::TooLarge { .. }) => {
                Self::halt(HaltReason::ResultRefused, text)
            }
            SandboxError::Runner(RunnerError::Spawn { .. }) => {
                Self::halt(HaltReason::AgentFailed, text)
            }
            _ => Self::Passing(text),
        }
    }
}

impl From<UrlError> for Fault {
    fn from(error: UrlError) -> Self {
        GitError::from(error).into()
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Passing(format!("write to the data directory: {error}"))
    }
}

/// An error with its causes, in one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

//! What can go wrong, in words that complete "failed to …".

use crate::policy::Violation;
use sortie_wire::blob::BlobError;
use sortie_wire::codec::FrameError;
use sortie_wire::hello::{HelloError, Refusal};
use sortie_wire::message::RunnerError;
use std::path::PathBuf;
use std::time::Duration;

/// Why a sandbox could not be made, reached or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The options contradict themselves or name something that is not there.
    #[error("use the sandbox options: {reason}; correct the configuration")]
    Options {
        /// What is wrong.
        reason: String,
    },
    /// The engine is not running, not installed or not to be reached.
    #[error("reach the container engine at {endpoint}: {reason}; {help}")]
    EngineUnreachable {
        /// Where it was looked for.
        endpoint: String,
        /// What the system said.
        reason: String,
        /// What to do.
        help: String,
    },
    /// The engine took too long.
    #[error("{call}: the container engine at {endpoint} did not answer within {} ms; see what keeps it busy, or raise the call timeout", after.as_millis())]
    EngineTimeout {
        /// Where.
        endpoint: String,
        /// What was asked.
        call: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The engine said no.
    #[error("{call}: the container engine answered {status}: {message}")]
    EngineRefused {
        /// What was asked.
        call: &'static str,
        /// The HTTP status; 0 when there was none.
        status: u16,
        /// What the engine said.
        message: String,
    },
    /// The image is not in the engine.
    #[error("find the image {image:?} in the container engine; {help}")]
    ImageMissing {
        /// Its name.
        image: String,
        /// What to do.
        help: String,
    },
    /// The engine's disk is full.
    #[error(
        "{call}: the container engine has no room on its disk: {message}; free some, then retry"
    )]
    OutOfDisk {
        /// What was asked.
        call: &'static str,
        /// What the engine said.
        message: String,
    },
    /// The container is not what was asked for; it was removed unstarted.
    #[error(
        "harden the container of run {run}: {}; check the engine and its defaults",
        join(violations)
    )]
    PolicyViolated {
        /// The run.
        run: u64,
        /// Every difference.
        violations: Vec<Violation>,
    },
    /// The run has a container already.
    #[error("launch run {run}: it has a container already; adopt or remove that one")]
    AlreadyLaunched {
        /// The run.
        run: u64,
    },
    /// Someone else holds the wire, or the wire key is another.
    #[error("open the wire of run {run}: {refusal}")]
    WireRefused {
        /// The run.
        run: u64,
        /// Why.
        refusal: Refusal,
    },
    /// The runner in the image is of another version, or is none.
    #[error("open the wire of run {run}: {source}")]
    WrongRunner {
        /// The run.
        run: u64,
        /// What was found.
        source: HelloError,
    },
    /// The wire broke: the engine, the connection to it or the container went
    /// away. The container may still run.
    #[error("keep the wire of run {run}: {reason}; adopt the run again")]
    WireLost {
        /// The run.
        run: u64,
        /// What is known.
        reason: String,
    },
    /// What came over the wire breaks the protocol; the container is not to be
    /// trusted even with that.
    #[error("understand the runner of run {run}: {reason}; remove the container")]
    Protocol {
        /// The run.
        run: u64,
        /// Which rule.
        reason: String,
    },
    /// The runner said no.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// A bundle is larger than allowed.
    #[error(
        "fetch the result of run {run}: its bundle is larger than {max_bytes} bytes; raise the limit or make the change smaller"
    )]
    TooLarge {
        /// The run.
        run: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// A file on the host could not be read or written.
    #[error("use {path}: {source}; check the disk and the rights")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn join(violations: &[Violation]) -> String {
    let all: Vec<_> = violations.iter().map(ToString::to_string).collect();
    all.join("; ")
}

impl SandboxError {
    /// Whether the same call may succeed later without anybody's doing:
    /// the engine or the wire was away.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::EngineUnreachable { .. } | Self::EngineTimeout { .. } | Self::WireLost { .. }
        )
    }

    /// Sorts a failed frame into a lost wire or a broken protocol.
    pub(crate) fn frame(run: u64, error: FrameError) -> Self {
        match error {
            FrameError::Io(_) | FrameError::Ended => Self::WireLost {
                run,
                reason: error.to_string(),
            },
            other => Self::Protocol {
                run,
                reason: other.to_string(),
            },
        }
    }

    pub(crate) fn blob(run: u64, path: &std::path::Path, error: BlobError) -> Self {
        match error {
            BlobError::Frame(e) => Self::frame(run, e),
            BlobError::Local(source) => Self::File {
                path: path.to_owned(),
                source,
            },
            BlobError::TooLarge { max } => Self::TooLarge {
                run,
                max_bytes: max,
            },
        }
    }

    pub(crate) fn hello(run: u64, error: HelloError) -> Self {
        match error {
            HelloError::Refused(refusal) => Self::WireRefused { run, refusal },
            HelloError::Frame(FrameError::Io(_) | FrameError::Ended) | HelloError::TimedOut => {
                Self::WireLost {
                    run,
                    reason: error.to_string(),
                }
            }
            source => Self::WrongRunner { run, source },
        }
    }
}

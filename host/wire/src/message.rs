//! The messages: what a stream is opened for, and what is answered on it.
//!
//! Everything that a runner sends is a claim made from inside a sandbox. The
//! types bound its shape; whether it is true is for the host to find out.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The first frame of every stream: what the stream is for. The runner opens
/// only [`Open::Llm`] and [`Open::Egress`], the host all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Open {
    /// Heartbeats and the wall clock: [`Control`] frames one way,
    /// [`ControlReply`] frames the other. One per session.
    Control,
    /// What the runner has and does; answered with a [`Reply`] of [`Status`].
    Status,
    /// A git bundle follows as a blob; the repository is made anew from it,
    /// at this commit. Answered with a [`Reply`] of nothing.
    Put {
        /// The commit that the bundle's `refs/heads/sortie/base` must be.
        base: String,
    },
    /// Starts a step, or finds it by its id; answered with a [`Reply`] of
    /// [`Started`].
    Start(StepSpec),
    /// A step's output from an offset on: a [`Reply`] of nothing, then
    /// [`OutputFrame`]s until the one that says how it ended.
    Output {
        /// The step's id.
        step: String,
        /// The first byte wanted.
        from: u64,
    },
    /// Ends a running step; answered with a [`Reply`] of nothing once every
    /// process of it is gone, also when there was nothing left to end.
    Kill {
        /// The step's id.
        step: String,
    },
    /// Commits what changed and packs it; answered with a [`Reply`] of
    /// [`Collected`], and the bundle as a blob if there is one.
    Collect(CollectSpec),
    /// Puts the work tree back to a commit; answered with a [`Reply`] of
    /// nothing.
    Reset {
        /// The commit.
        commit: String,
        /// Whether ignored files go as well.
        ignored: bool,
    },
    /// A connection to the model endpoint: raw bytes both ways.
    Llm,
    /// A connection to the egress proxy: raw bytes both ways.
    Egress,
}

/// What to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// The step's name in this container; starting it twice starts it once.
    pub id: String,
    /// Program and arguments; nothing is passed to a shell.
    pub argv: Vec<String>,
    /// Environment on top of the runner's own for steps.
    pub env: Vec<(String, String)>,
    /// Absolute working directory; made if it is missing.
    pub cwd: String,
    /// Files to write first.
    pub files: Vec<StepFile>,
    /// What the program reads on its standard input; none closes it at once.
    pub stdin: Option<Bytes>,
    /// How long it may run, in milliseconds.
    pub wall_limit_ms: u64,
    /// How many bytes of output are kept, not counting the last
    /// few that are kept in any case.
    pub output_limit_bytes: u64,
}

/// A file to write before a step starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFile {
    /// Absolute path under a writable directory; replaced if it is there.
    pub path: String,
    /// Contents.
    pub contents: Bytes,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// How to commit and pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectSpec {
    /// The commit that the result must build on; also the bundle's
    /// prerequisite.
    pub base: String,
    /// Author and committer of what was left uncommitted.
    pub author_name: String,
    /// Their address.
    pub author_email: String,
    /// Message of the commit that takes up what was left uncommitted.
    pub message: String,
    /// Largest bundle that is sent.
    pub max_bytes: u64,
}

/// An answer: the thing asked for, or why not.
pub type Reply<T> = Result<T, RunnerError>;

/// Whether a start started something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Started {
    /// The step runs since now.
    Fresh,
    /// The step was started before; it runs or has ended.
    Known,
}

/// What a collection found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Collected {
    /// Nothing differs from the base.
    Unchanged,
    /// A bundle follows with the one ref `refs/heads/sortie/out`.
    Bundle {
        /// The commit that the ref is said to be.
        commit: String,
    },
}

/// Which of a step's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One frame of a step's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputFrame {
    /// Some bytes. Offsets count both streams together, in the order in which
    /// the runner read them; a jump is output that was not kept.
    Data {
        /// Where it was written.
        stream: OutputStream,
        /// Offset of the first byte.
        offset: u64,
        /// At most [`crate::limits::CHUNK_MAX_BYTES`].
        bytes: Bytes,
    },
    /// The step ended; nothing follows.
    Exit(ExitReport),
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitReport {
    /// How.
    pub status: ExitStatus,
    /// Everything it wrote, kept or not, in bytes.
    pub output_bytes: u64,
    /// Whether some of that was not kept.
    pub output_truncated: bool,
    /// From start to end, in milliseconds.
    pub duration_ms: u64,
    /// Processes that outlived the program and were killed with it.
    pub strays_killed: u32,
    /// Processes that the kernel ended for want of memory meanwhile; the
    /// program itself may have lived on.
    pub oom_kills: u32,
}

/// The ways in which a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitStatus {
    /// The program exited with this status.
    Code(i32),
    /// A signal that nobody of ours sent ended it.
    Signal(i32),
    /// Its own wall limit passed.
    TimedOut,
    /// The runner ended it.
    Killed(KillReason),
    /// The kernel ended it for want of memory.
    Oom,
}

/// Why the runner ended a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KillReason {
    /// The host asked for it.
    Cancelled,
    /// The workspace outgrew its limit.
    WorkspaceFull,
    /// The container's wall limit passed.
    WallLimit,
    /// The container was told to stop.
    ShuttingDown,
}

/// What the runner has and does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What is left of the container's wall clock, in milliseconds.
    pub wall_remaining_ms: u64,
    /// The commit that the repository was made at, if it was.
    pub base: Option<String>,
    /// The steps started so far, in order.
    pub steps: Vec<StepStatus>,
}

/// One step as the runner knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStatus {
    /// The step's id.
    pub id: String,
    /// How it ended; none while it runs.
    pub exit: Option<ExitReport>,
}

/// Host to runner, on the control stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Asks for a sign of life.
    Ping(u64),
    /// Sets what is left of the container's wall clock.
    SetWall {
        /// Milliseconds from now.
        remaining_ms: u64,
    },
}

/// Runner to host, on the control stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControlReply {
    /// The sign of life, with the ping's number.
    Pong(u64),
    /// The wall clock was set.
    WallSet,
}

/// Why the runner could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RunnerError {
    /// One step at a time, and nothing else meanwhile.
    #[error("act on the workspace: step {step:?} is running; wait for it or end it")]
    Busy {
        /// What runs.
        step: String,
    },
    /// No step has this id.
    #[error("find step {step:?}: the container never started it; start it")]
    UnknownStep {
        /// The id.
        step: String,
    },
    /// The request breaks a rule of the protocol.
    #[error("accept a request: {reason}; correct it")]
    Invalid {
        /// Which rule.
        reason: String,
    },
    /// The program could not be started.
    #[error("start {program:?} in the sandbox: {reason}; check the command and the image")]
    Spawn {
        /// What was to be started.
        program: String,
        /// What the system said.
        reason: String,
    },
    /// There is no repository yet.
    #[error("use the workspace: no repository was put into it; put one first")]
    NoWorkspace,
    /// The bundle is not what it was said to be.
    #[error("unpack the repository: the bundle holds {found}, not {expected}; make it again")]
    WrongBase {
        /// The commit that was announced.
        expected: String,
        /// The commit that is there.
        found: String,
    },
    /// A git command failed inside the sandbox.
    #[error("{action} in the sandbox: git says: {detail}; look at the workspace")]
    Git {
        /// What was tried.
        action: String,
        /// The end of what git said; untrusted text.
        detail: String,
    },
    /// Something is larger than allowed.
    #[error("{action}: it is larger than {limit_bytes} bytes; raise the limit or make it smaller")]
    TooLarge {
        /// What was tried.
        action: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// Something took too long.
    #[error("{action} in the sandbox: it took longer than {limit_ms} ms; raise the limit")]
    TimedOut {
        /// What was tried.
        action: String,
        /// The limit.
        limit_ms: u64,
    },
    /// The system refused something, such as room on the disk.
    #[error("{action} in the sandbox: {detail}; look at the workspace's limits")]
    System {
        /// What was tried.
        action: String,
        /// What the system said.
        detail: String,
    },
    /// The container is about to stop.
    #[error("act on the workspace: the container is stopping; launch a new one")]
    ShuttingDown,
}

//! What can go wrong in the store, in words that say what to do next.

use crate::lock::Holder;
use sortie_model::id::{ApprovalId, JobId, PluginEventId, RunId, Token};
use sortie_model::job::IllegalTransition;
use sortie_model::run::RunPhase;
use std::path::{Path, PathBuf};

/// Why the store refused or could not do something. Completes "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another host has the data directory.
    #[error(
        "open {}: {by} has it; stop that host first, or give this one a data directory of its own",
        dir.display()
    )]
    Held {
        /// The data directory.
        dir: PathBuf,
        /// Who has it.
        by: Holder,
    },
    /// The disk is full. Nothing that was acknowledged is lost, and the store
    /// goes on as soon as there is room.
    #[error("write to the database: the disk is full; make room and try again")]
    DiskFull,
    /// Another program holds the database's lock. Nothing was written.
    #[error(
        "use the database: another program has it open and locked it; close that program and try \
         again"
    )]
    Busy,
    /// The database file is damaged, or no database at all.
    #[error(
        "read {}: the file is damaged ({detail}); restore a backup or move it out of the way",
        path.display()
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// The file is an SQLite database, but not Sortie's.
    #[error(
        "open {}: it belongs to another application; give Sortie a data directory of its own",
        path.display()
    )]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// A newer Sortie wrote the database.
    #[error(
        "open the database: its schema is version {found} and this host knows up to {known}; \
         start the newer host, or restore a backup from before its upgrade"
    )]
    NewerSchema {
        /// The file's version.
        found: u64,
        /// The newest version this host knows.
        known: u64,
    },
    /// The operating system refused something on the data directory.
    #[error("{what}: {detail}")]
    Io {
        /// What was tried, on which path.
        what: String,
        /// What the system said.
        detail: String,
    },
    /// SQLite reported something that none of the other variants names.
    #[error("use the database: {detail}")]
    Database {
        /// What SQLite said.
        detail: String,
    },
    /// A stored row does not mean anything to this host.
    #[error("read a row of {table}: {detail}; the database was changed by something else")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A request panicked; it was rolled back.
    #[error("carry out a request: it panicked and was rolled back; please report this")]
    Panicked,
    /// The store was closed.
    #[error("use the store: it is closed")]
    Closed,
    /// A lease that no longer holds was shown; the write was dropped.
    #[error("act on {run}: lease {} is over, lease {} is the newest", shown.0, current.0)]
    Stale {
        /// The run.
        run: RunId,
        /// The token that was shown.
        shown: Token,
        /// The run's newest token.
        current: Token,
    },
    /// The state of the job does not allow it.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// A person's answer is about another commit than the question.
    #[error(
        "answer the question about {job}: the answer is about commit {seen} and the question is \
         about {}; look at the diff again",
        asked.as_deref().map_or("no commit".to_owned(), |commit| format!("commit {commit}"))
    )]
    OtherCommit {
        /// The job.
        job: JobId,
        /// The commit that the person looked at.
        seen: String,
        /// The commit that the question is about, if it is about one.
        asked: Option<String>,
    },
    /// A person's answer is about another question than the one that is open.
    #[error("answer the question about {job}: another one, {asked}, is open now; read that one")]
    OtherQuestion {
        /// The job.
        job: JobId,
        /// The question that is open.
        asked: ApprovalId,
    },
    /// The button that was pressed, or one beside it, was used before.
    #[error("act on the press of a button: it was used before")]
    ButtonUsed,
    /// A job was to go on with the work of an earlier run, and there is none.
    #[error("go on with {job}: none of its runs left any work; start it at its base")]
    NoWork {
        /// The job.
        job: JobId,
    },
    /// The phase of the run does not allow it.
    #[error("move {run} from {from} to {to}: that is not a legal move")]
    IllegalPhase {
        /// The run.
        run: RunId,
        /// Where it stands.
        from: RunPhase,
        /// Where it was to go.
        to: RunPhase,
    },
    /// There is no such thing.
    #[error("find {what}: there is none")]
    NotFound {
        /// What was looked for, such as `#42`.
        what: String,
    },
    /// No project of that name is configured.
    #[error("find project {name:?}: none of that name is configured")]
    UnknownProject {
        /// The name.
        name: String,
    },
    /// An idempotency key came back with another request.
    #[error(
        "accept the request: its idempotency key was used for {job} with another content; \
         use a new key"
    )]
    KeyReused {
        /// The job that the key made.
        job: JobId,
    },
    /// The steps of a run were told in an order that cannot be.
    #[error("record {what} of {run}: {detail}")]
    OutOfOrder {
        /// The run.
        run: RunId,
        /// What was to be recorded.
        what: String,
        /// What stands in the way.
        detail: String,
    },
    /// A value is outside of what the store takes.
    #[error("accept {what}: {detail}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What is wrong with it and what would be right.
        detail: String,
    },
    /// The state of a plugin does not allow it.
    #[error("{action} plugin {name}: {detail}")]
    Plugin {
        /// What was to be done, such as `upgrade`.
        action: &'static str,
        /// The plugin.
        name: String,
        /// What stands in the way.
        detail: String,
    },
    /// An event or a delivery does not stand where the caller thinks: it was
    /// settled, or tried, by someone else meanwhile. Nothing was written.
    #[error("{action} {what}: {detail}")]
    Settled {
        /// What was to be done, such as `retry`.
        action: &'static str,
        /// The event or delivery.
        what: String,
        /// Where it stands.
        detail: String,
    },
    /// Events that came before it wait; it has to be stored behind them.
    #[error("handle {event}: {earlier} of the same source waits; store it behind that one")]
    Behind {
        /// The event.
        event: PluginEventId,
        /// The oldest that waits.
        earlier: PluginEventId,
    },
    /// As many events of a source wait or are parked as may.
    #[error(
        "take in an event of {source_name} of plugin {plugin}: {max} wait or are parked already; \
         see why they fail with `sortie plugin events {plugin}`"
    )]
    Backlog {
        /// The plugin.
        plugin: String,
        /// The source.
        source_name: String,
        /// How many may.
        max: u32,
    },
    /// What a plugin keeps would grow past its quota.
    #[error("keep what plugin {plugin} sets: it would have {bytes} bytes, {max_bytes} are allowed")]
    Quota {
        /// The plugin.
        plugin: String,
        /// What its keys and values would add up to.
        bytes: u64,
        /// What they may.
        max_bytes: u64,
    },
    /// One effect of a call could not be written, so none of the call was.
    #[error("write what the call asked for: effect {index}, {effect}: failed to {why}")]
    Effect {
        /// Its place in the list, from 0.
        index: usize,
        /// What it was to do, such as `cancel #42`.
        effect: String,
        /// Why it could not.
        why: Box<StoreError>,
    },
}

impl StoreError {
    /// Whether trying the same again later may work without anybody changing
    /// the request.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::DiskFull | Self::Busy | Self::Backlog { .. } => true,
            Self::Effect { why, .. } => why.may_pass(),
            _ => false,
        }
    }

    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::NotFound {
            what: what.to_string(),
        }
    }

    pub(crate) fn row(table: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Row {
            table,
            detail: detail.to_string(),
        }
    }

    pub(crate) fn io(what: &str, path: &Path, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Self::DiskFull;
        }
        Self::Io {
            what: format!("{what} {}", path.display()),
            detail: error.to_string(),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi;
        let Some(code) = error.sqlite_error().map(|e| e.extended_code) else {
            return Self::Database {
                detail: error.to_string(),
            };
        };
        match (code & 0xff, code) {
            (ffi::SQLITE_FULL, _) | (_, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE) => {
                Self::DiskFull
            }
            (ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED, _) => Self::Busy,
            (ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB, _) => Self::Corrupt {
                path: PathBuf::from(crate::limits::DATABASE_FILE),
                detail: error.to_string(),
            },
            _ => Self::Database {
                detail: error.to_string(),
            },
        }
    }
}

/// What every query of the store returns.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

//! Every bound of the API, with the reason for its number.

use std::time::Duration;

/// The largest request body in bytes: the longest task, doubled for JSON's
/// escapes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Open connections; further ones wait in the kernel's backlog. Far more than
/// one team's tools hold open, far fewer than the process has descriptors.
pub const MAX_CONNECTIONS: usize = 512;

/// Streams that stay open (events, followed logs) at once. Each costs a task
/// and looks at the database when something happens.
pub const MAX_STREAMS: usize = 128;

/// How long a client may take to send its request's head.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take until its answer begins, its body's upload
/// included. The slowest honest answer is a large diff.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How long open connections get to end after a shutdown is asked for. All
/// streams end at once by themselves; this is for answers under way.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// How often a silent event stream says that it is alive; below the minute
/// that proxies usually grant.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// Events read from the database at once.
pub const EVENT_PAGE: u32 = 256;

/// How often a followed log is looked at while nothing else happens; short
/// enough to look live, and one `read` is cheap.
pub const LOG_POLL: Duration = Duration::from_millis(150);

/// Log bytes sent at once.
pub const LOG_CHUNK_BYTES: usize = 64 * 1024;

/// The longest line of a log file; longer ones are left out. The engine writes
/// chunks far smaller.
pub const MAX_LOG_LINE_BYTES: usize = 4 * 1024 * 1024;

/// Packages that are taken in at once. Each is held in memory and compiled on
/// every core; changes are made one after another anyway.
pub const MAX_UPLOADS: usize = 2;

/// The largest part of an upload beside the package: a manifest, a signature,
/// a consent.
pub const MAX_UPLOAD_TEXT_BYTES: usize = 256 * 1024;

/// The largest upload in bytes: the largest package, and the texts.
pub const MAX_UPLOAD_BYTES: usize =
    sortie_package::MAX_PACKAGE_BYTES as usize + 5 * MAX_UPLOAD_TEXT_BYTES;

/// How long a change of plugins may take. A component with a language runtime
/// inside takes half a minute to compile on a small machine.
pub const CHANGE_TIMEOUT: Duration = Duration::from_secs(300);

/// Hooks that are handled at once, half of the connections, so that people
/// get in while senders storm.
pub const MAX_HOOKS: usize = 256;

/// Bytes of hooks' bodies in memory at once, in KiB: a hundred bodies of the
/// usual limit.
pub const MAX_HOOK_BODIES_KIB: u32 = 128 * 1024;

/// The largest update of a chat service. The Bot API's own are far smaller: a
/// text has 4,096 characters.
pub const MAX_UPDATE_BYTES: u64 = 1024 * 1024;

/// How long a hook's body may take. Senders are machines in data centres.
pub const HOOK_BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Jobs on a page when the request does not say.
pub const DEFAULT_PAGE: u32 = 50;

/// The most jobs on a page.
pub const MAX_PAGE: u32 = 200;

/// The most hours that statistics look back over: those of a leap year, as the
/// store has it.
pub const MAX_STATS_HOURS: u32 = sortie_store::limits::MAX_STATS_HOURS;

/// The longest comment on a decision in bytes.
pub const MAX_COMMENT_BYTES: usize = 4 * 1024;

/// How long an answer of `/readyz` about the store is kept, so that a careless
/// probe does not become a stream of synced writes.
pub const READY_KEPT: Duration = Duration::from_secs(1);

//! Every bound of the runner, in one place, each with the reason for its number.

use std::time::Duration;

/// Finished steps whose output is kept; of older ones only the exit.
pub const JOURNALS_KEPT: usize = 8;

/// Longest wait between asking a step to end and ending it.
pub const KILL_GRACE: Duration = Duration::from_secs(1);

/// How long killed processes may take to be gone. Releasing gigabytes of
/// memory takes a second or two on a loaded machine.
pub const STRAYS_LIMIT: Duration = Duration::from_secs(10);

/// How long pipes may take to run dry once every writer is dead.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// Longest git operation on the workspace.
pub const GIT_LIMIT: Duration = Duration::from_secs(600);

/// Bytes of git's own words that are kept.
pub const GIT_SAID_MAX_BYTES: usize = 16 * 1024;

/// Connections held for one loopback service at once.
pub const CONNECTIONS_MAX: usize = 64;

/// How long a connection is held while no wire is attached: a host's restart
/// with room to spare.
pub const HOLD_LIMIT: Duration = Duration::from_secs(120);

/// Handshakes under way at once.
pub const HANDSHAKES_MAX: usize = 8;

/// How often the volume's fill is looked at. The look costs one system call.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// How often the workspace is counted at least while a step runs, whatever
/// the volume's fill says.
pub const COUNT_INTERVAL: Duration = Duration::from_secs(10);

/// How long the host gets to read the last words before the container ends.
pub const FAREWELL: Duration = Duration::from_millis(500);

/// How long the first frame of a stream may take.
pub const OPEN_LIMIT: Duration = Duration::from_secs(60);

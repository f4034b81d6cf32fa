//! Bounds of this crate that are not options, each with the reason for its
//! number.

use std::time::Duration;

/// A call that the runner answers at once. Generous, because a container that
/// used up its CPU share answers late.
pub const CALL_LIMIT: Duration = Duration::from_secs(60);

/// A call that works on the repository: the runner gives itself ten minutes,
/// and what came of it still has to travel.
pub const GIT_LIMIT: Duration = Duration::from_secs(900);

/// Connections from a container that are served at once: what the runner's
/// two services hold together.
pub const GATEWAY_MAX: usize = 128;

/// How long a stream that the runner opened may take to say what it is for.
pub const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Output chunks that wait for the reader of a step; beyond them the wire
/// waits, and the runner journals. With 64 KiB each this is 1 MiB for a step.
pub const OUTPUT_QUEUE: usize = 16;

/// Tries to open the wire to a running container. The end of a step may take
/// a bridge that is not yet known to be one.
pub const WIRE_TRIES: u32 = 3;

/// Pause between those tries.
pub const WIRE_PAUSE: Duration = Duration::from_millis(200);

/// Tries to see a container that is being removed gone.
pub const REMOVE_TRIES: u32 = 50;

/// Pause between those tries.
pub const REMOVE_PAUSE: Duration = Duration::from_millis(200);

/// Size of `/run`: process ids and sockets.
pub const RUN_BYTES: u64 = 16 * 1024 * 1024;

/// Size of `/dev/shm`: what engines give by default; browsers need it.
pub const SHM_BYTES: i64 = 64 * 1024 * 1024;

/// Open files for one process: language servers and bundlers hold thousands.
/// More than the engine itself may open cannot be given, and rootless engines
/// have been seen with 20,000.
pub const OPEN_FILES: i64 = 16_384;

//! Every bound of the wire, in one place, each with the reason for its number.

use std::time::Duration;

/// Largest frame that opens a stream towards the runner, in bytes. A step's
/// files and standard input ride in it: prompts and settings, not data sets.
pub const OPEN_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Largest frame that opens a stream towards the host. The runner only ever
/// opens model and egress streams, which carry nothing else.
pub const RUNNER_OPEN_MAX_BYTES: usize = 64;

/// Largest frame of the handshake.
pub const HELLO_MAX_BYTES: usize = 1024;

/// Largest frame of the control stream in either direction.
pub const CONTROL_MAX_BYTES: usize = 256;

/// Largest reply to a call. A status with [`STEPS_MAX`] steps of the longest
/// ids takes about a quarter of it.
pub const REPLY_MAX_BYTES: usize = 512 * 1024;

/// Most bytes of output, or of a bundle, in one frame: large enough that
/// framing costs nothing, small enough that streams interleave.
pub const CHUNK_MAX_BYTES: usize = 64 * 1024;

/// Largest frame of an output stream: a chunk with its envelope.
pub const OUTPUT_MAX_BYTES: usize = CHUNK_MAX_BYTES + 256;

/// Largest output limit a step may ask for: journals live in the runner's own
/// memory, which the container's limit counts.
pub const OUTPUT_LIMIT_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The end of an output that outgrew its limit, kept besides: agents say what
/// they did last.
pub const OUTPUT_TAIL_BYTES: usize = 256 * 1024;

/// Steps that a runner remembers. A run has a handful; a workflow that loops
/// over repairs has tens.
pub const STEPS_MAX: usize = 1024;

/// Longest step id, in bytes.
pub const STEP_ID_MAX_BYTES: usize = 128;

/// Streams of both ends in one session. Beyond it yamux gives the session up,
/// so the two limits below, which only make their side wait or refuse, must
/// stay well under it.
pub const STREAMS_MAX: usize = 512;

/// Streams that one end has open at once; the next one waits. The runner's two
/// services hold 128 together, the host's calls a handful.
pub const OPENED_MAX: usize = 192;

/// Streams that the other end opened and nobody took yet; more are reset.
pub const INCOMING_MAX: usize = 64;

/// Receive buffer of all streams of a session together: the floor that yamux
/// wants, 256 KiB for each stream. Used only by bytes that nobody reads.
pub const WINDOW_MAX_BYTES: usize = STREAMS_MAX * 256 * 1024;

/// How long each message of the handshake may take. An exec on a loaded
/// machine takes a second; the wire itself a millisecond.
pub const HELLO_LIMIT: Duration = Duration::from_secs(30);

/// How often the host pings the runner.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long either end waits for the other's sign of life before it gives the
/// session up. A container that used up its CPU share is silent for moments,
/// not for this long.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(30);

/// How long a closing session may take to say goodbye.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(1);

//! Every bound of the store, with the reason for its number.

use std::time::Duration;

/// The database's file name inside the data directory.
pub const DATABASE_FILE: &str = "sortie.db";

/// The lock's file name inside the data directory.
pub const LOCK_FILE: &str = "sortie.lock";

/// Requests that may wait for the writer; further callers wait for a place.
/// A few batches' worth, so that the writer never idles and memory stays small.
pub const WRITE_QUEUE: usize = 1024;

/// Requests per transaction. Past this the one fsync is no longer what costs,
/// and a failing commit would be repeated for more callers.
pub const MAX_BATCH: usize = 256;

/// Read-only connections. Reads are short; more than the cores do not help.
pub const READERS: usize = 4;

/// How long a connection waits for another one's lock. Only other programs
/// (such as `sqlite3` in a shell) can hold one. Well under what a caller waits.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait before a write that the store could not take is tried again:
/// somebody has to make room, or to let go of the database.
pub const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The write-ahead log is cut back to this after a checkpoint.
pub const WAL_KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// Commits from one checkpoint to the next, which is made beside the writer:
/// enough that the second copy of a page is written once for many of them.
pub const CHECKPOINT_COMMITS: u32 = 64;

/// Pages in the write-ahead log at which the writer makes a checkpoint itself:
/// 16 MiB, which the log exceeds only for as long as somebody reads an old state
/// or the checkpoint beside the writer is under way.
pub const CHECKPOINT_PAGES: u32 = 4096;

/// Disk space that the write-ahead log gets before it needs it, in bytes: what it
/// holds when the writer makes a checkpoint itself.
pub const WAL_ROOM: i64 = 16 * 1024 * 1024;

/// Pages of the database that the writer keeps in memory, as SQLite counts
/// them: in KiB when negative. 16 MiB hold the inner pages of every index of a
/// busy host for years.
pub const WRITER_CACHE: i32 = -16 * 1024;

/// Prepared statements kept per connection; more than the store has.
pub const STATEMENTS_KEPT: usize = 256;

/// The longest task in bytes: a book's worth; a prompt is far shorter.
pub const MAX_TASK_BYTES: usize = 1024 * 1024;

/// The longest name, user, door or key in bytes: what fits a line.
pub const MAX_NAME_BYTES: usize = 512;

/// The longest free text of a person, error or summary in bytes; longer ones
/// are cut, because they come from outside and must not fail a state move.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The most rows that one listing returns, whatever was asked for.
pub const MAX_PAGE: u32 = 1_000;

/// The most steps of one decision: far more than a workflow runs in parallel.
pub const MAX_STEPS_PER_DECISION: usize = 64;

/// The largest workflow state in bytes; it is written with each decision.
pub const MAX_STATE_BYTES: usize = 4 * 1024 * 1024;

/// The largest JSON value in bytes: a decision, an action, an outcome, the
/// data of an event.
pub const MAX_JSON_BYTES: usize = 4 * 1024 * 1024;

/// The most hosts that one job asks people about: nobody reads more.
pub const MAX_EGRESS_ASKS: u32 = 200;

/// The most answers about hosts that count for one job, the newest first.
pub const MAX_EGRESS_RULINGS: u32 = 500;

/// The longest detail of a connection in bytes: an error of the network.
pub const MAX_EGRESS_DETAIL_BYTES: usize = 1_000;

/// The longest key of a plugin's store in bytes; the plugins' interface
/// promises it.
pub const MAX_KV_KEY_BYTES: usize = 256;

/// The largest value of a plugin's store in bytes; the plugins' interface
/// promises it.
pub const MAX_KV_VALUE_BYTES: usize = 64 * 1024;

/// The most effects of one call: a thousand changes of keys, which the plugins'
/// interface promises, and as many others.
pub const MAX_EFFECTS: usize = 2_000;

/// The largest event in bytes, as stored: a body of the largest source, its
/// head and room for what wraps them.
pub const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;

/// How many events of one source may wait or be parked. Past this the source
/// has to push back, or a plugin that always fails would fill the disk.
pub const MAX_OPEN_EVENTS: u32 = 10_000;

/// The longest error of an event or a delivery in bytes; each failed try
/// replaces it.
pub const MAX_FAILURE_BYTES: usize = 1_000;

/// The longest receipt of a delivery in bytes; the plugins' interface promises
/// 200.
pub const MAX_RECEIPT_BYTES: usize = 200;

/// The longest message to a chat in bytes, as JSON: the 64 KiB of text that the
/// plugins' interface promises, escaped, and its buttons.
pub const MAX_MESSAGE_BYTES: usize = 512 * 1024;

/// New messages of a source that wait when another one is queued with a permit:
/// each is looked at then. Past this the note that it begins shares its commit
/// with those of others.
pub const MAX_PERMITS: u32 = 64;

/// Rows that one pruning takes away; the next takes the rest. Few enough that
/// others do not wait for it.
pub const MAX_PRUNED: u32 = 1_000;

/// How long a button counts that answers no question: a week, in milliseconds.
/// Nobody looks for older ones.
pub const BUTTON_LIFE_MS: i64 = 7 * 24 * 3_600_000;

/// The most buttons of one message; what services show is fewer.
pub const MAX_BUTTONS: usize = 100;

/// Wrong codes after which one that lets a person in is void: a guess among 40
/// bits has no chance by then.
pub const MAX_PAIRING_TRIES: u32 = 20;

/// Codes that are open at once: more people than are let in within a quarter of
/// an hour, and with so many a guess has no chance either.
pub const MAX_PAIRING_CODES: usize = 20;

/// Chats that are kept though nobody said anything of them, the newest of each
/// source: anybody may take a bot into a group, and few look for theirs later.
pub const MAX_STRANGE_CHATS: u32 = 100;

/// The most lines of jobs, and of questions, in the host's statistics.
pub const MAX_STATS_LINES: u32 = 50;

/// Up to how many a project's waiting jobs are counted, so that a look at the
/// projects costs the same behind any backlog.
pub const MAX_QUEUED_COUNTED: u64 = 1_000;

/// The longest stretch that statistics are made of: a leap year in hours.
pub const MAX_STATS_HOURS: u32 = 8_784;

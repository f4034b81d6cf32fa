//! What the operator may set, and every limit a plugin call runs under, each
//! with the reason for its number. This module decides nothing.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::log::{LogLine, LogSink};

/// How [`Plugins`](crate::Plugins) is set up.
#[derive(Clone)]
pub struct PluginOptions {
    /// Directory of the code cache, made with mode 0700 when it is missing;
    /// none compiles every plugin anew.
    pub cache_dir: Option<PathBuf>,
    /// The most calls that run at once; further ones queue.
    pub concurrent_calls: u32,
    /// The most effectful calls that run at once; further ones queue. They may
    /// wait for somebody's network, so they have a pool of their own and never
    /// keep a gate waiting.
    pub concurrent_effects: u32,
    /// The most parsers of agent output that live at once; further ones queue.
    /// A parser lives as long as its agent, so it has a pool of its own and
    /// never keeps a call waiting.
    pub concurrent_parsers: u32,
    /// The longest a call waits for its turn before it fails as busy.
    pub queue_wait: Duration,
    /// What one call may use.
    pub limits: Limits,
    /// Receives every line a plugin logs; none hands them to `tracing`.
    pub log_sink: Option<LogSink>,
}

impl Default for PluginOptions {
    fn default() -> Self {
        Self {
            cache_dir: None,
            // A call lasts microseconds to milliseconds; sixteen keep every
            // core of a large machine busy and cost 64 GiB of address space.
            concurrent_calls: 16,
            // Half a minute of waiting each at worst; thirty-two are more than
            // a small team's hooks bring at once.
            concurrent_effects: 32,
            // One per running agent; a host runs out of memory for containers
            // long before.
            concurrent_parsers: 32,
            // Sixty-four slow scans in front of one still fit.
            queue_wait: Duration::from_secs(60),
            limits: Limits::default(),
            log_sink: None,
        }
    }
}

impl PluginOptions {
    /// Sets the receiver of log lines.
    #[must_use]
    pub fn with_log_sink(mut self, sink: impl Fn(LogLine<'_>) + Send + Sync + 'static) -> Self {
        self.log_sink = Some(Arc::new(sink));
        self
    }
}

/// What one call may use. A parser's `push` counts as one call, its memory
/// counts for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of all instances together, in bytes. 128 MiB hold the
    /// JavaScript and Python runtimes with a large diff; Rust needs 2.
    pub memory_bytes: usize,
    /// Elements of all tables together. A large JavaScript component has
    /// 15,000.
    pub table_elements: usize,
    /// Core instances of one component; componentize-py makes about 40.
    pub instances: usize,
    /// Linear memories of one component.
    pub memories: usize,
    /// Tables of one component.
    pub tables: usize,
    /// Processor time in milliseconds, waits for the host excluded. A scan gets
    /// more of it for a large change, see `Limits::for_change`.
    pub cpu_ms: u64,
    /// Wall-clock time in milliseconds, waits for the host included: git may
    /// have to read a large file for it.
    pub wall_ms: u64,
    /// Lines a call may log; the number that the WIT documents.
    pub log_lines: u32,
    /// Bytes of one line, further ones are cut; the number that the WIT
    /// documents.
    pub log_line_bytes: usize,
    /// Calls into the host. Four per file of a change of 100,000 files.
    pub host_calls: u32,
    /// Bytes a guest may hand over in one call to or from it, with every
    /// repetition of a shared string counted.
    pub transfer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 128 << 20,
            table_elements: 20_000,
            instances: 64,
            memories: 4,
            tables: 32,
            cpu_ms: 5_000,
            wall_ms: 60_000,
            log_lines: 1_000,
            log_line_bytes: 4_096,
            host_calls: 400_000,
            transfer_bytes: 16 << 20,
        }
    }
}

/// Changed lines for which a scan gets another millisecond. The shipped scanner
/// needs a third of it on a slow machine, and a scan that is cut off shuts the
/// gate on an honest change.
const LINES_PER_MS: u64 = 20;

impl Limits {
    /// The limits of a scan of so many changed lines: no more than the change
    /// itself is given anyway.
    #[must_use]
    pub(crate) fn for_change(self, lines: u64) -> Self {
        let more = lines / LINES_PER_MS;
        Self {
            cpu_ms: self.cpu_ms.saturating_add(more),
            wall_ms: self.wall_ms.saturating_add(more),
            ..self
        }
    }
}

/// Stack of WebAssembly code. Parsers of deeply nested sources recurse; twice
/// wasmtime's default, and half of the fiber it runs on.
pub(crate) const WASM_STACK_BYTES: usize = 1 << 20;

/// Stack of the fiber that a call runs on; host functions use the rest.
pub(crate) const FIBER_STACK_BYTES: usize = 2 << 20;

/// Handles of one store, to resources of the host and of the guest. A scanner
/// has one, a language runtime a dozen; each costs the host a few hundred
/// bytes that no memory limit of the guest counts.
pub(crate) const MAX_HANDLES: usize = 10_000;

/// The largest component taken, in bytes. componentize-py's are 18 MB.
pub const MAX_COMPONENT_BYTES: usize = 64 << 20;

/// The largest configuration of one plugin, in bytes of JSON.
pub const MAX_CONFIG_BYTES: usize = 1 << 20;

/// How often a running guest looks at its limits and lets other tasks run.
/// Two hundred wake-ups a second are not measurable on an idle host, and five
/// milliseconds are no delay for anyone who waits on the same thread.
pub(crate) const TICK: Duration = Duration::from_millis(5);

//! What the figures were measured on: without it they say nothing, and with a
//! busy machine they say little.

use serde::Serialize;
use sortie_model::clock::{Clock, SystemClock};
use std::fmt;
use std::fs;

/// The machine, and how busy it was.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// When the run began, RFC 3339.
    pub at: String,
    /// Processors that this program may use.
    pub processors: usize,
    /// Main memory in GiB, rounded.
    pub memory_gib: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The distribution.
    pub system: String,
    /// Load averages over one minute before the first benchmark and after
    /// each one.
    pub load: Vec<f64>,
}

impl Machine {
    /// Looks around. What cannot be read is left empty.
    pub fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_default().trim_matches('"').to_owned()
        };
        let memory_kib = value(&read("/proc/meminfo"), "MemTotal:");
        let memory_kib = memory_kib.trim().trim_end_matches(" kB").parse::<u64>();
        let mut machine = Self {
            at: SystemClock.now().to_string(),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: memory_kib.unwrap_or(0).div_ceil(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            system: value(&read("/etc/os-release"), "PRETTY_NAME="),
            load: Vec::new(),
        };
        machine.note_load();
        machine
    }

    /// Notes how busy the machine is now.
    pub fn note_load(&mut self) {
        let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        if let Some(load) = text.split(' ').next().and_then(|load| load.parse().ok()) {
            self.load.push(load);
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load: Vec<_> = self.load.iter().map(|load| format!("{load:.1}")).collect();
        write!(
            f,
            "{} processors, {} GiB, {}, kernel {}; {}; load {}",
            self.processors,
            self.memory_gib,
            self.system,
            self.kernel,
            self.at,
            load.join(" → "),
        )
    }
}

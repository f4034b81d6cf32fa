//! The newest lines that plugins logged, in memory: for looking at what a
//! plugin just did. The host's own log has them all.

use serde::Serialize;
use sortie_model::clock::{Clock, Timestamp};
use sortie_plugins::{LogLevel, LogLine};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Lines kept of one plugin: a screen or two of a busy one.
const LINES: usize = 200;
/// Plugins whose lines are kept.
const PLUGINS: usize = 1_000;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// What it says.
    pub message: String,
}

/// The newest lines of each plugin. Clones share them.
#[derive(Clone)]
pub struct PluginLogs {
    clock: Arc<dyn Clock>,
    lines: Arc<Mutex<BTreeMap<String, VecDeque<LogEntry>>>>,
}

impl PluginLogs {
    /// No lines yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            lines: Arc::default(),
        }
    }

    /// Keeps a line, and forgets the plugin's oldest when there are too many.
    pub fn keep(&self, line: LogLine<'_>) {
        let mut all = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= PLUGINS && !all.contains_key(line.plugin) {
            return;
        }
        let lines = all.entry(line.plugin.to_owned()).or_default();
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(LogEntry {
            at: self.clock.now(),
            level: match line.level {
                LogLevel::Debug => "debug",
                LogLevel::Info => "info",
                LogLevel::Warn => "warn",
                LogLevel::Error => "error",
            },
            message: line.message.to_owned(),
        });
    }

    /// The lines of a plugin, oldest first.
    pub fn of(&self, plugin: &str) -> Vec<LogEntry> {
        let all = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(plugin)
            .map(|lines| lines.iter().cloned().collect())
            .unwrap_or_default()
    }
}

//! What plugins write for the operator: bounded lines, whether they come
//! through `sortie:host/log` or a guest's standard output.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{call::Stop, options::Limits};

/// How much a line matters, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the author of the plugin.
    Debug,
    /// Worth reading when looking into something.
    Info,
    /// Something is off and the plugin went on.
    Warn,
    /// Something failed.
    Error,
}

/// One line of a plugin.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    /// Name of the plugin.
    pub plugin: &'a str,
    /// How much it matters. Standard output counts as debug, standard error
    /// as info.
    pub level: LogLevel,
    /// The line, cut to the limit, without its terminator.
    pub message: &'a str,
}

impl LogLine<'_> {
    /// Hands the line to `tracing`, as is done when there is no sink.
    pub fn trace(&self) {
        let (plugin, message) = (self.plugin, self.message);
        match self.level {
            LogLevel::Debug => tracing::debug!(target: "sortie::plugin", plugin, "{message}"),
            LogLevel::Info => tracing::info!(target: "sortie::plugin", plugin, "{message}"),
            LogLevel::Warn => tracing::warn!(target: "sortie::plugin", plugin, "{message}"),
            LogLevel::Error => tracing::error!(target: "sortie::plugin", plugin, "{message}"),
        }
    }
}

/// Receives the lines of all plugins; called on the task of the call, so it
/// must not block.
pub type LogSink = Arc<dyn Fn(LogLine<'_>) + Send + Sync>;

/// The log of one call; clones share its budget.
#[derive(Clone)]
pub(crate) struct CallLog(Arc<Inner>);

struct Inner {
    plugin: Arc<str>,
    sink: Option<LogSink>,
    line_bytes: usize,
    max_lines: u32,
    lines: Mutex<u32>,
}

impl CallLog {
    pub(crate) fn new(plugin: Arc<str>, sink: Option<LogSink>, limits: &Limits) -> Self {
        Self(Arc::new(Inner {
            plugin,
            sink,
            line_bytes: limits.log_line_bytes,
            max_lines: limits.log_lines,
            lines: Mutex::new(0),
        }))
    }

    /// The longest line that is kept.
    pub(crate) fn line_bytes(&self) -> usize {
        self.0.line_bytes
    }

    /// Begins a new call on the same store.
    pub(crate) fn reset(&self) {
        *self.0.lines.lock().unwrap_or_else(PoisonError::into_inner) = 0;
    }

    /// Writes one line.
    ///
    /// # Errors
    ///
    /// [`Stop::Log`] for the line after the last allowed one.
    pub(crate) fn write(&self, level: LogLevel, message: &str) -> Result<(), Stop> {
        {
            let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if *lines >= self.0.max_lines {
                return Err(Stop::Log);
            }
            *lines += 1;
        }
        let line = LogLine {
            plugin: &self.0.plugin,
            level,
            message: cut(message, self.0.line_bytes),
        };
        match &self.0.sink {
            Some(sink) => sink(line),
            None => line.trace(),
        }
        Ok(())
    }
}

/// `text` cut to at most `bytes` bytes at a character boundary.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_a_character() {
        assert_eq!(cut("añb", 2), "a");
        assert_eq!(cut("añb", 3), "añ");
        assert_eq!(cut("añb", 99), "añb");
    }

    #[test]
    fn the_line_after_the_last_is_refused() {
        let limits = Limits {
            log_lines: 2,
            ..Limits::default()
        };
        let log = CallLog::new("p".into(), Some(Arc::new(|_| ())), &limits);
        assert!(log.write(LogLevel::Info, "1").is_ok());
        assert!(log.clone().write(LogLevel::Info, "2").is_ok());
        assert!(matches!(log.write(LogLevel::Info, "3"), Err(Stop::Log)));
        log.reset();
        assert!(log.write(LogLevel::Info, "4").is_ok());
    }
}

//! Logs: chunks of output put together again, step by step.

use super::plain;
use crate::out::{Out, Tone};
use sortie_api::view::LogView;

/// Prints chunks in order and heads each step once.
pub struct LogPrinter {
    step: Option<(u64, String)>,
    at_line_start: bool,
}

impl LogPrinter {
    /// A printer at the start of a log.
    pub fn new() -> Self {
        Self {
            step: None,
            at_line_start: true,
        }
    }

    /// What to show for a chunk.
    pub fn print(&mut self, out: &Out, chunk: &LogView) -> String {
        let mut shown = String::new();
        let step = (chunk.run, chunk.step.clone());
        if self.step.as_ref() != Some(&step) {
            self.end_line(&mut shown);
            let head = format!("── {} ──\n", plain(&chunk.step));
            shown.push_str(&out.paint(Tone::Dim, &head));
            self.step = Some(step);
        }
        if chunk.stream == "sortie" {
            self.end_line(&mut shown);
            shown.push_str(&out.paint(Tone::Busy, &format!("sortie: {}", plain(&chunk.text))));
        } else if out.is_terminal() {
            // `\r\n` is a line end and no trick.
            shown.push_str(&plain(&chunk.text.replace("\r\n", "\n")));
        } else {
            shown.push_str(&chunk.text);
        }
        if !chunk.text.is_empty() {
            self.at_line_start = chunk.text.ends_with('\n');
        }
        shown
    }

    /// What to show at the end.
    pub fn end(&mut self) -> String {
        let mut shown = String::new();
        self.end_line(&mut shown);
        shown
    }

    fn end_line(&mut self, shown: &mut String) {
        if !self.at_line_start {
            shown.push('\n');
            self.at_line_start = true;
        }
    }
}

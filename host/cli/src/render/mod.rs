//! What people read. Text that came out of a sandbox is made harmless before
//! it reaches a terminal; nothing here decides anything.

mod change;
mod egress;
mod events;
mod jobs;
mod logs;
mod people;
mod plugins;
mod spending;
mod stats;
mod telemetry;
mod until;

pub use change::{diff, finding, findings_summary};
pub use egress::{egress_asks, egress_connections};
pub use events::event;
pub use jobs::{artifacts, job, jobs};
pub use logs::LogPrinter;
pub use people::{chats, clock, parked, people};
pub use plugins::{audit, deliveries, differences, grant, package, plugin, plugin_events, plugins};
pub use spending::spending;
pub use stats::stats;
pub use telemetry::{telemetry, telemetry_csv};
pub use until::{until, zone};

use crate::out::{Out, Tone};
use std::borrow::Cow;

/// The text without what a terminal would act on: control characters other
/// than line ends and tabs, and marks that reorder what is shown.
pub fn plain(text: &str) -> Cow<'_, str> {
    let acts = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(acts) {
        Cow::Owned(
            text.chars()
                .map(|c| if acts(c) { '\u{fffd}' } else { c })
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

/// The first line of a text, cut to what fits a table.
pub fn title(text: &str) -> String {
    const CHARS: usize = 60;
    let line = text.trim().lines().next().unwrap_or_default();
    let line = plain(line.trim_end());
    if line.chars().count() <= CHARS {
        return line.into_owned();
    }
    let cut: String = line.chars().take(CHARS - 1).collect();
    format!("{}…", cut.trim_end())
}

/// A job's state in its colour.
pub fn state(out: &Out, state: &str) -> String {
    let tone = match state {
        "succeeded" | "approved" => Tone::Good,
        "needs_review" | "awaiting_approval" => Tone::Warn,
        "failed" | "halted" | "rejected" => Tone::Bad,
        "running" => Tone::Busy,
        _ => Tone::Dim,
    };
    out.paint(tone, state)
}

/// The first characters of a commit's name.
pub fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_made_harmless() {
        assert_eq!(plain("a\tb\nc"), "a\tb\nc");
        assert_eq!(plain("\u{1b}[2Jx\u{7}\r"), "\u{fffd}[2Jx\u{fffd}\u{fffd}");
        assert_eq!(plain("a\u{202e}b"), "a\u{fffd}b");
    }

    #[test]
    fn titles_are_one_short_line() {
        assert_eq!(title("\n Fix it \nand more"), "Fix it");
        assert_eq!(title(&"x".repeat(100)).chars().count(), 60);
    }
}

//! rustc, clippy and `cargo test`.

use super::marks::Marks;

/// The longest diagnostic: message, place, source and notes.
const DIAGNOSTIC_LINES: usize = 24;
/// The longest report of one failed test.
const REPORT_LINES: usize = 16;

pub(super) fn mark(marks: &mut Marks<'_>) {
    let mut at = 0;
    while let Some(line) = marks.line(at) {
        if is_diagnostic(line) && marks.line(at + 1).is_some_and(is_place) {
            at = marks.mark_while(at, DIAGNOSTIC_LINES, |line| !line.trim().is_empty());
        } else if is_diagnostic(line) {
            marks.mark(at);
            at += 1;
        } else if line.starts_with("---- ") && line.ends_with(" ----") {
            // What a failed test printed, up to the next one or the list.
            at = marks.mark_while(at, REPORT_LINES, |line| {
                !(line.starts_with("---- ") || line == "failures:" || is_hint(line))
            });
        } else {
            if (line.starts_with("test ") && line.ends_with(" ... FAILED"))
                || line.starts_with("test result: FAILED")
                || line.contains("panicked at ")
            {
                marks.mark(at);
            }
            at += 1;
        }
    }
}

/// `error[E0308]: …`, `error: …`; warnings do not fail anything.
fn is_diagnostic(line: &str) -> bool {
    line.strip_prefix("error").is_some_and(|rest| {
        rest.starts_with(": ") || (rest.starts_with("[E") && rest.contains("]: "))
    })
}

fn is_place(line: &str) -> bool {
    line.trim_start().starts_with("--> ")
}

fn is_hint(line: &str) -> bool {
    line.starts_with("note: run with `RUST_BACKTRACE")
}

//! pytest, unittest and tracebacks.

use super::marks::Marks;

/// The longest report of one failed test.
const REPORT_LINES: usize = 30;
/// Frames of a traceback that say where it went wrong, from its end: two lines
/// each.
const FRAME_LINES: usize = 6;

pub(super) fn mark(marks: &mut Marks<'_>) {
    let mut at = 0;
    while let Some(line) = marks.line(at) {
        if line == "Traceback (most recent call last):"
            || line.trim_start() == "Traceback (most recent call last):"
        {
            at = traceback(marks, at);
        } else if is_report(line) {
            at = report(marks, at);
        } else {
            let said = line.trim_start();
            if ["FAILED ", "ERROR "]
                .iter()
                .any(|head| line.starts_with(head))
                || is_short_summary(line)
                || line.starts_with("FAIL: ")
                || line.starts_with("ERROR: ")
                || (said.starts_with("E   ") && said.len() > 4)
            {
                marks.mark(at);
            }
            at += 1;
        }
    }
}

/// The head of pytest's report of one test: `____ test_x ____`.
fn is_report(line: &str) -> bool {
    line.starts_with("____") && line.ends_with("__") && line.contains(' ')
}

/// The lines of it that say what is wrong: the marked statement, the reason,
/// and the place.
fn report(marks: &mut Marks<'_>, at: usize) -> usize {
    marks.mark(at);
    let mut next = at + 1;
    while let Some(line) = marks.line(next) {
        if next - at > 400 || is_report(line) || line.starts_with("====") {
            break;
        }
        let telling = line.starts_with('>') || line.starts_with("E  ") || is_place(line);
        if telling && next - at <= REPORT_LINES * 10 {
            marks.mark(next);
        }
        next += 1;
    }
    next
}

/// `tests/test_a.py:12: AssertionError`.
fn is_place(line: &str) -> bool {
    line.split_once(".py:").is_some_and(|(path, rest)| {
        !path.starts_with(' ')
            && rest
                .split_once(": ")
                .is_some_and(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// `== 1 failed, 3 passed in 0.1s ==`, `FAILED (failures=1)`.
fn is_short_summary(line: &str) -> bool {
    (line.starts_with("==") && (line.contains(" failed") || line.contains(" error")))
        || line.starts_with("FAILED (")
}

/// The head, the last frames, and the error. Frames are indented; the error is
/// not.
fn traceback(marks: &mut Marks<'_>, at: usize) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let head = marks.line(at).map_or(0, indent);
    let mut end = at + 1;
    while marks
        .line(end)
        .is_some_and(|line| !line.trim().is_empty() && indent(line) > head)
    {
        end += 1;
    }
    marks.mark(at);
    for frame in end.saturating_sub(FRAME_LINES).max(at + 1)..end {
        marks.mark(frame);
    }
    // The error may go over several lines, up to a blank one.
    marks.mark_while(end, 6, |line| {
        !line.trim().is_empty() && !line.starts_with("----")
    })
}

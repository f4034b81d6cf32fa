//! javac, Maven and Gradle.

use super::marks::Marks;

/// The most lines of one failed Gradle test.
const REPORT_LINES: usize = 8;

pub(super) fn mark(marks: &mut Marks<'_>) {
    let mut at = 0;
    while let Some(line) = marks.line(at) {
        if line.starts_with("[ERROR]") && is_telling(line) {
            marks.mark(at);
        } else if is_javac(line) {
            // The statement and the caret beneath it.
            at = marks.mark_while(at, 3, |line| !line.trim().is_empty());
            continue;
        } else if line.ends_with(" FAILED") && (line.contains(" > ") || line.starts_with("> Task "))
        {
            at = marks.mark_while(at, REPORT_LINES, |line| line.starts_with(' '));
            continue;
        } else if line.starts_with("* What went wrong:") {
            at = marks.mark_while(at, 4, |line| !line.trim().is_empty());
            continue;
        }
        at += 1;
    }
}

/// Maven's own advice is the same at every failure.
fn is_telling(line: &str) -> bool {
    let said = line["[ERROR]".len()..].trim();
    !(said.is_empty()
        || said.starts_with("-> [Help")
        || said.starts_with("[Help ")
        || said.starts_with("To see the full stack trace")
        || said.starts_with("Re-run Maven using")
        || said.starts_with("For more information about the errors")
        || said.starts_with("After correcting the problems")
        || said.starts_with("Please refer to")
        || said.starts_with("See "))
}

/// `Main.java:3: error: ';' expected`.
fn is_javac(line: &str) -> bool {
    [".java:", ".kt:", ".scala:", ".groovy:"].iter().any(|end| {
        line.split_once(end).is_some_and(|(_, rest)| {
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains("error:")
        })
    })
}

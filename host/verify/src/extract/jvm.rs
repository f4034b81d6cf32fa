//! javac, Maven and Gradle.

use super::marks::Marks;

/// The most lines that are kept of one failed test.
const REPORT_LINES: usize = 10;
/// The most lines of one reason that Gradle gives.
const REASON_LINES: usize = 12;

/// Frames that say nothing of the project: the JDK's and the runners'.
const FOREIGN: [&str; 6] = [
    "java.",
    "jdk.",
    "sun.",
    "org.junit.",
    "org.gradle.",
    "org.apache.maven.",
];

pub(super) fn mark(marks: &mut Marks<'_>) {
    let mut at = 0;
    while let Some(line) = marks.line(at) {
        if is_surefire(line) {
            at = report(marks, at, |line| is_logged(line) || is_surefire(line));
        } else if is_gradle(line) {
            at = report(marks, at, |line| !line.starts_with(' '));
        } else if is_javac(line) {
            // The statement and the caret beneath it.
            at = marks.mark_while(at, 3, |line| !line.trim().is_empty());
        } else if line.starts_with("* What went wrong:") {
            at = marks.mark_while(at, REASON_LINES, |line| !line.trim().is_empty());
        } else if is_list(line) {
            at = marks.mark_while(at, REPORT_LINES, |line| !line.trim().is_empty());
        } else {
            if is_error(line) || is_detail(line) || is_count(line) {
                marks.mark(at);
            }
            at += 1;
        }
    }
}

/// The report of one failed test: its head, what was thrown, and the project's
/// own frames. It ends at a blank line after a frame, since what was thrown may
/// hold blank lines, or where `ends` says so.
fn report(marks: &mut Marks<'_>, head: usize, ends: impl Fn(&str) -> bool) -> usize {
    marks.mark(head);
    let mut at = head + 1;
    let mut kept = 1;
    let mut in_frames = false;
    while let Some(line) = marks.line(at)
        && kept < REPORT_LINES
    {
        let blank = line.trim().is_empty();
        if ends(line) || (blank && in_frames) {
            break;
        }
        in_frames |= is_frame(line);
        if !blank && !is_foreign(line) {
            marks.mark(at);
            kept += 1;
        }
        at += 1;
    }
    at
}

/// `[ERROR] shop.CartTest.adds -- Time elapsed: 0.1 s <<< FAILURE!`, in old
/// versions without the level.
fn is_surefire(line: &str) -> bool {
    line.ends_with("<<< FAILURE!") || line.ends_with("<<< ERROR!")
}

/// A line that Maven itself logged.
fn is_logged(line: &str) -> bool {
    ["[INFO]", "[WARNING]", "[ERROR]"]
        .iter()
        .any(|level| line.starts_with(level))
}

/// `shop.CartTest > adds FAILED`, `> Task :test FAILED`, in old versions
/// `:test FAILED`.
fn is_gradle(line: &str) -> bool {
    line.ends_with(" FAILED")
        && (line.contains(" > ") || line.starts_with("> Task ") || line.starts_with(':'))
}

/// The summary of an old Surefire.
fn is_list(line: &str) -> bool {
    line.starts_with("Failed tests:") || line.starts_with("Tests in error:")
}

/// `6 tests completed, 3 failed, 1 skipped`.
fn is_count(line: &str) -> bool {
    line.starts_with(|c: char| c.is_ascii_digit())
        && line.contains(" completed, ")
        && line.contains(" failed")
}

fn is_error(line: &str) -> bool {
    line.starts_with("[ERROR]") && is_telling(line)
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
        || said.starts_with("mvn <args> -rf ")
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

/// What javac says of a name or a call, beneath the caret.
fn is_detail(line: &str) -> bool {
    let words = ["symbol:", "location:", "required:", "found:", "reason:"];
    line.strip_prefix("  ")
        .is_some_and(|said| words.iter().any(|word| said.starts_with(word)))
}

/// `at shop.Cart.total(Cart.java:15)`, and what is left out of a cause.
fn is_frame(line: &str) -> bool {
    let said = line.trim_start();
    (said.starts_with("at ") && said.ends_with(')'))
        || (said.starts_with("... ") && said.ends_with(" more"))
}

/// A module or a class loader may stand before the class: `java.base/java.…`.
fn is_foreign(line: &str) -> bool {
    let said = line.trim_start();
    let Some(frame) = said.strip_prefix("at ") else {
        return is_frame(line);
    };
    let class = frame.rsplit('/').next().unwrap_or(frame);
    FOREIGN.iter().any(|package| class.starts_with(package))
}

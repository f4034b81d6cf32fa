//! tsc, eslint, and the runners of JavaScript: jest, vitest, mocha and Node's.

use super::marks::Marks;

/// The longest report of one failed test.
const REPORT_LINES: usize = 22;

pub(super) fn mark(marks: &mut Marks<'_>) {
    let mut file = None;
    let mut at = 0;
    while let Some(line) = marks.line(at) {
        let said = line.trim_start();
        if is_eslint_file(line) {
            file = Some(at);
        } else if is_eslint_error(said) {
            // eslint names the file once, above its complaints.
            if let Some(file) = file {
                marks.mark(file);
            }
            marks.mark(at);
        } else if is_tsc(line) || is_summary(said) {
            marks.mark(at);
        } else if said.starts_with("● ") && !said.starts_with("● Console") {
            at = marks.mark_while(at, REPORT_LINES, |line| {
                !line.trim_start().starts_with("● ")
            });
            continue;
        } else if is_head(said) {
            at = marks.mark_while(at, REPORT_LINES, |line| {
                let said = line.trim_start();
                !is_head(said) && !line.contains("⎯⎯⎯") && !said.starts_with(['✔', '▶', 'ℹ'])
            });
            continue;
        } else if is_mocha(said)
            && let Some(next) = marks.line(at + 1)
            && depth(next) > depth(line) + 2
        {
            at = marks.mark_while(at, REPORT_LINES, |line| !is_mocha(line.trim_start()));
            continue;
        } else if said.starts_with("not ok ") {
            // TAP: what follows is indented further, between `---` and `...`.
            let depth_here = depth(line);
            at = marks.mark_while(at, REPORT_LINES, |next| depth(next) > depth_here);
            continue;
        } else if is_thrown(line) {
            at = marks.mark_while(at, 6, |line| !line.trim().is_empty());
            continue;
        }
        at += 1;
    }
}

/// `src/a.ts(3,5): error TS2322: …`, `src/a.ts:3:5 - error TS2322: …`.
fn is_tsc(line: &str) -> bool {
    line.contains("error TS")
}

/// A line that is a path of a source file and nothing else.
fn is_eslint_file(line: &str) -> bool {
    let ends = [
        ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".vue", ".svelte",
    ];
    !line.starts_with(' ') && line.contains('/') && ends.iter().any(|end| line.ends_with(end))
}

/// `3:5  error  'x' is not defined  no-undef`.
fn is_eslint_error(said: &str) -> bool {
    let mut words = said.split_whitespace();
    let place = words.next().unwrap_or_default();
    words.next() == Some("error")
        && place.split_once(':').is_some_and(|(line, column)| {
            [line, column]
                .iter()
                .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
}

/// vitest's ` FAIL  a.test.ts > adds`, Node's `✖ adds (1.2ms)`.
fn is_head(said: &str) -> bool {
    (said.starts_with("FAIL ")
        && (said.contains(" > ") || said.contains(".test.") || said.contains(".spec.")))
        || said.starts_with("✖ ")
        || said.starts_with("✗ ")
}

/// mocha's `1) cart`, in its list of tests and above each report.
fn is_mocha(said: &str) -> bool {
    said.split_once(") ")
        .is_some_and(|(n, _)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// How far a line is indented.
fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// An error that ended Node itself.
fn is_thrown(line: &str) -> bool {
    let name = line
        .trim_start_matches("Uncaught ")
        .split([':', ' ', '['])
        .next()
        .unwrap_or_default();
    name.ends_with("Error")
        && name.len() > "Error".len()
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
        && line.contains(':')
        && !line.starts_with(' ')
}

/// The counts at the end.
fn is_summary(said: &str) -> bool {
    (said.starts_with("Tests:") || said.starts_with("Test Suites:") || said.starts_with("Tests  "))
        && said.contains("failed")
        || said
            .strip_prefix("# fail ")
            .or(said.strip_prefix("ℹ fail "))
            .is_some_and(|n| n != "0")
        || (said.starts_with("✖ ") && said.contains(" problem"))
}

//! The Go compiler, vet, and `go test` in its plain form.

use super::marks::Marks;

/// The longest report of one failed test, or of a panic before its stack.
const REPORT_LINES: usize = 14;

pub(super) fn mark(marks: &mut Marks<'_>) {
    let is_go = marks.all().iter().any(|line| {
        line.starts_with("--- FAIL: ")
            || line.starts_with("FAIL\t")
            || is_package(line)
            || line.starts_with("panic: ")
    }) || marks.all().iter().any(|line| is_error(line));
    if !is_go {
        return;
    }
    let mut at = 0;
    while let Some(line) = marks.line(at) {
        let said = line.trim_start();
        if said.starts_with("--- FAIL: ") {
            let depth = line.len() - said.len();
            at = marks.mark_while(at, REPORT_LINES, |next| {
                next.len() - next.trim_start().len() > depth
                    && !next.trim_start().starts_with("--- ")
            });
        } else if line.starts_with("panic: ") || line.starts_with("fatal error: ") {
            at = marks.mark_while(at, REPORT_LINES, |line| !line.trim().is_empty());
        } else {
            if line.starts_with("FAIL\t") || is_package(line) || is_error(line) {
                marks.mark(at);
            }
            at += 1;
        }
    }
}

/// `# example.com/mod/pkg`, the head of a package's errors.
fn is_package(line: &str) -> bool {
    line.strip_prefix("# ").is_some_and(|name| {
        let name = name.split(" [").next().unwrap_or_default();
        name.contains('/') && !name.contains(' ')
    })
}

/// `./a.go:3:5: undefined: x`, `vet: ./a.go:3:5: …`.
fn is_error(line: &str) -> bool {
    let line = line.strip_prefix("vet: ").unwrap_or(line);
    let Some((path, rest)) = line.split_once(".go:") else {
        return false;
    };
    !path.contains(' ') && rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains(": ")
}

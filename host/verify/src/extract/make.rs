//! C compilers, linkers, make and ctest.

use super::marks::Marks;

pub(super) fn mark(marks: &mut Marks<'_>) {
    let mut at = 0;
    while let Some(line) = marks.line(at) {
        if is_compiler(line) {
            at = marks.mark_while(at, 4, |line| {
                line.starts_with(' ') || line.contains(": note:")
            });
            continue;
        }
        if line.contains("undefined reference to")
            || line.contains("ld returned ")
            || is_make(line)
            || is_ctest(line)
        {
            marks.mark(at);
        }
        at += 1;
    }
}

/// `a.c:3:5: error: …`, `a.c:3:10: fatal error: …`.
fn is_compiler(line: &str) -> bool {
    line.split_once(": error: ")
        .or(line.split_once(": fatal error: "))
        .is_some_and(|(place, _)| {
            place.ends_with(|c: char| c.is_ascii_digit()) && place.contains(':')
        })
}

/// `make: *** [Makefile:3: test] Error 1`.
fn is_make(line: &str) -> bool {
    line.starts_with("make") && line.contains(": *** ")
}

/// `  3 - name (Failed)`, `67% tests passed, 1 tests failed out of 3`.
fn is_ctest(line: &str) -> bool {
    line.ends_with("(Failed)") || line.contains("tests failed out of")
}

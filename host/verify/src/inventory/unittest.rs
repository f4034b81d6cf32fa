//! Python's unittest with `-v`, and pytest's own lines with `-v` or `-rA`.

use super::{Inventory, Status};

/// `test_a (test_cart.Cart.test_a) ... ok`. Older Pythons name the class only,
/// and a docstring may stand on a second line with the result.
pub(super) fn read(plain: &str) -> Inventory {
    let mut found = Inventory::default();
    let mut pending: Option<String> = None;
    for line in plain.lines() {
        let head = name(line);
        if let Some(name) = head {
            pending = Some(name);
        }
        let Some((_, end)) = line.rsplit_once(" ... ") else {
            // The result of a test that printed something stands alone.
            if head_is_gone(line)
                && let (Some(name), Some(status)) = (&pending, result(line))
            {
                found.add(name, status);
                pending = None;
            }
            continue;
        };
        if let (Some(name), Some(status)) = (&pending, result(end)) {
            found.add(name, status);
            pending = None;
        }
    }
    found
}

fn head_is_gone(line: &str) -> bool {
    matches!(line.trim_end(), "ok" | "FAIL" | "ERROR") || line.starts_with("skipped ")
}

fn name(line: &str) -> Option<String> {
    let (method, rest) = line.split_once(" (")?;
    let (class, _) = rest.split_once(')')?;
    let word = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
    };
    if !word(method) || !word(class) || !class.contains('.') {
        return None;
    }
    Some(match class.strip_suffix(method) {
        Some(_) => class.to_owned(),
        None => format!("{class}.{method}"),
    })
}

fn result(end: &str) -> Option<Status> {
    let end = end.trim();
    match end {
        "ok" | "expected failure" => Some(Status::Passed),
        "FAIL" | "ERROR" | "unexpected success" => Some(Status::Failed),
        _ if end.starts_with("skipped") => Some(Status::Skipped),
        _ => None,
    }
}

/// `tests/test_a.py::test_b PASSED [ 50%]` and `PASSED tests/test_a.py::test_b`.
pub(super) fn read_pytest(plain: &str) -> Inventory {
    let mut found = Inventory::default();
    for line in plain.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let pair = match words.as_slice() {
            [name, status, ..] if name.contains("::") => Some((*name, *status)),
            [status, name, ..] if name.contains("::") => Some((*name, *status)),
            _ => None,
        };
        let Some((name, status)) = pair else {
            continue;
        };
        let status = match status {
            "PASSED" | "XPASS" => Status::Passed,
            "FAILED" | "ERROR" => Status::Failed,
            "SKIPPED" | "XFAIL" => Status::Skipped,
            _ => continue,
        };
        found.add(name, status);
    }
    found
}

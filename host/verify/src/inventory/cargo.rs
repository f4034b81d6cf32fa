//! `cargo test`, and nextest.

use super::{Inventory, Status};

/// Lines such as `test a::b ... ok` and nextest's `PASS [   0.1s] crate a::b`.
/// A binary's own head tells tests of the same name in two binaries apart.
pub(super) fn read(plain: &str) -> Inventory {
    let mut found = Inventory::default();
    let mut binary = String::new();
    for line in plain.lines() {
        let said = line.trim();
        if let Some(head) = said.strip_prefix("Running ") {
            // `unittests src/lib.rs (target/debug/deps/x-0123)`.
            let source = head.split(" (").next().unwrap_or(head);
            binary = source
                .strip_prefix("unittests ")
                .unwrap_or(source)
                .to_owned();
        } else if said.starts_with("Doc-tests ") {
            binary = String::new();
        } else if let Some((name, status)) = test(said).or_else(|| nextest(said)) {
            match binary.is_empty() || name.contains(' ') {
                true => found.add(name, status),
                false => found.add(&format!("{binary}: {name}"), status),
            }
        }
    }
    found
}

fn test(line: &str) -> Option<(&str, Status)> {
    let (name, end) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let status = match end.split([' ', ',']).next()? {
        "ok" => Status::Passed,
        "FAILED" | "failed" => Status::Failed,
        "ignored" => Status::Skipped,
        _ => return None,
    };
    // ` - should panic` and doc-tests' ` - compile` are said of the test.
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    Some((name, status))
}

fn nextest(line: &str) -> Option<(&str, Status)> {
    let (word, rest) = line.split_once(' ')?;
    let status = match word {
        "PASS" => Status::Passed,
        "FAIL" | "TIMEOUT" | "SIGABRT" | "SIGSEGV" => Status::Failed,
        "SKIP" => Status::Skipped,
        _ => return None,
    };
    let (_, name) = rest.trim_start().strip_prefix('[')?.split_once("] ")?;
    Some((name.trim(), status))
}

//! `go test`, as JSON and in its plain form.

use super::{Inventory, Status};
use serde::Deserialize;

/// The longest line that is read as JSON, in bytes; an event holds one line of
/// output.
const MAX_LINE_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Package", default)]
    package: String,
    #[serde(rename = "Test", default)]
    test: String,
}

/// Events of `go test -json`.
pub(super) fn read(plain: &str) -> Inventory {
    let mut found = Inventory::default();
    for line in plain.lines() {
        if !line.starts_with("{\"") || line.len() > MAX_LINE_BYTES {
            continue;
        }
        let Ok(event) = serde_json::from_str::<Event>(line) else {
            continue;
        };
        let status = match event.action.as_str() {
            "pass" => Status::Passed,
            "fail" => Status::Failed,
            "skip" => Status::Skipped,
            _ => continue,
        };
        if !event.test.is_empty() {
            found.add(&format!("{}.{}", event.package, event.test), status);
        }
    }
    found
}

/// Lines of `go test -v`: `--- PASS: TestAdd (0.00s)`.
pub(super) fn read_plain(plain: &str) -> Inventory {
    let mut found = Inventory::default();
    for line in plain.lines() {
        let Some((word, rest)) = line
            .trim_start()
            .strip_prefix("--- ")
            .and_then(|l| l.split_once(": "))
        else {
            continue;
        };
        let status = match word {
            "PASS" => Status::Passed,
            "FAIL" => Status::Failed,
            "SKIP" => Status::Skipped,
            _ => continue,
        };
        if let Some((name, time)) = rest.split_once(" (")
            && time.ends_with("s)")
        {
            found.add(name, status);
        }
    }
    found
}

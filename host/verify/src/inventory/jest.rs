//! Jest's `--json`.

use super::{Inventory, Status};
use serde_json::Value;

/// The one line of JSON among what else was printed.
pub(super) fn read(plain: &str) -> Inventory {
    let mut found = Inventory::default();
    let lines = plain.lines().filter(|line| line.starts_with("{\"num"));
    for report in lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        for file in list(&report, "testResults") {
            let path = file.get("name").and_then(Value::as_str).unwrap_or_default();
            // An absolute path inside of the sandbox says nothing.
            let path = path.split_once("/repo/").map_or(path, |(_, path)| path);
            for test in list(file, "assertionResults") {
                let text = |key: &str| test.get(key).and_then(Value::as_str).unwrap_or_default();
                let status = match text("status") {
                    "passed" => Status::Passed,
                    "failed" => Status::Failed,
                    _ => Status::Skipped,
                };
                found.add(&format!("{path}: {}", text("fullName")), status);
            }
        }
    }
    found
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

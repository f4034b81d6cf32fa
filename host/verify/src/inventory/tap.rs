//! TAP, which Node's own runner writes, and its other form for people.

use super::{Inventory, Status};
use std::collections::BTreeSet;

/// The deepest nesting that is followed.
const MAX_DEPTH: usize = 16;

/// `ok 1 - adds # SKIP`, `not ok 2 - subtracts`; tests inside of others are
/// indented and come before them, under `# Subtest: name`.
pub(super) fn read(plain: &str) -> Inventory {
    let mut found = Inventory::default();
    // The names that are open, with their indent.
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut parents: BTreeSet<String> = BTreeSet::new();
    for line in plain.lines() {
        let said = line.trim_start();
        let depth = line.len() - said.len();
        if let Some(name) = said.strip_prefix("# Subtest: ") {
            while open.last().is_some_and(|(at, _)| *at >= depth) {
                open.pop();
            }
            if open.len() < MAX_DEPTH {
                open.push((depth, name.trim().to_owned()));
            }
            continue;
        }
        let (passed, rest) = match said.strip_prefix("not ok ") {
            Some(rest) => (false, rest),
            None => match said.strip_prefix("ok ") {
                Some(rest) => (true, rest),
                None => continue,
            },
        };
        let Some((number, rest)) = rest.split_once(" - ") else {
            continue;
        };
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let (name, directive) = rest.rsplit_once(" # ").unwrap_or((rest, ""));
        while open.last().is_some_and(|(at, _)| *at >= depth) {
            open.pop();
        }
        let mut full: Vec<&str> = open.iter().map(|(_, name)| name.as_str()).collect();
        full.push(name.trim());
        let full = full.join(" > ");
        let directive = directive.to_ascii_uppercase();
        let status = match passed {
            _ if directive.starts_with("SKIP") || directive.starts_with("TODO") => Status::Skipped,
            true => Status::Passed,
            false => Status::Failed,
        };
        found.add(&full, status);
        if let Some((parent, _)) = full.rsplit_once(" > ") {
            parents.insert(parent.to_owned());
        }
    }
    // A suite is no test: it is there when any of its tests is.
    found.tests.retain(|name, _| !parents.contains(name));
    found
}

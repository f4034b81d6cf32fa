//! The part of a file that is about tests.

use super::{Restored, rust, text};
use serde_json::Value as Json;
use toml::{Table, Value as Toml};

/// Keys of a package.json or deno.json that say how tests run. Other scripts
/// and tasks may be run by the one that tests.
const JSON_KEYS: [&str; 10] = [
    "scripts", "tasks", "test", "jest", "vitest", "mocha", "ava", "nyc", "c8", "tap",
];
/// Tools of a pyproject.toml that do.
const PYTHON_TOOLS: [&str; 6] = ["pytest", "coverage", "tox", "nox", "hatch", "pdm"];
/// Keys of a Cargo.toml that do: which targets there are and what is tested.
const CARGO_KEYS: [&str; 7] = [
    "lib", "bin", "test", "bench", "example", "profile", "features",
];
/// Keys of its package table that do.
const CARGO_PACKAGE_KEYS: [&str; 4] = ["autotests", "autobenches", "autoexamples", "autobins"];

pub(super) fn is_manifest(name: &str) -> bool {
    matches!(
        name,
        "package.json" | "pyproject.toml" | "Cargo.toml" | "deno.json"
    )
}

/// Whether sources of this language hold their own tests.
pub(super) fn may_hold_tests(name: &str) -> bool {
    [".rs", ".py", ".zig"].iter().any(|end| name.ends_with(end))
}

/// What a manifest says of tests, in a form that can be compared.
pub(super) fn of_manifest(path: &str, contents: Option<&[u8]>) -> String {
    let text = text(contents);
    let said = if path.ends_with(".json") {
        serde_json::from_str::<Json>(&text).ok().map(|json| {
            let parts = JSON_KEYS.map(|key| json.get(key));
            format!("{parts:?}")
        })
    } else {
        text.parse::<Table>()
            .ok()
            .map(|table| of_table(path, &table))
    };
    // One that cannot be read differs from any other text.
    said.unwrap_or_else(|| text.into_owned())
}

fn of_table(path: &str, table: &Table) -> String {
    if path.ends_with("Cargo.toml") {
        let package = table.get("package").and_then(Toml::as_table);
        let own = CARGO_PACKAGE_KEYS.map(|key| package.and_then(|package| package.get(key)));
        format!("{:?} {own:?}", CARGO_KEYS.map(|key| table.get(key)))
    } else {
        let tools = table.get("tool").and_then(Toml::as_table);
        format!(
            "{:?}",
            PYTHON_TOOLS.map(|key| tools.and_then(|tools| tools.get(key)))
        )
    }
}

/// The manifest of the change with what was said of tests before. None when
/// one of the two cannot be read, or is not there.
pub(super) fn mixed(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Option<Vec<u8>> {
    let (before, after) = (text(Some(before?)), text(Some(after?)));
    if path.ends_with(".json") {
        let before: Json = serde_json::from_str(&before).ok()?;
        let mut mixed: Json = serde_json::from_str(&after).ok()?;
        let fields = mixed.as_object_mut()?;
        for key in JSON_KEYS {
            match before.get(key) {
                Some(value) => drop(fields.insert(key.to_owned(), value.clone())),
                None => drop(fields.remove(key)),
            }
        }
        return serde_json::to_vec_pretty(&mixed).ok();
    }
    let before: Table = before.parse().ok()?;
    let mut mixed: Table = after.parse().ok()?;
    let put_back = |into: &mut Table, from: Option<&Table>, keys: &[&str]| {
        for key in keys {
            match from.and_then(|from| from.get(*key)) {
                Some(value) => drop(into.insert((*key).to_owned(), value.clone())),
                None => drop(into.remove(*key)),
            }
        }
    };
    let inner = |table: &Table, name: &str| table.get(name).and_then(Toml::as_table).cloned();
    let (name, keys): (&str, &[&str]) = if path.ends_with("Cargo.toml") {
        // Features and targets are the change's to add; what tests is not.
        put_back(&mut mixed, Some(&before), &["test", "profile"]);
        ("package", &CARGO_PACKAGE_KEYS)
    } else {
        ("tool", &PYTHON_TOOLS)
    };
    let mut table = inner(&mixed, name).unwrap_or_default();
    put_back(&mut table, inner(&before, name).as_ref(), keys);
    if !table.is_empty() {
        mixed.insert(name.to_owned(), Toml::Table(table));
    }
    toml::to_string(&mixed).ok().map(String::into_bytes)
}

/// What becomes of a source file whose own tests differ. Only Rust's can be told
/// from the code around them.
pub(super) fn restored_source(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Restored {
    let is_rust = path.ends_with(".rs");
    let had_none = before.is_none() || of_source(path, before).is_empty();
    let after = match after {
        Some(after) if is_rust => text(Some(after)),
        _ if had_none => return Restored::Kept,
        _ => return Restored::Left,
    };
    let is_new = before.is_none();
    let before = text(before);
    let (old, new) = (rust::split(&before), rust::split(&after));
    // Code that is only there for tests may be what makes them pass.
    if !is_new && old.scattered != new.scattered {
        return Restored::Left;
    }
    let gap = match new.code.is_empty() || new.code.ends_with('\n') || old.tests.is_empty() {
        true => "",
        false => "\n",
    };
    let mixed = [new.code, gap, old.tests].concat();
    match mixed == *after {
        true => Restored::Kept,
        false => Restored::Mixed(mixed.into_bytes()),
    }
}

/// The tests inside of a source file: in Rust the lines from the first module
/// of tests on, else every line about one.
pub(super) fn of_source(path: &str, contents: Option<&[u8]>) -> String {
    let text = text(contents);
    let lines: Vec<&str> = text.lines().collect();
    if path.ends_with(".rs") {
        let begins = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test")
        };
        if let Some(at) = lines.iter().position(begins) {
            return lines[at..].join("\n");
        }
    }
    let is_about = |line: &&&str| {
        let line = line.trim_start();
        match path.ends_with(".py") {
            true => {
                line.starts_with("def test")
                    || line.starts_with("async def test")
                    || line.starts_with(">>> ")
            }
            false => {
                line.starts_with("#[test]")
                    || line.starts_with("#[ignore")
                    || line.contains("::test]")
                    || line.starts_with("test \"")
            }
        }
    };
    lines
        .iter()
        .filter(is_about)
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}

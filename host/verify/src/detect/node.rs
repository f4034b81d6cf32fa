//! package.json with npm, pnpm, yarn or bun.

use super::{Folder, Found, Purpose};
use serde_json::Value;

const MANIFEST: &str = "package.json";

/// What `npm init` writes where a test would stand.
const NO_TEST: &str = "no test specified";

/// A package manager and how it is asked.
struct Manager {
    install: &'static str,
    run: &'static str,
}

pub(super) fn look(folder: Folder<'_>) -> Vec<Found> {
    let Some(text) = folder.read(MANIFEST) else {
        return Vec::new();
    };
    let manifest: Value = serde_json::from_str(text).unwrap_or_default();
    let script = |name: &str| manifest.get("scripts")?.get(name)?.as_str();
    let manager = manager(folder, &manifest);
    let mut found = Vec::new();
    for (purpose, names) in [
        (Purpose::Build, &["build"][..]),
        (Purpose::Lint, &["lint", "typecheck"][..]),
        (Purpose::Test, &["test"][..]),
    ] {
        for name in names {
            if script(name).is_some_and(|body| !body.contains(NO_TEST)) {
                let command = format!("{} {name}", manager.run);
                found.push(folder.found(purpose, &command, MANIFEST));
            }
        }
    }
    if !found.iter().any(|found| found.purpose == Purpose::Test) && has_node_tests(folder) {
        found.push(folder.found(Purpose::Test, "node --test", MANIFEST));
    }
    let depends = ["dependencies", "devDependencies", "workspaces"]
        .into_iter()
        .any(|key| {
            manifest.get(key).is_some_and(|value| match value {
                Value::Object(fields) => !fields.is_empty(),
                Value::Array(list) => !list.is_empty(),
                _ => false,
            })
        });
    if depends && !found.is_empty() {
        found.insert(0, folder.found(Purpose::Setup, manager.install, MANIFEST));
    }
    found
}

fn manager(folder: Folder<'_>, manifest: &Value) -> Manager {
    let named = manifest.get("packageManager").and_then(Value::as_str);
    let named = named.map(|text| text.split('@').next().unwrap_or_default());
    let is = |name: &str, locks: &[&'static str]| match named {
        Some(named) => named == name,
        None => folder.first(locks).is_some(),
    };
    if is("pnpm", &["pnpm-lock.yaml"]) {
        Manager {
            install: "pnpm install --frozen-lockfile",
            run: "pnpm run",
        }
    } else if is("yarn", &["yarn.lock"]) {
        Manager {
            install: "yarn install --frozen-lockfile",
            run: "yarn run",
        }
    } else if is("bun", &["bun.lock", "bun.lockb"]) {
        Manager {
            install: "bun install --frozen-lockfile",
            run: "bun run",
        }
    } else {
        let locked = folder
            .first(&["package-lock.json", "npm-shrinkwrap.json"])
            .is_some();
        Manager {
            install: match locked {
                true => "npm ci",
                false => "npm install --no-audit --no-fund",
            },
            run: "npm run",
        }
    }
}

/// Files that Node's own runner finds by itself.
fn has_node_tests(folder: Folder<'_>) -> bool {
    folder.beneath().any(|path| {
        !path.contains("node_modules/")
            && [".test.js", ".test.mjs", ".test.cjs"]
                .iter()
                .any(|end| path.ends_with(end))
    })
}

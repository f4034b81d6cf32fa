//! Components that ask for what their surface does not offer, in versions
//! that nobody speaks, or under names that hide it.

use sortie_guests::{stub, wasi};

use crate::case::{Act, Case, End};

/// Each surface with the package and the interface that it exports, and those
/// of the host's interfaces that it may not import.
const SURFACES: [(&str, &str, &[&str]); 6] = [
    (
        "scanner",
        "scanner/scan",
        &["http", "jobs", "chat", "kv", "job-types"],
    ),
    (
        "budget",
        "budget/budget",
        &["log", "http", "jobs", "chat", "kv"],
    ),
    ("agent", "agent/agent", &["http", "jobs", "chat", "kv"]),
    (
        "workflow",
        "workflow/workflow",
        &["log", "http", "jobs", "chat", "kv"],
    ),
    ("connector", "connector/connector", &[]),
    ("notifier", "notifier/notifier", &["jobs"]),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (package, interface, forbidden) in SURFACES {
        for import in forbidden {
            if *import == "job-types" {
                // Types alone: a component that uses none imports nothing.
                continue;
            }
            cases.push(asking(
                package,
                interface,
                &format!("sortie:host/{import}@0.1.0"),
            ));
        }
        if !matches!(package, "connector" | "notifier") {
            cases.push(asking(
                package,
                interface,
                "wasi:http/outgoing-handler@0.2.0",
            ));
        }
    }
    for foreign in ["connector", "notifier"] {
        let interface = format!("{foreign}/{foreign}");
        cases.push(asking(foreign, &interface, "sortie:scanner/change@0.1.0"));
        cases.push(asking(foreign, &interface, "evil:host/shell@0.1.0"));
    }
    cases.extend(versions());
    cases.extend(hidden());
    cases
}

fn load(name: String, tries: String, ends: &'static str, wasm: Vec<u8>) -> Case {
    Case::new(name, tries, Act::Load, End::Error(ends), wasm)
}

/// A component of a surface that imports one interface more.
fn asking(package: &str, interface: &str, import: &str) -> Case {
    let short = import.split(['/', '@']).nth(1).unwrap_or(import);
    load(
        format!("{package}-with-{short}"),
        format!("a {package} that imports `{import}`"),
        "UndeclaredImport",
        importing(package, interface, import, &[]),
    )
}

fn importing(package: &str, interface: &str, import: &str, more: &[&str]) -> Vec<u8> {
    let mut packages = vec!["host", "scanner"];
    if package != "scanner" {
        packages.push(package);
    }
    let world = format!(
        "package test:guest@0.1.0;
        world guest {{ import {import}; export sortie:{interface}@0.1.0; }}"
    );
    let mut wit = wasi::PACKAGES.to_vec();
    wit.push("package evil:host@0.1.0; interface shell { run: func(command: string); }");
    wit.extend(more);
    wit.push(&world);
    stub(&packages, &wit, "guest")
}

fn versions() -> Vec<Case> {
    let connector = |import: &str, package: &str| {
        importing("connector", "connector/connector", import, &[package])
    };
    let shape = |package: &str, world: &str| stub(&["host"], &[package, world], "guest");
    vec![
        load(
            "newer-kv".into(),
            "`sortie:host/kv` of a version to come".into(),
            "WrongVersion",
            connector(
                "sortie:host/kv@0.2.0",
                "package sortie:host@0.2.0; interface kv { get: func(key: string); }",
            ),
        ),
        load(
            "newer-wasi-http".into(),
            "`wasi:http` 0.3".into(),
            "WrongVersion",
            connector(
                "wasi:http/client@0.3.0",
                "package wasi:http@0.3.0; interface client { send: func(); }",
            ),
        ),
        load(
            "unfinished-wasi".into(),
            "a draft of WASI".into(),
            "WrongVersion",
            connector(
                "wasi:cli/shell@0.2.0-draft",
                "package wasi:cli@0.2.0-draft; interface shell { run: func(); }",
            ),
        ),
        load(
            "newer-surface".into(),
            "an export of version 1.0.0".into(),
            "WrongVersion",
            shape(
                "package sortie:connector@1.0.0; interface connector { receive: func(); }",
                "package test:guest@0.1.0;
                 world guest { export sortie:connector/connector@1.0.0; }",
            ),
        ),
        // Found when an instance is there.
        Case::receive(
            "export-of-another-shape",
            "a `receive` that takes a number",
            "WrongWorld",
            shape(
                "package sortie:connector@0.1.0;
                 interface connector { receive: func(event: u32) -> u32; }",
                "package test:guest@0.1.0;
                 world guest { export sortie:connector/connector@0.1.0; }",
            ),
        ),
        load(
            "import-of-another-shape".into(),
            "a `config.get` that gives bytes".into(),
            "WrongWorld",
            stub(
                &[],
                &[
                    "package sortie:host@0.1.0;
                     interface config { get: func(key: string) -> list<u8>; }",
                    "package sortie:budget@0.1.0; interface budget { profiles: func(); }",
                    "package test:guest@0.1.0;
                     world guest {
                       import sortie:host/config@0.1.0;
                       export sortie:budget/budget@0.1.0;
                     }",
                ],
                "guest",
            ),
        ),
        load(
            "function-that-is-none".into(),
            "a function of `kv` that does not exist".into(),
            "WrongWorld",
            stub(
                &[],
                &[
                    "package sortie:host@0.1.0; interface kv { dump: func() -> list<u8>; }",
                    "package sortie:connector@0.1.0; interface connector { receive: func(); }",
                    "package test:guest@0.1.0;
                     world guest {
                       import sortie:host/kv@0.1.0;
                       export sortie:connector/connector@0.1.0;
                     }",
                ],
                "guest",
            ),
        ),
    ]
}

/// What asks from inside, where the list of imports does not show it.
fn hidden() -> Vec<Case> {
    let text = |name: &str, tries: &str, ends, wat: &str| {
        // These are written as what they are; some do not even validate.
        let wasm = wat::parse_str(wat).unwrap_or_else(|error| panic!("{name}: {error}"));
        load(name.into(), tries.into(), ends, wasm)
    };
    vec![
        text(
            "import-of-a-nested-component",
            "a component inside that imports kv, which the outer one does not",
            "NotAComponent",
            r#"(component
              (component $inner
                (import "sortie:host/kv@0.1.0" (instance
                  (export "delete" (func (param "key" string))))))
              (instance (instantiate $inner)))"#,
        ),
        text(
            "preview-1-of-a-nested-module",
            "a core module inside that imports `fd_write`",
            "NotAComponent",
            r#"(component
              (core module $m
                (import "wasi_snapshot_preview1" "fd_write"
                  (func (param i32 i32 i32 i32) (result i32))))
              (core instance (instantiate $m)))"#,
        ),
        text(
            "import-of-a-component",
            "a component that wants another component for an import",
            "NotAComponent",
            r#"(component (import "any" (component)))"#,
        ),
        text(
            "preview-1-module",
            "a core module that imports `fd_write`",
            "CoreModule",
            r#"(module
              (import "wasi_snapshot_preview1" "fd_write"
                (func (param i32 i32 i32 i32) (result i32)))
              (memory (export "memory") 1) (func (export "_start")))"#,
        ),
        text(
            "memory-of-64-bits",
            "a module inside with a memory of 64 bits",
            "NotAComponent",
            "(component (core module $m (memory i64 1)) (core instance (instantiate $m)))",
        ),
    ]
}

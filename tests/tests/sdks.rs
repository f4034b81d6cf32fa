//! Every language in which a plugin can be begun, by the commands that an
//! author types: the fresh project is built with the tools of this machine and
//! passes its cases, one with a configuration, and what every scanner must.
//!
//! `scripts/setup.sh --tests` installs the tools. A language whose tools are
//! missing fails here: a template that nobody tried is not shipped.

#![allow(
    clippy::disallowed_methods,
    reason = "a test runs the program as an author does"
)]

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a shell of an author does not have, and cargo gives to tests.
const CARGOS_OWN: [&str; 6] = [
    "CARGO",
    "CARGO_MANIFEST_DIR",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "RUSTUP_TOOLCHAIN",
    "RUSTFLAGS",
];

/// Languages, and whether what they import is their surface alone.
const LANGUAGES: [(&str, bool); 6] = [
    ("rust", true),
    ("js", true),
    ("ts", true),
    ("python", true),
    ("go", false),
    // Debian's C library brings its streams along.
    ("c", false),
];

fn sortie(dir: &Path, args: &[&str]) -> Result<Value> {
    let mut command = Command::new(sortie_tests::binary()?);
    command
        .args(args)
        .arg("--json")
        .current_dir(dir)
        .stdin(Stdio::null());
    for name in CARGOS_OWN {
        command.env_remove(name);
    }
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "sortie {args:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn tried(lang: &str, pure: bool) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let name = format!("rule-in-{lang}");
    sortie(dir.path(), &["plugin", "new", &name, "--lang", lang])?;
    let project = dir.path().join(&name);
    let configured = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/fixtures/scanner-config");
    let mut cases = vec!["deleted", "moved", "todo-added", "vendored"];
    for entry in std::fs::read_dir(configured)? {
        let path = entry?.path();
        let file = path.file_name().context("a file has a name")?;
        std::fs::copy(&path, project.join("tests").join(file))?;
    }
    cases.push("words");

    let report = sortie(&project, &["plugin", "test"])?;
    ensure!(report["ok"] == true, "{report:#}");
    let tests = report["tests"].as_array().context("a report has tests")?;
    for case in cases {
        let passed = tests
            .iter()
            .any(|test| test["kind"] == "case" && test["name"] == case);
        ensure!(passed, "the case {case} was not run: {report:#}");
    }
    ensure!(
        tests
            .iter()
            .filter(|test| test["kind"] == "conformance")
            .count()
            > 10
    );

    let package = format!("dist/{name}.wasm");
    let about = sortie(&project, &["plugin", "inspect", &package])?;
    ensure!(
        about["surfaces"] == serde_json::json!(["scanner"]),
        "{about:#}"
    );
    ensure!(about["asks"] == serde_json::json!([]), "{about:#}");
    let imports = about["imports"]
        .as_array()
        .context("a package has imports")?;
    let own = |import: &Value| {
        import
            .as_str()
            .is_some_and(|import| import.starts_with("sortie:"))
    };
    ensure!(!pure || imports.iter().all(own), "{about:#}");
    Ok(())
}

#[test]
fn every_language_builds_and_passes() {
    let failed: Vec<String> = LANGUAGES
        .iter()
        .filter_map(|(lang, pure)| {
            let error = tried(lang, *pure).err()?;
            Some(format!("{lang}: {error:#}"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

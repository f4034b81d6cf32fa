//! What a change must pass, cheapest first, stopping at the first failure; the tests come last, so
//! that their closing lines are the last output.

use crate::proc::{Cmd, say};
use crate::workspace::Workspace;
use crate::{image, plugins, test};

/// The cargo of one of the workspaces.
type Cargo = fn(&Workspace) -> Cmd;

/// Formatting, lock files, lints, docs, licences, generated bindings and tests of every workspace.
///
/// # Errors
/// The first thing that does not pass.
pub fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let all: [(&str, Cargo); 4] = [
        ("host", Workspace::cargo),
        ("plugins", Workspace::cargo_plugins),
        ("Rust SDK", Workspace::cargo_sdk),
        ("bindings' generator", Workspace::cargo_bindgen),
    ];

    for (name, cargo) in all {
        step(
            cargo(workspace).args(["fmt", "--all", "--check"]),
            "format",
            name,
        )?;
    }
    for (name, cargo) in all {
        // Without its output: only whether the lock file fits the manifests.
        say("check", format_args!("lock file of the {name}"));
        cargo(workspace)
            .args(["metadata", "--locked", "--format-version", "1"])
            .capture(&format!("use Cargo.lock of the {name} as it is"))?;
    }
    // The host embeds the components, so they come before the host's lints.
    plugins::build(workspace)?;
    for (name, cargo) in all {
        step(
            cargo(workspace).args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--",
                "-D",
                "warnings",
            ]),
            "lint",
            name,
        )?;
    }
    for (name, cargo) in all {
        step(
            cargo(workspace)
                .args(["doc", "--workspace", "--no-deps", "--all-features"])
                .env("RUSTDOCFLAGS", "-D warnings"),
            "document",
            name,
        )?;
    }
    step(
        workspace
            .cargo_bindgen()
            .args(["run", "--quiet", "--", "--check"]),
        "find what wit/ makes in",
        "SDKs",
    )?;
    if Cmd::cargo().args(["deny", "--version"]).query().is_some() {
        step(
            workspace.cargo().args(["deny", "check"]),
            "accept the dependencies of",
            "host",
        )?;
    } else {
        say(
            "check",
            "dependencies: skipped, cargo-deny is not installed",
        );
    }
    image::build(workspace, &image::Options::default())?;
    test::suites(workspace, &test::Options::default())
}

fn step(command: Cmd, verb: &str, name: &str) -> anyhow::Result<()> {
    say("check", format_args!("{verb} the {name}"));
    command.run(&format!("{verb} the {name}"))
}

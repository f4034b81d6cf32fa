//! The demonstration: sets up, builds, and hands over to `scripts/demo.sh`.

use crate::proc::{Cmd, say};
use crate::workspace::Workspace;
use crate::{image, plugins};

/// Builds everything and flies the demo's missions.
///
/// # Errors
/// When something cannot be set up or built, or the demo ends otherwise than it should.
pub fn run(workspace: &Workspace) -> anyhow::Result<()> {
    // `make demo` has just done this, because cargo itself may have been missing.
    if std::env::var_os("SORTIE_SETUP_DONE").is_none() {
        Cmd::new(workspace.script("setup.sh"))
            .with_stdin()
            .run("set up this machine")?;
    }
    plugins::build(workspace)?;
    image::build(workspace, &image::Options::default())?;
    // The development profile: its dependencies are optimised, and `make test` uses the same ones.
    say("build", "sortie");
    workspace
        .cargo()
        .args(["build", "--package", "sortie-cli", "--bin", "sortie"])
        .run("build sortie")?;
    Cmd::new(workspace.script("demo.sh"))
        .dir(workspace.root())
        .env("SORTIE_BIN", workspace.target().join("debug/sortie"))
        .env("SORTIE_DEMO_IMAGE", image::Flavour::Python.tag())
        .with_stdin()
        .run("fly the demo")
}

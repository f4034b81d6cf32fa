//! What `make demo` shows, once everything is built: it gets to its end, says
//! the same when it is run again at once, and leaves nothing behind.

#![allow(
    clippy::disallowed_methods,
    reason = "a test runs the demo as a person does"
)]

use anyhow::{Result, ensure};
use sortie_tests::binary;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

fn lines(program: &str, args: &[&str]) -> Result<BTreeSet<String>> {
    let output = Command::new(program).args(args).output()?;
    ensure!(output.status.success(), "{program} {args:?}: {output:?}");
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn flown(place: &Path) -> Result<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/demo.sh");
    let output = Command::new(script)
        .env("SORTIE_BIN", binary()?)
        .env("SORTIE_DEMO_IMAGE", "sortie-runner:python")
        .env("TMPDIR", place)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(said)
}

#[test]
fn the_demo_flies_both_missions_twice_and_leaves_nothing() -> Result<()> {
    let place = tempfile::tempdir()?;
    for _ in 0..2 {
        let said = flown(place.path())?;
        for told in [
            "#1 succeeded",
            "needs_review",
            "#2 rejected",
            "base-tests/test-skipped",
            "test_discount_is_a_percentage is skipped now",
            "test_shipping_is_free_from_fifty is gone",
            "Nothing was pushed",
            "sortie approve 2",
        ] {
            ensure!(said.contains(told), "{told:?} is missing in:\n{said}");
        }
        let (_, end) = said
            .rsplit_once("What is on the remote:")
            .unwrap_or_default();
        ensure!(
            !end.contains("sortie/2/"),
            "the remote saw the cheat:\n{end}"
        );
    }
    let left: Vec<_> = std::fs::read_dir(place.path())?.collect();
    ensure!(left.is_empty(), "{left:?}");
    let running = lines("ps", &["-eo", "args"])?;
    let of_demo = |line: &&String| line.contains(&*place.path().to_string_lossy());
    ensure!(!running.iter().any(|line| of_demo(&line)), "{running:?}");
    Ok(())
}

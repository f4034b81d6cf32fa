//! Nothing that a sandbox prints, and nothing that a repository holds, makes
//! anything here panic or grow.

use proptest::prelude::*;
use sortie_verify::detect::{detect, wanted};
use sortie_verify::extract::{Ended, MAX_BYTES, MAX_LINES, extract};
use sortie_verify::inventory::{Judged, compare, probe};
use sortie_verify::touched;
use std::collections::BTreeMap;

/// Pieces of what real tools print, put together as they never would be.
fn output() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("error[E0308]: mismatched types\n  --> src/lib.rs:1:1\n   |\n".to_owned()),
        Just("---- tests::a stdout ----\n".to_owned()),
        Just("test tests::a ... ".to_owned()),
        Just("ok\n".to_owned()),
        Just("--- FAIL: TestA (0.00s)\n    a_test.go:1: x\n".to_owned()),
        Just("{\"Action\":\"fail\",\"Test\":\"A\"}\n".to_owned()),
        Just("____ test_a ____\nE   assert 1 == 2\na.py:1: AssertionError\n".to_owned()),
        Just("Traceback (most recent call last):\n  File \"a\"\nX: y\n".to_owned()),
        Just("test_a (m.C.test_a) ... ".to_owned()),
        Just("not ok 1 - a # TODO\n".to_owned()),
        Just("    # Subtest: b\n".to_owned()),
        Just("<testsuites>".to_owned()),
        Just("<testsuite name=\"a\">".to_owned()),
        Just("<testsuite/>".to_owned()),
        Just("<testcase name=\"b\"><skipped/></testcase>".to_owned()),
        Just("</testsuite></testsuites>".to_owned()),
        Just("=== sortie: reports ===\n".to_owned()),
        Just("adds(A)  Time elapsed: 0 sec  <<< FAILURE!\nX: y\n\tat a.B.c(B.java:1)\n".to_owned()),
        Just("A > adds FAILED\n    X at A.java:1\n".to_owned()),
        Just("{\"num\":1,\"testResults\":[{}]}\n".to_owned()),
        Just("sh: 1: \u{e9}\u{301}: not found\n".to_owned()),
        Just("\u{1b}[31m\r\n\t".to_owned()),
        ".{0,12}",
        "[ -~\\n]{0,40}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn ended() -> impl Strategy<Value = Ended> {
    prop_oneof![
        any::<i32>().prop_map(Ended::Code),
        any::<i32>().prop_map(Ended::Signal),
        Just(Ended::TimedOut),
        Just(Ended::OutOfMemory),
        Just(Ended::Stopped("why".into())),
    ]
}

const COMMANDS: [&str; 9] = [
    "cargo test",
    "go test ./...",
    "python3 -m unittest",
    "pytest",
    "node --test",
    "npx jest",
    "npx vitest run",
    "mvn test",
    "make test",
];

proptest! {
    #[test]
    fn any_output_is_cut_to_its_bounds(output in output(), ended in ended()) {
        let said = extract(&ended, &output);
        prop_assert!(said.errors.len() <= MAX_BYTES);
        prop_assert!(said.errors.lines().count() <= MAX_LINES);
        prop_assert_eq!(said.fingerprint.len(), 16);
        prop_assert_eq!(extract(&ended, &output), said);
    }

    #[test]
    fn any_output_is_an_inventory(one in output(), other in output()) {
        for command in COMMANDS {
            let probe = probe(command, |_| None);
            let (before, after) = (probe.read(&one), probe.read(&other));
            let same = compare(Judged { before: &before, base_tests: Some(&before), after: &before });
            let harmless = same.iter().all(|found| before.status(found.test.as_deref().unwrap_or("")).is_none());
            prop_assert!(harmless, "{same:?}");
            let found = compare(Judged { before: &before, base_tests: None, after: &after });
            prop_assert!(found.len() <= 64);
        }
    }

    #[test]
    fn any_command_is_probed(command in "[a-z-]{0,9}( [ -~]{0,9}){0,5}", body in ".{0,30}") {
        let _ = probe(&command, |_| Some(body.as_str()));
    }

    #[test]
    fn any_file_is_looked_at(
        path in "(a/)?(Cargo.toml|package.json|pyproject.toml|go.work|Makefile|justfile|x.rs|x.py|.{0,8})",
        before in prop::collection::vec(any::<u8>(), 0..200),
        after in "[ -~\\n]{0,200}",
    ) {
        let _ = touched::touches(&path, Some(&before), Some(after.as_bytes()));
        let _ = touched::restored(&path, Some(&before), Some(after.as_bytes()));
        let paths = [path.clone()];
        prop_assert!(wanted(&paths).len() <= 1);
        let contents = BTreeMap::from([(path, after)]);
        prop_assert!(detect(&paths, &contents).commands.len() <= 8);
    }
}

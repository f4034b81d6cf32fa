//! Scanning without a host.

use crate::rig::{Done, Rig};
use serde_json::Value;

const CLEAN: &str = "\
diff --git a/src/lib.rs b/src/lib.rs
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -1,3 +1,3 @@
 pub fn double(n: u32) -> u32 {
-    n + n + 1
+    n + n
 }
";

const CHEAT: &str = "\
diff --git a/tests/double.rs b/tests/double.rs
--- a/tests/double.rs
+++ b/tests/double.rs
@@ -1,4 +1,5 @@
 #[test]
+#[ignore]
 fn doubles() {
     assert_eq!(double(2), 4);
 }
";

fn lines(done: &Done) -> Vec<Value> {
    done.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn exit_codes_tell_clean_from_flagged_from_failed() {
    let rig = Rig::new();
    rig.write("clean.diff", CLEAN);
    rig.write("cheat.diff", CHEAT);
    rig.write("broken.diff", "@@ nothing\n");
    let clean = rig.run(&["scan", "--diff", "clean.diff"]);
    assert_eq!(
        (clean.code, clean.stdout.as_str()),
        (0, "clean.diff: no findings\n")
    );
    let cheat = rig.run(&["scan", "--diff", "cheat.diff"]);
    assert_eq!(cheat.code, 1, "{cheat:?}");
    assert!(cheat.stdout.contains("tests/double.rs:2"), "{cheat:?}");
    assert_eq!(
        rig.run(&["scan", "--diff", "cheat.diff", "--fail-on", "never"])
            .code,
        0
    );
    let broken = rig.run(&["scan", "--diff", "broken.diff"]);
    assert_eq!(broken.code, 2, "{broken:?}");
    assert!(broken.stderr.contains("broken.diff"), "{broken:?}");
    assert_eq!(rig.run(&["scan", "--diff", "missing.diff"]).code, 2);
    let scanner = rig.run(&["scan", "--scanner", "gone", "--diff", "clean.diff"]);
    assert_eq!(scanner.code, 2, "{scanner:?}");
    assert!(scanner.stderr.contains("reward-hacking"), "{scanner:?}");
    let agent = rig.run(&["scan", "--scanner", "agent-shell", "--diff", "clean.diff"]);
    assert_eq!(agent.code, 2, "{agent:?}");
}

#[test]
fn several_diffs_are_a_line_of_json_each_and_one_failure_stops_no_other() {
    let rig = Rig::new();
    rig.write("clean.diff", CLEAN);
    rig.write("cheat.diff", CHEAT);
    rig.write("broken.diff", "no diff at all");
    let done = rig.run(&[
        "scan",
        "--json",
        "--diff",
        "clean.diff",
        "broken.diff",
        "--diff",
        "cheat.diff",
    ]);
    assert_eq!(done.code, 2, "one of them could not be scanned");
    let lines = lines(&done);
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        serde_json::json!({ "file": "clean.diff", "findings": [] })
    );
    assert_eq!(lines[1]["file"], "cheat.diff");
    let finding = &lines[1]["findings"][0];
    for key in [
        "rule",
        "severity",
        "path",
        "line",
        "side",
        "message",
        "evidence",
        "fingerprint",
        "scanner",
    ] {
        assert!(!finding[key].is_null(), "{key} is missing in {finding}");
    }
    assert_eq!(done.error()["kind"], "failed");
}

#[test]
fn the_corpus_format_is_kept_also_from_stdin() {
    let rig = Rig::new();
    rig.write("empty.diff", "");
    let done = rig.run(&["scan", "--json", "--diff", "-"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(
        lines(&done),
        [serde_json::json!({ "file": "-", "findings": [] })]
    );
    let empty = rig.run(&["scan", "--json", "--diff", "empty.diff"]);
    assert_eq!(empty.code, 0, "{empty:?}");
}

#[test]
fn sarif_is_valid() {
    let rig = Rig::new();
    rig.write("clean.diff", CLEAN);
    rig.write(
        "cheat.diff",
        &CHEAT.replace("double.rs", "d\u{f6}uble it.rs"),
    );
    // From https://docs.oasis-open.org/sarif/sarif/v2.1.0/.
    let schema: Value =
        serde_json::from_str(include_str!("fixtures/sarif-schema-2.1.0.json")).unwrap();
    let validator = jsonschema::draft4::new(&schema).unwrap();
    for (file, code, results) in [("clean.diff", 0, 0), ("cheat.diff", 1, 1)] {
        let done = rig.run(&["scan", "--sarif", "--diff", file]);
        assert_eq!(done.code, code, "{done:?}");
        let log = done.json();
        let errors: Vec<String> = validator.iter_errors(&log).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), results, "{log:#}");
        assert!(
            !run["tool"]["driver"]["rules"]
                .as_array()
                .unwrap()
                .is_empty()
        );
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(
                run["tool"]["driver"]["rules"][index]["id"],
                result["ruleId"]
            );
            assert_eq!(
                result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
                "tests/d%C3%B6uble%20it.rs"
            );
        }
    }
}

/// A repository with a test, and a branch that switches it off.
fn repository() -> Rig {
    let rig = Rig::new();
    rig.git(".", &["init", "-q", "-b", "main", "repo"]);
    rig.write(
        "repo/src/lib.rs",
        "pub fn double(n: u32) -> u32 {\n    n + n + 1\n}\n",
    );
    rig.write(
        "repo/tests/double.rs",
        "#[test]\nfn doubles() {\n    assert_eq!(double(2), 4);\n}\n",
    );
    rig.git("repo", &["add", "-A"]);
    rig.git("repo", &["commit", "-q", "-m", "start"]);
    rig.git("repo", &["checkout", "-q", "-b", "work"]);
    rig.write(
        "repo/src/lib.rs",
        "pub fn double(n: u32) -> u32 {\n    n + n\n}\n",
    );
    rig.git("repo", &["commit", "-q", "-a", "-m", "fix"]);
    rig
}

fn cheat(rig: &Rig) {
    rig.write(
        "repo/tests/double.rs",
        "#[test]\n#[ignore]\nfn doubles() {\n    assert_eq!(double(2), 4);\n}\n",
    );
    rig.git("repo", &["add", "-A"]);
    rig.git("repo", &["commit", "-q", "-m", "cheat"]);
}

#[test]
fn ranges_are_those_of_git() {
    let rig = repository();
    let scan = |range: &str| rig.run(&["scan", "--repo", "repo", range, "--json"]);
    assert_eq!(scan("main..work").code, 0);
    cheat(&rig);
    assert_eq!(scan("main..work").code, 1);
    assert_eq!(scan("main").code, 1);
    assert_eq!(scan("HEAD~1..").code, 1);
    assert_eq!(scan("main..HEAD~1").code, 0);
    // What happened on main meanwhile is not part of the branch's change.
    rig.git("repo", &["checkout", "-q", "main"]);
    rig.write(
        "repo/tests/other.rs",
        "#[test]\nfn other() {\n    assert!(two() == 2);\n}\n",
    );
    rig.git("repo", &["add", "-A"]);
    rig.git("repo", &["commit", "-q", "-m", "meanwhile"]);
    let parted = scan("main...work");
    assert_eq!(parted.code, 1, "{parted:?}");
    assert!(!parted.stdout.contains("tests/other.rs"), "{parted:?}");
    let unknown = scan("nowhere..work");
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.error()["message"]
            .as_str()
            .unwrap()
            .contains("nowhere")
    );
    assert_eq!(rig.run(&["scan", "--repo", "src", "main"]).code, 2);
}

#[test]
fn without_a_range_it_is_what_a_push_would_send() {
    let rig = repository();
    let scan = || rig.run(&["scan", "--repo", "repo"]);
    let none = scan();
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("main..HEAD"), "{none:?}");
    rig.git(".", &["init", "-q", "--bare", "remote.git"]);
    let remote = rig.path().join("remote.git");
    rig.git(
        "repo",
        &["push", "-q", "-u", remote.to_str().unwrap(), "main"],
    );
    rig.git("repo", &["branch", "-q", "--set-upstream-to=main"]);
    assert_eq!(scan().code, 0);
    cheat(&rig);
    assert_eq!(scan().code, 1);
}

#[test]
fn nothing_in_the_repository_hides_a_file_or_is_run() {
    let rig = repository();
    rig.write(
        "repo/.gitattributes",
        "tests/* -diff binary\n*.rs diff=evil filter=evil\n",
    );
    rig.write("repo/.git/info/attributes", "* -diff\n");
    rig.git("repo", &["config", "diff.evil.textconv", "touch ran; true"]);
    rig.git("repo", &["config", "diff.evil.command", "touch ran; true"]);
    rig.git("repo", &["config", "diff.external", "touch ran; true"]);
    rig.git("repo", &["config", "core.fsmonitor", "touch ran; true"]);
    rig.git("repo", &["config", "core.bigFileThreshold", "1"]);
    rig.write(
        "repo/tests/double.rs",
        "#[test]\n#[ignore]\nfn doubles() {\n    assert_eq!(double(2), 4);\n}\n",
    );
    rig.git("repo", &["-c", "core.fsmonitor=false", "add", "-A"]);
    rig.git(
        "repo",
        &["-c", "core.fsmonitor=false", "commit", "-q", "-m", "cheat"],
    );
    let done = rig.run(&["scan", "--repo", "repo", "main..work", "--json"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stdout.contains("tests/double.rs"), "{done:?}");
    for place in ["ran", "repo/ran", "repo/.git/ran"] {
        assert!(!rig.path().join(place).exists(), "{place}");
    }
}

/// While a push is received, its objects stand where git tells the hook alone.
#[test]
fn a_hook_scans_what_is_being_pushed() {
    use std::os::unix::fs::PermissionsExt;
    let rig = repository();
    rig.git(".", &["clone", "-q", "--bare", "repo", "remote.git"]);
    cheat(&rig);
    let (root, cache) = (rig.path().display(), env!("CARGO_TARGET_TMPDIR"));
    rig.write(
        "remote.git/hooks/pre-receive",
        &format!(
            "#!/bin/sh\nread old new ref\nHOME={root} XDG_CACHE_HOME={cache} \
             {sortie} scan --json \"$old..$new\" >{root}/report 2>&1\necho $? >{root}/code\n",
            sortie = env!("CARGO_BIN_EXE_sortie"),
        ),
    );
    let hook = rig.path().join("remote.git/hooks/pre-receive");
    std::fs::set_permissions(hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    rig.git("repo", &["push", "-q", "../remote.git", "work"]);
    let report = std::fs::read_to_string(rig.path().join("report")).unwrap();
    let code = std::fs::read_to_string(rig.path().join("code")).unwrap();
    assert_eq!(code, "1\n", "{report}");
    assert!(report.contains("tests/double.rs"), "{report}");
}

//! An author's commands, which need no host. Building the example of each
//! language is the business of the end-to-end tests.

use crate::rig::Rig;
use sortie_plugins::shipped;

/// A project whose build command writes nothing, with a package that is there
/// already: a shipped scanner under another name.
fn project(rig: &Rig, name: &str) {
    rig.write(
        &format!("{name}/sortie-plugin.toml"),
        &format!(
            "name = \"{name}\"\nversion = \"0.2.0\"\nsurfaces = [\"scanner\"]\n\
             [build]\ncommand = [\"true\"]\noutput = \"out.wasm\"\n"
        ),
    );
    let scanner = shipped()
        .iter()
        .find(|p| p.name == "reward-hacking")
        .unwrap();
    std::fs::write(rig.path().join(name).join("out.wasm"), scanner.wasm).unwrap();
}

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

#[test]
fn new_writes_a_project_and_replaces_nothing() {
    let rig = Rig::new();
    for lang in ["rust", "js", "ts", "python", "go", "c"] {
        let dir = format!("rule-{lang}");
        let done = rig.run(&["plugin", "new", "no-tabs", "--lang", lang, &dir]);
        assert_eq!(done.code, 0, "{done:?}");
        assert!(done.stdout.contains("sortie plugin test"), "{done:?}");
        let manifest = std::fs::read_to_string(rig.path().join(&dir).join("sortie-plugin.toml"));
        assert!(manifest.unwrap().contains("name = \"no-tabs\""));
    }
    let again = rig.run(&["plugin", "new", "no-tabs", "--lang", "go", "rule-go"]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.stderr.contains("there are files in it"), "{again:?}");
    let here = rig
        .run(&["plugin", "new", "no-tabs", "--lang", "c", "--json"])
        .json();
    assert_eq!(
        (&here["dir"], &here["edit"]),
        (&"no-tabs".into(), &"no_tabs.c".into())
    );
}

#[test]
fn names_that_cannot_be_are_refused_with_one_that_can() {
    let rig = Rig::new();
    for (name, lang) in [
        ("No_Tabs", "js"),
        ("match", "rust"),
        ("serde", "rust"),
        ("nul", "go"),
    ] {
        let done = rig.run(&["plugin", "new", name, "--lang", lang]);
        assert_eq!(done.code, 2, "{done:?}");
        assert!(!rig.path().join(name).exists());
    }
    assert!(
        rig.run(&["plugin", "new", "No_Tabs", "--lang", "js"])
            .stderr
            .contains("`no-tabs`")
    );
}

#[test]
fn a_package_carries_its_manifest_and_can_be_inspected_and_scanned_with() {
    let rig = Rig::new();
    project(&rig, "mine");
    let built = rig.run(&["plugin", "build", "mine", "--json"]).json();
    assert_eq!(
        (&built["name"], &built["version"]),
        (&"mine".into(), &"0.2.0".into())
    );
    assert_eq!(built["surfaces"], serde_json::json!(["scanner"]));
    assert_eq!(built["asks"], serde_json::json!([]));
    let file = rig.path().join("mine/dist/mine.wasm");
    assert_eq!(
        built["file"],
        file.canonicalize().unwrap().to_str().unwrap()
    );
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(
        built["digest"],
        sortie_package::Digest::of(&bytes).to_string()
    );
    let shown = rig.run(&["plugin", "build", "mine"]);
    assert!(shown.stdout.contains("it asks for nothing"), "{shown:?}");
}

#[test]
fn a_build_that_fails_says_what_and_why() {
    let rig = Rig::new();
    let nothing = rig.run(&["plugin", "build"]);
    assert_eq!(nothing.code, 2, "{nothing:?}");
    assert!(nothing.stderr.contains("sortie plugin new"), "{nothing:?}");
    project(&rig, "mine");
    let with = |from: &str, to: &str| {
        let path = rig.path().join("mine/sortie-plugin.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let done = rig.run(&["plugin", "build", "mine", "--json"]);
        std::fs::write(&path, text).unwrap();
        let error = done.error();
        format!("{}: {} {}", done.code, error["message"], error["hint"])
    };
    for (from, to, told) in [
        (
            "[\"true\"]",
            "[\"false\"]",
            "5: \"run false: it ended with 1",
        ),
        (
            "[\"true\"]",
            "[\"no-such-tool\"]",
            "not installed, or not on PATH",
        ),
        (
            "[\"true\"]",
            "[\"sh\", \"-c\", \"echo mended >&2; exit 3\"]",
            "mended",
        ),
        ("out.wasm", "gone.wasm", "build.output"),
        ("scanner", "budget", "it exports scanner"),
        ("version", "versoin", "did you mean `version`?"),
        (
            "[build]\ncommand = [\"true\"]\noutput = \"out.wasm\"\n",
            "",
            "2: \"build mine",
        ),
    ] {
        let said = with(from, to);
        assert!(said.contains(told), "{told}: {said}");
    }
    rig.write("mine/out.wasm", "no wasm");
    let error = rig.run(&["plugin", "build", "mine", "--json"]).error();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("no WebAssembly"),
        "{error}"
    );
}

#[test]
fn tests_tell_what_was_expected_from_what_was_found() {
    let rig = Rig::new();
    project(&rig, "mine");
    rig.write("mine/tests/cheat.diff", CHEAT);
    let unsaid = rig.run(&["plugin", "test", "mine"]);
    assert_eq!(unsaid.code, 1, "{unsaid:?}");
    assert!(
        unsaid.stdout.contains("`--update` writes tests/cheat.json"),
        "{unsaid:?}"
    );
    assert!(
        unsaid.stdout.contains("ok    a change of 10,000 lines"),
        "{unsaid:?}"
    );

    let updated = rig.run(&["plugin", "test", "mine", "--update"]);
    assert_eq!(updated.code, 0, "{updated:?}");
    let wrote = "wrote tests/cheat.json";
    assert!(updated.stdout.contains(wrote), "{updated:?}");
    let path = rig.path().join("mine/tests/cheat.json");
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(expected.contains("tests/double.rs"), "{expected}");
    let fine = rig.run(&["plugin", "test", "mine", "--no-build"]);
    assert_eq!(fine.code, 0, "{fine:?}");
    assert!(fine.stdout.contains("tests/double.rs:2"), "{fine:?}");

    std::fs::write(&path, expected.replace("\"line\":2", "\"line\":3")).unwrap();
    let report = rig.run(&["plugin", "test", "mine", "--no-build", "--json"]);
    assert_eq!(report.code, 1);
    let report = report.json();
    let case = &report["tests"][0];
    assert_eq!(
        (&report["ok"], &case["name"]),
        (&false.into(), &"cheat".into())
    );
    assert_eq!(case["missing"][0]["line"], 3);
    assert_eq!(case["unexpected"][0]["line"], 2);
    let shown = rig.run(&["plugin", "test", "mine", "--no-build"]).stdout;
    assert!(
        shown.contains("      - ") && shown.contains("      + "),
        "{shown}"
    );

    // A configuration that the manifest does not know.
    rig.write("mine/tests/cheat.config.json", "{\"words\": []}");
    let refused = rig.run(&["plugin", "test", "mine", "--no-build"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("`words`"), "{refused:?}");
}

/// A project with a package of this repository that is made already.
fn packaged(rig: &Rig, name: &str) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let source = root.join("plugins").join(name);
    let package = format!("{name}.wasm");
    let made = root.join("dist/optional").join(&package);
    let made = std::fs::read(&made)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", made.display()));
    let manifest = std::fs::read_to_string(source.join("sortie-plugin.toml")).unwrap();
    rig.write(&format!("{name}/sortie-plugin.toml"), &manifest);
    for dir in ["dist", "tests"] {
        std::fs::create_dir_all(rig.path().join(name).join(dir)).unwrap();
    }
    std::fs::write(rig.path().join(name).join("dist").join(package), made).unwrap();
    for entry in std::fs::read_dir(source.join("tests")).unwrap() {
        let from = entry.unwrap().path();
        let to = rig
            .path()
            .join(name)
            .join("tests")
            .join(from.file_name().unwrap());
        std::fs::copy(from, to).unwrap();
    }
}

#[test]
fn connectors_and_notifiers_are_tested_by_events_and_deliveries() {
    let rig = Rig::new();
    packaged(&rig, "webhook");
    let args = ["plugin", "test", "webhook", "--no-build"];
    let fine = rig.run(&args);
    assert_eq!(fine.code, 0, "{fine:?}");
    for said in [
        "connector:\nok    cancel",
        "notifier:\nok    succeeded",
        "ok    C1 ",
        "ok    N4 ",
        "skip  C4 ",
        " 0 failed, 1 not tried",
    ] {
        assert!(fine.stdout.contains(said), "{said}: {fine:?}");
    }

    let path = rig.path().join("webhook/tests/submit.json");
    let expected = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, expected.replace("\"k-1\"", "\"k-2\"")).unwrap();
    let differs = rig.run(&args);
    assert_eq!(differs.code, 1, "{differs:?}");
    assert!(
        differs.stdout.contains("      -         \"idempotency_key\": \"k-2\",\n      +         \"idempotency_key\": \"k-1\","),
        "{differs:?}"
    );
    let report = rig.run(&[&args[..], &["--json"]].concat()).json();
    let mut tests = report["tests"].as_array().unwrap().iter();
    let case = tests.find(|test| test["name"] == "submit").unwrap();
    assert_eq!(
        (&case["surface"], &case["passed"]),
        (&"connector".into(), &false.into())
    );
    assert_eq!(case["came"]["asks"][0]["submit"]["idempotency_key"], "k-1");
    assert_eq!(rig.run(&[&args[..], &["--update"]].concat()).code, 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);

    rig.write("webhook/tests/new.event.json", "{ \"source\": \"in\" }");
    let wrong = rig.run(&args);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("`payload`"), "{wrong:?}");
    std::fs::remove_file(rig.path().join("webhook/tests/new.event.json")).unwrap();
    rig.write(
        "webhook/tests/conformance.config.json",
        "{ \"uri\": \"x\" }",
    );
    let wrong = rig.run(&args);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("did you mean `url`?"), "{wrong:?}");
}

#[test]
fn pure_plugins_are_tested_by_the_suite_of_their_surface() {
    let rig = Rig::new();
    for (name, surface, check) in [
        ("budget-profiles", "budget", "ok    B6 "),
        ("agent-shell", "agent", "ok    A3 "),
        ("workflow-task", "workflow", "ok    W5 "),
    ] {
        rig.write(
            &format!("{name}/sortie-plugin.toml"),
            &format!(
                "name = \"{name}\"\nversion = \"0.1.0\"\nsurfaces = [\"{surface}\"]\n\
                 [build]\ncommand = [\"true\"]\noutput = \"out.wasm\"\n"
            ),
        );
        let plugin = shipped().iter().find(|p| p.name == name).unwrap();
        std::fs::write(rig.path().join(name).join("out.wasm"), plugin.wasm).unwrap();
        let done = rig.run(&["plugin", "test", name]);
        assert_eq!(done.code, 0, "{done:?}");
        assert!(done.stdout.contains(check), "{done:?}");
        // One surface needs no heading.
        assert!(!done.stdout.contains(&format!("{surface}:\n")), "{done:?}");
    }
}

#[test]
fn keys_are_made_once_and_sign_packages() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new();
    project(&rig, "mine");
    assert_eq!(rig.run(&["plugin", "build", "mine"]).code, 0);
    let made = rig
        .run(&[
            "plugin",
            "keygen",
            "--out",
            "a.key",
            "--comment",
            "me",
            "--json",
        ])
        .json();
    let secret = rig.path().join("a.key");
    assert_eq!(
        secret.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(rig.run(&["plugin", "keygen", "--out", "a.key"]).code, 2);

    let file = "mine/dist/mine.wasm";
    let signed = rig
        .run(&["plugin", "sign", file, "--key", "a.key", "--json"])
        .json();
    assert_eq!(signed["key"], made["id"]);
    let text = std::fs::read_to_string(rig.path().join("mine/dist/mine.wasm.sig")).unwrap();
    let public: sortie_package::signature::PublicKey =
        made["public"].as_str().unwrap().parse().unwrap();
    let mut trusted = sortie_package::signature::TrustedKeys::default();
    trusted.add(public);
    let bytes = std::fs::read(rig.path().join(file)).unwrap();
    let signature = sortie_package::signature::Signature::parse(&text).unwrap();
    let version = signature.statement.version.clone();
    let expected = sortie_package::signature::Expected {
        name: "mine",
        version: &version,
        digest: sortie_package::Digest::of(&bytes),
        not_below: None,
    };
    assert!(signature.verify(&expected, &trusted).is_ok());

    // A signature of the bare component would let anybody swap what it asks for.
    let beside = rig.run(&["plugin", "sign", "mine/out.wasm", "--key", "a.key"]);
    assert_eq!(beside.code, 2, "{beside:?}");
    rig.write(
        "mine/out.toml",
        "name = \"mine\"\nversion = \"0.2.0\"\nsurfaces = [\"scanner\"]\n",
    );
    let beside = rig.run(&["plugin", "sign", "mine/out.wasm", "--key", "a.key"]);
    assert_eq!(beside.code, 2, "{beside:?}");
    assert!(beside.stderr.contains("beside it"), "{beside:?}");
    assert!(beside.stderr.contains("sortie plugin build"), "{beside:?}");
    assert!(!rig.path().join("mine/out.wasm.sig").exists());

    let other = rig.run(&["plugin", "sign", file, "--key", "a.key.pub"]);
    assert_eq!(other.code, 2, "{other:?}");
    assert!(other.stderr.contains("public key"), "{other:?}");
}

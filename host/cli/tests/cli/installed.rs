//! An operator's commands against a running host: a plugin's life from its
//! package to its removal.

use crate::rig::{Done, Rig};
use serde_json::{Value, json};
use sortie_package::{Manifest, section};
use sortie_plugins::shipped;

/// A package of a real scanner that says this of itself.
fn package(rig: &Rig, file: &str, version: &str, more: &str) {
    named(rig, "mine", file, version, more);
}

fn named(rig: &Rig, name: &str, file: &str, version: &str, more: &str) {
    let manifest = Manifest::from_toml(&format!(
        "name = \"{name}\"\nversion = \"{version}\"\nsurfaces = [\"scanner\"]\n{more}"
    ));
    let scanner = shipped()
        .iter()
        .find(|p| p.name == "reward-hacking")
        .unwrap();
    let bytes = section::embed(scanner.wasm, &manifest.unwrap()).unwrap();
    std::fs::write(rig.path().join(file), bytes).unwrap();
}

const WANTS: &str = "[[directories]]\nname = \"rules\"\n[limits]\ncpu_ms = 2000\n";

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

fn fine(rig: &Rig, args: &[&str]) -> Done {
    let done = rig.run(args);
    assert_eq!(done.code, 0, "{args:?}: {done:?}");
    done
}

fn shown(rig: &Rig) -> Value {
    fine(rig, &["plugin", "inspect", "mine", "--json"]).json()
}

#[test]
fn a_plugin_that_asks_for_nothing_runs_at_once_and_can_go_back() {
    let rig = Rig::configured();
    let (host, _) = rig.serve();
    package(&rig, "one.wasm", "0.1.0", "");
    package(&rig, "two.wasm", "0.2.0", "");
    let done = fine(&rig, &["plugin", "install", "one.wasm"]);
    assert_eq!(
        done.stdout,
        "mine 0.1.0 is installed; it runs from now on\n"
    );
    assert!(
        done.stderr
            .contains("not signed by a key that the host trusts"),
        "{done:?}"
    );
    let again = rig.run(&["plugin", "install", "one.wasm"]);
    assert_eq!(again.code, 4, "{again:?}");

    let upgraded = fine(&rig, &["plugin", "upgrade", "two.wasm"]);
    assert!(
        upgraded.stdout.contains("mine 0.2.0 is upgraded"),
        "{upgraded:?}"
    );
    let rolled = fine(&rig, &["plugin", "rollback", "mine"]);
    assert!(
        rolled
            .stdout
            .contains("mine 0.1.0 is back in place of 0.2.0; it runs from now on"),
        "{rolled:?}"
    );

    let disabled = fine(&rig, &["plugin", "disable", "mine", "--why", "too loud"]);
    assert!(
        disabled.stdout.contains("it is disabled: too loud"),
        "{disabled:?}"
    );
    let list = fine(&rig, &["plugin", "list"]).stdout;
    let row = list.lines().find(|line| line.starts_with("mine")).unwrap();
    assert!(
        row.contains("disabled") && row.contains("one.wasm"),
        "{row}"
    );
    let doctor = rig.run(&["doctor"]);
    assert!(
        doctor.stdout.contains("mine is disabled: too loud"),
        "{doctor:?}"
    );
    fine(&rig, &["plugin", "enable", "mine"]);
    assert_eq!(shown(&rig)["enabled"], true);
    fine(&rig, &["plugin", "logs", "mine"]);

    let audit = fine(&rig, &["audit", "--subject", "mine", "--json"]).json();
    let actions: Vec<&str> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions.last(), Some(&"plugin.installed"), "{actions:?}");
    assert!(actions.len() >= 5, "{actions:?}");
    assert!(fine(&rig, &["audit"]).stdout.contains("plugin.installed"));

    let removed = fine(&rig, &["plugin", "remove", "mine", "--erase"]);
    assert_eq!(removed.stdout, "mine is removed\n");
    assert_eq!(rig.run(&["plugin", "inspect", "mine"]).code, 4);
    assert_eq!(host.stop(), 0);
}

#[test]
fn one_of_the_hosts_own_is_replaced_only_on_a_word() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    let gate = "reward-hacking";
    named(&rig, gate, "gate.wasm", "9.0.0", "");
    let unsaid = rig.run(&["plugin", "install", "gate.wasm", "--yes"]);
    assert_eq!(unsaid.code, 4, "{unsaid:?}");
    assert!(unsaid.stderr.contains("--replace-shipped"), "{unsaid:?}");
    let own = fine(&rig, &["plugin", "inspect", gate, "--json"]).json();
    assert_eq!(own["shipped"], true);

    let said = &["plugin", "install", "gate.wasm", "--replace-shipped"];
    let said = fine(&rig, said);
    assert!(said.stderr.contains("takes the place of"), "{said:?}");
    assert!(said.stdout.contains("it runs from now on"), "{said:?}");
    let audit = fine(&rig, &["audit", "--subject", gate]).stdout;
    assert!(audit.contains("plugin.shipped_replaced"), "{audit}");

    fine(&rig, &["plugin", "lock"]);
    fine(&rig, &["plugin", "remove", gate]);
    assert_eq!(rig.run(&["plugin", "sync"]).code, 4);
    fine(&rig, &["plugin", "sync", "--replace-shipped"]);
    let there = fine(&rig, &["plugin", "inspect", gate, "--json"]).json();
    assert_eq!(
        (&there["shipped"], &there["version"]),
        (&json!(false), &json!("9.0.0"))
    );
}

#[test]
fn what_is_asked_for_is_shown_and_granted_only_on_a_word() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    package(&rig, "wants.wasm", "0.1.0", WANTS);
    let done = fine(&rig, &["plugin", "install", "wants.wasm"]);
    for line in [
        "- read the files of a directory that you choose, as /rules",
        "- compute",
    ] {
        assert!(done.stderr.contains(line), "{line}: {done:?}");
    }
    assert!(done.stdout.contains("it is disabled"), "{done:?}");
    assert!(
        done.stdout
            .contains("next: sortie plugin grant mine --yes --dir rules=PATH"),
        "{done:?}"
    );
    let unsaid = rig.run(&["plugin", "grant", "mine"]);
    assert_eq!(unsaid.code, 2, "{unsaid:?}");
    assert_eq!(rig.run(&["plugin", "enable", "mine"]).code, 4);

    std::fs::create_dir(rig.path().join("rules")).unwrap();
    let granted = fine(
        &rig,
        &["plugin", "grant", "mine", "--yes", "--dir", "rules=rules"],
    );
    assert!(
        granted.stdout.contains("it runs from now on"),
        "{granted:?}"
    );
    let grants = fine(&rig, &["plugin", "grants", "mine"]).stdout;
    let path = rig.path().join("rules");
    assert!(
        grants.contains(&format!("read the files of {}", path.display())),
        "{grants}"
    );

    // A scanner that reads directories is the host's to run.
    rig.write("cheat.diff", CHEAT);
    let scan = rig.run(&["scan", "--scanner", "mine", "--diff", "cheat.diff"]);
    assert_eq!(scan.code, 2, "{scan:?}");
    assert!(scan.stderr.contains("directories"), "{scan:?}");
}

#[test]
fn a_lock_restores_what_was_installed_by_its_digest() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    package(&rig, "wants.wasm", "0.1.0", "[limits]\ncpu_ms = 2000\n");
    fine(&rig, &["plugin", "install", "wants.wasm", "--yes"]);
    let before = shown(&rig);
    assert_eq!(before["grant"], json!({ "limits": { "cpu_ms": 2000 } }));
    let locked = fine(&rig, &["plugin", "lock", "--json"]).json();
    assert_eq!(locked["plugins"], json!(["mine"]));
    let sync = |rig: &Rig| fine(rig, &["plugin", "sync", "--json"]).json()[0]["done"].clone();
    assert_eq!(sync(&rig), "unchanged");

    fine(&rig, &["plugin", "remove", "mine"]);
    assert_eq!(sync(&rig), "installed");
    let after = shown(&rig);
    for same in ["digest", "grant", "source", "version", "enabled"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    package(&rig, "other.wasm", "0.2.0", "[limits]\ncpu_ms = 2000\n");
    fine(&rig, &["plugin", "upgrade", "other.wasm"]);
    assert_eq!(sync(&rig), "upgraded");
    assert_eq!(shown(&rig)["digest"], before["digest"]);

    // Other bytes where the package was.
    fine(&rig, &["plugin", "remove", "mine"]);
    package(&rig, "wants.wasm", "0.1.1", "[limits]\ncpu_ms = 2000\n");
    let other = rig.run(&["plugin", "sync"]);
    assert_eq!(other.code, 5, "{other:?}");
    assert!(other.stderr.contains("has the digest"), "{other:?}");
}

#[test]
fn a_manifest_beside_a_component_is_part_of_what_is_locked() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    let scanner = shipped()
        .iter()
        .find(|p| p.name == "reward-hacking")
        .unwrap();
    std::fs::write(rig.path().join("bare.wasm"), scanner.wasm).unwrap();
    let asks = |cpu_ms: u32| {
        let text = "name = \"mine\"\nversion = \"0.1.0\"\nsurfaces = [\"scanner\"]\n";
        rig.write("bare.toml", &format!("{text}[limits]\ncpu_ms = {cpu_ms}\n"));
    };
    let sync = || rig.run(&["plugin", "sync", "--json"]);
    asks(2000);
    let about = fine(&rig, &["plugin", "inspect", "./bare.wasm", "--json"]).json();
    fine(&rig, &["plugin", "install", "bare.wasm", "--yes"]);
    let digest = shown(&rig)["digest"].clone();
    assert_eq!(
        about["digest"],
        format!("sha256:{}", digest.as_str().unwrap())
    );
    fine(&rig, &["plugin", "lock"]);
    fine(&rig, &["plugin", "remove", "mine"]);
    assert_eq!(sync().json()[0]["done"], "installed");
    assert_eq!(shown(&rig)["digest"], digest);

    // The same component asks for more: another package, to be agreed to.
    asks(3000);
    let upgraded = rig.run(&["plugin", "upgrade", "bare.wasm"]);
    assert_eq!(upgraded.code, 1, "{upgraded:?}");
    assert!(upgraded.stdout.contains("it is disabled"), "{upgraded:?}");
    assert_ne!(shown(&rig)["digest"], digest);
    let other = sync();
    assert_eq!(other.code, 5, "{other:?}");
    assert!(other.stderr.contains("has the digest"), "{other:?}");
    asks(2000);
    assert_eq!(sync().json()[0]["done"], "upgraded");
    assert_eq!(shown(&rig)["digest"], digest);
}

#[test]
fn a_damaged_package_is_put_back_as_its_error_says() {
    let rig = Rig::configured();
    let (host, _) = rig.serve();
    package(&rig, "mine.wasm", "0.1.0", "");
    fine(&rig, &["plugin", "install", "mine.wasm"]);
    fine(&rig, &["plugin", "lock"]);
    let digest = shown(&rig)["digest"].as_str().unwrap().to_owned();
    let file = format!("data/plugins/{digest}.wasm");
    let damaged = |host: crate::rig::Host| {
        assert_eq!(host.stop(), 0);
        rig.write(&file, "damaged");
        let (host, _) = rig.serve();
        let broken = shown(&rig)["broken"].as_str().unwrap().to_owned();
        assert!(broken.contains("sortie plugin upgrade"), "{broken}");
        host
    };
    let host = damaged(host);
    let mended = fine(&rig, &["plugin", "upgrade", "mine.wasm"]);
    assert!(mended.stdout.contains("it runs from now on"), "{mended:?}");
    let _host = damaged(host);
    let synced = fine(&rig, &["plugin", "sync", "--json"]).json();
    assert_eq!(synced[0]["done"], "repaired");
    assert_eq!(shown(&rig)["broken"], Value::Null);
}

#[test]
fn a_lock_keeps_off_what_a_person_disabled() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    package(&rig, "mine.wasm", "0.1.0", "");
    let stands = |rig: &Rig| {
        let shown = shown(rig);
        (shown["enabled"].clone(), shown["disabled_why"].clone())
    };
    let sync = || fine(&rig, &["plugin", "sync", "--json"]).json()[0]["done"].clone();
    fine(&rig, &["plugin", "install", "mine.wasm"]);
    fine(&rig, &["plugin", "lock", "--out", "on.lock"]);
    fine(&rig, &["plugin", "disable", "mine", "--why", "too loud"]);
    fine(&rig, &["plugin", "lock"]);

    // Where it is not there yet, and where it runs.
    let off = (json!(false), json!("too loud"));
    fine(&rig, &["plugin", "remove", "mine"]);
    assert_eq!(sync(), "installed");
    assert_eq!(stands(&rig), off);
    fine(&rig, &["plugin", "enable", "mine"]);
    assert_eq!(sync(), "disabled");
    assert_eq!(stands(&rig), off);
    assert_eq!(sync(), "unchanged");

    // A file that says nothing of it does not undo what was said here.
    let kept = fine(&rig, &["plugin", "sync", "on.lock"]);
    assert!(kept.stderr.contains("stays so"), "{kept:?}");
    assert_eq!(stands(&rig), off);
}

#[test]
fn a_sync_shows_what_it_grants_and_goes_on_after_a_failure() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    let limits = "[limits]\ncpu_ms = 2000\n";
    for name in ["gone", "lost", "mine"] {
        let file = format!("{name}.wasm");
        named(&rig, name, &file, "0.1.0", limits);
        fine(&rig, &["plugin", "install", &file, "--yes"]);
    }
    let locked = fine(&rig, &["plugin", "lock"]);
    let lacks = "mine.wasm, which another host lacks";
    assert!(locked.stderr.contains(lacks), "{locked:?}");
    fine(&rig, &["plugin", "remove", "mine"]);
    package(&rig, "mine.wasm", "0.1.0", limits);
    fine(&rig, &["plugin", "install", "mine.wasm"]);
    for name in ["gone", "lost"] {
        fine(&rig, &["plugin", "remove", name]);
        std::fs::remove_file(rig.path().join(format!("{name}.wasm"))).unwrap();
    }
    let done = rig.run(&["plugin", "sync"]);
    assert_eq!(done.code, 5, "{done:?}");
    assert_eq!(done.stdout, "mine 0.1.0 its grant was changed\n");
    for said in ["mine may\n    - compute", "sync gone: ", "sync lost: "] {
        assert!(done.stderr.contains(said), "{said}: {done:?}");
    }
}

#[test]
fn who_sends_no_requests_is_granted_none() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    package(&rig, "mine.wasm", "0.1.0", "");
    fine(&rig, &["plugin", "install", "mine.wasm"]);
    let rule = "POST https://hooks.example.com/in";
    let refused = rig.run(&["plugin", "grant", "mine", "--egress", rule]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("it is a scanner and sends no requests"),
        "{refused:?}"
    );
    assert_eq!(shown(&rig)["grant"], json!({}));
}

#[test]
fn scan_uses_what_is_installed_and_what_is_not() {
    let rig = Rig::configured();
    package(&rig, "mine.wasm", "0.1.0", "");
    rig.write("cheat.diff", CHEAT);
    let scan = |rig: &Rig, args: &[&str]| {
        let mut all = vec!["scan", "--diff", "cheat.diff", "--json"];
        all.extend(args);
        rig.run(&all)
    };
    let loose = scan(&rig, &["--plugin", "mine.wasm"]);
    assert_eq!(loose.code, 1, "{loose:?}");
    assert_eq!(loose.json()["findings"][0]["scanner"], "mine");
    let missing = scan(&rig, &["--scanner", "mine"]);
    assert_eq!(missing.code, 2, "{missing:?}");
    let (host, _) = rig.serve();
    fine(&rig, &["plugin", "install", "mine.wasm"]);
    let installed = scan(&rig, &["--scanner", "mine"]);
    assert_eq!(installed.json()["findings"], loose.json()["findings"]);
    let scanners = |done: Done| -> Vec<Value> {
        let found = done.json()["findings"].as_array().unwrap().clone();
        found.iter().map(|one| one["scanner"].clone()).collect()
    };
    assert_eq!(scanners(scan(&rig, &[])), ["mine", "reward-hacking"]);
    fine(&rig, &["plugin", "disable", "mine"]);
    assert_eq!(scanners(scan(&rig, &[])), ["reward-hacking"]);
    let disabled = scan(&rig, &["--scanner", "mine"]);
    assert_eq!(disabled.code, 2, "{disabled:?}");
    let list = fine(&rig, &["plugin", "list", "--json"]).json();
    let shipped = |plugin: &&Value| {
        let surfaces = plugin["surfaces"].as_array().unwrap();
        plugin["shipped"] == true && surfaces.contains(&json!("scanner"))
    };
    let shipped: Vec<&Value> = list["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .filter(shipped)
        .map(|plugin| &plugin["name"])
        .collect();
    assert_eq!(host.stop(), 0);
    // Without a host it knows those that ship.
    assert_eq!(
        scanners(scan(&rig, &[])).iter().collect::<Vec<_>>(),
        shipped
    );
    let stopped = scan(&rig, &["--scanner", "mine"]);
    assert!(stopped.stderr.contains("start the host"), "{stopped:?}");
}

#[test]
fn a_scan_names_what_is_wrong_with_a_configuration() {
    let rig = Rig::new();
    package(&rig, "mine.wasm", "0.1.0", "");
    rig.write("cheat.diff", CHEAT);
    rig.write(
        "sortie.toml",
        "[host]\ndata_dir = \"data\"\n[plugins.mine]\nwrds = 1\n",
    );
    let args = ["scan", "--diff", "cheat.diff", "--plugin", "mine.wasm"];
    let wrong = rig.run(&args);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    for said in ["configure plugin `mine`", "`wrds`", "mend [plugins.mine]"] {
        assert!(wrong.stderr.contains(said), "{said}: {wrong:?}");
    }
}

#[test]
fn a_scanner_that_is_off_is_not_called_missing() {
    let rig = Rig::configured();
    let config = std::fs::read_to_string(rig.path().join("sortie.toml")).unwrap();
    rig.write("sortie.toml", &format!("{config}scanners = [\"mine\"]\n"));
    let (_host, _) = rig.serve();
    package(&rig, "mine.wasm", "0.1.0", "");
    let submit = || rig.run(&["submit", "--project", "shop", "mend it"]);
    let missing = submit();
    assert_eq!(missing.code, 4, "{missing:?}");
    assert!(
        missing.stderr.contains("it is not installed"),
        "{missing:?}"
    );
    fine(&rig, &["plugin", "install", "mine.wasm"]);
    assert_eq!(submit().code, 0);
    let off = fine(&rig, &["plugin", "disable", "mine", "--why", "too loud"]);
    assert_eq!(
        off.stdout,
        "mine 0.1.0 stays installed; it is disabled: too loud\nnext: sortie plugin enable mine\n"
    );
    // Saying so again without a reason takes none away.
    fine(&rig, &["plugin", "disable", "mine"]);
    let refused = submit();
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("it does not run: it is disabled: too loud"),
        "{refused:?}"
    );
}

#[test]
fn a_scanner_that_cannot_run_is_not_one_less() {
    let rig = Rig::configured();
    let (host, _) = rig.serve();
    package(&rig, "mine.wasm", "0.1.0", "");
    fine(&rig, &["plugin", "install", "mine.wasm"]);
    assert_eq!(host.stop(), 0);
    let digest = sortie_package::Digest::of(&std::fs::read(rig.path().join("mine.wasm")).unwrap());
    let kept = rig
        .path()
        .join(format!("data/plugins/{}.wasm", digest.hex()));
    std::fs::write(kept, b"not what it was").unwrap();
    let (_host, _) = rig.serve();
    let refused = rig.run(&["submit", "--project", "shop", "mend it"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    let said = "it does not run: it is broken";
    assert!(refused.stderr.contains(said), "{refused:?}");
    fine(&rig, &["plugin", "disable", "mine"]);
    fine(&rig, &["submit", "--project", "shop", "mend it"]);
}

#[test]
fn a_version_that_wants_more_than_was_granted_does_not_stand_still_unnoticed() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    let limits = "[limits]\ncpu_ms = 2000\n";
    package(&rig, "one.wasm", "0.1.0", "");
    package(&rig, "two.wasm", "0.1.0", limits);
    fine(&rig, &["plugin", "install", "one.wasm"]);
    let waits = rig.run(&["plugin", "upgrade", "two.wasm"]);
    assert_eq!(waits.code, 1, "{waits:?}");
    assert!(
        waits
            .stdout
            .contains("next: sortie plugin grant mine --yes")
    );
    let same = "the one before was 0.1.0 too";
    assert!(waits.stderr.contains(same), "{waits:?}");
    fine(&rig, &["plugin", "grant", "mine", "--yes"]);
    fine(&rig, &["plugin", "rollback", "mine"]);
    assert_eq!(shown(&rig)["grant"], json!({}));
    let forth = rig.run(&["plugin", "rollback", "mine"]);
    assert_eq!(forth.code, 1, "{forth:?}");
}

#[test]
fn nothing_that_came_in_is_said_so() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    assert_eq!(
        fine(&rig, &["plugin", "events", "--state", "parked"]).stdout,
        "no events\n"
    );
    assert_eq!(
        fine(&rig, &["plugin", "deliveries"]).stdout,
        "no deliveries\n"
    );
    for args in [
        &["plugin", "events", "retry", "7"][..],
        &["plugin", "events", "drop", "7"],
        &["plugin", "deliveries", "retry", "mine", "7"],
        &["plugin", "rollback", "mine"],
        &["plugin", "events", "--state", "lost"],
    ] {
        let done = rig.run(args);
        assert_eq!(done.code, 4, "{args:?}: {done:?}");
    }
    let climbing = rig.run(&["plugin", "logs", "../jobs"]);
    assert_eq!(climbing.code, 2, "{climbing:?}");
}

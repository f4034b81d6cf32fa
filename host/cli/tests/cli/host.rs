//! A host and commands that speak to it.

use crate::rig::Rig;

#[test]
fn a_job_from_submission_to_the_end() {
    let rig = Rig::configured();
    let (host, ready) = rig.serve();
    assert!(ready.contains("http://127.0.0.1:"), "{ready}");
    assert!(ready.contains("api-token (new)"), "{ready}");
    // The engine is away, and submissions are taken all the same.
    let job = rig.run(&["submit", "Fix it", "--json"]).json();
    assert_eq!((&job["id"], &job["state"]), (&1.into(), &"queued".into()));
    assert_eq!(
        (&job["project"], &job["via"]),
        (&"shop".into(), &"cli".into())
    );
    let again = |key| rig.run(&["submit", "Twice", "--key", key, "--json"]).json()["id"].clone();
    assert_eq!(again("a"), again("a"));
    let list = rig.run(&["list"]);
    assert!(list.stdout.starts_with("JOB  STATE"), "{list:?}");
    assert!(list.stdout.contains("#1   queued  shop"), "{list:?}");
    let page = rig.run(&["list", "-n", "1", "--json"]).json();
    assert_eq!(page["jobs"][0]["id"], 2);
    assert_eq!(page["next_cursor"], "2");
    let status = rig.run(&["status", "#1"]);
    assert!(
        status.stdout.starts_with("#1 queued  Fix it\n"),
        "{status:?}"
    );
    assert_eq!(rig.run(&["logs", "1"]).stdout, "");
    assert_eq!(rig.run(&["findings", "1"]).stdout, "no findings\n");
    assert_eq!(
        rig.run(&["findings", "1", "--json"]).json(),
        serde_json::json!({ "findings": [] })
    );
    let cancelled = rig.run(&["cancel", "1"]);
    assert_eq!(cancelled.stdout, "#1 cancelled\n");
    let cancelled = rig.run(&["cancel", "1", "--json"]).json();
    assert_eq!(cancelled["changed"], false);
    // A settled job is watched to its end at once, and the end was no success.
    let watched = rig.run(&["status", "1", "--watch"]);
    assert_eq!(watched.code, 1, "{watched:?}");
    assert!(watched.stderr.contains("cancelled"), "{watched:?}");
    assert_eq!(rig.run(&["retry", "1", "--json"]).json()["state"], "queued");
    let plugins = rig.run(&["plugin", "list"]).stdout;
    assert!(plugins.contains("reward-hacking"), "{plugins}");
    let doctor = rig.run(&["doctor", "--json"]).json();
    assert!(
        doctor["instance"]
            .as_str()
            .is_some_and(|name| !name.is_empty())
    );
    assert_eq!(host.stop(), 0);
    assert_eq!(rig.run(&["list"]).code, 3);
}

#[test]
fn doctor_says_that_the_intake_is_paused() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    assert!(!rig.run(&["doctor"]).stdout.contains("paused"));
    assert_eq!(rig.run(&["intake", "pause", "the bill"]).code, 0);
    let doctor = rig.run(&["doctor"]).stdout;
    let row = doctor
        .lines()
        .find(|line| line.contains("paused since"))
        .unwrap();
    assert!(row.starts_with("warn  intake"), "{row}");
    assert!(
        row.contains("the bill") && row.contains("sortie intake resume"),
        "{row}"
    );
}

#[test]
fn a_job_that_continues_another_names_it() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    assert_eq!(rig.run(&["submit", "x"]).code, 0);
    assert!(!rig.run(&["status", "1"]).stdout.contains("continues"));
    assert_eq!(rig.run(&["submit", "--continues", "1", "y"]).code, 0);
    let status = rig.run(&["status", "2"]).stdout;
    assert!(status.contains("  continues  #1\n"), "{status}");
}

#[test]
fn hints_name_commands() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    for (args, hint) in [
        (&["status", "38"][..], "`sortie list`"),
        (&["people", "remove", "99"], "`sortie people list`"),
        (
            &["telegram", "parked", "retry", "7"],
            "`sortie telegram parked`",
        ),
        (
            &["telegram", "parked", "drop", "7"],
            "`sortie telegram parked`",
        ),
    ] {
        let done = rig.run(args);
        assert_eq!(done.code, 4, "{args:?}: {done:?}");
        assert!(done.stderr.contains(hint), "{args:?}: {done:?}");
        assert!(!done.stderr.contains("GET /v1"), "{args:?}: {done:?}");
    }
}

#[test]
fn a_repetition_is_answered_whatever_became_of_the_configuration() {
    let rig = Rig::configured();
    let (host, _) = rig.serve();
    let submit = |task| rig.run(&["submit", "--project", "shop", "--key", "k", task, "--json"]);
    let first = submit("x").json();
    assert_eq!(host.stop(), 0);
    let text = std::fs::read_to_string(rig.path().join("sortie.toml")).unwrap();
    rig.write(
        "sortie.toml",
        &text.replace("projects.shop", "projects.blog"),
    );
    let (_host, _) = rig.serve();
    let again = submit("x");
    assert_eq!((again.code, &again.json()["id"]), (0, &first["id"]));
    assert_eq!(submit("y").error()["kind"], "idempotency-key-reused");
    // The same without a key that is known is judged by what holds today.
    let new = rig.run(&["submit", "--project", "shop", "x", "--json"]);
    assert_eq!(new.error()["kind"], "invalid-request");
}

#[test]
fn what_the_host_refuses_ends_with_4_and_its_reason() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    rig.run(&["submit", "x"]);
    for (args, kind, told) in [
        (
            &["approve", "1"][..],
            "illegal-transition",
            "approve works on jobs",
        ),
        (
            &["reject", "1", "--commit", "c0ffee0"],
            "illegal-transition",
            "reject works on jobs",
        ),
        (&["retry", "1"], "illegal-transition", "this one is queued"),
        (&["status", "9"], "not-found", ""),
        (&["diff", "1"], "not-found", "wait until"),
        (
            &["submit", "--project", "shpo", "x"],
            "invalid-request",
            "did you mean",
        ),
        (
            &["submit", "--repo", "/nowhere", "x"],
            "invalid-request",
            "allow_repositories",
        ),
        (
            &["submit", " "],
            "invalid-request",
            "say what is to be done",
        ),
        (
            &["list", "--state", "flying"],
            "bad-request",
            "known: queued",
        ),
    ] {
        let done = rig.run(args);
        assert_eq!(done.code, 4, "{args:?}: {done:?}");
        assert!(done.stderr.starts_with("error: failed to "), "{done:?}");
        assert!(done.stderr.contains(told), "{args:?}: {done:?}");
        assert_eq!(done.stdout, "");
        let mut with_json = args.to_vec();
        with_json.push("--json");
        assert_eq!(rig.run(&with_json).error()["kind"], kind, "{args:?}");
    }
    let done = rig.run_with(&["list", "--json"], &[("SORTIE_TOKEN", "wrong")]);
    assert_eq!(
        (done.code, &done.error()["kind"]),
        (4, &"unauthorized".into())
    );
}

#[test]
fn a_second_host_is_refused_and_told_who_holds_the_data() {
    let rig = Rig::configured();
    let (host, _) = rig.serve();
    let second = rig.run(&["serve"]);
    assert_eq!(second.code, 5, "{second:?}");
    assert!(second.stderr.contains("process "), "{second:?}");
    assert!(second.stderr.contains("stop that host first"), "{second:?}");
    // The first one is none the worse for it.
    assert_eq!(rig.run(&["list"]).code, 0);
    assert_eq!(host.stop(), 0);
}

#[test]
fn a_restarted_host_keeps_its_token_and_its_jobs() {
    let rig = Rig::configured();
    let (host, first) = rig.serve();
    rig.run(&["submit", "x"]);
    let token = std::fs::read(rig.path().join("data/api-token")).unwrap();
    drop(host);
    let (_host, second) = rig.serve();
    assert!(
        first.contains("(new)") && !second.contains("(new)"),
        "{second}"
    );
    assert_eq!(
        std::fs::read(rig.path().join("data/api-token")).unwrap(),
        token
    );
    assert_eq!(rig.run(&["list", "--json"]).json()["jobs"][0]["task"], "x");
}

#[test]
fn the_data_directory_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    let mode = |path: &str| {
        let metadata = std::fs::metadata(rig.path().join(path)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("data"), 0o700);
    assert_eq!(mode("data/api-token"), 0o600);
    assert_eq!(mode("data/wire-key"), 0o600);
    assert_eq!(mode("data/code-cache"), 0o700);
}

#[test]
fn an_address_in_use_is_named() {
    let rig = Rig::configured();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = format!("[host]\ndata_dir = \"data\"\n[api]\nlisten = \"{address}\"\n");
    rig.write("sortie.toml", &config);
    let done = rig.run(&["serve"]);
    assert_eq!(done.code, 5, "{done:?}");
    assert!(done.stderr.contains(&address.to_string()), "{done:?}");
    assert!(done.stderr.contains("api.listen"), "{done:?}");
}

#[test]
fn a_watched_job_reports_what_happens_to_it() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    let watching = std::thread::scope(|scope| {
        let watching = scope.spawn(|| rig.run(&["submit", "--wait", "x"]));
        // The job is there once the list shows it; then it is cancelled.
        let deadline = std::time::Instant::now() + crate::rig::PATIENCE;
        while rig.run(&["list", "--json"]).json()["jobs"][0].is_null() {
            assert!(
                std::time::Instant::now() < deadline,
                "nothing was submitted"
            );
        }
        assert_eq!(rig.run(&["cancel", "1"]).code, 0);
        watching.join().unwrap()
    });
    assert_eq!(watching.code, 1, "{watching:?}");
    assert!(watching.stderr.contains("queued"), "{watching:?}");
    assert!(watching.stderr.contains("cancelled"), "{watching:?}");
    assert!(watching.stdout.starts_with("#1 cancelled"), "{watching:?}");
}

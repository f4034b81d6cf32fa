//! What works, and what is refused, without a host.

use crate::rig::Rig;

#[test]
fn init_writes_a_file_that_works_and_replaces_none() {
    let rig = Rig::new();
    let done = rig.run(&["init"]);
    assert_eq!(done.code, 0, "{done:?}");
    let text = std::fs::read_to_string(rig.path().join("sortie.toml")).unwrap();
    assert!(text.starts_with("# Sortie's configuration."));
    let again = rig.run(&["init"]);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("--force"), "{again:?}");
    assert_eq!(rig.run(&["init", "--force"]).code, 0);
    let elsewhere = rig.run(&["init", "other.toml", "--json"]);
    assert_eq!(elsewhere.json()["file"], "other.toml");
}

#[test]
fn the_schema_takes_the_default_file() {
    let rig = Rig::new();
    let schema = rig.run(&["init", "--schema"]).json();
    rig.run(&["init"]);
    let text = std::fs::read_to_string(rig.path().join("sortie.toml")).unwrap();
    let config: serde_json::Value = toml::from_str(&text).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&config)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let wrong = serde_json::json!({ "api": { "lisen": "127.0.0.1:1" } });
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn an_unknown_key_is_an_error_of_usage() {
    let rig = Rig::new();
    rig.write("sortie.toml", "[limits]\nparalel = 3\n");
    for args in [&["list"][..], &["serve"], &["scan", "--diff", "x"]] {
        let done = rig.run(args);
        assert_eq!(done.code, 2, "{done:?}");
        assert!(done.stderr.contains("line 2"), "{done:?}");
        assert!(done.stderr.contains("did you mean `parallel`?"), "{done:?}");
    }
    let error = rig.run(&["list", "--json"]).error();
    assert_eq!(error["kind"], "configuration");
}

#[test]
fn the_configuration_is_found_where_it_is_said_to_be() {
    let rig = Rig::new();
    rig.write(".config/sortie/sortie.toml", "nonsense");
    rig.write("by-variable.toml", "[limits]\nx = 1\n");
    rig.write("by-flag.toml", "[api]\nx = 1\n");
    let home = rig.run(&["list"]);
    assert!(
        home.stderr.contains(".config/sortie/sortie.toml"),
        "{home:?}"
    );
    let env = [("SORTIE_CONFIG", "by-variable.toml")];
    let variable = rig.run_with(&["list"], &env);
    assert!(variable.stderr.contains("limits.x"), "{variable:?}");
    let flag = rig.run_with(&["list", "--config", "by-flag.toml"], &env);
    assert!(flag.stderr.contains("api.x"), "{flag:?}");
    rig.write("sortie.toml", "[git]\nx = 1\n");
    let here = rig.run(&["list"]);
    assert!(here.stderr.contains("git.x"), "{here:?}");
}

#[test]
fn a_host_that_does_not_run_is_named_with_what_starts_it() {
    let rig = Rig::configured();
    let done = rig.run(&["list"]);
    assert_eq!(done.code, 3, "{done:?}");
    for told in ["none has been started", "data", "sortie serve", "--config"] {
        assert!(done.stderr.contains(told), "{told}: {done:?}");
    }
    // The host's own token is none that a person was given.
    assert!(!done.stderr.contains("token file"), "{done:?}");
    // Nothing listens on port 1 of a loopback address.
    let env = [("SORTIE_URL", "http://127.0.0.1:1"), ("SORTIE_TOKEN", "x")];
    for command in [
        &["list", "--json"][..],
        &["status", "1", "--watch", "--json"],
    ] {
        let done = rig.run_with(command, &env);
        assert_eq!(done.code, 3, "{done:?}");
        let error = done.error();
        assert_eq!(error["kind"], "unreachable");
        assert!(error["hint"].as_str().unwrap().contains("sortie serve"));
    }
}

#[test]
fn a_wrong_command_line_is_an_error_of_usage() {
    let rig = Rig::configured();
    for args in [
        &["fly"][..],
        &["status"],
        &["status", "one"],
        &["list", "--limit", "0"],
        &["scan", "--diff", "x", "main..HEAD"],
        &["scan", "--json", "--sarif"],
        &[],
    ] {
        assert_eq!(rig.run(args).code, 2, "{args:?}");
    }
    let error = rig.run(&["status", "one", "--json"]).error();
    assert_eq!(error["kind"], "usage");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("a job has a number")
    );
}

#[test]
fn doctor_says_what_is_missing() {
    let rig = Rig::configured();
    let done = rig.run(&["doctor"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stdout.contains("fail  container engine"), "{done:?}");
    assert!(done.stdout.contains("/nonexistent/engine.sock"), "{done:?}");
    assert!(done.stdout.contains("ok    git"), "{done:?}");
    assert!(
        done.stdout.contains("start it with `sortie serve`"),
        "{done:?}"
    );
    let report = rig.run(&["doctor", "--json"]).json();
    assert_eq!(report["ok"], false);
    let failed: Vec<&str> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["status"] == "fail")
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["container engine"]);
}

#[test]
fn doctor_asks_for_each_repository() {
    let rig = Rig::configured();
    rig.write("there/README.md", "x\n");
    rig.git("there", &["init", "-q"]);
    let [there, gone] = ["there", "gone"].map(|name| rig.path().join(name));
    let text = std::fs::read_to_string(rig.path().join("sortie.toml")).unwrap();
    let text = text.replace("https://git.example.com/shop.git", &there.to_string_lossy());
    let blog = format!("[projects.blog]\nrepository = \"{}\"\n", gone.display());
    rig.write("sortie.toml", &format!("{text}{blog}"));
    let done = rig.run(&["doctor"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(
        done.stdout.contains("ok    repositories      shop answers"),
        "{done:?}"
    );
    let row = done
        .stdout
        .lines()
        .find(|line| line.contains("blog: failed to"))
        .unwrap();
    assert!(row.starts_with("fail  repositories"), "{row}");
    assert!(row.contains("find the repository"), "{row}");
    assert!(row.contains("check the URL"), "{row}");
}

#[test]
fn doctor_finds_what_a_configuration_gets_wrong() {
    let rig = Rig::new();
    rig.write(
        "sortie.toml",
        "[host]\ndata_dir = \"/proc/none\"\n[engine]\nendpoint = \"carrier-pigeon\"\n\
         [defaults]\nagent = \"agent-gone\"\n[secrets]\nt = { env = \"NO_SUCH_VARIABLE\" }\n\
         [projects.a]\nrepository = \"ftp://h/a\"\n[plugins.gone]\nx = 1\n",
    );
    let done = rig.run(&["doctor"]);
    assert_eq!(done.code, 1);
    for told in [
        "/proc/none cannot be made",
        "carrier-pigeon",
        "agent-gone",
        "NO_SUCH_VARIABLE",
        "only file, ssh and https are allowed",
        "[plugins.gone]",
    ] {
        assert!(done.stdout.contains(told), "{told}: {}", done.stdout);
    }
    rig.write("sortie.toml", "[");
    let done = rig.run(&["doctor"]);
    assert_eq!(done.code, 1);
    assert!(done.stdout.contains("fail  configuration"), "{done:?}");
}

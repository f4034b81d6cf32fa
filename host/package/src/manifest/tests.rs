use proptest::prelude::*;

use super::*;

const FULL: &str = r#"
name = "webhook"
version = "0.1.0"
description = "Sends what happens, and takes jobs in."
surfaces = ["connector", "notifier"]
license = "MIT"
homepage = "https://example.com/webhook"
authors = ["A. Person"]

[build]
command = ["cargo", "build", "--release"]
output = "target/webhook.wasm"

[config]
type = "object"
additionalProperties = false
[config.properties.url]
type = "string"

[[sources]]
name = "hook"
kind = "http"
verify = { scheme = "hmac-sha256", header = "x-hub-signature-256", prefix = "sha256=", encoding = "hex", secret = "hook-secret" }
delivery_id = "x-github-delivery"
max_body_bytes = 1048576
[[sources]]
name = "token"
kind = "http"
verify = { scheme = "token", header = "authorization", prefix = "Bearer ", secret = "s" }
[[sources]]
name = "nightly"
kind = "timer"
cron = "0 3 * * *"
time_zone = "Europe/Berlin"
missed = "once"

[[egress]]
host = "api.example.com"
methods = ["POST"]
path_prefix = "/hooks/"
schemes = ["https"]
port = 443
private = false
credential = { secret = "example-token", header = "authorization", prefix = "Bearer " }

[jobs]
allow = ["submit", "read", "cancel", "retry", "decide"]
[chat]
sources = ["telegram"]
[notify]
kinds = ["job.succeeded", "job.*"]
[[directories]]
name = "rules"
mode = "read"
[limits]
memory_bytes = 134217728
cpu_ms = 2000
wall_ms = 30000
kv_bytes = 1048576
"#;

/// The faults of the full manifest with one line replaced.
fn with(old: &str, new: &str) -> String {
    assert!(FULL.contains(old), "{old}");
    match Manifest::from_toml(&FULL.replacen(old, new, 1)) {
        Ok(_) => panic!("{new} was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_key_is_read_and_survives_embedding_but_for_the_build() {
    let manifest = Manifest::from_toml(FULL).unwrap();
    assert!(manifest.build.is_some());
    let embedded = Manifest::from_json(&manifest.to_json()).unwrap();
    assert_eq!(embedded.build, None);
    assert_eq!(
        Manifest {
            build: manifest.build.clone(),
            ..embedded
        },
        manifest
    );
}

#[test]
fn the_least_manifest_has_the_documented_defaults() {
    let least = "name = \"a\"\nversion = \"1.0.0\"\nsurfaces = [\"notifier\"]\n[[egress]]\nhost = \"a.example\"\n";
    let requests = Manifest::from_toml(least).unwrap().requests();
    let rule = &requests.egress[0];
    assert_eq!(
        (rule.methods.as_slice(), rule.path_prefix.as_str()),
        (&["GET".to_owned()][..], "/")
    );
    assert_eq!(
        (rule.schemes.as_slice(), rule.private),
        (&[Scheme::Https][..], false)
    );
    assert_eq!(requests.notify.kinds, ["job.*"]);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_its_neighbour() {
    for (old, new, said) in [
        (
            "description =",
            "descripton =",
            "line 4: unknown key `descripton`; did you mean `description`?",
        ),
        (
            "delivery_id =",
            "delivry_id =",
            "unknown key `sources.delivry_id`; did you mean `delivery_id`?",
        ),
        (
            "cron =",
            "corn =",
            "unknown key `sources.corn`; did you mean `cron`?",
        ),
        (
            "encoding =",
            "encodng =",
            "unknown key `sources.verify.encodng`; did you mean `encoding`?",
        ),
        (
            "credential = { secret",
            "credential = { scret",
            "unknown key `egress.credential.scret`; did you mean `secret`?",
        ),
        (
            "cpu_ms",
            "cpu_mss",
            "unknown key `limits.cpu_mss`; did you mean `cpu_ms`?",
        ),
    ] {
        let error = with(old, new);
        assert!(error.contains(said), "{error}");
    }
    let json = br#"{"name":"a","version":"1.0.0","surfaces":["scanner"],"egres":[]}"#;
    let error = Manifest::from_json(json).unwrap_err().to_string();
    assert!(error.contains("did you mean `egress`?"), "{error}");
}

#[test]
fn every_value_has_its_check_and_its_mend() {
    for (old, new, said) in [
        (
            "name = \"webhook\"",
            "name = \"Web Hook\"",
            "name: `Web Hook` is no name",
        ),
        (
            "version = \"0.1.0\"",
            "version = \"0.1\"",
            "`0.1` is no semantic version",
        ),
        (
            "surfaces = [\"connector\", \"notifier\"]",
            "surfaces = []",
            "surfaces: name what",
        ),
        (
            "surfaces = [\"connector\", \"notifier\"]",
            "surfaces = [\"notifier\"]",
            "sources: only a connector",
        ),
        (
            "surfaces = [\"connector\", \"notifier\"]",
            "surfaces = [\"scanner\"]",
            "egress: only a connector or notifier",
        ),
        (
            "surfaces = [\"connector\", \"notifier\"]",
            "surfaces = [\"connector\", \"connector\"]",
            "there twice",
        ),
        (
            "surfaces = [\"connector\", \"notifier\"]",
            "surfaces = [\"conector\"]",
            "unknown variant",
        ),
        (
            "https://example.com/webhook",
            "javascript:1",
            "homepage: `javascript:1` is no web address",
        ),
        (
            "target/webhook.wasm",
            "../webhook.wasm",
            "build.output: `../webhook.wasm` is not below",
        ),
        (
            "[\"cargo\", \"build\", \"--release\"]",
            "[]",
            "build.command: name the program",
        ),
        (
            "type = \"string\"",
            "type = \"text\"",
            "config.properties.url.type: is not JSON Schema",
        ),
        (
            "name = \"token\"",
            "name = \"hook\"",
            "sources[1]: `hook` is there twice",
        ),
        (
            "kind = \"timer\"",
            "kind = \"cron\"",
            "unknown variant `cron`",
        ),
        (
            "header = \"x-hub-signature-256\"",
            "header = \"X-Sig\"",
            "sources[0].verify.header: header names",
        ),
        (
            "secret = \"hook-secret\"",
            "secret = \"a b\"",
            "sources[0].verify.secret: that is not",
        ),
        (
            "delivery_id = \"x-github-delivery\"",
            "delivery_id = \"a:b\"",
            "sources[0].delivery_id",
        ),
        (
            "max_body_bytes = 1048576",
            "max_body_bytes = 0",
            "sources[0].max_body_bytes: write 1 to",
        ),
        (
            "cron = \"0 3 * * *\"",
            "cron = \"0 3 * *\"",
            "sources[2].cron: `0 3 * *` has 4 fields",
        ),
        (
            "cron = \"0 3 * * *\"",
            "every = \"1h\"",
            "sources[2].time_zone: `every` counts",
        ),
        (
            "cron = \"0 3 * * *\"",
            "cron = \"0 3 * * *\"\nevery = \"1h\"",
            "sources[2].every: write `cron` or",
        ),
        (
            "cron = \"0 3 * * *\"",
            "",
            "sources[2].cron: a timer needs one",
        ),
        (
            "Europe/Berlin",
            "Europe/Atlantis",
            "sources[2].time_zone: `Europe/Atlantis` is no time zone",
        ),
        (
            "host = \"api.example.com\"",
            "host = \"*\"",
            "egress[0].host: use the host \"*\": name each host",
        ),
        (
            "methods = [\"POST\"]",
            "methods = [\"post\"]",
            "egress[0].methods: `post` is no method",
        ),
        (
            "methods = [\"POST\"]",
            "methods = []",
            "egress[0].methods: name at least one",
        ),
        (
            "path_prefix = \"/hooks/\"",
            "path_prefix = \"/a/../b\"",
            "egress[0].path_prefix",
        ),
        (
            "schemes = [\"https\"]",
            "schemes = [\"https\", \"http\"]",
            "egress[0].port: one port",
        ),
        (
            "schemes = [\"https\"]",
            "schemes = [\"http\"]",
            "egress[0].credential: a secret is not sent",
        ),
        ("port = 443", "port = 0", "egress[0].port: write 1 to 65535"),
        (
            "header = \"authorization\", prefix = \"Bearer \" }\n\n",
            "header = \"host\" }\n",
            "egress[0].credential.header: `host` is the host's own",
        ),
        (
            "prefix = \"Bearer \" }",
            "sign = \"md5\" }",
            "expected `hmac-sha256`",
        ),
        (
            "methods = [\"POST\"]\npath_prefix = \"/hooks/\"\nschemes = [\"https\"]\nport = 443\nprivate = false\ncredential = {",
            "methods = [\"POST\", \"GET\"]\ncredential = { sign = \"hmac-sha256\",",
            "egress[0].credential.sign: a signature is of the body alone and says nothing of a `GET` request",
        ),
        (
            "prefix = \"Bearer \" }",
            "in_path = true }",
            "egress[0].credential.header: the secret goes into the path",
        ),
        (
            "path_prefix = \"/hooks/\"\nschemes = [\"https\"]\nport = 443\nprivate = false\ncredential = {",
            "credential = { in_path = true,",
            "egress[0].credential.in_path: write in `path_prefix`",
        ),
        (
            "sources = [\"telegram\"]",
            "sources = [\"Tele\"]",
            "chat.sources: `Tele` is no name",
        ),
        (
            "kinds = [\"job.succeeded\", \"job.*\"]",
            "kinds = []",
            "notify.kinds: name at least one",
        ),
        (
            "kinds = [\"job.succeeded\", \"job.*\"]",
            "kinds = [\"*\"]",
            "notify.kinds[0]: `*` is no kind",
        ),
        (
            "name = \"rules\"",
            "name = \"../rules\"",
            "directories[0].name",
        ),
        (
            "cpu_ms = 2000",
            "cpu_ms = 0",
            "limits.cpu_ms: write a number above 0",
        ),
        ("cpu_ms = 2000", "cpu_ms = -1", "cpu_ms"),
    ] {
        let error = with(old, new);
        assert!(error.contains(said), "{new}: {error}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let text = FULL
        .replace("\"webhook\"", "\"Web\"")
        .replace("\"api.example.com\"", "\"API.example.com\"")
        .replace("\"rules\"", "\"Rules\"");
    let Err(ManifestError::Faults(faults)) = Manifest::from_toml(&text) else {
        panic!("taken");
    };
    let at: Vec<&str> = faults.iter().map(|fault| fault.at.as_str()).collect();
    assert_eq!(at, ["name", "egress[0].host", "directories[0].name"]);
}

#[test]
fn too_much_is_refused_before_it_is_read() {
    let long = format!("{FULL}#{}", "x".repeat(MAX_MANIFEST_BYTES));
    assert!(matches!(
        Manifest::from_toml(&long),
        Err(ManifestError::TooLarge { .. })
    ));
    assert!(matches!(
        Manifest::from_json(long.as_bytes()),
        Err(ManifestError::TooLarge { .. })
    ));
    let many: String = (0..65)
        .map(|n| format!("[[egress]]\nhost = \"h{n}.example\"\n"))
        .collect();
    let error = Manifest::from_toml(&format!(
        "name = \"a\"\nversion = \"1.0.0\"\nsurfaces = [\"scanner\"]\n{many}"
    ));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("65 are more than the 64")
    );
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert!(matches!(
        Manifest::from_json(deep.as_bytes()),
        Err(ManifestError::Malformed { .. })
    ));
    let deep = format!("a = {}", "[".repeat(100_000));
    assert!(Manifest::from_toml(&deep).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Manifest::from_json(&bytes);
        let _ = Manifest::from_toml(&String::from_utf8_lossy(&bytes));
    }

    /// Real manifests with a piece cut out or replaced come further than noise.
    #[test]
    fn no_mangled_manifest_makes_it_panic(at in 0..FULL.len(), len in 0..40usize, with in "\\PC{0,12}") {
        let mut text = FULL.to_owned();
        let end = (at + len).min(text.len());
        text.replace_range(at..end, &with);
        if let Ok(manifest) = Manifest::from_toml(&text) {
            prop_assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap().name, manifest.name);
        }
    }

    #[test]
    fn no_json_of_the_right_shape_makes_it_panic(
        name in "\\PC{0,20}", host in "\\PC{0,30}", path in "\\PC{0,30}", cron in "[0-9*/,@LW#A-Z -]{0,24}",
        every in "[0-9smhd]{0,12}", kind in "\\PC{0,12}",
    ) {
        let value = serde_json::json!({
            "name": name, "version": "1.0.0", "surfaces": ["connector", "notifier"],
            "sources": [{ "kind": "timer", "name": "a", "cron": cron }, { "kind": "timer", "name": "b", "every": every }],
            "egress": [{ "host": host, "path_prefix": path }],
            "notify": { "kinds": [kind] },
        });
        let _ = Manifest::from_json(&serde_json::to_vec(&value).unwrap());
    }
}

#[test]
fn webhooks_of_slack_and_discord_are_read_and_shown() {
    let manifest = Manifest::from_toml(
        r#"name = "p"
version = "1.0.0"
surfaces = ["connector"]
[[sources]]
name = "slack"
kind = "http"
verify = { scheme = "slack-v0", secret = "slack-signing" }
[[sources]]
name = "discord"
kind = "http"
verify = { scheme = "discord-ed25519", secret = "discord-key" }
[[egress]]
host = "discord.com"
methods = ["POST"]
path_prefix = "/api/webhooks"
credential = { secret = "discord-webhook", in_path = true }
"#,
    )
    .unwrap();
    let lines: Vec<String> = manifest
        .requests()
        .beyond(&Grant::default())
        .iter()
        .map(ToString::to_string)
        .collect();
    let all = lines.join("\n");
    for said in [
        "signed by Slack with the secret \"slack-signing\"",
        "signed by Discord for the public key \"discord-key\"",
        "https://discord.com/api/webhooks with the secret \"discord-webhook\" in its path",
    ] {
        assert!(all.contains(said), "{all}");
    }
    let json = serde_json::to_string(&manifest.egress).unwrap();
    assert!(!json.contains("header"), "{json}");
}

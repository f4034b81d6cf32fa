use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::*;

fn lines(manifest: &str, grant: &Grant) -> Vec<String> {
    let head = "name = \"p\"\nversion = \"1.0.0\"\nsurfaces = [\"connector\", \"notifier\"]\nnotify.kinds = [\"job.failed\"]\n";
    Manifest::from_toml(&format!("{head}{manifest}"))
        .unwrap()
        .requests()
        .beyond(grant)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_part_of_what_happens_to_jobs_says_nothing_beside_the_whole() {
    let asked = "name = \"p\"\nversion = \"1.0.0\"\nsurfaces = [\"notifier\"]\n\
                 notify.kinds = [\"job.*\", \"agent.progress\", \"egress.*\", \"host.*\"]\n";
    let requests = Manifest::from_toml(asked).unwrap().requests();
    let lines = requests.beyond(&Grant::default());
    assert_eq!(lines.len(), 4, "{lines:?}");
    let all: Vec<&str> = lines.iter().map(|line| line.wants.as_str()).collect();
    let mut shown = all.clone();
    shown.retain(|line| !is_said_by_another(line, &all));
    assert_eq!(
        shown,
        [
            "be told of everything that happens to jobs",
            "be told of what happens to the host: pauses, alarms and the daily digest",
        ]
    );
    // Alone each part is shown.
    assert!(
        all[1..]
            .iter()
            .all(|line| !is_said_by_another(line, &all[1..]))
    );
}

#[test]
fn an_operator_reads_what_matters() {
    let asked = r#"
jobs.allow = ["submit", "decide"]
chat.sources = ["telegram"]
limits = { memory_bytes = 268435456, cpu_ms = 2500, wall_ms = 60000, kv_bytes = 1000 }
[[sources]]
name = "hook"
kind = "http"
verify = { scheme = "hmac-sha256", header = "x-sig", secret = "hook-secret" }
[[sources]]
name = "open"
kind = "http"
verify = { scheme = "none" }
max_body_bytes = 4194304
[[sources]]
name = "nightly"
kind = "timer"
cron = "0 3 * * *"
time_zone = "Europe/Berlin"
[[egress]]
host = "api.example.com"
methods = ["GET", "POST"]
path_prefix = "/hooks/"
credential = { secret = "example-token", header = "authorization", prefix = "Bearer " }
[[egress]]
host = "hooks.example.com"
methods = ["POST"]
credential = { secret = "out-secret", header = "x-hub-signature-256", prefix = "sha256=", sign = "hmac-sha256" }
[[egress]]
host = "*.corp.example"
schemes = ["https", "http"]
private = true
[[directories]]
name = "rules"
mode = "read-write"
"#;
    assert_eq!(
        lines(asked, &Grant::default()),
        [
            "receive requests at its hook \"hook\", signed in `x-sig` with the secret \"hook-secret\"",
            "receive requests of up to 4 MiB at its hook \"open\" from anyone who can reach it, unverified",
            "be woken by its timer \"nightly\" at `0 3 * * *` in Europe/Berlin",
            "send GET and POST requests to https://api.example.com/hooks/ with the secret \"example-token\"",
            "send POST requests to https://hooks.example.com/, signed in `x-hub-signature-256` with the secret \"out-secret\"",
            "send GET requests to https://*.corp.example/, also at private addresses",
            "send GET requests to http://*.corp.example/, unencrypted, also at private addresses",
            "submit jobs, in the name of who sent the event",
            "approve or reject what jobs ask, in the name of who sent the event",
            "send messages through the chat \"telegram\"",
            "be told of each job.failed",
            "read, change and delete the files of a directory that you choose, as /rules",
            "use memory of up to 256 MiB",
            "compute in a call for up to 2500 ms",
            "take for a whole call up to 1 min",
            "keep data of its own of up to 1000 bytes",
        ]
    );
}

#[test]
fn only_the_new_part_is_asked_again_beside_what_was_granted() {
    let grant: Grant = serde_json::from_value(serde_json::json!({
        "notify": { "kinds": ["job.*"] },
        "egress": [{ "host": "api.example.com", "methods": ["GET"], "path_prefix": "/hooks" }],
        "directories": [{ "name": "rules", "mode": "read", "path": "/srv/rules" }],
        "limits": { "cpu_ms": 1000 },
    }))
    .unwrap();
    let asked = r#"
limits.cpu_ms = 2000
[[egress]]
host = "api.example.com"
methods = ["GET", "POST"]
path_prefix = "/hooks/new/"
[[directories]]
name = "rules"
mode = "read-write"
"#;
    assert_eq!(
        lines(asked, &grant),
        [
            "send POST requests to https://api.example.com/hooks/new/ (granted so far: send GET requests to https://api.example.com/hooks)",
            "read, change and delete the files of a directory that you choose, as /rules (granted so far: read the files of /srv/rules)",
            "compute in a call for up to 2 s (granted so far: 1 s)",
        ]
    );
}

#[test]
fn what_widens_a_rule_in_any_way_is_beyond_it() {
    let rule = |extra: &str| format!("[[egress]]\nhost = \"a.example.com\"\n{extra}");
    let granted = r#"path_prefix = "/v1/""#;
    let grant = Grant::of(
        &Manifest::from_toml(&format!(
            "name = \"p\"\nversion = \"1.0.0\"\nsurfaces = [\"notifier\"]\n{}",
            rule(granted)
        ))
        .unwrap()
        .requests(),
        &BTreeMap::new(),
    );
    let beyond = |extra: &str| {
        lines(&rule(extra), &grant)
            .into_iter()
            .filter(|line| line.starts_with("send"))
            .count()
    };
    for same in [
        "path_prefix = \"/v1/\"",
        "path_prefix = \"/v1\"",
        "path_prefix = \"/v1/x\"\nport = 443",
    ] {
        assert_eq!(beyond(same), 0, "{same}");
    }
    for wider in [
        "path_prefix = \"/\"",
        "path_prefix = \"/v10/\"",
        "path_prefix = \"/v1/\"\nport = 8443",
        "path_prefix = \"/v1/\"\nprivate = true",
        "path_prefix = \"/v1/\"\nmethods = [\"DELETE\"]",
        "path_prefix = \"/v1/\"\nschemes = [\"http\"]",
        "path_prefix = \"/v1/\"\ncredential = { secret = \"s\", header = \"x-key\" }",
        "path_prefix = \"/v1/\"\nmethods = [\"POST\"]\ncredential = { secret = \"s\", header = \"x-key\", sign = \"hmac-sha256\" }",
    ] {
        assert_eq!(beyond(wider), 1, "{wider}");
    }
}

#[test]
fn a_grant_to_sign_is_none_to_send_the_secret() {
    let rule = |sign: &str| {
        format!(
            "[[egress]]\nhost = \"h.org\"\nmethods = [\"POST\"]\ncredential = {{ secret = \"s\", header = \"x-key\"{sign} }}"
        )
    };
    let (signs, sends) = (rule(", sign = \"hmac-sha256\""), rule(""));
    let granted = |text: &str| {
        let manifest =
            format!("name = \"p\"\nversion = \"1.0.0\"\nsurfaces = [\"notifier\"]\n{text}");
        Grant {
            notify: Notify {
                kinds: vec!["job.*".into()],
            },
            ..Grant::of(
                &Manifest::from_toml(&manifest).unwrap().requests(),
                &BTreeMap::new(),
            )
        }
    };
    assert_eq!(
        lines(&sends, &granted(&signs)),
        [
            "send POST requests to https://h.org/ with the secret \"s\" (granted so far: send POST requests to https://h.org/, signed in `x-key` with the secret \"s\")"
        ]
    );
    assert_eq!(lines(&signs, &granted(&sends)).len(), 1);
    assert_eq!(lines(&signs, &granted(&signs)).len(), 0);
}

prop_compose! {
    fn egress_rule()(
        host in select(vec!["a.example.com", "b.a.example.com", "*.example.com", "*.a.example.com", "[::1]"]),
        methods in subsequence(vec!["GET", "POST", "PUT"], 1..=3),
        path in select(vec!["/", "/a", "/a/", "/a/b", "/ab"]),
        schemes in subsequence(vec![Scheme::Https, Scheme::Http], 1..=2),
        port in option::of(select(vec![80u16, 443, 8080])),
        private in any::<bool>(),
        secret in option::of(select(vec!["one", "two"])),
        sign in option::of(Just(Sign::HmacSha256)),
    ) -> EgressRequest {
        EgressRequest {
            host: host.into(),
            methods: methods.into_iter().map(str::to_owned).collect(),
            path_prefix: path.into(),
            schemes,
            port,
            private,
            credential: secret.map(|secret| Credential {
                secret: secret.into(),
                header: "x-key".into(),
                prefix: String::new(),
                sign,
                in_path: false,
            }),
        }
    }
}

fn source() -> impl Strategy<Value = EventSource> {
    let name = select(vec!["one", "two", "three"]);
    (name, 0..5usize, option::of(1u64..3)).prop_map(|(name, kind, size)| {
        let timer = |cron: Option<&str>, every: Option<&str>| {
            EventSource::Timer(TimerSource {
                name: name.into(),
                cron: cron.map(str::to_owned),
                every: every.map(str::to_owned),
                time_zone: None,
                missed: Missed::Once,
            })
        };
        let http = |verify| {
            EventSource::Http(HttpSource {
                name: name.into(),
                verify,
                delivery_id: None,
                max_body_bytes: size.map(|size| size << 20),
            })
        };
        match kind {
            0 => timer(Some("0 3 * * *"), None),
            1 => timer(None, Some("1h")),
            2 => timer(None, Some("2h")),
            3 => http(Verify::None {}),
            _ => http(Verify::Token {
                header: "x-token".into(),
                prefix: String::new(),
                secret: "one".into(),
            }),
        }
    })
}

prop_compose! {
    fn requests()(
        sources in vec(source(), 0..3),
        egress in vec(egress_rule(), 0..4),
        allow in btree_set(select(vec![JobAction::Submit, JobAction::Read, JobAction::Decide]), 0..3),
        chats in btree_set(select(vec!["telegram", "matrix"]), 0..2),
        kinds in vec(select(vec!["job.*", "job.failed", "job.succeeded"]), 0..3),
        directories in vec((select(vec!["one", "two"]), any::<bool>()), 0..2),
        memory_bytes in option::of(1u64..4),
        cpu_ms in option::of(1u64..4),
    ) -> Requests {
        let mut names = BTreeSet::new();
        Requests {
            sources,
            egress,
            jobs: Jobs { allow },
            chat: Chat { sources: chats.into_iter().map(str::to_owned).collect() },
            notify: Notify { kinds: kinds.into_iter().map(str::to_owned).collect() },
            directories: directories
                .into_iter()
                .filter(|(name, _)| names.insert(*name))
                .map(|(name, write)| DirectoryRequest {
                    name: name.into(),
                    mode: if write { DirectoryMode::ReadWrite } else { DirectoryMode::Read },
                })
                .collect(),
            limits: Limits { memory_bytes, cpu_ms, ..Limits::default() },
        }
    }
}

fn granted(requests: &Requests) -> Grant {
    let paths = ["one", "two"].map(|name| (name.to_owned(), PathBuf::from("/srv")));
    Grant::of(requests, &paths.into())
}

/// A grant that covers all that either covers.
fn both(a: &Grant, b: &Grant) -> Grant {
    let mut sum = a.clone();
    sum.sources.extend(b.sources.iter().cloned());
    sum.egress.extend(b.egress.iter().cloned());
    sum.jobs.allow.extend(&b.jobs.allow);
    sum.chat.sources.extend(b.chat.sources.iter().cloned());
    sum.notify.kinds.extend(b.notify.kinds.iter().cloned());
    for more in &b.directories {
        match sum.directories.iter_mut().find(|own| own.name == more.name) {
            Some(own) => own.mode = own.mode.max(more.mode),
            None => sum.directories.push(more.clone()),
        }
    }
    sum.limits.memory_bytes = a.limits.memory_bytes.max(b.limits.memory_bytes);
    sum.limits.cpu_ms = a.limits.cpu_ms.max(b.limits.cpu_ms);
    sum
}

proptest! {
    #[test]
    fn what_was_granted_is_not_beyond(asked in requests()) {
        prop_assert_eq!(asked.beyond(&granted(&asked)), vec![]);
    }

    #[test]
    fn nothing_granted_leaves_everything_that_is_asked(asked in requests()) {
        let nothing_asked = asked == Requests::default();
        prop_assert_eq!(asked.beyond(&Grant::default()).is_empty(), nothing_asked);
    }

    #[test]
    fn a_grant_that_covers_more_never_leaves_more(asked in requests(), a in requests(), b in requests()) {
        let (less, more) = (granted(&a), both(&granted(&a), &granted(&b)));
        let (before, after) = (asked.beyond(&less), asked.beyond(&more));
        prop_assert!(after.len() <= before.len(), "{before:?}\n{after:?}");
    }

    #[test]
    fn asking_for_more_never_leaves_less(a in requests(), b in requests(), given in requests()) {
        let grant = granted(&given);
        let mut more = a.clone();
        more.egress.extend(b.egress);
        more.jobs.allow.extend(b.jobs.allow);
        prop_assert!(more.beyond(&grant).len() >= a.beyond(&grant).len());
    }

    /// What is within a grant that is itself within another is within that one.
    #[test]
    fn coverage_is_transitive(a in requests(), b in requests(), c in requests()) {
        if a.beyond(&granted(&b)).is_empty() && b.beyond(&granted(&c)).is_empty() {
            prop_assert_eq!(a.beyond(&granted(&c)), vec![]);
        }
    }

    #[test]
    fn a_version_gets_no_more_than_it_asks_for_and_no_less(asked in requests(), given in requests()) {
        let given = granted(&given);
        let within = given.clone().within(&asked);
        prop_assert_eq!(asked.beyond(&within), asked.beyond(&given));
        prop_assert!(within.jobs.allow.is_subset(&asked.jobs.allow));
        prop_assert!(within.chat.sources.is_subset(&asked.chat.sources));
        for own in &within.directories {
            let named = asked.directories.iter().find(|asked| asked.name == own.name);
            prop_assert!(named.is_some_and(|asked| own.mode <= asked.mode));
        }
    }

    #[test]
    fn a_grant_survives_its_json(asked in requests()) {
        let grant = granted(&asked);
        let text = serde_json::to_string(&grant).unwrap();
        prop_assert_eq!(serde_json::from_str::<Grant>(&text).unwrap(), grant);
    }
}

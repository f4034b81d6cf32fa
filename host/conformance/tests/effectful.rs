//! The suites of connectors and notifiers against guests that break one
//! promise each.

use serde_json::{Value, json};
use sortie_conformance::{Check, Subject, Verdict, connector, notifier};
use sortie_guests::answers::{self, Asked};
use sortie_guests::effectful::{
    ACKNOWLEDGE, APPROVE, APPROVE_SEEN, CANCEL, CHAT, CONFIG, JOBS, KEEP, KV, ONLY_OWNERS, OR_FAIL,
    Post, RANDOM, only,
};
use sortie_guests::{connector as guest, connector_wat, wasi};
use sortie_package::{Grant, Manifest};
use sortie_plugins::{PluginOptions, Plugins};

fn subject(manifest: &str, wasm: Vec<u8>, config: Value) -> Subject {
    Subject {
        manifest: Manifest::from_toml(manifest).expect("a manifest"),
        wasm,
        config,
        grant: Grant::default(),
        events: Vec::new(),
        deliveries: Vec::new(),
    }
}

/// Asserts that exactly the check whose promise is `broken` fails.
fn assert_only(broken: &[&str], checks: &[Check]) {
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| !check.passed())
        .filter_map(|check| check.name.split(' ').next())
        .collect();
    assert_eq!(failed, broken, "{checks:#?}");
}

const HEAD: &str = "name = \"guest\"\nversion = \"1.0.0\"\n";

/// What every connector here asks for unless it says otherwise.
const ASKS: &str = r#"surfaces = ["connector"]
jobs.allow = ["submit", "read", "cancel", "retry", "decide"]
[[sources]]
name = "in"
kind = "http"
verify = { scheme = "none" }
[[sources]]
name = "tick"
kind = "timer"
every = "1h"
[[egress]]
host = "h.example"
[config]
type = "object"
properties.r.type = "string"
"#;

/// The same with a chat.
fn chatting() -> String {
    format!("chat.sources = [\"chat\"]\n{ASKS}")
}

async fn try_connector(broken: &[&str], asks: &str, wasm: Vec<u8>, config: Value) {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    let subject = subject(&format!("{HEAD}{asks}"), wasm, config);
    assert_only(broken, &connector::check(&plugins, &subject).await);
}

#[tokio::test]
async fn each_promise_of_any_effectful_plugin_can_be_broken() {
    let quiet = || guest("", "", "(i32.const 1024)");
    try_connector(&[], ASKS, quiet(), Value::Null).await;
    let both = ASKS.replace("[\"connector\"]", "[\"connector\", \"notifier\"]");
    try_connector(&["E1"], &both, quiet(), Value::Null).await;

    let on_request = only(0, 2);
    let cancels = guest(
        JOBS,
        "",
        &format!("{on_request} {CANCEL} {OR_FAIL} (i32.const 1024)"),
    );
    try_connector(&[], ASKS, cancels.clone(), Value::Null).await;
    let less = ASKS.replace("\"cancel\", ", "");
    try_connector(&["E2"], &less, cancels, Value::Null).await;

    let traps = guest(
        "",
        "",
        &format!(
            "{on_request}
             (if (i32.eqz (i32.load offset=100 (local.get $event))) (then unreachable))
             (i32.const 1024)"
        ),
    );
    try_connector(&["E3"], ASKS, traps, Value::Null).await;

    // Keeps six random bytes.
    let random = wasi::connector(
        &["wasi:random/random@0.2.0"],
        &connector_wat(
            &format!("{KV}{RANDOM}"),
            "",
            &format!(
                "{on_request}
                 (call $random (i64.const 6) (i32.const 4104))
                 (call $set (i32.const 96) (i32.const 1)
                   (i32.load (i32.const 4104)) (i32.load (i32.const 4108)) (i32.const 4096))
                 (i32.const 1024)"
            ),
        ),
    );
    try_connector(&["E4"], ASKS, random, Value::Null).await;

    let relies = guest(
        KV,
        "",
        &format!(
            "{on_request} {KEEP}
             (if (i32.load8_u (i32.const 4096)) (then unreachable))
             (i32.const 1024)"
        ),
    );
    try_connector(&["E5"], ASKS, relies, Value::Null).await;

    let demands = guest(
        CONFIG,
        "",
        "(call $get (i32.const 96) (i32.const 1) (i32.const 4096))
         (if (i32.eqz (i32.load8_u (i32.const 4096))) (then unreachable))
         (i32.const 1024)",
    );
    try_connector(&["E6"], ASKS, demands, json!({ "r": "set" })).await;

    // A key for each event, of letters that stand for its number.
    let letter = |shift: u32| {
        format!(
            "(i32.store8 (i32.const {}) (i32.add (i32.const 65) (i32.and (i32.const 15)
               (i32.shr_u (i32.load (local.get $event)) (i32.const {shift})))))",
            4_200 + shift / 4
        )
    };
    let letters: String = [0, 4, 8, 12].map(letter).concat();
    let hoards = guest(
        KV,
        "",
        &format!(
            "{on_request} {letters}
             (call $set (i32.const 4200) (i32.const 4) (i32.const 128) (i32.const 6)
               (i32.const 4096))
             (i32.const 1024)"
        ),
    );
    try_connector(&["E7"], ASKS, hoards, Value::Null).await;
}

#[tokio::test]
async fn each_promise_of_a_connector_can_be_broken() {
    let on_request = only(0, 2);
    let refuses = guest(
        "",
        "",
        &format!(
            "{on_request}
             (select (i32.const 1024) (i32.const 1040) (i32.load offset=100 (local.get $event)))"
        ),
    );
    try_connector(&["C1"], ASKS, refuses, Value::Null).await;

    let hides = guest(JOBS, "", &format!("{on_request} {CANCEL} (i32.const 1024)"));
    try_connector(&["C2"], ASKS, hides, Value::Null).await;

    let first_only = "(if (i32.gt_u (i32.load offset=24 (local.get $event)) (i32.const 1))
        (then (return (i32.const 1024))))";
    let relies = guest(
        KV,
        "",
        &format!("{on_request} {first_only} {KEEP} (i32.const 1024)"),
    );
    try_connector(&["C3"], ASKS, relies, Value::Null).await;

    let (request, send) = answers::request(&Asked::get("https://h.example/"));
    let sends = guest(
        answers::HTTP,
        &request,
        &format!("{on_request} {first_only} {send} (i32.const 1024)"),
    );
    try_connector(&["C4"], ASKS, sends, Value::Null).await;

    let answers_500 = guest(
        "",
        "",
        &format!(
            "{on_request}
             (i32.store (i32.const 4100) (i32.const 1))
             (i32.store (i32.const 4104) (i32.const 500))
             (i32.const 4096)"
        ),
    );
    try_connector(&["C5"], ASKS, answers_500, Value::Null).await;

    let imports = format!("{CHAT}{JOBS}");
    let on_press = only(3, 4);
    let approves = guest(
        &imports,
        "",
        &format!("{on_press} {ACKNOWLEDGE} {APPROVE_SEEN} {OR_FAIL} (i32.const 1024)"),
    );
    try_connector(&["C6"], &chatting(), approves, Value::Null).await;
    let blindly = guest(
        &imports,
        "",
        &format!("{on_press} {ACKNOWLEDGE} {ONLY_OWNERS} {APPROVE} {OR_FAIL} (i32.const 1024)"),
    );
    try_connector(&["C7"], &chatting(), blindly, Value::Null).await;

    let sees = guest(
        CHAT,
        "",
        &format!("{on_press} {ACKNOWLEDGE} (i32.const 1024)"),
    );
    try_connector(&[], &chatting(), sees, Value::Null).await;
    let overlooks = guest("", "", "(i32.const 1024)");
    try_connector(&["C8"], &chatting(), overlooks, Value::Null).await;

    let heeds = guest(KV, "", &format!("{KEEP} (i32.const 1024)"));
    try_connector(&["C9"], ASKS, heeds, Value::Null).await;

    let on_tick = only(1, 4);
    let counts = guest(
        KV,
        "",
        &format!(
            "{on_tick}
             (if (i32.load offset=72 (local.get $event)) (then {KEEP}))
             (i32.const 1024)"
        ),
    );
    try_connector(&["C10"], ASKS, counts, Value::Null).await;
}

const TELLS: &str = r#"surfaces = ["notifier"]
[[egress]]
host = "h.example"
methods = ["POST"]
[config]
type = "object"
properties.r.type = "string"
"#;

#[tokio::test]
async fn each_promise_of_a_notifier_can_be_broken() {
    let fine = Post::default;
    let permanent = "(return (i32.const 5064))";
    let success = |is_success: &str| Post {
        is_success: is_success.into(),
        ..Post::default()
    };
    let before = |before: String| Post {
        before,
        ..Post::default()
    };
    let of = |hundreds: u32| {
        format!("(i32.eq (i32.div_u (local.get $status) (i32.const 100)) (i32.const {hundreds}))")
    };
    let cases = [
        (&[][..], fine()),
        (
            &["N1"],
            Post {
                key: false,
                ..fine()
            },
        ),
        (
            // A kind of 17 letters is none that it knows.
            &["N3"],
            before(format!(
                "(if (i32.eq (i32.load offset=20 (local.get $event)) (i32.const 17))
                   (then {permanent}))"
            )),
        ),
        // 2xx and 5xx are success, then 2xx and 3xx.
        (&["N4"], success(&format!("(i32.or {} {})", of(2), of(5)))),
        (&["N5"], success(&format!("(i32.or {} {})", of(2), of(3)))),
        (&["N6"], Post { times: 3, ..fine() }),
        (
            &["N7"],
            Post {
                success: Post::BLANK,
                ..fine()
            },
        ),
        (
            &["N8"],
            before(format!(
                "(call $get (i32.const 96) (i32.const 1) (i32.const 4096))
                 (if (i32.eqz (i32.load8_u (i32.const 4096))) (then {permanent}))"
            )),
        ),
    ];
    for (broken, guest) in cases {
        let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
        let manifest = format!("{HEAD}{TELLS}");
        let subject = subject(&manifest, guest.build(), json!({ "r": "set" }));
        assert_only(broken, &notifier::check(&plugins, &subject).await);
    }
}

#[tokio::test]
async fn no_key_is_asked_of_a_post_to_an_incoming_webhook() {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    let secret = "path_prefix = \"/hook\"\ncredential = { secret = \"hook\", in_path = true }\n";
    let manifest = format!("{HEAD}{TELLS}").replace("[config]", &format!("{secret}[config]"));
    let guest = Post {
        key: false,
        ..Post::default()
    };
    let subject = subject(&manifest, guest.build(), json!({ "r": "set" }));
    let checks = notifier::check(&plugins, &subject).await;
    assert_only(&[], &checks);
    let repetition = checks.iter().find(|check| check.name.starts_with("N1 "));
    let verdict = repetition.map(|check| &check.verdict);
    assert!(matches!(verdict, Some(Verdict::Untried(_))), "{checks:#?}");
}

#[tokio::test]
async fn what_cannot_be_tried_is_said() {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    let asks = format!("{HEAD}{ASKS}");
    let subject = subject(&asks, guest(JOBS, "", "(i32.const 1024)"), Value::Null);
    let checks = connector::check(&plugins, &subject).await;
    let untried: Vec<&str> = checks
        .iter()
        .filter(|check| matches!(check.verdict, Verdict::Untried(_)))
        .filter_map(|check| check.name.split(' ').next())
        .collect();
    assert_eq!(untried, ["E5", "E6", "C2", "C3", "C4"], "{checks:#?}");
}

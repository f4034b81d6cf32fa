//! The suites of the pure surfaces against guests that break one promise each.

use sortie_conformance::{Check, agent, budget, scanner, workflow};
use sortie_guests::pure::workflow::{FINISH, HALT, PUBLISH, TELL, TELL_OTHER, after};
use sortie_guests::pure::{Agent, Budget, Workflow};
use sortie_guests::{CHANGE, FINDING, scanner as scanner_guest};
use sortie_plugins::{PluginOptions, Plugins};

async fn loaded(wasm: Vec<u8>) -> Plugins {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    plugins
        .load("guest", wasm, serde_json::Value::Null)
        .await
        .expect("it loads");
    plugins
}

/// Asserts that exactly the checks named `broken` fail.
fn only(broken: &[&str], checks: &[Check]) {
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| !check.passed())
        .map(|check| &check.name[..2])
        .collect();
    assert_eq!(failed, broken, "{checks:#?}");
}

#[tokio::test]
async fn each_promise_of_a_budget_can_be_broken() {
    let fine = Budget::default();
    let resolve = |body: &str| Budget {
        resolve: body.into(),
        ..Budget::default()
    };
    let evaluate = |body: String| Budget {
        evaluate: body,
        ..Budget::default()
    };
    let unless = |trouble: &str, body: &str| format!("{trouble} {body}");
    let cases = [
        (&[][..], fine.clone()),
        (
            // No profiles.
            &["B1"],
            Budget {
                profiles: "(i32.const 1024)".into(),
                ..Budget::default()
            },
        ),
        // More than it shows.
        (&["B2"], resolve(&fine.resolve.replace("2152", "2304"))),
        // Every name is fine.
        (&["B3"], resolve("(i32.const 2152)")),
        (
            &["B4"],
            resolve(&unless(
                "(if (i32.gt_u (local.get $project-len) (i32.const 1000)) (then unreachable))",
                &fine.resolve,
            )),
        ),
        // Always no, and always yes.
        (&["B5"], evaluate("(i32.const 2200)".into())),
        (&["B6"], evaluate("(i32.const 1024)".into())),
        (
            // Half of the calls is asked about, three quarters are not.
            &["B7"],
            evaluate(unless(
                "(if (i32.eq (local.get $calls) (i32.const 5)) (then (return (i32.const 2216))))",
                &fine.evaluate,
            )),
        ),
        (
            &["B8"],
            evaluate(unless(
                "(drop (i32.div_u (local.get $calls) (local.get $max-calls)))",
                &fine.evaluate,
            )),
        ),
    ];
    for (broken, guest) in cases {
        let plugins = loaded(guest.build()).await;
        only(broken, &budget::check(&plugins, "guest").await);
    }
}

#[tokio::test]
async fn each_promise_of_an_agent_can_be_broken() {
    let fine = Agent::default();
    let plan = |body: String| Agent {
        plan: body,
        ..Agent::default()
    };
    let push = |body: &str| Agent {
        push: body.into(),
        ..Agent::default()
    };
    let cases = [
        (&[][..], fine.clone()),
        (
            // Refuses every task, with a reason.
            &["A1"],
            plan(
                "(i32.store (i32.const 2048) (i32.const 1))
                 (i32.store (i32.const 2052) (i32.const 128))
                 (i32.store (i32.const 2056) (i32.const 6))
                 (i32.const 2048)"
                    .into(),
            ),
        ),
        (
            &["A2"],
            plan(format!(
                "(if (i32.eqz (local.get $len)) (then unreachable)) {}",
                fine.plan
            )),
        ),
        // The same again, whatever it is told.
        (
            &["A7"],
            plan(format!("(local.set $nudged (i32.const 0)) {}", fine.plan)),
        ),
        // A turn for each push.
        (&["A3"], push("(i32.const 4096)")),
        (
            &["A4"],
            push(
                "(if (i32.eq (i32.load8_u (local.get $at)) (i32.const 255)) (then unreachable))
                 (i32.const 1024)",
            ),
        ),
        (
            // Keeps everything.
            &["A5"],
            push(
                "(if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                 (i32.const 1024)",
            ),
        ),
        (
            // Done, whatever the exit.
            &["A6"],
            Agent {
                finish: "(i32.const 2112)".into(),
                ..Agent::default()
            },
        ),
    ];
    for (broken, guest) in cases {
        let plugins = loaded(guest.build()).await;
        only(broken, &agent::check(&plugins, "guest").await);
    }
}

#[tokio::test]
async fn each_promise_of_a_workflow_can_be_broken() {
    let advance = |body: String| Workflow {
        advance: body,
        ..Workflow::default()
    };
    let then = |last: &str| {
        advance(format!(
            "(if (i32.eqz (local.get $state-len)) (then (return {TELL}))) {last}"
        ))
    };
    let cases = [
        (&[][..], Workflow::default()),
        (
            // No summary.
            &["W1"],
            Workflow {
                describe: "(i32.const 3056)".into(),
                ..Workflow::default()
            },
        ),
        (&["W2"], advance(after(TELL_OTHER))),
        (&["W3"], then(HALT)),
        // Tells people for ever.
        (&["W4"], advance(TELL.into())),
        (&["W5"], advance(after(PUBLISH))),
        (&["W6"], then(FINISH)),
    ];
    for (broken, guest) in cases {
        let plugins = loaded(guest.build()).await;
        only(broken, &workflow::check(&plugins, "guest").await);
    }
}

#[tokio::test]
async fn each_promise_of_a_scanner_can_be_broken() {
    let drop = "(call $drop (local.get $change))";
    let nothing = "(i32.const 1024)";
    let files = "(local $file i32)
        (call $files (local.get $change) (i32.const 4096))
        (local.set $file (i32.load (i32.const 4096)))";
    // A rule without a help.
    let mute = r#"(data (i32.const 52) "\00\00\00\00")"#;
    // Line 7 of a binary file, which has none.
    let picture = format!(r#"{FINDING} (data (i32.const 112) "logo.png")"#);
    let points = format!(
        "{files} {drop}
         (if (i32.eqz (i32.load (i32.const 4100))) (then (return {nothing})))
         (if (i32.ne (i32.load offset=8 (local.get $file)) (i32.const 8))
           (then (return {nothing})))
         (if (i32.ne (i32.load8_u offset=7 (i32.load offset=4 (local.get $file)))
               (i32.const 103))
           (then (return {nothing})))
         (i32.const 2040)"
    );
    let traps = format!(
        "{files} {drop}
         (if (i32.eq (i32.load (i32.const 4100)) (i32.const 20)) (then unreachable))
         {nothing}"
    );
    for (broken, guest) in [
        (&[][..], sortie_guests::idle()),
        (
            &["rules"],
            scanner_guest(CHANGE, mute, &format!("{drop} {nothing}")),
        ),
        (&["a binary file"], scanner_guest(CHANGE, &picture, &points)),
        (
            &["a change of 10,000 lines"],
            scanner_guest(CHANGE, "", &traps),
        ),
    ] {
        let plugins = loaded(guest).await;
        let checks = scanner::check(&plugins, "guest").await;
        let failed = checks.iter().filter(|check| !check.passed());
        let failed: Vec<&str> = failed.map(|check| &*check.name).collect();
        assert_eq!(failed, broken, "{checks:#?}");
    }
}

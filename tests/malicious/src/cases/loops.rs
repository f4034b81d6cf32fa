//! Guests that never come back.

use sortie_guests::answers::{self, Asked};
use sortie_guests::{
    CHANGE, LOG, MEMORY, REALLOC, component, connector, connector_on, connector_wat, notifier,
    scanner_with_rules, wasi,
};

use super::{CONFIG, KV, LOOP, NO_REPLY};
use crate::case::{Act, Case, End, Setting};

/// Wall-clock time of calls that wait.
const WAIT_MS: u64 = 200;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = spinning();
    cases.extend(waiting());
    cases
}

fn spinning() -> Vec<Case> {
    let receive = |name, tries, wasm| Case::receive(name, tries, "CpuTimeout", wasm);
    let on = |realloc: &str, extra: &str, body: &str| {
        let wat = connector_on(MEMORY, realloc, "", extra, body);
        component(&["host", "connector"], &[], "job-connector", &wat)
    };
    let cpu = || End::Error("CpuTimeout");
    let realloc = r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (loop $forever (br $forever)) unreachable)"#;
    let post_return = r#"(func (export "cabi_post_sortie:connector/connector@0.1.0#receive")
        (param i32) (loop $forever (br $forever)))"#;
    let start = "(func $start (loop $forever (br $forever))) (start $start)";
    let rules = scanner_with_rules(CHANGE, "", LOOP, NO_REPLY);
    let indirect = "(table $t 1 funcref) (elem (i32.const 0) $step) (type $step-type (func))
        (func $step)";
    vec![
        receive(
            "loop-in-receive",
            "an endless loop in `receive`",
            connector("", "", LOOP),
        ),
        Case::new(
            "loop-in-notify",
            "an endless loop in `notify`",
            Act::Notify,
            cpu(),
            notifier("", "", LOOP),
        ),
        Case::new(
            "loop-in-rules",
            "an endless loop in `rules`",
            Act::Rules,
            cpu(),
            component(&["host", "scanner"], &[], "scanner", &rules),
        ),
        Case::new(
            "loop-in-profiles",
            "an endless loop in a budget's `profiles`",
            Act::Profiles,
            cpu(),
            component(&["host", "budget"], &[], "budget-profiles", &budget()),
        ),
        receive(
            "loop-in-start",
            "an endless loop in a start function",
            on(REALLOC, start, NO_REPLY),
        ),
        receive(
            "loop-in-allocator",
            "an endless loop while the host hands over the event",
            on(realloc, "", NO_REPLY),
        ),
        receive(
            "loop-in-post-return",
            "an endless loop after the answer",
            on(REALLOC, post_return, NO_REPLY),
        ),
        receive(
            "loop-of-indirect-calls",
            "an endless loop that only calls through a table",
            connector(
                "",
                indirect,
                "(loop $l (call_indirect (type $step-type) (i32.const 0)) (br $l)) unreachable",
            ),
        ),
        receive(
            "loop-of-large-copies",
            "an endless loop of instructions that each copy a megabyte",
            connector(
                "",
                "",
                "(drop (memory.grow (i32.const 40)))
                 (loop $l (memory.copy (i32.const 0) (i32.const 1048576) (i32.const 1048576))
                   (br $l))
                 unreachable",
            ),
        ),
    ]
}

fn budget() -> String {
    format!(
        r#"(module {MEMORY} {REALLOC}
          (func (export "sortie:budget/budget@0.1.0#profiles") (result i32) {LOOP})
          (func (export "sortie:budget/budget@0.1.0#resolve")
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {LOOP})
          (func (export "sortie:budget/budget@0.1.0#evaluate")
            (param i32 i64 i64 i32 i64 i64 i32 i64) (result i32) {LOOP}))"#
    )
}

fn waiting() -> Vec<Case> {
    let clock = r#"
      (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
        (func $after (param i64) (result i32)))
      (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
    "#;
    let interfaces = ["wasi:clocks/monotonic-clock@0.2.0", "wasi:io/poll@0.2.0"];
    let sleep = connector_wat(
        clock,
        "",
        "(call $block (call $after (i64.const -1))) (i32.const 1024)",
    );
    let naps = connector_wat(
        clock,
        "",
        "(loop $l (call $block (call $after (i64.const 1000000))) (br $l)) unreachable",
    );
    let http = answers::sender(&Asked::get("https://example.com/"), 1);
    let wall =
        |name, tries, wasm| Case::receive(name, tries, "WallTimeout", wasm).with_wall_ms(WAIT_MS);
    vec![
        wall(
            "sleep-for-ever",
            "a sleep of 584 years",
            wasi::connector(&interfaces, &sleep),
        ),
        wall(
            "short-naps",
            "an endless loop of sleeps of a millisecond, each of which costs no processor time",
            wasi::connector(&interfaces, &naps),
        )
        .with_cpu_ms(60_000),
        wall(
            "request-without-answer",
            "a request to a server that never answers",
            component(&["host", "connector"], &[], "job-connector", &http),
        )
        .in_setting(Setting::Silent),
        wall(
            "read-without-answer",
            "a read of a key that the host never serves",
            connector(
                KV,
                "",
                "(call $kv-get (i32.const 96) (i32.const 1) (i32.const 4096)) (i32.const 1024)",
            ),
        )
        .in_setting(Setting::Silent),
        Case::receive(
            "loop-of-host-calls",
            "an endless loop of short calls into the host",
            "HostCallLimit",
            connector(
                &format!("{CONFIG}{LOG}"),
                "",
                "(loop $l (call $config (i32.const 96) (i32.const 1) (i32.const 4096)) (br $l))
                 unreachable",
            ),
        )
        .with_cpu_ms(60_000),
    ]
}

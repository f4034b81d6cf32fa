//! Guests that import WASI: they get clocks and randomness that follow from
//! the input, their output becomes log lines, and nothing else is there.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use sortie_plugins::{Limits, LogLevel, PluginError, PluginOptions, Plugins};

use crate::{
    changes::{change, change_of},
    guests::{CHANGE, FINDING, component, scanner_wat},
};

const WASI: [&str; 5] = [
    "package wasi:clocks@0.2.0;
     interface wall-clock {
       record datetime { seconds: u64, nanoseconds: u32 }
       now: func() -> datetime;
     }
     interface monotonic-clock { now: func() -> u64; }",
    "package wasi:random@0.2.0;
     interface random { get-random-u64: func() -> u64; }
     interface insecure-seed { insecure-seed: func() -> tuple<u64, u64>; }",
    "package wasi:io@0.2.0;
     interface error { resource error; }
     interface streams {
       use error.{error};
       variant stream-error { last-operation-failed(error), closed }
       resource output-stream {
         blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
       }
     }",
    "package wasi:cli@0.2.0;
     interface stdout {
       use wasi:io/streams@0.2.0.{output-stream};
       get-stdout: func() -> output-stream;
     }
     interface environment { get-environment: func() -> list<tuple<string, string>>; }
     interface exit { exit: func(status: result); }",
    "package test:guest;
     world w {
       import wasi:clocks/wall-clock@0.2.0;
       import wasi:clocks/monotonic-clock@0.2.0;
       import wasi:random/random@0.2.0;
       import wasi:random/insecure-seed@0.2.0;
       import wasi:cli/stdout@0.2.0;
       import wasi:cli/environment@0.2.0;
       import wasi:cli/exit@0.2.0;
       import sortie:scanner/change@0.1.0;
       export sortie:scanner/scan@0.1.0;
     }",
];

fn guest(imports: &str, extra: &str, body: &str) -> Vec<u8> {
    let imports = format!("{CHANGE} {imports}");
    component(
        &["host", "scanner"],
        &WASI,
        "w",
        &scanner_wat(&imports, &format!("{FINDING} {extra}"), body),
    )
}

/// A finding whose message spells, a letter for each half byte: the wall
/// clock's seconds, two readings of the monotonic clock, two random numbers
/// and the insecure seed.
fn clocks_and_dice() -> Vec<u8> {
    guest(
        r#"(import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall (param i32)))
           (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $mono (result i64)))
           (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))
           (import "wasi:random/insecure-seed@0.2.0" "insecure-seed" (func $seed (param i32)))"#,
        "",
        "(local $n i32) (local $byte i32)
         (call $wall (i32.const 8192))
         (i64.store (i32.const 8200) (call $mono))
         (i64.store (i32.const 8208) (call $mono))
         (i64.store (i32.const 8216) (call $random))
         (i64.store (i32.const 8224) (call $random))
         (call $seed (i32.const 8232))
         (loop $more
           (local.set $byte (i32.load8_u (i32.add (i32.const 8192) (local.get $n))))
           (i32.store8
             (i32.add (i32.const 9000) (i32.mul (local.get $n) (i32.const 2)))
             (i32.add (i32.const 97) (i32.shr_u (local.get $byte) (i32.const 4))))
           (i32.store8
             (i32.add (i32.const 9001) (i32.mul (local.get $n) (i32.const 2)))
             (i32.add (i32.const 97) (i32.and (local.get $byte) (i32.const 15))))
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $n) (i32.const 56))))
         (i32.store8 (i32.const 2060) (i32.const 0))
         (i32.store (i32.const 2080) (i32.const 9000))
         (i32.store (i32.const 2084) (i32.const 112))
         (call $drop (local.get $change))
         (i32.const 2040)",
    )
}

/// The little-endian number that sixteen letters spell.
fn number(letters: &str) -> u64 {
    let half = |c: u8| u64::from(c - b'a');
    letters
        .as_bytes()
        .chunks(2)
        .enumerate()
        .map(|(n, pair)| (half(pair[0]) << 4 | half(pair[1])) << (8 * n))
        .sum()
}

async fn message(path: &str) -> String {
    // A host of its own each time: nothing is carried over.
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    plugins
        .load("dice", clocks_and_dice(), Value::Null)
        .await
        .expect("WASI is linked");
    let found = plugins.scan("dice", change_of(path)).await;
    found.expect("it runs").remove(0).message
}

#[tokio::test]
async fn the_same_input_gives_the_same_answer() {
    let (first, again) = (message("src/a.rs").await, message("src/a.rs").await);
    assert_eq!(first, again);
    assert_eq!(number(&first[..16]), 1_577_836_800, "the wall clock");
    let (tick, tock) = (number(&first[16..32]), number(&first[32..48]));
    assert!(tock > tick, "the monotonic clock moves");
    assert_ne!(first[48..64], first[64..80], "randomness goes on");

    let other = message("src/b.rs").await;
    assert_eq!(first[..48], other[..48], "clocks do not depend on it");
    assert_ne!(first[48..], other[48..], "randomness does");
}

const PRINT: &str = r#"
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $print (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.0" "[resource-drop]output-stream" (func $close (param i32)))
"#;

type Lines = Arc<Mutex<Vec<(LogLevel, String)>>>;

async fn printing(body: &str) -> (Result<usize, PluginError>, Vec<(LogLevel, String)>) {
    let lines = Lines::default();
    let sink = Arc::clone(&lines);
    let plugins = Plugins::new(
        PluginOptions {
            limits: Limits {
                log_lines: 10,
                log_line_bytes: 20,
                ..Limits::default()
            },
            ..PluginOptions::default()
        }
        .with_log_sink(move |line| {
            assert_eq!(line.plugin, "printer");
            sink.lock()
                .expect("no panic")
                .push((line.level, line.message.to_owned()));
        }),
    )
    .expect("wasmtime runs here");
    let wasm = guest(
        PRINT,
        r#"(data (i32.const 3000) "one\ntwo, which is far too long\nthree")"#,
        body,
    );
    plugins
        .load("printer", wasm, Value::Null)
        .await
        .expect("WASI is linked");
    let result = plugins.scan("printer", change()).await;
    let lines = lines.lock().expect("no panic").clone();
    (result.map(|found| found.len()), lines)
}

#[tokio::test]
async fn output_becomes_log_lines() {
    let (result, lines) = printing(
        "(local $out i32)
         (local.set $out (call $stdout))
         (call $print (local.get $out) (i32.const 3000) (i32.const 36) (i32.const 4000))
         (call $close (local.get $out))
         (call $drop (local.get $change))
         (i32.const 2040)",
    )
    .await;
    assert_eq!(result.expect("it runs"), 1);
    let expected = ["one", "two, which is far to", "three"];
    assert_eq!(
        lines,
        expected.map(|line| (LogLevel::Debug, line.to_owned()))
    );
}

#[tokio::test]
async fn a_flood_of_output_is_a_flood_of_log_lines() {
    let (result, lines) = printing(
        "(local $out i32)
         (local.set $out (call $stdout))
         (loop $more
           (call $print (local.get $out) (i32.const 3000) (i32.const 36) (i32.const 4000))
           (br $more))
         unreachable",
    )
    .await;
    assert!(
        matches!(result, Err(PluginError::LogLimit { limit: 10, .. })),
        "{result:?}"
    );
    assert_eq!(lines.len(), 10);
}

/// Handles cost the host memory that no limit of the guest's counts.
#[tokio::test]
async fn handles_without_end() {
    let (result, _) = printing("(loop $more (drop (call $stdout)) (br $more)) unreachable").await;
    let Err(PluginError::ResultLimit { reason, .. }) = &result else {
        panic!("{result:?}");
    };
    assert!(reason.contains("handles"), "{reason}");
}

#[tokio::test]
async fn the_environment_is_empty_and_exit_ends_the_call() {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    let wasm = guest(
        r#"(import "wasi:cli/environment@0.2.0" "get-environment" (func $env (param i32)))
           (import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#,
        "",
        "(call $env (i32.const 4000))
         (if (i32.load (i32.const 4004)) (then unreachable))
         (call $exit (i32.const 1))
         unreachable",
    );
    plugins
        .load("exiting", wasm, Value::Null)
        .await
        .expect("WASI is linked");
    let error = plugins
        .scan("exiting", change())
        .await
        .expect_err("it exits");
    let PluginError::Trap { reason, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(reason.contains("exit"), "{reason}");
}

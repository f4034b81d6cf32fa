//! Guests that misbehave: each costs its own call, with an error that says
//! what it did, and the host goes on.

use std::sync::Arc;

use sortie_model::diff::{DiffError, DiffSource};
use sortie_plugins::{Limits, PluginError, PluginOptions, Plugins, surfaces::scanner::RawFinding};

use crate::{
    changes::{Gate, change, reading},
    guests::{CHANGE, FINDING, LOG, honest, scanner},
};

/// Small limits, so that reaching them is quick.
fn limits() -> Limits {
    Limits {
        memory_bytes: 4 << 20,
        table_elements: 1_000,
        cpu_ms: 50,
        log_lines: 10,
        host_calls: 100,
        transfer_bytes: 1 << 20,
        ..Limits::default()
    }
}

fn plugins() -> Plugins {
    Plugins::new(PluginOptions {
        limits: limits(),
        ..PluginOptions::default()
    })
    .expect("wasmtime runs here")
}

/// Scans `change` with the guest, then shows that the host still works.
async fn scan(wasm: Vec<u8>, change: Arc<dyn DiffSource>) -> Result<Vec<RawFinding>, PluginError> {
    let plugins = plugins();
    plugins
        .load("hostile", wasm, serde_json::Value::Null)
        .await
        .expect("it loads");
    plugins
        .load("honest", honest("severe"), serde_json::Value::Null)
        .await
        .expect("it loads");
    let result = plugins.scan("hostile", change).await;
    let after = plugins.scan("honest", crate::changes::change()).await;
    assert_eq!(after.expect("the host goes on").len(), 1);
    result
}

async fn failure(imports: &str, extra: &str, body: &str) -> PluginError {
    let error = scan(scanner(imports, extra, body), change())
        .await
        .expect_err("it misbehaves");
    assert_eq!(error.plugin(), Some("hostile"));
    assert!(
        error.to_string().contains("sortie:scanner/scan#scan"),
        "the export is named: {error}"
    );
    error
}

#[tokio::test]
async fn a_trap() {
    let error = failure("", "", "unreachable").await;
    let PluginError::Trap {
        reason, backtrace, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert!(reason.contains("unreachable"), "{reason}");
    assert!(
        !backtrace.is_empty() && backtrace.len() <= 5,
        "{backtrace:?}"
    );
}

#[tokio::test]
async fn an_endless_loop() {
    let error = failure("", "", "(loop $l (br $l)) unreachable").await;
    assert!(
        matches!(error, PluginError::CpuTimeout { limit_ms: 50, .. }),
        "{error:?}"
    );
}

/// One thread: were the loop not interrupted, nothing else would run.
#[tokio::test(flavor = "current_thread")]
async fn a_loop_lets_others_run() {
    let plugins = plugins();
    let wasm = scanner("", "", "(loop $l (br $l)) unreachable");
    plugins
        .load("hostile", wasm, serde_json::Value::Null)
        .await
        .expect("it loads");
    plugins
        .load("honest", honest("severe"), serde_json::Value::Null)
        .await
        .expect("it loads");
    let looping = tokio::spawn({
        let plugins = plugins.clone();
        async move { plugins.scan("hostile", change()).await }
    });
    // Lets the loop begin.
    tokio::task::yield_now().await;
    plugins
        .scan("honest", change())
        .await
        .expect("it runs beside the loop");
    assert!(!looping.is_finished(), "the honest one was first");
    let error = looping.await.expect("no panic").expect_err("it loops");
    assert!(matches!(error, PluginError::CpuTimeout { .. }), "{error:?}");
}

#[tokio::test]
async fn deep_recursion() {
    let error = failure(
        "",
        "(func $down (call $down))",
        "(call $down) (i32.const 1024)",
    )
    .await;
    let PluginError::Trap { reason, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(reason.contains("stack"), "{reason}");
}

#[tokio::test]
async fn memory_without_end() {
    let body = "(loop $more
          (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        unreachable";
    let error = failure("", "", body).await;
    assert!(
        matches!(error, PluginError::MemoryLimit { limit, .. } if limit == 4 << 20),
        "{error:?}"
    );
}

/// A guest that makes do with what it got is no failure.
#[tokio::test]
async fn memory_that_is_denied_may_be_survived() {
    let body = "(drop (memory.grow (i32.const 1000)))
        (call $drop (local.get $change)) (i32.const 1024)";
    let found = scan(scanner(CHANGE, "", body), change()).await;
    assert_eq!(found.expect("it goes on"), []);
}

#[tokio::test]
async fn tables_without_end() {
    let body = "(loop $more
          (br_if $more (i32.ne
            (table.grow $t (ref.null func) (i32.const 100)) (i32.const -1))))
        unreachable";
    let error = failure("", "(table $t 0 funcref)", body).await;
    assert!(
        matches!(error, PluginError::TableLimit { limit: 1_000, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_flood_of_log_lines() {
    let body = "(loop $more
          (call $log (i32.const 1) (i32.const 128) (i32.const 6)) (br $more))
        unreachable";
    let error = failure(LOG, "", body).await;
    assert!(
        matches!(error, PluginError::LogLimit { limit: 10, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("log-limit"));
}

#[tokio::test]
async fn a_flood_of_host_calls() {
    let body = "(loop $more
          (call $files (local.get $change) (i32.const 4096)) (br $more))
        unreachable";
    let error = failure(CHANGE, "", body).await;
    assert!(
        matches!(error, PluginError::HostCallLimit { limit: 100, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_string_too_large_for_one_call() {
    let body = "(drop (memory.grow (i32.const 20)))
        (call $log (i32.const 1) (i32.const 0) (i32.const 1200000)) (i32.const 1024)";
    let error = failure(LOG, "", body).await;
    assert!(
        matches!(error, PluginError::ResultLimit { .. }),
        "{error:?}"
    );
}

/// A list of findings that all share one text: small in the guest, and many
/// times that in the host.
#[tokio::test]
async fn findings_that_multiply() {
    let body = "
        (local $n i32)
        (loop $more
          (memory.copy
            (i32.add (i32.const 8192) (i32.mul (local.get $n) (i32.const 48)))
            (i32.const 2048) (i32.const 48))
          (i32.store
            (i32.add (i32.const 8224) (i32.mul (local.get $n) (i32.const 48)))
            (i32.const 65536))
          (i32.store
            (i32.add (i32.const 8228) (i32.mul (local.get $n) (i32.const 48)))
            (i32.const 60000))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $n) (i32.const 900))))
        (i32.store (i32.const 2040) (i32.const 8192))
        (i32.store (i32.const 2044) (i32.const 900))
        (call $drop (local.get $change))
        (i32.const 2040)";
    let error = failure(CHANGE, FINDING, body).await;
    assert!(
        matches!(error, PluginError::ResultLimit { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn too_many_findings() {
    let body = "
        (local $n i32)
        (loop $more
          (memory.copy
            (i32.add (i32.const 8192) (i32.mul (local.get $n) (i32.const 48)))
            (i32.const 2048) (i32.const 48))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $n) (i32.const 1001))))
        (i32.store (i32.const 2040) (i32.const 8192))
        (i32.store (i32.const 2044) (i32.const 1001))
        (call $drop (local.get $change))
        (i32.const 2040)";
    let error = failure(CHANGE, FINDING, body).await;
    let PluginError::ResultLimit { reason, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(
        reason.contains("1001") && reason.contains("1000"),
        "{reason}"
    );
}

/// Answers whose bytes, or whose sense, are wrong: one byte of the honest
/// finding is another.
#[tokio::test]
async fn nonsense() {
    for (what, patch) in [
        (
            "a severity that is none",
            "(i32.store8 (i32.const 2056) (i32.const 9))",
        ),
        (
            "a side that is none",
            "(i32.store8 (i32.const 2076) (i32.const 9))",
        ),
        (
            "a place that is neither there nor not",
            "(i32.store8 (i32.const 2060) (i32.const 2))",
        ),
        (
            "a text outside of memory",
            "(i32.store (i32.const 2080) (i32.const -16))",
        ),
        (
            "a text that is not UTF-8",
            "(i32.store8 (i32.const 128) (i32.const 255))",
        ),
        (
            "a rule that is none",
            "(i32.store (i32.const 2048) (i32.const 97))",
        ),
        (
            "a file that is not in the change",
            "(i32.store8 (i32.const 112) (i32.const 83))",
        ),
        ("line 0", "(i32.store (i32.const 2072) (i32.const 0))"),
    ] {
        let body = format!("{patch} (call $drop (local.get $change)) (i32.const 2040)");
        let error = failure(CHANGE, FINDING, &body).await;
        assert!(
            matches!(error, PluginError::Nonsense { .. }),
            "{what}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_handle_that_is_kept() {
    let error = failure("", "", "(i32.const 1024)").await;
    assert!(matches!(error, PluginError::Nonsense { .. }), "{error:?}");
}

#[tokio::test]
async fn long_texts_are_cut() {
    let body = "
        (memory.fill (i32.const 8192) (i32.const 120) (i32.const 5000))
        (i32.store (i32.const 2080) (i32.const 8192))
        (i32.store (i32.const 2084) (i32.const 5000))
        (i32.store (i32.const 2088) (i32.const 8192))
        (i32.store (i32.const 2092) (i32.const 5000))
        (call $drop (local.get $change))
        (i32.const 2040)";
    let found = scan(scanner(CHANGE, FINDING, body), change())
        .await
        .expect("it is no failure");
    assert_eq!(found[0].message.len(), 1_000);
    assert_eq!(found[0].evidence.len(), 4_000);
}

const READS: &str = "(call $hunks (local.get $change) (i32.const 0) (i32.const 4096))
    (call $drop (local.get $change)) (i32.const 1024)";

#[tokio::test]
async fn a_read_that_fails_ends_the_scan() {
    let broken = reading(|| Err(DiffError::Source("the object is missing".into())));
    let error = scan(scanner(CHANGE, "", READS), broken)
        .await
        .expect_err("half a change is not judged");
    let PluginError::HostRead { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(source.to_string().contains("the object is missing"));
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_file_that_is_not_there() {
    let body = "(call $hunks (local.get $change) (i32.const 9) (i32.const 4096)) (i32.const 1024)";
    let error = failure(CHANGE, "", body).await;
    assert!(
        matches!(
            error,
            PluginError::HostRead {
                source: DiffError::NoSuchFile { index: 9, files: 1 },
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_reader_that_panics() {
    let broken = reading(|| panic!("a bug in the host"));
    let error = scan(scanner(CHANGE, "", READS), broken)
        .await
        .expect_err("nothing was read");
    assert!(matches!(error, PluginError::HostRead { .. }), "{error:?}");
}

#[tokio::test]
async fn a_host_that_never_answers() {
    let gate = Arc::new(Gate::default());
    let (stuck, _) = gate.guard();
    let plugins = Plugins::new(PluginOptions {
        limits: Limits {
            wall_ms: 50,
            ..Limits::default()
        },
        ..PluginOptions::default()
    })
    .expect("wasmtime runs here");
    plugins
        .load(
            "reader",
            scanner(CHANGE, "", READS),
            serde_json::Value::Null,
        )
        .await
        .expect("it loads");
    let error = plugins.scan("reader", stuck).await.expect_err("it waits");
    gate.open();
    assert!(
        matches!(error, PluginError::WallTimeout { limit_ms: 50, .. }),
        "{error:?}"
    );
}

/// Work of the host for a guest, longer than the guest may take itself.
#[tokio::test]
async fn the_host_is_not_billed_to_the_guest() {
    use nix::time::{ClockId, clock_gettime};
    let cpu_ms = || {
        let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has it");
        now.tv_sec() * 1_000 + now.tv_nsec() / 1_000_000
    };
    let slow = reading(move || {
        let start = cpu_ms();
        while cpu_ms() - start < 150 {
            std::hint::black_box(start);
        }
        Ok(())
    });
    let found = scan(scanner(CHANGE, "", READS), slow).await;
    assert_eq!(found.expect("50 ms were enough for the guest"), []);
}

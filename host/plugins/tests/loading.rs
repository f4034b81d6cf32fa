//! What is refused before any guest code runs, and with which words.

use serde_json::{Value, json};
use sortie_model::surface::Surface;
use sortie_plugins::{MAX_COMPONENT_BYTES, PluginError, PluginOptions, Plugins};

use crate::{
    changes::change,
    guests::{CHANGE, component, honest, idle, scanner_wat},
};

fn plugins() -> Plugins {
    Plugins::new(PluginOptions::default()).expect("wasmtime runs here")
}

async fn refusal(wasm: Vec<u8>) -> PluginError {
    let plugins = plugins();
    let error = plugins
        .load("new", wasm, Value::Null)
        .await
        .expect_err("it is refused");
    assert_eq!(error.plugin(), Some("new"));
    assert!(plugins.list().is_empty(), "nothing is loaded");
    error
}

#[tokio::test]
async fn garbage() {
    for bytes in [&b""[..], b"\0asm", b"#!/bin/sh\nexit 0\n", b"(component)\n"] {
        let error = refusal(bytes.to_vec()).await;
        assert!(
            matches!(error, PluginError::NotAComponent { .. }),
            "{error:?}"
        );
    }
    let mut cut = idle();
    cut.truncate(cut.len() / 2);
    let error = refusal(cut).await;
    assert!(
        matches!(error, PluginError::NotAComponent { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_core_module() {
    let error = refusal(wat::parse_str("(module)").expect("valid")).await;
    assert!(matches!(error, PluginError::CoreModule { .. }), "{error:?}");
    assert!(error.to_string().contains("wasm-tools component new"));
}

#[tokio::test]
async fn a_component_that_is_too_large() {
    let error = refusal(vec![0; MAX_COMPONENT_BYTES + 1]).await;
    assert!(matches!(error, PluginError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn a_component_without_a_surface() {
    let error = refusal(wat::parse_str("(component)").expect("valid")).await;
    let PluginError::WrongWorld { export, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(export.contains("sortie:scanner/scan"), "{export}");
}

#[tokio::test]
async fn another_version() {
    let wit = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../wit/workflow/workflow.wit"
    ))
    .expect("the WIT is there")
    .replace("sortie:workflow@0.1.0", "sortie:workflow@0.2.0");
    let wat = r#"(module (memory (export "memory") 1)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
      (func (export "sortie:workflow/workflow@0.2.0#describe") (result i32) unreachable)
      (func (export "sortie:workflow/workflow@0.2.0#advance") (param i32) (result i32) unreachable))"#;
    let error = refusal(component(&["host"], &[&wit], "job-workflow", wat)).await;
    let PluginError::WrongVersion {
        interface,
        wanted,
        found,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        (interface.as_str(), wanted.as_str(), found.as_str()),
        ("sortie:workflow/workflow", "0.1.x", "0.2.0")
    );
}

/// A later 0.1 links: its functions are only added.
#[tokio::test]
async fn a_later_patch_version_runs() {
    let wit = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../wit/scanner/scanner.wit"
    ))
    .expect("the WIT is there")
    .replace("sortie:scanner@0.1.0", "sortie:scanner@0.1.7");
    let wat = scanner_wat(
        CHANGE,
        "",
        "(call $drop (local.get $change)) (i32.const 1024)",
    )
    .replace("change@0.1.0", "change@0.1.7")
    .replace("scan@0.1.0", "scan@0.1.7");
    let plugins = plugins();
    let info = plugins
        .load(
            "later",
            component(&["host"], &[&wit], "scanner", &wat),
            Value::Null,
        )
        .await
        .expect("it loads");
    assert_eq!(info.surfaces[0].version, "0.1.7");
    let found = plugins.scan("later", change()).await;
    assert_eq!(found.expect("it runs"), []);
}

#[tokio::test]
async fn an_import_nobody_offers() {
    let wit = "package test:guest;
        interface secrets { read: func() -> u32; }
        world w { import secrets; import sortie:scanner/change@0.1.0; export sortie:scanner/scan@0.1.0; }";
    let imports = r#"(import "test:guest/secrets" "read" (func $read (result i32)))"#;
    let wat = scanner_wat(imports, "", "(call $read)");
    let error = refusal(component(&["host", "scanner"], &[wit], "w", &wat)).await;
    let PluginError::UndeclaredImport { import, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(import, "test:guest/secrets");
}

/// A budget may not log: the import of another surface is not for it.
#[tokio::test]
async fn an_import_of_another_surface() {
    let wit = "package test:guest;
        world w { import sortie:host/log@0.1.0; export sortie:budget/budget@0.1.0; }";
    let wat = r#"(module
      (import "sortie:host/log@0.1.0" "write" (func $log (param i32 i32 i32)))
      (memory (export "memory") 1)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
      (func (export "sortie:budget/budget@0.1.0#profiles") (result i32)
        (call $log (i32.const 0) (i32.const 0) (i32.const 0)) unreachable)
      (func (export "sortie:budget/budget@0.1.0#resolve")
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
      (func (export "sortie:budget/budget@0.1.0#evaluate")
        (param i32 i64 i64 i32 i64 i64 i32 i64) (result i32) unreachable))"#;
    let error = refusal(component(&["host", "budget"], &[wit], "w", wat)).await;
    let PluginError::UndeclaredImport { import, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(import, "sortie:host/log@0.1.0");
}

#[tokio::test]
async fn http_is_refused_with_advice() {
    let http = "package wasi:http@0.2.0; interface outgoing-handler { handle: func(); }";
    let wit = "package test:guest;
        world w { import wasi:http/outgoing-handler@0.2.0; import sortie:scanner/change@0.1.0; export sortie:scanner/scan@0.1.0; }";
    let imports = r#"(import "wasi:http/outgoing-handler@0.2.0" "handle" (func $handle))"#;
    let wat = scanner_wat(imports, "", "(call $handle) (i32.const 1024)");
    let error = refusal(component(&["host", "scanner"], &[http, wit], "w", &wat)).await;
    assert!(error.to_string().contains("no network"), "{error}");
}

/// The name is right and the type is not.
#[tokio::test]
async fn an_export_of_another_shape() {
    let wit = "package sortie:workflow@0.1.0;
        interface workflow { describe: func() -> u32; advance: func(); }
        world w { export workflow; }";
    let wat = r#"(module
      (func (export "sortie:workflow/workflow@0.1.0#describe") (result i32) unreachable)
      (func (export "sortie:workflow/workflow@0.1.0#advance") unreachable))"#;
    let plugins = plugins();
    plugins
        .load("new", component(&[], &[wit], "w", wat), Value::Null)
        .await
        .expect("its names are right");
    let error = plugins
        .workflow_describe("new")
        .await
        .expect_err("its types are not");
    assert!(matches!(error, PluginError::WrongWorld { .. }), "{error:?}");
    assert!(error.to_string().contains("shape"), "{error}");
}

/// An interface that lacks one of its functions.
#[tokio::test]
async fn a_missing_function() {
    let wit = "package sortie:workflow@0.1.0;
        interface workflow { describe: func() -> u32; }
        world w { export workflow; }";
    let wat = r#"(module
      (func (export "sortie:workflow/workflow@0.1.0#describe") (result i32) unreachable))"#;
    let error = refusal(component(&[], &[wit], "w", wat)).await;
    let PluginError::WrongWorld { reason, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(reason.contains("advance"), "{reason}");
}

/// More memory at the start than a slot of the pool has.
#[tokio::test]
async fn a_component_that_no_slot_holds() {
    let wat = scanner_wat(
        CHANGE,
        "",
        "(call $drop (local.get $change)) (i32.const 1024)",
    )
    .replace(
        r#"(memory (export "memory") 3)"#,
        r#"(memory (export "memory") 30000)"#,
    );
    let error = refusal(component(&["host", "scanner"], &[], "scanner", &wat)).await;
    assert!(matches!(error, PluginError::DoesNotFit { .. }), "{error:?}");
}

#[tokio::test]
async fn the_wrong_surface() {
    let plugins = plugins();
    let info = plugins
        .load("scanner", idle(), Value::Null)
        .await
        .expect("it loads");
    assert_eq!(info.surfaces.len(), 1);
    assert_eq!(info.surfaces[0].surface, Surface::Scanner);
    let error = plugins
        .workflow_describe("scanner")
        .await
        .expect_err("it is no workflow");
    let PluginError::WrongWorld { export, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(export, "sortie:workflow/workflow");
    let error = plugins.scan("nobody", change()).await.expect_err("unknown");
    assert!(
        matches!(error, PluginError::NotInstalled { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn names_and_configurations() {
    let plugins = plugins();
    for name in ["", "Upper", "1st", "a/b", "a b", &"a".repeat(65)] {
        let error = plugins.load(name, idle(), Value::Null).await;
        assert!(
            matches!(error, Err(PluginError::BadName { .. })),
            "{name:?}"
        );
    }
    for config in [json!([]), json!("x"), json!({ "a": "b".repeat(2 << 20) })] {
        let error = plugins.load("new", idle(), config).await;
        assert!(matches!(error, Err(PluginError::BadConfig { .. })));
    }
}

/// A plugin that is refused does not take the place of one that runs.
#[tokio::test]
async fn a_refused_plugin_changes_nothing() {
    let plugins = plugins();
    let before = plugins
        .load("scanner", honest("severe"), Value::Null)
        .await
        .expect("it loads");
    plugins
        .load("scanner", b"garbage".to_vec(), Value::Null)
        .await
        .expect_err("it is refused");
    assert_eq!(plugins.get("scanner"), Some(before));
    let found = plugins.scan("scanner", change()).await.expect("it runs");
    assert_eq!(found[0].message, "severe");
    assert!(plugins.remove("scanner"));
    assert!(!plugins.remove("scanner"));
    assert_eq!(plugins.get("scanner"), None);
}

//! Parsers of agent output: they live long, have a pool of their own, and are
//! gone after a failure.

use std::time::Duration;

use serde_json::Value;
use sortie_plugins::{
    Limits, PluginError, PluginOptions, Plugins,
    surfaces::agent::{Ending, Exit, Stream},
};

use crate::guests::component;

/// A parser that grows by a page with every push, and traps when a push
/// begins with `T`.
fn growing() -> Vec<u8> {
    let wat = r#"(module
      (import "[export]sortie:agent/agent@0.1.0" "[resource-new]parser"
        (func $new (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func (export "sortie:agent/agent@0.1.0#[constructor]parser") (result i32)
        (call $new (i32.const 1)))
      (func (export "sortie:agent/agent@0.1.0#[method]parser.push")
        (param $self i32) (param $source i32) (param $at i32) (param $len i32) (result i32)
        (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 84)) (then unreachable))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
        (i32.const 16))
      (func (export "sortie:agent/agent@0.1.0#[method]parser.finish")
        (param i32 i32 i32 i32) (result i32) (i32.const 32))
      (func (export "sortie:agent/agent@0.1.0#plan")
        (param i32) (result i32)
        unreachable))"#;
    component(&["host", "agent"], &[], "coding-agent", wat)
}

async fn plugins() -> Plugins {
    let plugins = Plugins::new(PluginOptions {
        concurrent_parsers: 1,
        queue_wait: Duration::from_millis(20),
        limits: Limits {
            memory_bytes: 10 * 65_536,
            ..Limits::default()
        },
        ..PluginOptions::default()
    })
    .expect("wasmtime runs here");
    plugins
        .load("agent", growing(), Value::Null)
        .await
        .expect("it loads");
    plugins
}

#[tokio::test]
async fn memory_is_bounded_over_the_whole_life() {
    let plugins = plugins().await;
    let mut parser = plugins.agent_parser("agent").await.expect("it starts");
    for _ in 0..9 {
        assert_eq!(parser.push(Stream::Stdout, b"x").await.expect("room"), []);
    }
    let error = parser.push(Stream::Stdout, b"x").await.expect_err("full");
    assert!(
        matches!(error, PluginError::MemoryLimit { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("parser.push"), "{error}");
}

#[tokio::test]
async fn a_failed_parser_stays_failed() {
    let plugins = plugins().await;
    let mut parser = plugins.agent_parser("agent").await.expect("it starts");
    let error = parser.push(Stream::Stderr, b"T").await.expect_err("a trap");
    assert!(matches!(error, PluginError::Trap { .. }), "{error:?}");
    let error = parser.push(Stream::Stdout, b"x").await.expect_err("gone");
    assert!(matches!(error, PluginError::ParserGone { .. }), "{error:?}");
    let error = parser.finish(Exit::Code(0)).await.expect_err("gone");
    assert!(matches!(error, PluginError::ParserGone { .. }), "{error:?}");
}

#[tokio::test]
async fn parsers_have_slots_of_their_own() {
    let plugins = plugins().await;
    let first = plugins.agent_parser("agent").await.expect("it starts");
    let error = plugins.agent_parser("agent").await.expect_err("no slot");
    assert!(matches!(error, PluginError::Busy { .. }), "{error:?}");
    let end = first.finish(Exit::Code(0)).await.expect("it ends");
    assert_eq!(end.ending, Ending::Completed);
    plugins
        .agent_parser("agent")
        .await
        .expect("the slot is free again");
}

/// A long piece of output reaches the guest in pieces: ten pages hold nine of
/// eight kibibytes.
#[tokio::test]
async fn long_output_is_fed_in_pieces() {
    let plugins = plugins().await;
    let mut parser = plugins.agent_parser("agent").await.expect("it starts");
    parser
        .push(Stream::Stdout, &[b'x'; 9 * 8_192])
        .await
        .expect("nine pieces");
    let error = parser.push(Stream::Stdout, b"x").await.expect_err("full");
    assert!(
        matches!(error, PluginError::MemoryLimit { .. }),
        "{error:?}"
    );
}

//! Connectors and what stands behind their imports: what they ask for reaches
//! the caller, within bounds, and nothing else does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use sortie_plugins::{
    PluginError, PluginOptions, Plugins,
    outside::{
        Http, HttpError, HttpRequest, HttpResponse, JobsError, KvError, MAX_HTTP_CALLS, Outside,
        Submission,
    },
    surfaces::connector::{Event, Payload, Reply},
};

use crate::guests::{connector, scanner};

/// Writes down what it is asked for.
#[derive(Clone, Default)]
struct Recorder {
    kept: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    submitted: Arc<Mutex<Vec<Submission>>>,
    requests: Arc<Mutex<Vec<HttpRequest>>>,
}

#[async_trait]
impl Outside for Recorder {
    fn http(&self) -> Option<Arc<dyn Http>> {
        Some(Arc::new(self.clone()))
    }

    async fn submit(&mut self, job: Submission) -> Result<u64, JobsError> {
        let mut submitted = self.submitted.lock().expect("no panic");
        submitted.push(job);
        Ok(submitted.len() as u64)
    }

    async fn kv_put(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), KvError> {
        let mut kept = self.kept.lock().expect("no panic");
        match value {
            Some(value) => kept.insert(key, value),
            None => kept.remove(&key),
        };
        Ok(())
    }

    async fn kv_get(&mut self, _: String) -> Result<Option<Vec<u8>>, String> {
        Err("the disk is gone".into())
    }
}

#[async_trait]
impl Http for Recorder {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.requests.lock().expect("no panic").push(request);
        Err(HttpError::TimedOut)
    }
}

fn tick() -> Event {
    Event {
        id: 1,
        source: "nightly".into(),
        received_at_ms: 1,
        attempt: 1,
        sender: None,
        payload: Payload::Tick {
            due_at_ms: 1,
            missed: 0,
        },
    }
}

async fn receive(wasm: Vec<u8>, outside: Recorder) -> Result<Option<Reply>, PluginError> {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    plugins
        .load("hook", wasm, serde_json::Value::Null)
        .await
        .expect("it loads");
    let turn = plugins.turn("hook").await.expect("it is there");
    plugins
        .receive("hook", &turn, tick(), Box::new(outside))
        .await
}

const KV: &str = r#"
  (import "sortie:host/kv@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))
  (import "sortie:host/kv@0.1.0" "get" (func $get (param i32 i32 i32)))
"#;

/// The request `GET rrrr` at 4096: a method, a URL, no headers, no body.
const REQUEST: &str = r#"
  (import "sortie:host/http@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
"#;
const SEND: &str = "(call $send (i32.const 96) (i32.const 1) (i32.const 128) (i32.const 6)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 4096))";

#[tokio::test]
async fn an_event_is_handled_and_its_effects_reach_the_caller() {
    let outside = Recorder::default();
    let body = "(call $set (i32.const 96) (i32.const 1) (i32.const 128) (i32.const 6)
                  (i32.const 4096))
                (i32.const 1024)";
    let reply = receive(connector(KV, "", body), outside.clone()).await;
    assert_eq!(reply.expect("it is handled"), None);
    let kept = outside.kept.lock().expect("no panic");
    assert_eq!(kept.get("r").map(Vec::as_slice), Some(&b"severe"[..]));
}

#[tokio::test]
async fn a_connector_that_says_no_is_refused_with_its_words() {
    let error = receive(connector("", "", "(i32.const 1040)"), Recorder::default())
        .await
        .expect_err("it says no");
    assert!(
        matches!(&error, PluginError::Refused { reason, .. } if reason == "severe"),
        "{error}"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_trap_after_an_effect_is_an_error() {
    let body = "(call $set (i32.const 96) (i32.const 1) (i32.const 128) (i32.const 6)
                  (i32.const 4096))
                unreachable";
    let error = receive(connector(KV, "", body), Recorder::default())
        .await
        .expect_err("it traps");
    assert!(matches!(error, PluginError::Trap { .. }), "{error}");
}

#[tokio::test]
async fn a_host_that_cannot_read_ends_the_call_and_says_why() {
    let body = "(call $get (i32.const 96) (i32.const 1) (i32.const 4096)) (i32.const 1024)";
    let error = receive(connector(KV, "", body), Recorder::default())
        .await
        .expect_err("the store fails");
    assert!(
        matches!(&error, PluginError::HostFailed { reason, .. } if reason == "the disk is gone"),
        "{error}"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn requests_over_the_bound_of_a_call_are_not_sent() {
    let outside = Recorder::default();
    let many = MAX_HTTP_CALLS + 5;
    let body = format!(
        "(local $n i32)
         (loop $again
           {SEND}
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $n) (i32.const {many}))))
         (i32.const 1024)"
    );
    receive(connector(REQUEST, "", &body), outside.clone())
        .await
        .expect("an error of one request is the guest's to handle");
    let sent = outside.requests.lock().expect("no panic");
    assert_eq!(sent.len(), MAX_HTTP_CALLS as usize);
    assert_eq!((&*sent[0].method, &*sent[0].url), ("r", "severe"));
}

#[tokio::test]
async fn a_pure_plugin_may_not_import_effects() {
    let wasm = {
        // The world of scanners has no kv; this one claims both packages.
        let wit = "package test:both@0.1.0;
            world both {
              import sortie:host/kv@0.1.0;
              import sortie:scanner/change@0.1.0;
              export sortie:scanner/scan@0.1.0;
            }";
        let module = crate::guests::scanner_wat(KV, "", "(i32.const 1024)");
        crate::guests::component(&["host", "scanner"], &[wit], "both", &module)
    };
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    let error = plugins
        .load("sly", wasm, serde_json::Value::Null)
        .await
        .expect_err("kv is for connectors and notifiers");
    assert!(
        matches!(&error, PluginError::UndeclaredImport { import, .. } if import.contains("kv")),
        "{error}"
    );
    // The same scanner without it loads.
    plugins
        .load(
            "sly",
            scanner("", "", "(i32.const 1024)"),
            serde_json::Value::Null,
        )
        .await
        .expect("it loads");
}

#[tokio::test]
async fn calls_of_a_plugin_with_kv_take_turns() {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    for (name, wasm) in [
        ("with", connector(KV, "", "(i32.const 1024)")),
        ("without", connector("", "", "(i32.const 1024)")),
    ] {
        plugins
            .load(name, wasm, serde_json::Value::Null)
            .await
            .expect("it loads");
    }
    let first = plugins.turn("with").await.expect("it is there");
    let second = plugins.turn("with");
    let mut second = std::pin::pin!(second);
    assert!(
        futures::poll!(second.as_mut()).is_pending(),
        "the second waits"
    );
    let free = plugins.turn("without").await.expect("it is there");
    let also_free = plugins.turn("without").await.expect("it is there");
    drop((first, free, also_free));
    second.await.expect("then it is its turn");
}

//! Many calls at once, and plugins that change under them.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use sortie_plugins::{PluginError, PluginOptions, Plugins};

use crate::{
    changes::{Gate, change},
    guests::honest,
};

fn plugins(concurrent_calls: u32, queue_wait: Duration) -> Plugins {
    Plugins::new(PluginOptions {
        concurrent_calls,
        concurrent_parsers: 1,
        queue_wait,
        ..PluginOptions::default()
    })
    .expect("wasmtime runs here")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_queue_when_the_pool_is_full() {
    let plugins = plugins(4, Duration::from_secs(60));
    plugins
        .load("scanner", honest("severe"), Value::Null)
        .await
        .expect("it loads");
    plugins.rules("scanner").await.expect("it has rules");
    let gate = Arc::new(Gate::default());
    let (held, arrivals) = gate.guard();
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let (plugins, held) = (plugins.clone(), Arc::clone(&held));
            tokio::spawn(async move { plugins.scan("scanner", held).await })
        })
        .collect();
    let arrivals = tokio::task::spawn_blocking(move || {
        for _ in 0..4 {
            arrivals.recv().expect("four are let in");
        }
        arrivals
    })
    .await
    .expect("no panic");
    assert!(calls.iter().all(|call| !call.is_finished()));
    gate.open();
    for call in calls {
        let found = call.await.expect("no panic").expect("each has its turn");
        assert_eq!(found.len(), 1);
    }
    assert_eq!(gate.most(), 4);
    assert_eq!(arrivals.iter().take(60).count(), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_too_long_is_an_error() {
    let plugins = plugins(1, Duration::from_millis(20));
    plugins
        .load("scanner", honest("severe"), Value::Null)
        .await
        .expect("it loads");
    plugins.rules("scanner").await.expect("it has rules");
    let gate = Arc::new(Gate::default());
    let (held, arrivals) = gate.guard();
    let first = tokio::spawn({
        let plugins = plugins.clone();
        async move { plugins.scan("scanner", held).await }
    });
    tokio::task::spawn_blocking(move || arrivals.recv())
        .await
        .expect("no panic")
        .expect("the first is in");
    let error = plugins
        .scan("scanner", change())
        .await
        .expect_err("there is no slot");
    gate.open();
    assert!(
        matches!(error, PluginError::Busy { waited_ms: 20, .. }),
        "{error:?}"
    );
    assert!(error.is_transient());
    first.await.expect("no panic").expect("the first ends well");
    plugins
        .scan("scanner", change())
        .await
        .expect("now there is a slot");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_leaves_calls_under_way_alone() {
    let plugins = plugins(4, Duration::from_secs(60));
    let old = plugins
        .load("scanner", honest("old--1"), Value::Null)
        .await
        .expect("it loads");
    let gate = Arc::new(Gate::default());
    let (held, arrivals) = gate.guard();
    let under_way = tokio::spawn({
        let plugins = plugins.clone();
        async move { plugins.scan("scanner", held).await }
    });
    tokio::task::spawn_blocking(move || arrivals.recv())
        .await
        .expect("no panic")
        .expect("the call is under way");

    let new = plugins
        .load("scanner", honest("new--2"), Value::Null)
        .await
        .expect("it loads");
    assert_ne!(old.digest, new.digest);
    let found = plugins.scan("scanner", change()).await.expect("it runs");
    assert_eq!(found[0].message, "new--2");

    gate.open();
    let found = under_way.await.expect("no panic").expect("it finishes");
    assert_eq!(found[0].message, "old--1");
}

/// A caller that goes away gives its slot back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_call_frees_its_slot() {
    let plugins = plugins(1, Duration::from_secs(60));
    plugins
        .load("scanner", honest("severe"), Value::Null)
        .await
        .expect("it loads");
    let gate = Arc::new(Gate::default());
    let (held, arrivals) = gate.guard();
    let call = tokio::spawn({
        let plugins = plugins.clone();
        async move { plugins.scan("scanner", held).await }
    });
    tokio::task::spawn_blocking(move || arrivals.recv())
        .await
        .expect("no panic")
        .expect("the call is under way");
    call.abort();
    assert!(call.await.expect_err("it was aborted").is_cancelled());
    let found = plugins.scan("scanner", change()).await;
    gate.open();
    assert_eq!(found.expect("the slot is free").len(), 1);
}

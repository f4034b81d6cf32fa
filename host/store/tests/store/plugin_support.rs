//! What the tests about plugins share: plugins, events and calls in short.

use crate::support::{Home, new_job};
use serde_json::json;
use sortie_model::id::{EventSeq, PluginEventId};
use sortie_store::{
    CallCause, CallCommit, Committed, DeliveryKey, DueEvent, Effect, Job, NewPlugin,
    NewPluginEvent, PluginEvent, PluginEventFilter, Store,
};
use std::collections::BTreeMap;

pub const HOOK: &str = "webhook";

pub fn plugin(name: &str, version: &str, digit: char) -> NewPlugin {
    NewPlugin {
        name: name.into(),
        version: version.into(),
        digest: digit.to_string().repeat(64),
        source: format!("./{name}.wasm"),
        signature: None,
        signed_by: None,
        manifest: json!({ "name": name, "version": version }),
        replaces_shipped: None,
    }
}

pub fn key(name: &str) -> DeliveryKey {
    let mut hash = [0; 32];
    hash[..name.len()].copy_from_slice(name.as_bytes());
    DeliveryKey {
        hash,
        window_ms: None,
    }
}

/// An event of the source `hook`, delivered under that name.
pub async fn event(store: &Store, delivery: &str) -> NewPluginEvent {
    event_of(store.reserve_event_id().await.unwrap(), delivery)
}

pub fn event_of(id: PluginEventId, delivery: &str) -> NewPluginEvent {
    NewPluginEvent {
        id,
        plugin: HOOK.into(),
        source: "hook".into(),
        in_line: true,
        delivery: Some(key(delivery)),
        sender: Some(json!({ "id": "ann" })),
        payload: delivery.as_bytes().to_vec(),
        cursor: None,
        seen: None,
    }
}

/// An event that waits.
pub async fn waiting(store: &Store, delivery: &str) -> PluginEventId {
    let new = event(store, delivery).await;
    let id = new.id;
    store.accept_event(new).await.unwrap();
    id
}

pub fn call(cause: CallCause, effects: Vec<Effect>) -> CallCommit {
    CallCommit {
        plugin: HOOK.into(),
        cause,
        actor: "ann".into(),
        via: "plugin:webhook".into(),
        kv_max_bytes: 1_000,
        button: None,
        effects,
    }
}

pub fn of(id: PluginEventId, attempt: u32) -> CallCause {
    CallCause::Event { id, attempt }
}

pub fn set(key: &str, value: &str) -> Effect {
    Effect::KvSet {
        key: key.into(),
        value: value.into(),
    }
}

/// The submission of a job under a number of its own.
pub async fn submission(store: &Store) -> Effect {
    Effect::Submit {
        id: store.reserve_job_id().await.unwrap(),
        job: Box::new(new_job("alpha", "from a hook")),
    }
}

pub async fn done(store: &Store, call: CallCommit) -> Vec<Job> {
    match store.commit_call(call).await.unwrap() {
        Committed::Done { jobs } => jobs,
        duplicate => panic!("{duplicate:?}"),
    }
}

pub async fn due_ids(store: &Store) -> Vec<u64> {
    let due = store.due_events(HOOK, 100).await.unwrap();
    due.into_iter().map(|event: DueEvent| event.id.0).collect()
}

pub async fn listed(store: &Store) -> Vec<PluginEvent> {
    store
        .plugin_events(PluginEventFilter::default())
        .await
        .unwrap()
}

impl Home {
    /// Has these notifiers told of these kinds.
    pub async fn subscribe(&self, notifiers: &[(&str, &str)]) {
        let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (notifier, kind) in notifiers {
            let of = kinds.entry((*notifier).into()).or_default();
            of.push((*kind).into());
        }
        self.store.put_subscriptions(kinds).await.unwrap();
    }

    pub async fn due_deliveries(&self, notifier: &str) -> Vec<(EventSeq, String)> {
        let due = self.store.deliveries_due(notifier, 100).await.unwrap();
        due.into_iter().map(|due| (due.seq, due.kind)).collect()
    }

    pub async fn actions(&self, subject: &str) -> Vec<String> {
        let filter = sortie_store::AuditFilter {
            subject: Some(subject.into()),
            ..Default::default()
        };
        let log = self.store.audit_log(filter).await.unwrap();
        log.into_iter().rev().map(|row| row.action).collect()
    }
}

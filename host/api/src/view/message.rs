//! What comes in for plugins, what they send, and the log of who changed what,
//! as clients see them.

use super::moment;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sortie_store::{AuditRecord, Delivery, PluginEvent};
use utoipa::ToSchema;

/// An event that came in for a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginEventView {
    /// Its number.
    pub id: u64,
    /// The plugin.
    pub plugin: String,
    /// The source, by its name in the manifest.
    pub source: String,
    /// `pending`, `done`, `parked` or `dropped`.
    #[schema(example = "parked")]
    pub state: String,
    /// Who sent it, as verified; kept until it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Value>,
    /// Size of what it says in bytes; 0 when that is no longer kept.
    pub payload_bytes: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, at the earliest (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub not_before: Option<String>,
    /// Why the last try failed, or why it was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it came in (RFC 3339).
    #[schema(format = DateTime)]
    pub received_at: String,
    /// When it was handled or dropped (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub settled_at: Option<String>,
}

/// A page of events, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginEventList {
    /// The events.
    pub events: Vec<PluginEventView>,
    /// The next page's `before`, when there may be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_before: Option<u64>,
}

/// An event with what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginEventDetail {
    /// What a list shows.
    #[serde(flatten)]
    pub event: PluginEventView,
    /// What it says, with bodies in base64; none when that is no longer kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
}

/// A delivery to a notifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// The notifier.
    pub notifier: String,
    /// The event of the timeline that it tells of.
    pub seq: u64,
    /// The job it is about; null for an event of the host itself.
    pub job: Option<u64>,
    /// The event's kind.
    #[schema(example = "job.succeeded")]
    pub kind: String,
    /// `pending`, `done`, `parked` or `dropped`.
    #[schema(example = "done")]
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, at the earliest (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub not_before: Option<String>,
    /// Why the last try failed, or why it was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the other side calls it, once it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// When it was delivered or dropped (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub settled_at: Option<String>,
}

/// A page of deliveries, of the newest event first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryList {
    /// The deliveries.
    pub deliveries: Vec<DeliveryView>,
    /// The next page's `before`, when there may be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_before: Option<u64>,
}

/// A row of the log of who changed what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditView {
    /// Its number; later ones are greater.
    pub id: u64,
    /// When (RFC 3339).
    #[schema(format = DateTime)]
    pub at: String,
    /// Who: a user's label, or `plugin:` and a plugin's name.
    pub actor: String,
    /// What was done.
    #[schema(example = "plugin.installed")]
    pub action: String,
    /// To what, such as the plugin's name.
    pub subject: String,
    /// What else there is to say; the shape depends on `action`.
    pub detail: Value,
}

/// A page of that log, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditList {
    /// The rows.
    pub entries: Vec<AuditView>,
    /// The next page's `before`, when there may be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_before: Option<u64>,
}

/// A request that is handled later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HookTaken {
    /// The number of the event that it became.
    pub event: u64,
}

/// A request that came before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HookDuplicate {
    /// The number of the event that it repeats.
    pub duplicate: u64,
}

impl From<PluginEvent> for PluginEventView {
    fn from(event: PluginEvent) -> Self {
        Self {
            id: event.id.0,
            plugin: event.plugin,
            source: event.source,
            state: event.state.as_str().to_owned(),
            sender: event.sender,
            payload_bytes: event.payload_bytes,
            attempts: event.attempts,
            not_before: event.not_before.map(moment),
            error: event.error,
            received_at: moment(event.received_at),
            settled_at: event.settled_at.map(moment),
        }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            notifier: delivery.notifier,
            seq: delivery.seq.0,
            job: delivery.job.map(|job| job.0),
            kind: delivery.kind,
            state: delivery.state.as_str().to_owned(),
            attempts: delivery.attempts,
            not_before: delivery.not_before.map(moment),
            error: delivery.error,
            receipt: delivery.receipt,
            settled_at: delivery.settled_at.map(moment),
        }
    }
}

impl From<AuditRecord> for AuditView {
    fn from(record: AuditRecord) -> Self {
        Self {
            id: record.id,
            at: moment(record.at),
            actor: record.actor,
            action: record.action,
            subject: record.subject,
            detail: record.detail,
        }
    }
}

//! The plugin's keys as one call sees them: what is on disk, beneath what the
//! call wrote so far.

use super::Context;
use sortie_plugins::outside::KvError;
use sortie_store::Effect;
use std::collections::BTreeMap;
use std::ops::Bound;

/// What a call wrote; none for a key that it removed.
#[derive(Default)]
pub(super) struct Overlay {
    written: BTreeMap<String, Option<Vec<u8>>>,
    /// Bytes that the plugin keeps, with what was written; none before the
    /// first write.
    bytes: Option<u64>,
}

pub(super) async fn get(context: &Context, key: String) -> Result<Option<Vec<u8>>, String> {
    if let Some(written) = context.kv.written.get(&key) {
        return Ok(written.clone());
    }
    context
        .store
        .kv_get(&context.plugin.name, &key)
        .await
        .map_err(|error| error.to_string())
}

pub(super) async fn put(
    context: &mut Context,
    key: String,
    value: Option<Vec<u8>>,
) -> Result<(), KvError> {
    let other = |error: String| KvError::Other(error);
    let before = get(context, key.clone()).await.map_err(other)?;
    let bytes = match context.kv.bytes {
        Some(bytes) => bytes,
        None => context
            .store
            .kv_bytes(&context.plugin.name)
            .await
            .map_err(|error| other(error.to_string()))?,
    };
    let size = |value: &Option<Vec<u8>>| {
        value
            .as_ref()
            .map_or(0, |value| (key.len() + value.len()) as u64)
    };
    let after = bytes
        .saturating_sub(size(&before))
        .saturating_add(size(&value));
    let quota = context.plugin.kv_bytes();
    if after > quota && after > bytes {
        return Err(KvError::Quota(quota));
    }
    context.kv.bytes = Some(after);
    context.ledger.add(match &value {
        Some(value) => Effect::KvSet {
            key: key.clone(),
            value: value.clone(),
        },
        None => Effect::KvDelete { key: key.clone() },
    });
    context.kv.written.insert(key, value);
    Ok(())
}

pub(super) async fn keys(
    context: &Context,
    prefix: String,
    after: Option<String>,
    limit: u32,
) -> Result<Vec<String>, String> {
    // Each key that this call removed may stand in the way of one on disk.
    let removed = context.kv.written.values().filter(|v| v.is_none()).count();
    let asked = limit.saturating_add(u32::try_from(removed).unwrap_or(u32::MAX));
    let mut found = context
        .store
        .kv_keys(&context.plugin.name, &prefix, after.as_deref(), asked)
        .await
        .map_err(|error| error.to_string())?;
    // Beyond the last key of a full page nothing is known of the disk.
    let full = found.len() >= usize::try_from(asked).unwrap_or(usize::MAX);
    let end = full.then(|| found.last().cloned()).flatten();
    let begin = match &after {
        Some(after) if *after >= prefix => Bound::Excluded(after.clone()),
        _ => Bound::Included(prefix.clone()),
    };
    for (key, value) in context.kv.written.range((begin, Bound::Unbounded)) {
        if !key.starts_with(&prefix) || end.as_ref().is_some_and(|end| key > end) {
            break;
        }
        match (found.binary_search(key), value) {
            (Ok(at), None) => {
                found.remove(at);
            }
            (Err(at), Some(_)) => found.insert(at, key.clone()),
            _ => {}
        }
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

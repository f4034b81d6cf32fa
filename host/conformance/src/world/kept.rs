//! What outlives a call: the keys that a plugin keeps, and the numbers that jobs
//! and messages got last.

use sortie_plugins::outside::KvError;
use std::collections::BTreeMap;

/// What outlives a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(super) kv: BTreeMap<String, Vec<u8>>,
    /// Of keys and values together.
    bytes: u64,
    pub(super) jobs: u64,
    pub(super) messages: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            kv: BTreeMap::new(),
            bytes: 0,
            jobs: 1_000,
            messages: 1_000,
        }
    }
}

impl Kept {
    pub(crate) fn with(kv: BTreeMap<String, Vec<u8>>) -> Self {
        let sizes = kv.iter().map(|(key, value)| size(key, value));
        Self {
            bytes: sizes.sum(),
            kv,
            ..Self::default()
        }
    }

    /// Of keys and values together.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Sets or removes a key unless the quota would be passed.
    pub(super) fn put(
        &mut self,
        key: String,
        value: Option<Vec<u8>>,
        quota: u64,
    ) -> Result<(), KvError> {
        let of = |value: Option<&Vec<u8>>| value.map_or(0, |value| size(&key, value));
        let less = of(self.kv.get(&key));
        let after = self.bytes - less + of(value.as_ref());
        if after > quota && after > self.bytes {
            return Err(KvError::Quota(quota));
        }
        self.bytes = after;
        match value {
            Some(value) => self.kv.insert(key, value),
            None => self.kv.remove(&key),
        };
        Ok(())
    }
}

fn size(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

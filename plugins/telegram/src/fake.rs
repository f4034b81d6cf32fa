//! A host for tests: does what it is told, and keeps what it was told.

use std::collections::BTreeMap;

use crate::bindings::sortie::host::{
    chat::{self, Message, Place},
    job_types::View,
    jobs::{self, Decision, Submission},
};
use crate::world::{Desk, World};

#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) sent: Vec<(Place, Message)>,
    pub(crate) edited: Vec<(u64, Message)>,
    pub(crate) acknowledged: Vec<(String, String)>,
    /// Messages that cannot be edited.
    pub(crate) gone: Vec<u64>,
    pub(crate) kv: BTreeMap<String, Vec<u8>>,
    pub(crate) jobs: BTreeMap<u64, View>,
    pub(crate) submitted: Vec<Submission>,
    pub(crate) cancelled: Vec<u64>,
    pub(crate) decided: Vec<(u64, Decision, String)>,
    /// What a submission is answered.
    pub(crate) refusal: Option<jobs::Error>,
}

impl Fake {
    pub(crate) fn last_text(&self) -> &str {
        &self.sent.last().expect("something was said").1.text
    }
}

/// A job of the project `site`.
pub(crate) fn job(id: u64, state: &str) -> View {
    View {
        id,
        project: "site".into(),
        state: state.into(),
        is_final: state == "succeeded",
        title: "Fix it".into(),
        requested_by: "Ana".into(),
        branch: None,
        asked_commit: None,
        detail: None,
        created_at_ms: 0,
        updated_at_ms: 0,
    }
}

impl Desk for Fake {
    fn send(&mut self, to: &Place, message: &Message) -> Result<u64, chat::Error> {
        self.sent.push((to.clone(), message.clone()));
        Ok(self.sent.len() as u64)
    }

    fn edit(&mut self, number: u64, message: &Message) -> Result<(), chat::Error> {
        if self.gone.contains(&number) || number > self.sent.len() as u64 {
            return Err(chat::Error::NotFound);
        }
        self.edited.push((number, message.clone()));
        Ok(())
    }

    fn acknowledge(&mut self, interaction: &str, text: &str) -> Result<(), chat::Error> {
        self.acknowledged.push((interaction.into(), text.into()));
        Ok(())
    }

    fn value(&mut self, key: &str) -> Option<Vec<u8>> {
        self.kv.get(key).cloned()
    }

    fn keep(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        self.kv.insert(key.into(), value.into());
        Ok(())
    }

    fn forget(&mut self, key: &str) -> Result<(), String> {
        self.kv.remove(key);
        Ok(())
    }

    fn keys(&mut self, prefix: &str) -> Vec<String> {
        let keys = self.kv.keys();
        keys.filter(|key| key.starts_with(prefix))
            .cloned()
            .collect()
    }
}

impl World for Fake {
    /// The same key is the same job.
    fn submit(&mut self, job: &Submission) -> Result<u64, jobs::Error> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let known = self.submitted.iter().position(|old| old == job);
        let index = known.unwrap_or_else(|| {
            self.submitted.push(job.clone());
            self.submitted.len() - 1
        });
        Ok(index as u64 + 1)
    }

    fn cancel(&mut self, job: u64) -> Result<(), jobs::Error> {
        self.cancelled.push(job);
        Ok(())
    }

    fn decide(&mut self, job: u64, decision: Decision, commit: &str) -> Result<(), jobs::Error> {
        self.decided.push((job, decision, commit.into()));
        Ok(())
    }

    fn job(&mut self, job: u64) -> Result<View, jobs::Error> {
        self.jobs.get(&job).cloned().ok_or(jobs::Error::NotFound)
    }

    fn newest(&mut self, limit: u32) -> Result<Vec<View>, jobs::Error> {
        let newest = self.jobs.values().rev();
        Ok(newest.take(limit as usize).cloned().collect())
    }
}

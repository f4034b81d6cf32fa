//! A host for tests: does what it is told, and keeps what it was told.

use std::collections::BTreeMap;

use crate::bindings::sortie::host::{
    chat::{self, Message, Place},
    job_types::View,
    jobs::{self, Decision, Reach, Submission},
};
use crate::world::{Desk, World};

#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) sent: Vec<(Place, Message)>,
    pub(crate) diffs: Vec<u64>,
    pub(crate) edited: Vec<(u64, Message)>,
    pub(crate) pins: Vec<(u64, bool)>,
    pub(crate) acknowledged: Vec<(String, String)>,
    /// Messages that cannot be edited.
    pub(crate) gone: Vec<u64>,
    /// Chats that take no message.
    pub(crate) shut: Vec<String>,
    pub(crate) kv: BTreeMap<String, Vec<u8>>,
    pub(crate) jobs: BTreeMap<u64, View>,
    pub(crate) submitted: Vec<Submission>,
    pub(crate) followed: Vec<(u64, String)>,
    pub(crate) moved: Vec<(&'static str, u64)>,
    pub(crate) answered: Vec<(u64, Decision)>,
    pub(crate) admitted: Vec<(u64, bool, Reach)>,
    /// The projects, as JSON.
    pub(crate) projects: String,
    /// What everything about jobs is answered.
    pub(crate) refusal: Option<jobs::Error>,
}

impl Fake {
    pub(crate) fn last_text(&self) -> &str {
        &self.sent.last().expect("something was said").1.text
    }

    fn refused(&self) -> Result<(), jobs::Error> {
        self.refusal.clone().map_or(Ok(()), Err)
    }
}

/// A job of the project `site`.
pub(crate) fn job(id: u64, state: &str) -> View {
    View {
        id,
        project: "site".into(),
        state: state.into(),
        is_final: matches!(state, "succeeded" | "failed" | "halted" | "cancelled"),
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
        if self.shut.contains(&to.chat) {
            return Err(chat::Error::Denied("the chat is shut".into()));
        }
        self.sent.push((to.clone(), message.clone()));
        Ok(self.sent.len() as u64)
    }

    fn send_diff(&mut self, _to: &Place, job: u64, _message: &Message) -> Result<u64, chat::Error> {
        self.diffs.push(job);
        Ok(1_000_000 + job)
    }

    fn edit(&mut self, number: u64, message: &Message) -> Result<(), chat::Error> {
        if self.gone.contains(&number) || number > self.sent.len() as u64 {
            return Err(chat::Error::NotFound);
        }
        self.edited.push((number, message.clone()));
        Ok(())
    }

    fn pin(&mut self, number: u64, pinned: bool) -> Result<(), chat::Error> {
        self.pins.push((number, pinned));
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
}

impl World for Fake {
    /// The same key is the same job.
    fn submit(&mut self, job: &Submission) -> Result<u64, jobs::Error> {
        self.refused()?;
        let known = self.submitted.iter().position(|old| old == job);
        let index = known.unwrap_or_else(|| {
            self.submitted.push(job.clone());
            self.submitted.len() - 1
        });
        Ok(index as u64 + 1)
    }

    fn follow_up(&mut self, job: u64, task: &str, _key: &str) -> Result<u64, jobs::Error> {
        self.refused()?;
        self.followed.push((job, task.into()));
        Ok(job + 100)
    }

    fn cancel(&mut self, job: u64) -> Result<(), jobs::Error> {
        self.refused()?;
        self.moved.push(("cancel", job));
        Ok(())
    }

    fn retry(&mut self, job: u64) -> Result<(), jobs::Error> {
        self.refused()?;
        self.moved.push(("retry", job));
        Ok(())
    }

    fn answer(&mut self, question: u64, decision: Decision) -> Result<(), jobs::Error> {
        self.refused()?;
        self.answered.push((question, decision));
        Ok(())
    }

    fn admit_host(&mut self, ask: u64, allow: bool, reach: Reach) -> Result<(), jobs::Error> {
        self.refused()?;
        self.admitted.push((ask, allow, reach));
        Ok(())
    }

    fn job(&mut self, job: u64) -> Result<View, jobs::Error> {
        self.refused()?;
        self.jobs.get(&job).cloned().ok_or(jobs::Error::NotFound)
    }

    fn newest(&mut self, state: Option<&str>, limit: u32) -> Result<Vec<View>, jobs::Error> {
        self.refused()?;
        let fits = |job: &&View| state.is_none_or(|state| job.state == state);
        let newest = self.jobs.values().rev().filter(fits);
        Ok(newest.take(limit as usize).cloned().collect())
    }

    fn stats(&mut self, hours: u32) -> Result<String, jobs::Error> {
        self.refused()?;
        Ok(format!("{{\"hours\":{hours}}}"))
    }

    fn projects(&mut self) -> Result<String, jobs::Error> {
        self.refused()?;
        Ok(self.projects.clone())
    }
}

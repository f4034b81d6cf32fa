//! Exports the surfaces. Nothing is decided here.

use crate::bindings::{
    self, export,
    exports::sortie::{
        connector::connector::{Event, Guest as Connector, Reply},
        notifier::notifier::{Failure, Guest as Notifier, Notification, Receipt},
    },
    sortie::host::{
        chat::{self, Message, Place},
        config,
        job_types::View,
        jobs::{self, Decision, Reach, Submission},
        kv,
    },
};
use crate::options::Options;
use crate::world::{Desk, World};
use crate::{follow, talk};

struct Component;

/// The host's own.
struct Host;

impl Desk for Host {
    fn send(&mut self, to: &Place, message: &Message) -> Result<u64, chat::Error> {
        chat::send(to, message)
    }

    fn send_diff(&mut self, to: &Place, job: u64, message: &Message) -> Result<u64, chat::Error> {
        chat::send_diff(to, job, message)
    }

    fn edit(&mut self, number: u64, message: &Message) -> Result<(), chat::Error> {
        chat::edit(number, message)
    }

    fn pin(&mut self, number: u64, pinned: bool) -> Result<(), chat::Error> {
        chat::pin(number, pinned)
    }

    fn acknowledge(&mut self, interaction: &str, text: &str) -> Result<(), chat::Error> {
        chat::acknowledge(interaction, Some(text))
    }

    fn value(&mut self, key: &str) -> Option<Vec<u8>> {
        kv::get(key)
    }

    fn keep(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        kv::set(key, value).map_err(kv_trouble)
    }

    fn forget(&mut self, key: &str) -> Result<(), String> {
        kv::delete(key).map_err(kv_trouble)
    }
}

impl World for Host {
    fn submit(&mut self, job: &Submission) -> Result<u64, jobs::Error> {
        jobs::submit(job)
    }

    fn follow_up(&mut self, job: u64, task: &str, key: &str) -> Result<u64, jobs::Error> {
        jobs::follow_up(job, task, Some(key))
    }

    fn cancel(&mut self, job: u64) -> Result<(), jobs::Error> {
        jobs::cancel(job)
    }

    fn retry(&mut self, job: u64) -> Result<(), jobs::Error> {
        jobs::retry(job)
    }

    fn answer(&mut self, question: u64, decision: Decision) -> Result<(), jobs::Error> {
        jobs::answer(question, decision, None)
    }

    fn admit_host(&mut self, ask: u64, allow: bool, reach: Reach) -> Result<(), jobs::Error> {
        jobs::admit_host(ask, allow, reach)
    }

    fn job(&mut self, job: u64) -> Result<View, jobs::Error> {
        jobs::get(job)
    }

    fn newest(&mut self, state: Option<&str>, limit: u32) -> Result<Vec<View>, jobs::Error> {
        jobs::newest(state, limit)
    }

    fn stats(&mut self, hours: u32) -> Result<String, jobs::Error> {
        jobs::stats(hours)
    }

    fn projects(&mut self) -> Result<String, jobs::Error> {
        jobs::projects()
    }
}

fn kv_trouble(error: kv::Error) -> String {
    match error {
        kv::Error::Invalid(why) | kv::Error::Other(why) => why,
        kv::Error::Quota(bytes) => format!("the {bytes} bytes of this plugin are full"),
    }
}

impl Connector for Component {
    fn receive(event: Event) -> Result<Option<Reply>, String> {
        talk::receive(event, &Options::read(config::get), &mut Host).map(|()| None)
    }
}

impl Notifier for Component {
    fn notify(event: Notification, _idempotency_key: String) -> Result<Receipt, Failure> {
        follow::notify(&event, &Options::read(config::get), &mut Host)
    }
}

export!(Component with_types_in bindings);

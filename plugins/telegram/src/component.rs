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
        jobs::{self, Decision, Submission},
        kv,
    },
};
use crate::world::{Desk, World};
use crate::{follow, talk};

struct Component;

/// The host's own.
struct Host;

/// As many keys as one look shows.
const ALL_KEYS: u32 = 1_000;

impl Desk for Host {
    fn send(&mut self, to: &Place, message: &Message) -> Result<u64, chat::Error> {
        chat::send(to, message)
    }

    fn edit(&mut self, number: u64, message: &Message) -> Result<(), chat::Error> {
        chat::edit(number, message)
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

    fn keys(&mut self, prefix: &str) -> Vec<String> {
        kv::keys(prefix, None, ALL_KEYS)
    }
}

impl World for Host {
    fn submit(&mut self, job: &Submission) -> Result<u64, jobs::Error> {
        jobs::submit(job)
    }

    fn cancel(&mut self, job: u64) -> Result<(), jobs::Error> {
        jobs::cancel(job)
    }

    fn decide(&mut self, job: u64, decision: Decision, commit: &str) -> Result<(), jobs::Error> {
        jobs::decide(job, decision, Some(commit), None)
    }

    fn job(&mut self, job: u64) -> Result<View, jobs::Error> {
        jobs::get(job)
    }

    fn newest(&mut self, limit: u32) -> Result<Vec<View>, jobs::Error> {
        jobs::newest(None, limit)
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
        talk::receive(event, config::get("project"), &mut Host).map(|()| None)
    }
}

impl Notifier for Component {
    fn notify(event: Notification, _idempotency_key: String) -> Result<Receipt, Failure> {
        follow::notify(event, config::get("chat"), &mut Host)
    }
}

export!(Component with_types_in bindings);

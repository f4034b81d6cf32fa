//! Exports the surfaces. Nothing is decided here.

use crate::bindings::{
    self, export,
    exports::sortie::{
        connector::connector::{Event, Guest as Connector, Reply},
        notifier::notifier::{Failure, Guest as Notifier, Notification, Receipt},
    },
    sortie::host::{
        config, http,
        job_types::View,
        jobs::{self, Error, Submission},
    },
};
use crate::{inbound, outbound};

struct Component;

/// The host's own.
struct Host;

impl inbound::Jobs for Host {
    fn submit(&mut self, job: &Submission) -> Result<u64, Error> {
        jobs::submit(job)
    }

    fn cancel(&mut self, job: u64) -> Result<(), Error> {
        jobs::cancel(job)
    }

    fn get(&mut self, job: u64) -> Result<View, Error> {
        jobs::get(job)
    }
}

impl Connector for Component {
    fn receive(event: Event) -> Result<Option<Reply>, String> {
        inbound::receive(event, &mut Host)
    }
}

impl Notifier for Component {
    fn notify(event: Notification, idempotency_key: String) -> Result<Receipt, Failure> {
        outbound::notify(event, idempotency_key, config::get("url"), http::send)
    }
}

export!(Component with_types_in bindings);

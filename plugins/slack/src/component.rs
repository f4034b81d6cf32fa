//! Exports the surfaces. Nothing is decided here.

use crate::bindings::{
    self, export,
    exports::sortie::{
        connector::connector::{Event, Guest as Connector, Reply},
        notifier::notifier::{Failure, Guest as Notifier, Notification, Receipt},
    },
    sortie::host::{http, jobs},
};
use crate::{inbound, outbound};

struct Component;

impl Connector for Component {
    fn receive(event: Event) -> Result<Option<Reply>, String> {
        inbound::receive(&event, http::send, |question, decision| {
            jobs::answer(question, decision, None)
        })
    }
}

impl Notifier for Component {
    fn notify(event: Notification, _idempotency_key: String) -> Result<Receipt, Failure> {
        outbound::notify(&event, http::send)
    }
}

export!(Component with_types_in bindings);

//! Between the exported functions and a [`Service`]. Decides nothing.

use core::marker::PhantomData;

use crate::bindings::exports::sortie::connector::connector::Guest as Connector;
use crate::bindings::exports::sortie::notifier::notifier::{
    Failure, Guest as Notifier, Notification, Receipt,
};
use crate::{Event, Note, Reply, http, jobs, outbound};
use serde_json::Value;

/// A chat service.
pub trait Service: 'static {
    /// The plugin's name, as whoever runs the host writes it.
    const NAME: &'static str;

    /// The incoming webhook. The host puts the secret part in place of the dash.
    const URL: &'static str;

    /// A note as the service takes it.
    fn message(note: &Note) -> Value;

    /// Answers the question that a button is about, by `decide`; what is said
    /// about that apart from the reply goes out by `send`.
    ///
    /// # Errors
    ///
    /// The host could not do it now, and may later.
    fn receive(
        event: &Event,
        send: impl FnOnce(&http::Request) -> Result<http::Response, http::Error>,
        decide: impl FnOnce(u64, jobs::Decision) -> Result<(), jobs::Error>,
    ) -> Result<Option<Reply>, String>;
}

/// The exports of a service: `type Component = notify_kit::Component<Slack>;
/// notify_kit::bindings::export_service!(Component);`
pub struct Component<S>(PhantomData<S>);

impl<S: Service> Connector for Component<S> {
    fn receive(event: Event) -> Result<Option<Reply>, String> {
        S::receive(&event, http::send, |question, decision| {
            jobs::answer(question, decision, None)
        })
    }
}

impl<S: Service> Notifier for Component<S> {
    fn notify(event: Notification, _idempotency_key: String) -> Result<Receipt, Failure> {
        outbound::notify::<S>(&event, http::send)
    }
}

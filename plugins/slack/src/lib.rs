//! Tells Slack what happens to jobs, and takes the answers of its buttons.
//!
//! It never sees a secret: the host verifies what comes in, and puts the path of
//! the incoming webhook into what goes out.

mod inbound;
mod message;

use notify_kit::{Event, Note, Reply, Service, http, jobs};
use serde_json::Value;

/// The service.
pub struct Slack;

impl Service for Slack {
    const NAME: &'static str = "slack";
    const URL: &'static str = "https://hooks.slack.com/services/-";

    fn message(note: &Note) -> Value {
        message::of(note)
    }

    fn receive(
        event: &Event,
        send: impl FnOnce(&http::Request) -> Result<http::Response, http::Error>,
        decide: impl FnOnce(u64, jobs::Decision) -> Result<(), jobs::Error>,
    ) -> Result<Option<Reply>, String> {
        inbound::receive(event, send, decide)
    }
}

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component {
    type Component = notify_kit::Component<super::Slack>;
    notify_kit::bindings::export_service!(Component);
}

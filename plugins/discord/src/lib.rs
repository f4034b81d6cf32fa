//! Tells Discord what happens to jobs, and takes the answers of its buttons.
//!
//! It never sees a secret: the host verifies what comes in, and puts the path of
//! the incoming webhook into what goes out.

mod inbound;
mod message;

use notify_kit::{Event, Note, Reply, Service, http, jobs};
use serde_json::Value;

/// The service.
pub struct Discord;

impl Service for Discord {
    const NAME: &'static str = "discord";
    const URL: &'static str = "https://discord.com/api/webhooks/-";

    fn message(note: &Note) -> Value {
        message::of(note)
    }

    fn receive(
        event: &Event,
        _send: impl FnOnce(&http::Request) -> Result<http::Response, http::Error>,
        decide: impl FnOnce(u64, jobs::Decision) -> Result<(), jobs::Error>,
    ) -> Result<Option<Reply>, String> {
        inbound::receive(event, decide)
    }
}

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component {
    type Component = notify_kit::Component<super::Discord>;
    notify_kit::bindings::export_service!(Component);
}

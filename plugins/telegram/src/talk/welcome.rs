//! The answer to the first word of a chat, which is also what somebody reads who
//! was just let in.

use serde_json::Value;

use super::{json, told};
use crate::bindings::sortie::connector::events::Sender;
use crate::bindings::sortie::host::chat::Message;
use crate::cut;
use crate::pages;
use crate::world::World;

/// The most of a name, in characters.
const NAME_CHARS: usize = 60;

/// Says who one is, and what to say next.
pub(super) fn page(sender: &Sender, world: &mut impl World) -> Result<Message, String> {
    // The host says the role beside the projects, and a plugin that may not ask
    // for them knows owners alone.
    let known = match told(world.projects())? {
        Ok(projects) => json(&projects),
        Err(_) => Value::Null,
    };
    let role = match pages::text(&known, "role") {
        "" if sender.owner => "owner",
        role => role,
    };
    let name = cut::short(&sender.name, NAME_CHARS);
    let welcome = match role {
        "" => format!("Welcome, {name}."),
        role => format!("Welcome, {name}: you are {role}."),
    };
    let next = match role {
        "viewer" => "Say /list to see how jobs stand, or /help for all that I understand.",
        _ => "Say /task and what to do, or /help for all that I understand.",
    };
    Ok(pages::plain(&format!("{welcome} {next}"), None))
}

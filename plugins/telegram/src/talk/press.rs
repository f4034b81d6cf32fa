//! What people press. Every press is acknowledged, with what came of it.

use super::{chat_trouble, told};
use crate::bindings::sortie::connector::events::ChatPress;
use crate::bindings::sortie::host::jobs::{Decision, Error};
use crate::button::Press;
use crate::pages;
use crate::world::World;

const OF_ANOTHER_TIME: &str = "This button is of another time.";
const NOT_KNOWN: &str = "You may not do that.";

/// Does what a button says, for somebody the host knows.
pub(super) fn pressed(
    press: &ChatPress,
    is_known: bool,
    world: &mut impl World,
) -> Result<(), String> {
    let note = match Press::parse(&press.action) {
        _ if !is_known => NOT_KNOWN.to_owned(),
        None => OF_ANOTHER_TIME.to_owned(),
        Some(pressed) => match told(done(&pressed, world))? {
            Ok(note) => note,
            Err(why) => why,
        },
    };
    world
        .acknowledge(&press.interaction, pages::note(&note))
        .map_err(chat_trouble)
}

fn done(press: &Press, world: &mut impl World) -> Result<String, Error> {
    match *press {
        Press::Answer(question, decision) => {
            world.answer(question, decision)?;
            Ok(match decision {
                Decision::Approve => "Approved.".into(),
                Decision::Reject => "Rejected.".into(),
            })
        }
        Press::Host(ask, allow, reach) => {
            world.admit_host(ask, allow, reach)?;
            Ok(match allow {
                true => "Allowed.".into(),
                false => "Denied.".into(),
            })
        }
        Press::Retry(job) => {
            world.retry(job)?;
            Ok(format!("#{job} is queued again."))
        }
    }
}

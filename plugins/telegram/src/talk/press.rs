//! What people press. Every press is acknowledged, with what came of it.

use super::{chat_trouble, told};
use crate::bindings::sortie::connector::events::ChatPress;
use crate::bindings::sortie::host::job_types::View;
use crate::bindings::sortie::host::jobs::{Decision, Error, Reach};
use crate::button::Press;
use crate::memory;
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
        Some(pressed) => match told(done(&pressed, press.number, world))? {
            Ok(note) => note,
            Err(why) => why,
        },
    };
    world
        .acknowledge(&press.interaction, &pages::note(&note))
        .map_err(chat_trouble)
}

/// Does it; `number` is the message of the button.
fn done(press: &Press, number: Option<u64>, world: &mut impl World) -> Result<String, Error> {
    match *press {
        Press::Answer(question, decision) => {
            world.answer(question, decision)?;
            Ok(match decision {
                Decision::Approve => "Approved.".into(),
                Decision::Reject => "Rejected.".into(),
            })
        }
        Press::Budget(question, decision) => {
            world.answer(question, decision)?;
            Ok(match decision {
                Decision::Approve => "Raised. It goes on.".into(),
                Decision::Reject => "Stopped.".into(),
            })
        }
        Press::Host(ask, allow, reach) => {
            let over = over(number, world);
            // A yes for a run that is over would help nobody and use up the buttons.
            if let (Some(job), true, Reach::Run) = (&over, allow, reach) {
                return Err(Error::Conflict(format!(
                    "#{} is over: allow it for the job or the project.",
                    job.id
                )));
            }
            world.admit_host(ask, allow, reach)?;
            Ok(match (allow, over) {
                (false, _) => "Denied.".into(),
                (true, Some(job)) if job.state == "succeeded" => {
                    format!("Allowed, but #{} is over.", job.id)
                }
                (true, Some(job)) => {
                    format!(
                        "Allowed, but #{0} is over: /retry {0} tries it again.",
                        job.id
                    )
                }
                (true, None) => "Allowed.".into(),
            })
        }
        Press::Retry(job) => {
            world.retry(job)?;
            Ok(format!("#{job} is queued again."))
        }
    }
}

/// The job that a message is about, when it is over.
fn over(number: Option<u64>, world: &mut impl World) -> Option<View> {
    let job = memory::job_of(world, number?)?;
    world.job(job).ok().filter(|job| job.is_final)
}

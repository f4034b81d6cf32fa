//! What the sender of an event may do. The grant says what a plugin may at all;
//! a role only tightens that.

use super::{Actor, Context};
use sortie_intake::Requester;
use sortie_model::people::Act;
use sortie_plugins::outside::JobsError;
use sortie_store::Job;

/// Whether the sender may do that. An event without a verified sender has the
/// grant's say alone, and never decides anything.
pub(super) fn check(context: &Context, act: Act) -> Result<(), JobsError> {
    allowed(&context.actor, act)
}

/// The act that cancelling this job is to the sender.
pub(super) fn cancelling(context: &Context, job: &Job) -> Act {
    let name = context.actor.name(&context.plugin.name);
    match Requester::new(&name, "").by == job.requested_by {
        true => Act::CancelOwn,
        false => Act::Cancel,
    }
}

fn allowed(actor: &Actor, act: Act) -> Result<(), JobsError> {
    let Some(verified) = &actor.sender else {
        return match act {
            Act::Decide | Act::AdmitHost | Act::AdmitHostForProject => Err(JobsError::Denied(
                "only a verified sender may answer a question, and this event has none".into(),
            )),
            _ => Ok(()),
        };
    };
    match verified.role {
        Some(role) if role.may(act) => Ok(()),
        Some(role) => Err(JobsError::Denied(format!(
            "{} needs the role {}, and {} is {role}; {LET_IN}",
            words(act),
            act.needs(),
            verified.sender.name
        ))),
        None => Err(JobsError::Denied(format!(
            "{} is not known here any more; {LET_IN}",
            verified.sender.name
        ))),
    }
}

/// What one who may not can ask for.
const LET_IN: &str = "an owner can change that with `sortie people add`";

fn words(act: Act) -> &'static str {
    match act {
        Act::Read => "to look at jobs",
        Act::Submit => "to submit a job",
        Act::Retry => "to run a job again",
        Act::CancelOwn | Act::Cancel => "to cancel this job",
        Act::Decide => "to answer a question",
        Act::AdmitHost => "to answer for a host",
        Act::AdmitHostForProject => "to answer for a host and a whole project",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::sender::Verified;
    use sortie_model::people::Role;
    use sortie_plugins::surfaces::connector::Sender;

    const ALL: [Act; 8] = [
        Act::Read,
        Act::Submit,
        Act::Retry,
        Act::CancelOwn,
        Act::Cancel,
        Act::Decide,
        Act::AdmitHost,
        Act::AdmitHostForProject,
    ];

    fn of(sender: Option<Option<Role>>) -> Vec<bool> {
        let actor = Actor {
            sender: sender.map(|role| Verified {
                sender: Sender {
                    id: "7".into(),
                    name: "Ann".into(),
                    owner: role == Some(Role::Owner),
                },
                service: "chat".into(),
                role,
                button: None,
            }),
            source: "chat".into(),
        };
        ALL.map(|act| allowed(&actor, act).is_ok()).to_vec()
    }

    #[test]
    fn each_role_may_what_it_may_and_nobody_decides_unseen() {
        let may = |count: usize| (0..ALL.len()).map(|at| at < count).collect::<Vec<_>>();
        assert_eq!(of(Some(Some(Role::Viewer))), may(1));
        assert_eq!(of(Some(Some(Role::Requester))), may(4));
        assert_eq!(of(Some(Some(Role::Approver))), may(7));
        assert_eq!(of(Some(Some(Role::Owner))), may(8));
        assert_eq!(of(Some(None)), may(0), "one who was removed");
        assert_eq!(of(None), may(5), "an event of nobody");
    }
}

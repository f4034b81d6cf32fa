//! Buttons that answer a question.

use crate::jobs::{Decision, Error};

/// What became of a press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// The question is answered; the word says how.
    Decided(&'static str),
    /// It is not, and why.
    Refused(String),
    /// The button answers no question.
    Nothing,
}

/// What a button does that answers a question.
pub fn action(question: u64, yes: bool) -> String {
    format!("answer:{question}:{}", if yes { "yes" } else { "no" })
}

/// Answers the question that a button is about, by `decide`.
///
/// # Errors
///
/// The host could not do it now, and may later.
pub fn press(
    action: &str,
    decide: impl FnOnce(u64, Decision) -> Result<(), Error>,
) -> Result<Pressed, String> {
    let Some((question, yes)) = answer(action) else {
        return Ok(Pressed::Nothing);
    };
    let (decision, word) = match yes {
        true => (Decision::Approve, "Approved"),
        false => (Decision::Reject, "Rejected"),
    };
    match decide(question, decision) {
        Ok(()) => Ok(Pressed::Decided(word)),
        Err(Error::Other(why)) => Err(why),
        Err(Error::NotFound) => Ok(Pressed::Refused("There is no such question.".to_owned())),
        Err(Error::Denied(why) | Error::Conflict(why) | Error::Invalid(why)) => {
            Ok(Pressed::Refused(why))
        }
    }
}

/// The question that an action answers, and how.
fn answer(action: &str) -> Option<(u64, bool)> {
    let (id, word) = action.strip_prefix("answer:")?.split_once(':')?;
    let yes = match word {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    Some((id.parse().ok()?, yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_come_back_as_they_went() {
        for (yes, said) in [(true, "Approved"), (false, "Rejected")] {
            let pressed = press(&action(7, yes), |question, decision| {
                let approves = matches!(decision, Decision::Approve);
                assert_eq!((question, approves), (7, yes));
                Ok(())
            });
            assert_eq!(pressed, Ok(Pressed::Decided(said)));
        }
        for bad in [
            "",
            "answer:7",
            "answer:x:yes",
            "answer:7:maybe",
            "host:7:yes",
        ] {
            let pressed = press(bad, |_, _| unreachable!("nothing is decided"));
            assert_eq!(pressed, Ok(Pressed::Nothing), "{bad}");
        }
    }

    #[test]
    fn a_refusal_is_told_and_trouble_is_an_error() {
        let answered = |error| press("answer:7:yes", |_, _| Err(error));
        let refused = |why: &str| Ok(Pressed::Refused(why.to_owned()));
        for (error, said) in [
            (Error::Denied("you may look".into()), "you may look"),
            (Error::Conflict("it is over".into()), "it is over"),
            (Error::Invalid("it is none".into()), "it is none"),
            (Error::NotFound, "There is no such question."),
        ] {
            assert_eq!(answered(error), refused(said));
        }
        let busy = answered(Error::Other("busy".into()));
        assert_eq!(busy, Err("busy".to_owned()));
    }
}

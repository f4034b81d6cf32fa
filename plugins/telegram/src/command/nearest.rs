//! The command that somebody who mistyped one probably meant.

use super::COMMANDS;

/// Names that more slips than this part are other names. A slip puts in a
/// letter, takes one out, replaces one or swaps two.
const MAX_SLIPS: usize = 2;

/// Names longer than this are no mistyped command, and are not compared.
const MAX_CHARS: usize = 16;

/// The nearest command to a name, when one is near.
pub(crate) fn to(name: &str) -> Option<&'static str> {
    let letters = name.chars().count();
    if letters == 0 || letters > MAX_CHARS {
        return None;
    }
    let name = name.to_lowercase();
    // Of two that are as near, the one that was begun.
    let near = COMMANDS.map(|(known, ..)| {
        let slips = strsim::osa_distance(&name, known);
        (slips, !known.starts_with(&name), known)
    });
    let (slips, _, known) = near.into_iter().min()?;
    (slips <= MAX_SLIPS && slips < letters).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_command_and_another_word_none() {
        for (name, known) in [
            ("taks", Some("task")),
            ("tsak", Some("task")),
            ("statu", Some("status")),
            ("Cancle", Some("cancel")),
            ("ask", Some("ask")),
            ("weather", None),
            ("q", None),
            ("", None),
        ] {
            assert_eq!(to(name), known, "{name}");
        }
        assert_eq!(to(&"task".repeat(1_000)), None);
    }
}

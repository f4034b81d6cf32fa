//! The command that somebody who mistyped one probably meant.

use super::COMMANDS;

/// Names that differ in more letters than this are other names.
const MAX_WRONG: usize = 2;

/// Names longer than this are no mistyped command, and are not compared.
const MAX_CHARS: usize = 16;

/// The nearest command to a name, when one is near.
pub(crate) fn to(name: &str) -> Option<&'static str> {
    let name: Vec<char> = name.to_lowercase().chars().take(MAX_CHARS + 1).collect();
    if name.is_empty() || name.len() > MAX_CHARS {
        return None;
    }
    let near = COMMANDS.map(|(known, ..)| (wrong(&name, known), known));
    let (letters, known) = near.into_iter().min()?;
    (letters <= MAX_WRONG && letters < name.len()).then_some(known)
}

/// How many letters must be put in, taken out or replaced.
fn wrong(name: &[char], known: &str) -> usize {
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (line, letter) in known.chars().enumerate() {
        let mut above_left = row[0];
        row[0] = line + 1;
        for column in 1..=name.len() {
            let replaced = above_left + usize::from(name[column - 1] != letter);
            above_left = row[column];
            row[column] = replaced.min(above_left + 1).min(row[column - 1] + 1);
        }
    }
    row[name.len()]
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

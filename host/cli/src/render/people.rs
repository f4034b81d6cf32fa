//! People and chats as tables.

use super::jobs::table;
use super::{plain, title};
use sortie_api::view::{ChatView, ParkedView, PersonView};

/// People as a table.
pub fn people(people: &[PersonView]) -> String {
    let mut table = table(&["ID", "SOURCE", "USER", "NAME", "ROLE", "ADDED"]);
    for person in people {
        table.add_row(vec![
            person.id.to_string(),
            plain(&person.source).into_owned(),
            plain(&person.user).into_owned(),
            title(&person.name),
            person.role.clone(),
            clock(&person.added_at),
        ]);
    }
    table.trim_fmt()
}

/// Chats as a table.
pub fn chats(chats: &[ChatView]) -> String {
    let mut table = table(&[
        "CHAT", "KIND", "TITLE", "ADMITTED", "HEARS", "QUIET", "NOTE",
    ]);
    for chat in chats {
        let mut hears = chat.level.clone();
        for (project, level) in &chat.levels {
            hears.push_str(&format!(", {}={level}", plain(project)));
        }
        let quiet = chat.quiet.as_ref().map_or_else(
            || "-".to_owned(),
            |quiet| format!("{}-{} {}", quiet.from, quiet.to, plain(&quiet.time_zone)),
        );
        let note = match (&chat.moved_to, &chat.gone) {
            (Some(moved), _) => format!("it is {} now", plain(moved)),
            (None, Some(why)) => title(why),
            (None, None) => "-".to_owned(),
        };
        table.add_row(vec![
            plain(&chat.chat).into_owned(),
            chat.kind.clone(),
            title(&chat.title),
            admitted(chat).to_owned(),
            hears,
            quiet,
            note,
        ]);
    }
    table.trim_fmt()
}

/// Whether people are heard in a chat; one that is shut is told nothing either.
fn admitted(chat: &ChatView) -> &'static str {
    match (chat.shut, chat.admitted) {
        (true, _) => "shut",
        (false, true) => "yes",
        (false, false) => "no",
    }
}

/// Messages that could not be sent, as a table.
pub fn parked(messages: &[ParkedView]) -> String {
    let mut table = table(&["MESSAGE", "CHAT", "WHAT", "TRIES", "QUEUED", "WHY"]);
    for message in messages {
        let chat = message.chat.as_deref().unwrap_or("-");
        table.add_row(vec![
            message.id.to_string(),
            plain(chat).into_owned(),
            format!("{} {}", message.kind, message.class),
            message.attempts.to_string(),
            clock(&message.queued_at),
            title(&message.error),
        ]);
    }
    table.trim_fmt()
}

/// A moment to the minute: `2026-01-02 03:04`.
pub fn clock(moment: &str) -> String {
    moment
        .get(..16)
        .map_or_else(|| moment.to_owned(), |short| short.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_a_line() {
        let chat = ChatView {
            chat: "-5".into(),
            kind: "group".into(),
            title: "Shop\u{1b}".into(),
            admitted: true,
            shut: false,
            level: "all".into(),
            levels: [("shop".to_owned(), "none".to_owned())].into(),
            quiet: None,
            gone: Some("it was deleted".into()),
            moved_to: None,
        };
        let shut = ChatView {
            admitted: false,
            shut: true,
            ..chat.clone()
        };
        assert!(chats(&[shut]).contains("shut"));
        let text = chats(&[chat]);
        let line = text.lines().nth(1).expect("a line");
        for shown in [
            "-5",
            "Shop\u{fffd}",
            "yes",
            "all, shop=none",
            "it was deleted",
        ] {
            assert!(line.contains(shown), "{line}");
        }
    }

    #[test]
    fn a_parked_message_is_a_line_with_its_reason() {
        let message = ParkedView {
            id: 7,
            plugin: "telegram".into(),
            kind: "send".into(),
            chat: Some("-5".into()),
            class: "result".into(),
            project: None,
            attempts: 1,
            queued_at: "2026-01-02T03:04:05.678Z".into(),
            error: "Telegram says \"Forbidden: bot was blocked by the user\"".into(),
        };
        let text = parked(&[message]);
        let line = text.lines().nth(1).expect("a line");
        for shown in ["7", "-5", "send result", "2026-01-02 03:04", "blocked"] {
            assert!(line.contains(shown), "{line}");
        }
    }

    #[test]
    fn moments_are_cut_to_the_minute() {
        assert_eq!(clock("2026-01-02T03:04:05.678Z"), "2026-01-02 03:04");
        assert_eq!(clock("soon"), "soon");
    }
}

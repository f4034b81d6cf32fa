//! What an update is, as far as the host cares. Pure: it looks at nothing but
//! the update, and decides nothing about who may speak.

use sortie_store::{ChatKind, SeenMessage};
use teloxide_core::types::{
    CallbackQuery, Chat, ChatMemberUpdated, Message, MessageKind, Update, UpdateKind, User,
};

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Something that a person said or pressed, or that happened to a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Someone said something.
    Said {
        who: Who,
        seen: SeenMessage,
        thread: Option<String>,
        text: String,
        reply_to: Option<String>,
    },
    /// Someone pressed a button.
    Pressed {
        who: Who,
        seen: SeenMessage,
        thread: Option<String>,
        interaction: String,
        token: String,
    },
    /// The bot was let into a chat, or was put out of it.
    Membership {
        who: Who,
        seen: SeenMessage,
        present: bool,
    },
    /// A group got another id.
    Moved { old: String, new: String },
    /// Nothing that anybody is told of, and why.
    Nothing(&'static str),
}

/// Reads an update.
pub(crate) fn read(update: &Update) -> What {
    match &update.kind {
        UpdateKind::Message(message) => said(message),
        UpdateKind::CallbackQuery(query) => pressed(query),
        UpdateKind::MyChatMember(change) => membership(change),
        UpdateKind::Error(_) => What::Nothing("of a kind that the client does not know"),
        _ => What::Nothing("of a kind that was not asked for"),
    }
}

fn said(message: &Message) -> What {
    if let Some(new) = message.migrate_to_chat_id() {
        return What::Moved {
            old: message.chat.id.to_string(),
            new: new.to_string(),
        };
    }
    let Some(from) = message.from.as_ref() else {
        return What::Nothing("from nobody");
    };
    if from.is_bot || message.sender_chat.is_some() {
        return What::Nothing("from a bot, or from a chat");
    }
    if message.via_bot.is_some() || message.sender_business_bot.is_some() {
        return What::Nothing("made by another bot");
    }
    // A word of somebody else's, or one taken back, is no order.
    if message.forward_origin().is_some() {
        return What::Nothing("forwarded");
    }
    if message.edit_date().is_some() {
        return What::Nothing("edited");
    }
    let Some(text) = message.text().or_else(|| message.caption()) else {
        return What::Nothing("without words");
    };
    What::Said {
        who: who(from),
        seen: seen(&message.chat, message.id.0),
        thread: thread(message),
        text: text.to_owned(),
        reply_to: answered(message),
    }
}

/// What is said to the bot of that name: a command that names it, as in
/// `/task@sortie_bot`, is one without the name. None for another bot's command.
pub(crate) fn to_us(text: &str, own: &str) -> Option<String> {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    match word.split_once('@') {
        Some((command, name)) if command.starts_with('/') => name
            .eq_ignore_ascii_case(own)
            .then(|| format!("{command}{rest}")),
        _ => Some(text.to_owned()),
    }
}

fn pressed(query: &CallbackQuery) -> What {
    let (Some(message), Some(token)) = (&query.message, &query.data) else {
        return What::Nothing("a press of nothing of ours");
    };
    What::Pressed {
        who: who(&query.from),
        seen: seen(message.chat(), message.id().0),
        thread: message.regular_message().and_then(thread),
        interaction: query.id.0.clone(),
        token: token.clone(),
    }
}

fn membership(change: &ChatMemberUpdated) -> What {
    What::Membership {
        who: who(&change.from),
        seen: seen(&change.chat, 0),
        present: change.new_chat_member.kind.is_present(),
    }
}

/// The longest name that is kept, in bytes: what people call themselves must fit
/// whatever it is written to.
const NAME_BYTES: usize = 200;

fn who(user: &User) -> Who {
    let (id, name) = (user.id.to_string(), user.full_name());
    let kept = name[..name.floor_char_boundary(NAME_BYTES)].trim();
    let name = match kept.is_empty() {
        true => id.clone(),
        false => kept.to_owned(),
    };
    Who { id, name }
}

fn seen(chat: &Chat, message: i32) -> SeenMessage {
    let kind = if chat.is_private() {
        ChatKind::Private
    } else if chat.is_supergroup() {
        ChatKind::Supergroup
    } else if chat.is_channel() {
        ChatKind::Channel
    } else {
        ChatKind::Group
    };
    let names = [chat.first_name(), chat.last_name()];
    let own = || names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    SeenMessage {
        chat: chat.id.to_string(),
        kind,
        title: chat.title().map_or_else(own, str::to_owned),
        id: i64::from(message),
    }
}

/// A topic. Groups without topics have threads of replies as well, which nobody
/// can be sent to.
fn thread(message: &Message) -> Option<String> {
    let thread = message.thread_id.filter(|_| message.is_topic_message)?;
    Some(thread.to_string())
}

/// What it answers. In a topic everything answers the message that made it.
fn answered(message: &Message) -> Option<String> {
    let answered = message.reply_to_message()?;
    let is_topic = matches!(answered.kind, MessageKind::ForumTopicCreated(_));
    (!is_topic).then(|| answered.id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// As it is read off the line: the client reads no update out of a `Value`.
    fn parsed(update: &Value) -> Update {
        serde_json::from_str(&update.to_string()).expect("an update")
    }

    fn update(kind: &str, body: Value) -> Update {
        parsed(&json!({"update_id": 7, kind: body}))
    }

    fn person() -> Value {
        json!({"id": 11, "is_bot": false, "first_name": "Ann", "last_name": "Lee"})
    }

    /// A message in the group -5, changed by `with`.
    fn message(with: Value) -> Value {
        let mut message = json!({
            "message_id": 3, "date": 1_700_000_000, "from": person(), "text": "/status",
            "chat": {"id": -5, "type": "group", "title": "Team"},
        });
        let (Some(all), Value::Object(with)) = (message.as_object_mut(), with) else {
            unreachable!("both are objects");
        };
        for (key, value) in with {
            match value {
                Value::Null => drop(all.remove(&key)),
                value => drop(all.insert(key, value)),
            }
        }
        message
    }

    fn nothing(with: Value) -> &'static str {
        match read(&update("message", message(with))) {
            What::Nothing(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn words_are_read_with_who_and_where() {
        let What::Said {
            who,
            seen,
            thread,
            text,
            reply_to,
        } = read(&update("message", message(json!({}))))
        else {
            panic!("nothing was said");
        };
        assert_eq!((who.id.as_str(), who.name.as_str()), ("11", "Ann Lee"));
        assert_eq!(
            (seen.chat.as_str(), seen.kind, seen.id),
            ("-5", ChatKind::Group, 3)
        );
        assert_eq!((seen.title.as_str(), text.as_str()), ("Team", "/status"));
        assert_eq!((thread, reply_to), (None, None));
    }

    #[test]
    fn a_name_of_any_length_is_one_that_can_be_kept() {
        let named = |first: &str, last: &str| {
            let from = json!({"id": 11, "is_bot": false, "first_name": first, "last_name": last});
            match read(&update("message", message(json!({"from": from})))) {
                What::Said { who, .. } => who.name,
                other => panic!("{other:?}"),
            }
        };
        let long = "😀".repeat(64);
        let kept = named(&long, &long);
        assert_eq!(kept, "😀".repeat(NAME_BYTES / 4));
        assert_eq!(named(" ", " "), "11");
    }

    #[test]
    fn a_private_chat_has_its_persons_name_and_a_caption_is_words() {
        let read = read(&update(
            "message",
            message(json!({
                "text": null, "caption": "/task fix",
                "photo": [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1, "file_size": 1}],
                "chat": {"id": 11, "type": "private", "first_name": "Ann", "last_name": "Lee"},
            })),
        ));
        let What::Said { seen, text, .. } = read else {
            panic!("{read:?}");
        };
        assert_eq!(
            (seen.kind, seen.title.as_str()),
            (ChatKind::Private, "Ann Lee")
        );
        assert_eq!(text, "/task fix");
    }

    #[test]
    fn words_that_are_nobodys_order_are_nothing() {
        let forwarded =
            json!({"forward_origin": {"type": "user", "date": 1, "sender_user": person()}});
        assert_eq!(nothing(forwarded), "forwarded");
        let bot = json!({"id": 12, "is_bot": true, "first_name": "B", "username": "b_bot"});
        assert_eq!(nothing(json!({"via_bot": bot})), "made by another bot");
        assert_eq!(nothing(json!({"from": bot})), "from a bot, or from a chat");
        let anonymous = json!({
            "from": {"id": 1_087_968_824, "is_bot": true, "first_name": "Group", "username": "GroupAnonymousBot"},
            "sender_chat": {"id": -5, "type": "group", "title": "Team"},
        });
        assert_eq!(nothing(anonymous), "from a bot, or from a chat");
        assert_eq!(nothing(json!({"edit_date": 1_700_000_001})), "edited");
        assert_eq!(nothing(json!({"from": null})), "from nobody");
        let joined = json!({"text": null, "new_chat_members": [person()]});
        assert_eq!(nothing(joined), "without words");
    }

    #[test]
    fn a_command_of_another_bot_is_not_said_to_this_one() {
        for (text, heard) in [
            ("/help", Some("/help")),
            ("/help@sortie_bot", Some("/help")),
            ("/task@Sortie_Bot shop\nFix it", Some("/task shop\nFix it")),
            ("/start@sortie_bot ABCD1234", Some("/start ABCD1234")),
            ("/help@OtherBot", None),
            ("/task@OtherBot Fix it", None),
            ("/task@ Fix it", None),
            ("/task tell @OtherBot", Some("/task tell @OtherBot")),
            ("a@b.example", Some("a@b.example")),
            ("", Some("")),
        ] {
            assert_eq!(to_us(text, "sortie_bot").as_deref(), heard, "{text}");
        }
    }

    #[test]
    fn edits_and_posts_of_channels_are_nothing() {
        for kind in ["edited_message", "channel_post"] {
            assert!(matches!(
                read(&update(kind, message(json!({})))),
                What::Nothing(_)
            ));
        }
        let newer = json!({"update_id": 8, "something_new": {"a": 1}});
        let newer = parsed(&newer);
        assert!(matches!(read(&newer), What::Nothing(_)));
        assert_eq!(newer.id.0, 8);
    }

    #[test]
    fn a_topic_is_a_thread_and_is_not_answered() {
        let forum = json!({"id": -1_001, "type": "supergroup", "title": "Forum", "is_forum": true});
        let made = json!({
            "message_id": 2, "date": 1, "chat": forum, "from": person(), "is_topic_message": true,
            "message_thread_id": 2, "forum_topic_created": {"name": "t", "icon_color": 7_322_096},
        });
        let in_topic = message(json!({
            "chat": forum, "message_thread_id": 2, "is_topic_message": true, "reply_to_message": made,
        }));
        let What::Said {
            thread,
            reply_to,
            seen,
            ..
        } = read(&update("message", in_topic))
        else {
            panic!("nothing was said");
        };
        assert_eq!((thread.as_deref(), reply_to), (Some("2"), None));
        assert_eq!(seen.kind, ChatKind::Supergroup);
        let reply = message(
            json!({"message_thread_id": 1, "reply_to_message": message(json!({"message_id": 1}))}),
        );
        let What::Said {
            thread, reply_to, ..
        } = read(&update("message", reply))
        else {
            panic!("nothing was said");
        };
        assert_eq!((thread, reply_to.as_deref()), (None, Some("1")));
    }

    #[test]
    fn a_group_that_moves_says_where_to() {
        let moved = message(json!({"text": null, "migrate_to_chat_id": -1_009}));
        let moved = read(&update("message", moved));
        assert_eq!(
            moved,
            What::Moved {
                old: "-5".into(),
                new: "-1009".into()
            }
        );
    }

    #[test]
    fn a_press_is_read_with_its_token() {
        let press = json!({
            "id": "q1", "from": person(), "chat_instance": "1", "data": "token",
            "message": message(json!({"message_id": 9})),
        });
        let What::Pressed {
            who,
            seen,
            interaction,
            token,
            ..
        } = read(&update("callback_query", press))
        else {
            panic!("nothing was pressed");
        };
        assert_eq!((who.id.as_str(), seen.id), ("11", 9));
        assert_eq!((interaction.as_str(), token.as_str()), ("q1", "token"));
        let inline = json!({"id": "q", "from": person(), "chat_instance": "1", "data": "t", "inline_message_id": "i"});
        assert!(matches!(
            read(&update("callback_query", inline)),
            What::Nothing(_)
        ));
    }

    #[test]
    fn being_let_in_and_put_out_are_told_apart() {
        let bot = json!({"id": 12, "is_bot": true, "first_name": "B", "username": "b_bot"});
        let change = |status: &str| {
            let mut new = json!({"user": bot, "status": status});
            if status == "kicked" {
                new["until_date"] = json!(0);
            }
            json!({
                "chat": {"id": -5, "type": "group", "title": "Team"}, "from": person(), "date": 1,
                "old_chat_member": {"user": bot, "status": "left"}, "new_chat_member": new,
            })
        };
        for (status, expected) in [("member", true), ("left", false), ("kicked", false)] {
            let read = read(&update("my_chat_member", change(status)));
            assert!(
                matches!(read, What::Membership { present, .. } if present == expected),
                "{read:?}"
            );
        }
    }
}

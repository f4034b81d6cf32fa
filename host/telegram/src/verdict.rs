//! What an answer of Telegram's that is no success means for what was asked.
//! Every one leads to exactly one verdict. Pure.

use std::time::Duration;
use teloxide_core::{ApiError, RequestError};

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What was wanted is so already, or can never be: nothing is left to do.
    Done,
    /// The chat hears the bot no more.
    Gone,
    /// The chat has another id now.
    Moved(i64),
    /// It may work later: after the pause that Telegram asked for, or one that
    /// grows. A pause that was asked for is no failure.
    Again(Option<Duration>),
    /// It will never work as it is.
    Wrong(Remedy),
}

/// What may help where a request is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The same as an answer to nothing.
    NoReply,
    /// The same as plain text.
    Plain,
    /// The same as the caption of a file.
    Caption,
    /// Nothing.
    None,
}

/// Judges an answer.
pub(crate) fn of(error: &RequestError) -> Verdict {
    match error {
        RequestError::Api(error) => api(error),
        RequestError::MigrateToChatId(chat) => Verdict::Moved(chat.0),
        RequestError::RetryAfter(pause) => Verdict::Again(Some(pause.duration())),
        RequestError::Network(_) | RequestError::InvalidJson { .. } | RequestError::Io(_) => {
            Verdict::Again(None)
        }
    }
}

/// The id of the message that was sent all the same: Telegram said so, but with
/// something that the client does not know.
pub(crate) fn sent_after_all(error: &RequestError) -> Option<i64> {
    let RequestError::InvalidJson { raw, .. } = error else {
        return None;
    };
    let answer: serde_json::Value = serde_json::from_str(raw).ok()?;
    let ok = answer.get("ok")?.as_bool()?;
    ok.then(|| answer.get("result")?.get("message_id")?.as_i64())?
}

fn api(error: &ApiError) -> Verdict {
    match error {
        ApiError::MessageNotModified
        | ApiError::MessageIdInvalid
        | ApiError::MessageToEditNotFound
        | ApiError::MessageCantBeEdited
        | ApiError::MessageToDeleteNotFound
        | ApiError::MessageCantBeDeleted
        | ApiError::MessageIdentifierNotSpecified
        | ApiError::InvalidQueryId => Verdict::Done,
        ApiError::BotBlocked
        | ApiError::BotKicked
        | ApiError::BotKickedFromSupergroup
        | ApiError::BotKickedFromChannel
        | ApiError::UserDeactivated
        | ApiError::CantInitiateConversation
        | ApiError::CantTalkWithBots
        | ApiError::ChatNotFound
        | ApiError::UserNotFound
        | ApiError::GroupDeactivated
        | ApiError::NotEnoughRightsToPostMessages => Verdict::Gone,
        // The token may be exchanged, and the other poller end.
        ApiError::InvalidToken
        | ApiError::TerminatedByOtherGetUpdates
        | ApiError::CantGetUpdates => Verdict::Again(None),
        ApiError::MessageToReplyNotFound => Verdict::Wrong(Remedy::NoReply),
        ApiError::CantParseEntities(_) => Verdict::Wrong(Remedy::Plain),
        ApiError::Unknown(text) => words(text),
        _ => Verdict::Wrong(Remedy::None),
    }
}

/// What texts say that the client has no name for: Telegram's words change, and
/// some have several.
fn words(text: &str) -> Verdict {
    const DONE: [&str; 11] = [
        "message is not modified",
        "message to edit not found",
        "message can't be edited",
        "message to delete not found",
        "message can't be deleted",
        "message to pin not found",
        "message to unpin not found",
        "message_id_invalid",
        "chat_not_modified",
        "query is too old",
        "query_id_invalid",
    ];
    const GONE: [&str; 12] = [
        "bot was blocked",
        "bot was kicked",
        "bot is not a member",
        "user is deactivated",
        "can't initiate conversation",
        "chat not found",
        "peer_id_invalid",
        "deactivated",
        "have no rights to send",
        "not enough rights to send text",
        "chat_write_forbidden",
        "upgraded to a supergroup",
    ];
    const AGAIN: [&str; 6] = [
        "internal server error",
        "bad gateway",
        "service unavailable",
        "gateway timeout",
        "too many requests",
        "restart",
    ];
    const NO_REPLY: [&str; 3] = [
        "message to be replied not found",
        "replied message not found",
        "message to reply not found",
    ];
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&DONE) {
        Verdict::Done
    } else if says(&NO_REPLY) {
        Verdict::Wrong(Remedy::NoReply)
    } else if text.contains("can't parse entities") {
        Verdict::Wrong(Remedy::Plain)
    } else if text.contains("there is no text in the message to edit") {
        Verdict::Wrong(Remedy::Caption)
    } else if says(&AGAIN) {
        Verdict::Again(None)
    } else if says(&GONE) || text.starts_with("forbidden") {
        Verdict::Gone
    } else {
        Verdict::Wrong(Remedy::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Telegram said, as the client reads it.
    fn said(text: &str) -> Verdict {
        let json = serde_json::Value::String(text.to_owned());
        let error: ApiError = serde_json::from_value(json).expect("any text is one");
        of(&RequestError::Api(error))
    }

    #[test]
    fn the_texts_of_the_bot_api_lead_to_their_verdicts() {
        use Remedy::{Caption, NoReply, None as Nothing, Plain};
        use Verdict::{Again, Done, Gone, Wrong};
        for (text, verdict) in [
            (
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
                Done,
            ),
            ("Bad Request: message is not modified", Done),
            ("Bad Request: message to edit not found", Done),
            ("Bad Request: message can't be edited", Done),
            ("Bad Request: message to delete not found", Done),
            ("Bad Request: message can't be deleted for everyone", Done),
            ("Bad Request: message to unpin not found", Done),
            ("Bad Request: MESSAGE_ID_INVALID", Done),
            (
                "Bad Request: query is too old and response timeout expired or query id is invalid",
                Done,
            ),
            ("Bad Request: QUERY_ID_INVALID", Done),
            ("Forbidden: bot was blocked by the user", Gone),
            ("Forbidden: bot was kicked from the group chat", Gone),
            ("Forbidden: bot was kicked from the supergroup chat", Gone),
            (
                "Forbidden: bot is not a member of the supergroup chat",
                Gone,
            ),
            ("Forbidden: user is deactivated", Gone),
            ("Forbidden: something newer", Gone),
            ("Bad Request: chat not found", Gone),
            ("Bad Request: group chat was deactivated", Gone),
            (
                "Bad Request: not enough rights to send text messages to the chat",
                Gone,
            ),
            ("Internal Server Error", Again(None)),
            ("Bad Gateway", Again(None)),
            ("Unauthorized", Again(None)),
            (
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                Again(None),
            ),
            // Words may still be sent there.
            (
                "Bad Request: not enough rights to send documents to the chat",
                Wrong(Nothing),
            ),
            (
                "Bad Request: message to be replied not found",
                Wrong(NoReply),
            ),
            ("Bad Request: replied message not found", Wrong(NoReply)),
            (
                "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 0",
                Wrong(Plain),
            ),
            (
                "Bad Request: there is no text in the message to edit",
                Wrong(Caption),
            ),
            (
                "Bad Request: there is no caption in the message to edit",
                Wrong(Nothing),
            ),
            ("Bad Request: message text is empty", Wrong(Nothing)),
            ("Bad Request: message is too long", Wrong(Nothing)),
            ("Bad Request: message thread not found", Wrong(Nothing)),
            (
                "Bad Request: not enough rights to manage pinned messages in the chat",
                Wrong(Nothing),
            ),
            ("Request Entity Too Large", Wrong(Nothing)),
            ("something that nobody ever said", Wrong(Nothing)),
        ] {
            assert_eq!(said(text), verdict, "{text}");
        }
    }

    #[test]
    fn parameters_come_before_words() {
        use teloxide_core::types::{ChatId, Seconds};
        let pause = RequestError::RetryAfter(Seconds::from_seconds(7));
        assert_eq!(of(&pause), Verdict::Again(Some(Duration::from_secs(7))));
        let moved = RequestError::MigrateToChatId(ChatId(-100_123));
        assert_eq!(of(&moved), Verdict::Moved(-100_123));
    }

    fn unreadable(raw: &str) -> RequestError {
        let source = serde_json::from_str::<u8>("x").expect_err("no number");
        RequestError::InvalidJson {
            source: std::sync::Arc::new(source),
            raw: raw.into(),
        }
    }

    #[test]
    fn a_success_that_cannot_be_read_is_still_one() {
        let sent = unreadable(r#"{"ok":true,"result":{"message_id":5,"new":{}}}"#);
        assert_eq!(sent_after_all(&sent), Some(5));
        for raw in ["<html>", r#"{"ok":false}"#, r#"{"ok":true,"result":true}"#] {
            assert_eq!(sent_after_all(&unreadable(raw)), None, "{raw}");
            assert_eq!(of(&unreadable(raw)), Verdict::Again(None));
        }
    }
}

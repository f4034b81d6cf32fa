//! What can stand between the host and Telegram, a sentence for each kind, and
//! what to do about it. The words of the client are for whoever wrote it, and
//! its addresses hold the token: none of either gets out of here.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;
use teloxide_core::{ApiError, RequestError};
use url::Url;

/// A fault, in words that stand alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// There is no bot of that token.
    #[error("Telegram knows no bot by this token")]
    Token,
    /// Two hosts ask for the updates of one bot.
    #[error("another program polls with the same token")]
    Conflict,
    /// Updates are brought somewhere, so nobody may ask for them.
    #[error("a webhook is set for the bot")]
    Hooked,
    /// Too much was asked in too short a time.
    #[error("Telegram asks for a pause of {} s", .0.as_secs())]
    Pause(Duration),
    /// The service fails.
    #[error("Telegram has trouble of its own ({0})")]
    Trouble(String),
    /// It refuses what was asked, in its own words.
    #[error("Telegram says {0:?}")]
    Says(String),
    /// Nothing came back.
    #[error("{0}")]
    Network(String),
    /// What answers is something else.
    #[error("something answers there, but not as a Bot API does")]
    Foreign,
    /// It is a Bot API, and of a form that the client does not know.
    #[error("the Bot API's answer has a form that this host does not know")]
    Unknown,
}

impl Fault {
    /// What the client met.
    pub(crate) fn of(error: &RequestError) -> Self {
        match error {
            RequestError::Api(ApiError::InvalidToken) => Self::Token,
            RequestError::Api(ApiError::TerminatedByOtherGetUpdates) => Self::Conflict,
            RequestError::Api(ApiError::CantGetUpdates) => Self::Hooked,
            RequestError::Api(ApiError::Unknown(text)) => Self::said(text),
            RequestError::Api(error) => Self::said(&error.to_string()),
            RequestError::MigrateToChatId(chat) => {
                Self::Says(format!("the chat has moved to {}", chat.0))
            }
            RequestError::RetryAfter(pause) => Self::Pause(pause.duration()),
            RequestError::Network(error) => Self::of_network(error),
            RequestError::InvalidJson { raw, .. } if is_bot_api(raw) => Self::Unknown,
            RequestError::InvalidJson { .. } => Self::Foreign,
            RequestError::Io(error) => Self::Network(format!("nothing could be sent ({error})")),
        }
    }

    /// What Telegram said instead of doing what it was asked.
    pub(crate) fn said(text: &str) -> Self {
        const TROUBLE: [&str; 4] = [
            "internal server error",
            "bad gateway",
            "service unavailable",
            "gateway timeout",
        ];
        let small = text.to_lowercase();
        if small.contains("terminated by other getupdates") {
            Self::Conflict
        } else if small.contains("while webhook is active") {
            Self::Hooked
        } else if TROUBLE.iter().any(|words| small.contains(words)) {
            Self::Trouble(text.to_owned())
        } else {
            Self::Says(text.to_owned())
        }
    }

    /// Why nothing came back.
    pub(crate) fn of_network(error: &reqwest::Error) -> Self {
        let place = error.url().map_or_else(|| "the server".to_owned(), place);
        Self::Network(why(error, error.is_timeout(), &place))
    }

    /// What to do about it.
    pub(crate) fn mend(&self) -> &'static str {
        match self {
            Self::Token => "copy the token from @BotFather again",
            Self::Conflict => "stop that program, or take a new token from @BotFather",
            Self::Hooked => "the host takes it away when it polls",
            Self::Pause(_) | Self::Trouble(_) | Self::Says(_) => "try again later",
            Self::Network(_) => "check the network and the address of the Bot API",
            Self::Foreign => "check the address of the Bot API",
            Self::Unknown => "upgrade the host, or that server of the Bot API",
        }
    }
}

/// Whether a text is an answer of a Bot API, whatever it says.
fn is_bot_api(raw: &str) -> bool {
    let answer: Option<serde_json::Value> = serde_json::from_str(raw).ok();
    answer.is_some_and(|answer| answer["ok"].is_boolean())
}

/// A server, without the path: that holds the token.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the server");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// What broke, by the chain of causes. The first one is not shown: its words
/// name the address.
fn why(error: &(dyn Error + 'static), is_late: bool, place: &str) -> String {
    let chain: Vec<&(dyn Error + 'static)> =
        std::iter::successors(error.source(), |error| (*error).source()).collect();
    let says = |part: &str| chain.iter().any(|error| error.to_string().contains(part));
    let kinds: Vec<ErrorKind> = chain
        .iter()
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .map(io::Error::kind)
        .collect();
    let is = |kind: ErrorKind| kinds.contains(&kind);
    if says("dns error") || says("failed to lookup address") {
        return format!("the name of {place} cannot be resolved");
    }
    if is(ErrorKind::ConnectionRefused) {
        return format!("{place} refuses the connection");
    }
    if is_late || is(ErrorKind::TimedOut) {
        return format!("{place} does not answer in time");
    }
    if is(ErrorKind::HostUnreachable) || is(ErrorKind::NetworkUnreachable) {
        return format!("no way leads to {place}");
    }
    match chain.last() {
        Some(last) if says("certificate") => {
            format!("the certificate of {place} is not trusted ({last})")
        }
        Some(last) => format!("the connection to {place} broke ({last})"),
        None => format!("the connection to {place} broke"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;
    use std::sync::Arc;
    use teloxide_core::types::Seconds;

    #[test]
    fn each_kind_has_words_of_its_own_and_none_of_the_clients() {
        let api = |text: &str| {
            let json = serde_json::Value::String(text.to_owned());
            RequestError::Api(serde_json::from_value(json).expect("any text is one"))
        };
        let unreadable = |raw: &str| RequestError::InvalidJson {
            source: Arc::new(serde_json::from_str::<u8>("x").expect_err("no number")),
            raw: raw.into(),
        };
        for (error, words) in [
            (api("Unauthorized"), "Telegram knows no bot by this token"),
            (
                api(
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                ),
                "another program polls with the same token",
            ),
            (
                api(
                    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
                ),
                "a webhook is set for the bot",
            ),
            (
                api("Bad Gateway"),
                "Telegram has trouble of its own (Bad Gateway)",
            ),
            (
                api("Bad Request: something new"),
                "Telegram says \"Bad Request: something new\"",
            ),
            (
                RequestError::RetryAfter(Seconds::from_seconds(7)),
                "Telegram asks for a pause of 7 s",
            ),
            (
                unreadable("<html>"),
                "something answers there, but not as a Bot API does",
            ),
            (
                unreadable(r#"{"ok":true,"result":{}}"#),
                "the Bot API's answer has a form that this host does not know",
            ),
        ] {
            let fault = Fault::of(&error);
            assert_eq!(fault.to_string(), words);
            assert!(!fault.mend().is_empty());
        }
    }

    /// A cause with a cause.
    #[derive(Debug)]
    struct Caused(&'static str, Option<Box<dyn Error + 'static>>);

    impl fmt::Display for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref()
        }
    }

    #[test]
    fn a_network_fault_says_its_cause_and_no_address() {
        let of = |cause: Option<Box<dyn Error + 'static>>, is_late| {
            let error = Caused(
                "error sending request for url (http://x/bot1:secret)",
                cause,
            );
            why(&error, is_late, "x:81")
        };
        let io = |kind: ErrorKind| -> Option<Box<dyn Error + 'static>> {
            Some(Box::new(Caused(
                "tcp connect error",
                Some(Box::new(io::Error::from(kind))),
            )))
        };
        let text =
            |text| -> Option<Box<dyn Error + 'static>> { Some(Box::new(Caused(text, None))) };
        for (said, words) in [
            (
                of(io(ErrorKind::ConnectionRefused), false),
                "x:81 refuses the connection",
            ),
            (
                of(io(ErrorKind::HostUnreachable), false),
                "no way leads to x:81",
            ),
            (
                of(text("dns error"), false),
                "the name of x:81 cannot be resolved",
            ),
            (
                of(text("operation timed out"), true),
                "x:81 does not answer in time",
            ),
            (
                of(text("invalid peer certificate: Expired"), false),
                "the certificate of x:81 is not trusted (invalid peer certificate: Expired)",
            ),
            (
                of(text("connection closed"), false),
                "the connection to x:81 broke (connection closed)",
            ),
            (of(None, false), "the connection to x:81 broke"),
        ] {
            assert_eq!(said, words);
        }
    }
}

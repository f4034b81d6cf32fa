//! The client of the Bot API. The only place where an HTTP client is made; the
//! token is in its addresses, so no client is ever printed.

use crate::error::TelegramError;
use crate::limits::{CONNECT, POLL_SLACK, POLL_WAIT, REQUEST};
use reqwest::redirect::Policy;
use sortie_vault::Secret;
use std::time::Duration;
use url::{Host, Url};

/// The clients of one token.
pub(crate) struct Bots {
    /// For long polls.
    pub(crate) poll: teloxide_core::Bot,
    /// For everything else.
    pub(crate) send: teloxide_core::Bot,
}

impl Bots {
    /// Clients for a token and an address.
    pub(crate) fn new(token: &Secret, api_url: &str) -> Result<Self, TelegramError> {
        check_token(token)?;
        let url = api_address(api_url)?;
        let bot = |timeout| -> Result<teloxide_core::Bot, TelegramError> {
            let client = client(&url, timeout)?;
            let bot = teloxide_core::Bot::with_client(token.expose(), client);
            Ok(bot.set_api_url(url.clone()))
        };
        Ok(Self {
            poll: bot(POLL_WAIT + POLL_SLACK)?,
            send: bot(REQUEST)?,
        })
    }
}

/// Looks at the form of a token, for whoever is about to do something with it.
///
/// # Errors
///
/// [`TelegramError::Token`] when it is none.
pub fn check_token(token: &Secret) -> Result<(), TelegramError> {
    match is_token(token.expose()) {
        true => Ok(()),
        false => Err(TelegramError::Token),
    }
}

/// Whether the text has the form of a token: the bot's number and a secret.
/// Anything else would change the address that it becomes a part of.
fn is_token(text: &str) -> bool {
    let sound = |sign: u8| sign.is_ascii_alphanumeric() || matches!(sign, b'-' | b'_');
    text.split_once(':').is_some_and(|(id, secret)| {
        id.parse::<u64>().is_ok() && !secret.is_empty() && secret.bytes().all(sound)
    })
}

/// Where the Bot API is.
///
/// # Errors
///
/// [`TelegramError::ApiUrl`] when the text is no address of HTTP.
pub fn api_address(text: &str) -> Result<Url, TelegramError> {
    let fits = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let url = Url::parse(text).ok().filter(fits);
    url.ok_or_else(|| TelegramError::ApiUrl(beginning(text)))
}

/// Where Telegram reaches this host. It calls nothing that is not HTTPS.
///
/// # Errors
///
/// [`TelegramError::NoWebhookUrl`] without a text, and
/// [`TelegramError::WebhookUrl`] when it is no such address.
pub fn webhook_address(text: Option<&str>) -> Result<Url, TelegramError> {
    let text = text.ok_or(TelegramError::NoWebhookUrl)?;
    let fits = |url: &Url| url.scheme() == "https" && url.path().ends_with("/telegram");
    let url = Url::parse(text).ok().filter(fits);
    url.ok_or_else(|| TelegramError::WebhookUrl(beginning(text)))
}

/// As much of an address as an error shows.
fn beginning(text: &str) -> String {
    text.chars().take(200).collect()
}

fn client(url: &Url, timeout: Duration) -> Result<reqwest::Client, TelegramError> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .timeout(timeout)
        .redirect(Policy::none());
    if is_here(url) {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| TelegramError::Client(error.to_string()))
}

/// Whether the Bot API runs on this machine, where no proxy of the environment
/// can stand in between.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_are_tokens() {
        assert!(is_token("123:AAE-x_9"));
        for text in [
            "", "123", "123:", "x:AA", "123:A/B", "123:A?b", "123:A B", ":A",
        ] {
            assert!(!is_token(text), "{text}");
        }
    }

    #[test]
    fn only_http_addresses_are_taken() {
        assert!(api_address("https://api.telegram.org").is_ok());
        assert!(api_address("http://127.0.0.1:8081").is_ok());
        for text in ["", "api.telegram.org", "ftp://x", "file:///etc/passwd"] {
            assert!(api_address(text).is_err(), "{text}");
        }
        let here = |text: &str| is_here(&Url::parse(text).expect("an address"));
        assert!(here("http://localhost:1") && here("http://[::1]:1") && !here("https://x.org"));
    }

    #[test]
    fn a_webhook_is_https_and_ends_as_the_route_does() {
        assert!(webhook_address(Some("https://x.org/sortie/telegram")).is_ok());
        let none = webhook_address(None);
        assert!(matches!(none, Err(TelegramError::NoWebhookUrl)));
        for text in [
            "",
            "http://x.org/telegram",
            "https://x.org",
            "x.org/telegram",
        ] {
            let wrong = webhook_address(Some(text));
            assert!(matches!(wrong, Err(TelegramError::WebhookUrl(_))), "{text}");
        }
    }
}

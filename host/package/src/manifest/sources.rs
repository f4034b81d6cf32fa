//! Where a connector's events come from. Plain data and its defaults; the host
//! listens and ticks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Schedule;

/// Where events come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum EventSource {
    /// Requests to the host.
    Http(HttpSource),
    /// Ticks.
    Timer(TimerSource),
}

impl EventSource {
    /// Its name, which events carry.
    pub fn name(&self) -> &str {
        match self {
            Self::Http(source) => &source.name,
            Self::Timer(source) => &source.name,
        }
    }
}

/// Requests that come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSource {
    /// Its name, and the last part of its path.
    pub name: String,
    /// How the host knows who sends.
    pub verify: Verify,
    /// Header whose value is the same when a delivery is repeated; without one
    /// the host compares what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
    /// The largest body; none for 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body_bytes: Option<u64>,
}

/// The largest body of a source that does not say.
pub(super) const DEFAULT_BODY_BYTES: u64 = 1 << 20;

impl HttpSource {
    /// The largest body in bytes.
    pub fn body_limit_bytes(&self) -> u64 {
        self.max_body_bytes.unwrap_or(DEFAULT_BODY_BYTES)
    }
}

/// The header with Slack's signature of a request.
pub const SLACK_SIGNATURE: &str = "x-slack-signature";
/// The header with the time that Slack signed a request at.
pub const SLACK_TIMESTAMP: &str = "x-slack-request-timestamp";
/// The header with Discord's signature of a request.
pub const DISCORD_SIGNATURE: &str = "x-signature-ed25519";
/// The header with the time that Discord signed a request at.
pub const DISCORD_TIMESTAMP: &str = "x-signature-timestamp";

/// How the host knows who sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "scheme", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Verify {
    /// A signature of the body with a shared secret.
    HmacSha256 {
        /// Header that carries it.
        header: String,
        /// What stands before it in the header.
        #[serde(default)]
        prefix: String,
        /// How it is written.
        #[serde(default)]
        encoding: Encoding,
        /// Name of the secret in the vault.
        secret: String,
    },
    /// A token in a header.
    Token {
        /// Header that carries it.
        header: String,
        /// What stands before it in the header.
        #[serde(default)]
        prefix: String,
        /// Name of the secret in the vault.
        secret: String,
    },
    /// As Slack signs its interactions, with the app's signing secret.
    SlackV0 {
        /// Name of the secret in the vault.
        secret: String,
    },
    /// As Discord signs its interactions. The secret is the application's
    /// public key in hex.
    DiscordEd25519 {
        /// Name of the secret in the vault.
        secret: String,
    },
    /// Not at all.
    None {},
}

impl Verify {
    /// The headers that carry the proof, in lower case. A guest sees none of
    /// them.
    pub fn proofs(&self) -> Vec<&str> {
        match self {
            Self::HmacSha256 { header, .. } | Self::Token { header, .. } => vec![header.as_str()],
            Self::SlackV0 { .. } => vec![SLACK_SIGNATURE, SLACK_TIMESTAMP],
            Self::DiscordEd25519 { .. } => vec![DISCORD_SIGNATURE, DISCORD_TIMESTAMP],
            Self::None {} => Vec::new(),
        }
    }

    /// The service whose people send, which is the source of their roles; none
    /// where the scheme says of no person that they sent.
    pub fn people(&self) -> Option<&'static str> {
        match self {
            Self::SlackV0 { .. } => Some("slack"),
            Self::DiscordEd25519 { .. } => Some("discord"),
            _ => None,
        }
    }
}

/// How bytes are written in a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal, in either case.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// Ticks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimerSource {
    /// Its name.
    pub name: String,
    /// Five fields; exactly one of this and `every`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// A time such as `15m`, counted from 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// IANA name of the zone whose clock `cron` means; none for UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// What becomes of ticks that nobody was there for.
    #[serde(default)]
    pub missed: Missed,
}

impl TimerSource {
    /// When it ticks.
    ///
    /// # Errors
    /// The key that is wrong, and what to write; a manifest that was read has
    /// passed this.
    pub fn schedule(&self) -> Result<Schedule, (&'static str, String)> {
        match (&self.cron, &self.every) {
            (Some(cron), None) => {
                let zone = super::zone(self.time_zone.as_deref().unwrap_or("UTC"))
                    .map_err(|message| ("time_zone", message))?;
                Schedule::cron(cron, &zone).map_err(|message| ("cron", message))
            }
            (None, Some(_)) if self.time_zone.is_some() => Err((
                "time_zone",
                "`every` counts from 1970 UTC and has no zone; leave it out, or write `cron`"
                    .into(),
            )),
            (None, Some(every)) => Schedule::every(every).map_err(|message| ("every", message)),
            (Some(_), Some(_)) => Err(("every", "write `cron` or `every`, not both".into())),
            (None, None) => Err((
                "cron",
                "a timer needs one: write `cron = \"0 3 * * *\"` or `every = \"15m\"`".into(),
            )),
        }
    }
}

/// What becomes of missed ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// They are forgotten.
    Skip,
    /// One tick counts them all.
    #[default]
    Once,
}

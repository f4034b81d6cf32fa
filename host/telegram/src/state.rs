//! How the source is, for people.

use crate::options::Mode;
use std::fmt;

/// The bot that the token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// Its number.
    pub id: u64,
    /// Its name in links, without the `@`.
    pub username: String,
    /// Its name.
    pub name: String,
}

/// How the source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no token.
    Off,
    /// It is about to speak to Telegram.
    Connecting,
    /// It hears and sends.
    Up {
        /// The bot.
        bot: Bot,
        /// How updates come.
        mode: Mode,
    },
    /// The connector does not run, or may not hear this source.
    NobodyHears {
        /// The connector.
        plugin: String,
    },
    /// Another host polls with the same token.
    Conflict,
    /// Telegram refuses the token, or the host cannot use what was set up.
    Refused {
        /// What was said, or what went wrong.
        why: String,
    },
    /// Telegram cannot be reached.
    Unreachable {
        /// What went wrong.
        why: String,
    },
}

/// The words of the log.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("there is no bot"),
            Self::Connecting => f.write_str("connects"),
            Self::Up { bot, mode } => {
                let mode = match mode {
                    Mode::Poll => "polling",
                    Mode::Webhook => "webhook",
                };
                write!(f, "speaks as @{} ({mode})", bot.username)
            }
            Self::NobodyHears { plugin } => write!(
                f,
                "the plugin {plugin} does not run, or may not hear it; `sortie plugin list` says more"
            ),
            Self::Conflict => f.write_str("another program polls with the same token"),
            Self::Refused { why } => write!(f, "the bot cannot be used: {why}"),
            Self::Unreachable { why } => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_words_and_no_types() {
        let bot = Bot {
            id: 7,
            username: "shop_bot".into(),
            name: "Shop".into(),
        };
        let mode = Mode::Poll;
        let up = State::Up { bot, mode };
        assert_eq!(up.to_string(), "speaks as @shop_bot (polling)");
        let why = "Telegram knows no bot by this token".to_owned();
        assert_eq!(
            State::Refused { why }.to_string(),
            "the bot cannot be used: Telegram knows no bot by this token"
        );
        let plugin = "telegram".into();
        for state in [
            State::Off,
            State::Connecting,
            State::Conflict,
            State::NobodyHears { plugin },
        ] {
            let text = state.to_string();
            assert!(!text.contains(['{', '"']), "{text}");
        }
    }
}

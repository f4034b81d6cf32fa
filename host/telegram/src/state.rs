//! How the source is, for people.

use crate::options::Mode;

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

//! The chat source `telegram`: hears what people write to a bot and does what
//! plugins ask to be sent.
//!
//! Transport only. It knows who speaks and whether they may be heard, keeps the
//! order and the service's limits, and writes CommonMark as what Telegram shows.
//! What a command means and how an answer is worded is a plugin's business; the
//! only words of its own are the notes in `note.rs`.
//!
//! [`TelegramOptions`] are its options, [`Telegram`] is its handle and runs it,
//! [`TelegramError`] and [`DoorError`] are its errors.

mod bot;
mod content;
mod deliver;
mod doubt;
mod error;
mod fault;
mod hear;
mod hold;
mod keyboard;
pub mod limits;
mod markup;
mod me;
mod note;
mod options;
mod pace;
mod pacer;
mod pair;
mod pause;
mod poll;
mod profile;
mod queue;
mod recover;
mod requests;
mod rich;
mod sender;
mod service;
mod settings;
mod state;
mod update;
mod verdict;

pub use bot::{api_address, check_token, webhook_address};
pub use error::{DoorError, TelegramError};
pub use options::{Diffs, Mode, TelegramConfig, TelegramOptions};
pub use profile::{api_url, probe};
pub use service::{PairingCode, SetUp, Telegram};
pub use state::{Bot, State};

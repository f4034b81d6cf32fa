//! Every bound of this crate, each with the reason for its number.

use std::time::Duration;

/// The name of the source in manifests, rows and places.
pub const SOURCE: &str = "telegram";

/// The secret that is the bot's token.
pub const TOKEN_SECRET: &str = "telegram-token";

/// The secret that Telegram shows with each request to the webhook.
pub const WEBHOOK_SECRET: &str = "telegram-webhook-secret";

/// How long Telegram holds a poll open when there is nothing.
pub(crate) const POLL_WAIT: Duration = Duration::from_secs(50);
/// What a poll may take beyond that.
pub(crate) const POLL_SLACK: Duration = Duration::from_secs(10);
/// How long connecting may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// How long any other request may take; a document of 45 MiB needs a while.
pub(crate) const REQUEST: Duration = Duration::from_secs(30);
/// Bytes of a reason that is shown and logged: an answer that is not Telegram's
/// may be a whole page.
pub(crate) const MAX_REASON_BYTES: usize = 1_000;
/// Updates of one poll; the most that Telegram gives.
pub(crate) const UPDATES: u8 = 100;

/// Bytes of the answer that says who a token belongs to; it has some 400.
pub(crate) const ME_BYTES: usize = 64 << 10;
/// How long a look asks Telegram whether it still takes the token; a person
/// waits for it.
pub(crate) const LOOK: Duration = Duration::from_secs(5);
/// How long whoever set the bot up waits for it to speak, or to be silent.
pub(crate) const TAKEN_UP: Duration = Duration::from_secs(10);

/// How often the secret is looked at for a new token.
pub(crate) const TOKEN_LOOK: Duration = Duration::from_secs(5);
/// The pause when the store takes no more, or no plugin hears.
pub(crate) const FULL_PAUSE: Duration = Duration::from_secs(5);
/// The first and the longest pause while Telegram cannot be reached.
pub(crate) const UNREACHABLE: (Duration, Duration) =
    (Duration::from_secs(1), Duration::from_secs(30));
/// The same while another host polls with the token: it may be about to end.
pub(crate) const CONFLICT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// The pause after a token was refused.
pub(crate) const REFUSED: Duration = Duration::from_secs(60);
/// After so long without an update Telegram may number the next one at random.
pub(crate) const RENUMBERED_AFTER: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// Requests under way at once. Thirty a second at a quarter of a second each.
pub(crate) const IN_FLIGHT: usize = 8;
/// The first and the longest pause after a message could not be sent.
pub(crate) const SEND_PAUSE: (Duration, Duration) =
    (Duration::from_secs(1), Duration::from_secs(60));
/// How long a message is tried; later nobody waits for it.
pub(crate) const SEND_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How often the queue is read whole, for what people had tried again, and for
/// chats whose rules changed.
pub(crate) const REREAD: Duration = Duration::from_secs(5);
/// Rows of the queue in one reading.
pub(crate) const QUEUE_PAGE: u32 = 1_000;
/// Notes to pressed buttons that wait; beyond, the button just stops waiting.
pub(crate) const NOTES: usize = 100;

/// Ids above the newest known that are probed for a message of an earlier life.
/// More messages of others between two lives and the message is sent again.
/// As many may be known above a permit with which one goes.
pub(crate) const PROBE_AHEAD: i64 = 40;
/// Ids that are probed in all: what came in while the host was down.
pub(crate) const PROBES: usize = 200;

/// UTF-16 units of a message, as Telegram counts.
pub(crate) const TEXT_UNITS: usize = 4_096;
/// The same for the caption of a file.
pub(crate) const CAPTION_UNITS: usize = 1_024;
/// The largest file that is sent; Telegram takes 50 MB.
pub(crate) const FILE_BYTES: usize = 45 << 20;

/// How long a pairing code holds.
pub(crate) const PAIRING: Duration = Duration::from_secs(15 * 60);
/// How long an answer waits for what its message is called.
pub(crate) const NUMBER_FOR: Duration = Duration::from_secs(20);

//! The only words that the host says itself.

/// A note to somebody who pressed a button that does nothing any more.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// The service's id of the press.
    pub(crate) interaction: String,
    /// What it says.
    pub(crate) text: &'static str,
}

/// The button belongs to another message, or to none.
pub(crate) const OTHER: &str = "This button is of another time.";
/// Somebody answered, here or elsewhere.
pub(crate) const ANSWERED: &str = "This was answered before.";
/// What it does was done by it before.
pub(crate) const USED: &str = "This button was used before.";
/// Its time is over.
pub(crate) const EXPIRED: &str = "The time to answer is over.";
/// The host does not know who pressed it.
pub(crate) const NOT_ALLOWED: &str = "You may not do that.";

/// What stands for a file that cannot be sent.
pub(crate) const NO_FILE: &str = "The diff is not kept any more.";
/// What stands for a file that Telegram would not take.
pub(crate) const LARGE_FILE: &str = "The diff is too large for a chat.";

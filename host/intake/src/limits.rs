//! Every bound on a request, with the reason for its number.

/// The longest task in bytes: ten pages of text. A longer description belongs
/// into a file of the repository.
pub const MAX_TASK_BYTES: usize = 32 * 1024;

/// The longest branch name in bytes; git refuses longer ones on most disks.
pub const MAX_BRANCH_BYTES: usize = 255;

/// The most verification commands that one request may add.
pub const MAX_EXTRA_VERIFY: usize = 16;

/// The longest of them in bytes: a line, not a script.
pub const MAX_VERIFY_BYTES: usize = 4 * 1024;

/// The longest idempotency key in bytes: a UUID or a digest, with room.
pub const MAX_KEY_BYTES: usize = 255;

/// The longest name of a requester or a door in bytes; longer ones are cut,
/// they are labels.
pub const MAX_LABEL_BYTES: usize = 64;

//! What a repository's own checks are, and what they say.
//!
//! [`detect`] finds the commands that build, lint and test a repository;
//! [`extract`] finds in a command's output what is wrong, and whether the
//! change is to blame; [`touched`] tells which files are tests or say how tests
//! run; [`inventory`] reads which tests were collected, skipped and failed, and
//! compares that before and after a change.
//!
//! Everything here is a pure function over text that somebody else wrote and
//! that is never believed: nothing is read from a disk, nothing is run, nothing
//! panics on input, and every answer is bounded. A forged output can only make
//! an answer worse for whoever forged it, or be seen as one by the comparison.

pub mod detect;
pub mod extract;
pub mod inventory;
pub mod touched;

mod text;

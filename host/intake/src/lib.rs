//! Turns a request for work into a job, whichever door it came through.
//!
//! [`Intake::submit`] finds the project, checks the task and what it names,
//! and lays the request over the project's policy. A request can only tighten
//! that policy: it chooses among what the operator allows, and adds
//! verification; it never removes a check and never raises a ceiling.
//!
//! This crate never runs a plugin's judgement over a request, never fetches a
//! repository, and never writes a job that it could not describe.

mod catalog;
mod error;
mod intake;
pub mod limits;
mod policy;
mod request;
mod scanners;
mod target;

pub use catalog::{Catalog, Installed, Refused};
pub use error::IntakeError;
pub use intake::{Intake, IntakeOptions};
pub use request::{Requester, SubmitRequest};
pub use target::Allowed;

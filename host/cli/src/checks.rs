//! What was looked at and how it was found, for the commands that answer with a
//! list of it. It looks at nothing itself.

use crate::exit::CliError;
use crate::out::{Out, Tone};
use crate::render::plain;
use serde::Serialize;

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Worth a look.
    Warn,
    /// Wrong.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Check {
    name: &'static str,
    status: Status,
    message: String,
}

/// What was looked at, in order.
#[derive(Debug, Default)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// Adds how something was found.
    pub fn add(&mut self, name: &'static str, status: Status, message: impl Into<String>) {
        self.0.push(Check {
            name,
            status,
            message: message.into(),
        });
    }

    /// It is as it should be.
    pub fn ok(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Status::Ok, message);
    }

    /// It is worth a look.
    pub fn warn(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Status::Warn, message);
    }

    /// It is wrong.
    pub fn fail(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Status::Fail, message);
    }

    /// Whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.0.iter().all(|check| check.status != Status::Fail)
    }
}

impl From<Checks> for Vec<Check> {
    fn from(checks: Checks) -> Self {
        checks.0
    }
}

/// Shows them to a person, one line each.
pub fn show(checks: &[Check], out: &Out) -> Result<(), CliError> {
    for check in checks {
        let (tone, word) = match check.status {
            Status::Ok => (Tone::Good, "ok  "),
            Status::Warn => (Tone::Warn, "warn"),
            Status::Fail => (Tone::Bad, "fail"),
        };
        out.line(format!(
            "{}  {:<17} {}",
            out.paint(tone, word),
            check.name,
            plain(&check.message).replace('\n', "\n                        ")
        ))?;
    }
    Ok(())
}

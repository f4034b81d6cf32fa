//! Where the next run of a job begins. Plain data.

use serde::{Deserialize, Serialize};

/// How a run begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartMode {
    /// At the base branch, with nothing done.
    #[default]
    Base,
    /// With the work of an earlier run, to go on with it.
    Continue,
    /// With the work of an earlier run as it is, to verify, scan and publish it.
    Publish,
}

impl StartMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Base, Self::Continue, Self::Publish];

    /// The stable name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Continue => "continue",
            Self::Publish => "publish",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// How the runs of a job begin since a person started it last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// How.
    pub mode: StartMode,
    /// The work of an earlier run; none when it begins at the base.
    pub work: Option<Work>,
}

/// What an earlier run left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The commit it started from.
    pub base: String,
    /// The commit that holds what it did.
    pub commit: String,
}

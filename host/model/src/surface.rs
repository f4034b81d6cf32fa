//! What a plugin can be asked: the surfaces of this host. Which WIT interface
//! stands behind each is the plugin host's matter.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A surface of a plugin. Policies name plugins for the first four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surface {
    /// Judges changes.
    Scanner,
    /// Says how much a job may use.
    Budget,
    /// Launches agents and reads their output.
    Agent,
    /// Decides what happens next.
    Workflow,
    /// Turns events into jobs.
    Connector,
    /// Tells people and systems what happened.
    Notifier,
}

impl Surface {
    /// Every surface this host has.
    pub const ALL: [Self; 6] = [
        Self::Scanner,
        Self::Budget,
        Self::Agent,
        Self::Workflow,
        Self::Connector,
        Self::Notifier,
    ];

    /// The stable name, in manifests and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scanner => "scanner",
            Self::Budget => "budget",
            Self::Agent => "agent",
            Self::Workflow => "workflow",
            Self::Connector => "connector",
            Self::Notifier => "notifier",
        }
    }

    /// Whether its calls may have effects; the others are pure.
    pub fn is_effectful(self) -> bool {
        matches!(self, Self::Connector | Self::Notifier)
    }
}

impl fmt::Display for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surface_is_stored_under_its_name() {
        for surface in Surface::ALL {
            let stored = serde_json::to_value(surface).expect("a name");
            assert_eq!(stored, surface.name());
        }
    }
}

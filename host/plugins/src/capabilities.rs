//! What an operator granted a plugin, as far as it concerns the instance
//! itself: directories and limits. What its imports may do is the matter of
//! whoever stands behind them.

use std::path::PathBuf;

use crate::options::Limits;

/// A directory that a guest sees, and nothing above it: names are resolved
/// beneath an open handle, so neither `..` nor a symlink leads out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// What the guest opens: `/` and a name.
    pub guest: String,
    /// Where it is on the host; opened anew for each call.
    pub host: PathBuf,
    /// Whether the guest may change what is in it.
    pub writable: bool,
}

/// What is granted. The default grants nothing, under the host's own limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Directories.
    pub directories: Vec<Directory>,
    /// Memory of a call in bytes; none for the host's limit.
    pub memory_bytes: Option<usize>,
    /// Processor time of a call in milliseconds; none for the host's limit.
    pub cpu_ms: Option<u64>,
    /// Time of a call in milliseconds; none for the host's limit.
    pub wall_ms: Option<u64>,
}

impl Capabilities {
    /// The limits of a call: what is granted, and never more than the host's.
    pub(crate) fn within(&self, host: Limits) -> Limits {
        Limits {
            memory_bytes: least(self.memory_bytes, host.memory_bytes),
            cpu_ms: least(self.cpu_ms, host.cpu_ms),
            wall_ms: least(self.wall_ms, host.wall_ms),
            ..host
        }
    }
}

fn least<T: Ord>(granted: Option<T>, host: T) -> T {
    match granted {
        Some(granted) => granted.min(host),
        None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_lowers_a_limit_and_never_raises_it() {
        let host = Limits::default();
        let granted = Capabilities {
            cpu_ms: Some(1),
            wall_ms: Some(u64::MAX),
            ..Capabilities::default()
        };
        let limits = granted.within(host);
        assert_eq!((limits.cpu_ms, limits.wall_ms), (1, host.wall_ms));
        assert_eq!(Capabilities::default().within(host), host);
    }
}

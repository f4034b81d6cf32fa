//! What scanners say about a change.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a finding asks for, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Likely wrong.
    Warn,
    /// Clearly wrong.
    Block,
}

impl Severity {
    /// The stable name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Block => "block",
        }
    }

    /// The severity of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Info, Self::Warn, Self::Block]
            .into_iter()
            .find(|severity| severity.as_str() == name)
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which side of the change a place is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// In the file before the change.
    Old,
    /// In the file after the change.
    New,
}

/// Where a finding is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Path on that side.
    pub path: String,
    /// 1-based line; 1 for a finding about a whole file.
    pub line: u32,
    /// The side.
    pub side: Side,
}

/// One thing that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The plugin that said it.
    pub scanner: String,
    /// The plugin's rule.
    pub rule: String,
    /// What it asks for.
    pub severity: Severity,
    /// Where; none when it is about the change as a whole.
    pub place: Option<Place>,
    /// One sentence.
    pub message: String,
    /// The line or lines it rests on.
    pub evidence: String,
    /// Stable over moves within a file: the same finding of the same rule on
    /// the same evidence has the same fingerprint; see [`fingerprint`].
    pub fingerprint: String,
}

/// The fingerprint of a finding: the first 16 bytes, in hexadecimal, of the
/// SHA-256 over scanner, rule, path and evidence without its white space. The
/// line number is left out so that a finding keeps its identity when code
/// above it moves.
pub fn fingerprint(scanner: &str, rule: &str, place: Option<&Place>, evidence: &str) -> String {
    let mut hash = Sha256::new();
    let squeezed: String = evidence.split_whitespace().collect();
    let path = place.map_or("", |place| place.path.as_str());
    for part in [scanner, rule, path, squeezed.as_str()] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32) -> Place {
        Place {
            path: "src/a.rs".into(),
            line,
            side: Side::New,
        }
    }

    #[test]
    fn a_fingerprint_survives_a_move_and_reindentation() {
        let one = fingerprint("s", "r", Some(&at(3)), "  #[ignore]");
        let two = fingerprint("s", "r", Some(&at(90)), "#[ignore]  ");
        assert_eq!(one, two);
        assert_eq!(one.len(), 32);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(
            fingerprint("ab", "c", None, "x"),
            fingerprint("a", "bc", None, "x")
        );
    }
}

//! Names of commits and branches, checked before they come near a command
//! line, so that none is ever read as an option or a revision expression.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::GitError;

/// The full id of a commit: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl FromStr for CommitId {
    type Err = GitError;

    fn from_str(text: &str) -> Result<Self, GitError> {
        if is_object_id(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(GitError::CommitId(text.chars().take(80).collect()))
        }
    }
}

impl TryFrom<String> for CommitId {
    type Error = GitError;

    fn try_from(text: String) -> Result<Self, GitError> {
        text.parse()
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the text is a full object id.
pub(crate) fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The rules of `git check-ref-format` for a branch, plus one of ours: no
/// longer than 200 bytes, which every forge accepts.
pub(crate) fn check_branch(name: &str) -> Result<(), GitError> {
    if name.len() <= 200 && name != "HEAD" && !name.starts_with('-') && is_ref_path(name) {
        Ok(())
    } else {
        Err(GitError::BranchName(name.chars().take(80).collect()))
    }
}

/// Whether `refs/…/<name>` is a valid ref name.
pub(crate) fn is_ref_path(name: &str) -> bool {
    let bad_char =
        |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    !name.is_empty()
        && name != "@"
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(bad_char)
        && !name.ends_with('.')
        && name
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_ids_are_commit_ids() {
        assert!("0".repeat(40).parse::<CommitId>().is_ok());
        assert!("a".repeat(64).parse::<CommitId>().is_ok());
        for bad in ["", "HEAD", "abc", &"A".repeat(40), &"g".repeat(40), "--all"] {
            assert!(bad.parse::<CommitId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn branch_names_follow_git() {
        for good in ["main", "sortie/42/fix-it", "a.b", "ünïcode", "a@b"] {
            assert!(check_branch(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-x",
            "a..b",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "@",
            "a@{1}",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "a.",
            "a\nb",
            "a\\b",
            "a*",
            "HEAD",
            &"x".repeat(201),
        ] {
            assert!(check_branch(bad).is_err(), "{bad}");
        }
    }
}

//! The buttons under a question: what is in their actions, and back.

use crate::bindings::sortie::host::{chat::Button, jobs::Decision};

/// How much of a commit's name an action carries. An action has 64 bytes and a
/// SHA-256 name alone as many; 128 bits of either kind of name are enough that
/// nobody finds another commit that begins so.
const COMMIT_CHARS: usize = 32;

/// What a pressed button means.
#[derive(Debug, PartialEq)]
pub(crate) struct Press {
    pub(crate) decision: Decision,
    pub(crate) job: u64,
    commit: String,
}

impl Press {
    /// Reads an action; none when it is not one of this plugin's.
    pub(crate) fn parse(action: &str) -> Option<Self> {
        let mut parts = action.splitn(3, ':');
        let decision = match parts.next()? {
            "approve" => Decision::Approve,
            "reject" => Decision::Reject,
            _ => return None,
        };
        let job = parts.next()?.parse().ok()?;
        let commit = parts.next()?;
        (commit.len() == COMMIT_CHARS).then(|| Self {
            decision,
            job,
            commit: commit.to_owned(),
        })
    }

    /// Whether this is the commit that was seen when the button was made.
    pub(crate) fn is_about(&self, commit: &str) -> bool {
        commit.starts_with(&self.commit)
    }
}

/// The buttons of a question; none when the commit's name is no name.
pub(crate) fn row(job: u64, commit: &str) -> Option<Vec<Button>> {
    let seen = commit.get(..COMMIT_CHARS)?;
    let button = |label: &str, word: &str| Button {
        label: label.into(),
        action: format!("{word}:{job}:{seen}"),
    };
    Some(vec![
        button("Approve", "approve"),
        button("Reject", "reject"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_fits_and_comes_back_for_both_kinds_of_names() {
        for commit in ["a1".repeat(20), "b2".repeat(32)] {
            for (button, decision) in row(u64::MAX, &commit)
                .expect("buttons")
                .into_iter()
                .zip([Decision::Approve, Decision::Reject])
            {
                assert!(button.action.len() <= 64, "{}", button.action);
                let press = Press::parse(&button.action).expect("an action");
                assert_eq!((press.job, press.decision), (u64::MAX, decision));
                assert!(press.is_about(&commit));
                assert!(!press.is_about(&"c3".repeat(20)));
            }
        }
        assert_eq!(row(1, "abc"), None);
    }

    #[test]
    fn other_actions_are_nobodys() {
        let commit = "a".repeat(32);
        for action in [
            String::new(),
            "approve".into(),
            format!("approve:x:{commit}"),
            format!("approve:-1:{commit}"),
            format!("burn:1:{commit}"),
            "approve:1:".into(),
            "approve:1:abc".into(),
            format!("approve:1:{commit}a"),
        ] {
            assert_eq!(Press::parse(&action), None, "{action}");
        }
    }
}

//! What is asked for, and the checks that need nothing but the request.

use crate::error::IntakeError;
use crate::limits;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sortie_store::IdempotencyKey;

/// A request for work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// The project's name; this, `repository` or `continues`.
    #[serde(default)]
    pub project: Option<String>,
    /// The remote's URL; this, `project` or `continues`.
    #[serde(default)]
    pub repository: Option<String>,
    /// What to do, for the agent.
    pub task: String,
    /// The branch to start from instead of the project's.
    #[serde(default)]
    pub base: Option<String>,
    /// The agent to use instead of the project's.
    #[serde(default)]
    pub agent: Option<String>,
    /// The workflow to use instead of the project's.
    #[serde(default)]
    pub workflow: Option<String>,
    /// The budget profile to use instead of the project's.
    #[serde(default)]
    pub budget: Option<String>,
    /// Verification commands beyond the project's own.
    #[serde(default)]
    pub verify: Vec<String>,
    /// The number of the job whose work it continues, in the same project and
    /// under the same policy unless it says otherwise. Left out of the digest
    /// when it is none, so that keys from before it was there keep theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<u64>,
    /// The caller's name for this request: the same key with the same content
    /// is the same job.
    #[serde(skip)]
    pub idempotency_key: Option<String>,
}

/// Who asks, and through which door. Both are labels for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// Who.
    pub by: String,
    /// Through which door, such as `cli` or `http`.
    pub via: String,
}

impl Requester {
    /// Makes both printable and short.
    pub fn new(by: &str, via: &str) -> Self {
        Self {
            by: label(by),
            via: label(via),
        }
    }
}

fn label(text: &str) -> String {
    let mut label = String::new();
    for c in text.trim().chars().filter(|c| !c.is_control()) {
        if label.len() + c.len_utf8() > limits::MAX_LABEL_BYTES {
            break;
        }
        label.push(c);
    }
    if label.is_empty() {
        label.push_str("unknown");
    }
    label
}

impl SubmitRequest {
    /// Checks the parts that stand for themselves.
    pub(crate) fn check(&self) -> Result<(), IntakeError> {
        if self.task.trim().is_empty() {
            return Err(IntakeError::EmptyTask);
        }
        if self.task.len() > limits::MAX_TASK_BYTES {
            return Err(IntakeError::TaskTooLong {
                bytes: self.task.len(),
            });
        }
        if self.task.contains('\0') {
            return Err(IntakeError::TaskNul);
        }
        if let Some(branch) = &self.base
            && !is_branch_name(branch)
        {
            return Err(IntakeError::BadBranch {
                branch: branch.chars().take(80).collect(),
            });
        }
        let fits = |command: &String| {
            !command.trim().is_empty()
                && command.len() <= limits::MAX_VERIFY_BYTES
                && !command.contains('\0')
        };
        if self.verify.len() > limits::MAX_EXTRA_VERIFY || !self.verify.iter().all(fits) {
            return Err(IntakeError::BadVerify);
        }
        Ok(())
    }

    /// The key with a digest of the content; none when there is no key.
    pub(crate) fn idempotency(&self) -> Result<Option<IdempotencyKey>, IntakeError> {
        let Some(key) = &self.idempotency_key else {
            return Ok(None);
        };
        let fits = (1..=limits::MAX_KEY_BYTES).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return Err(IntakeError::BadKey);
        }
        // Struct fields serialise in the order they are declared in, so the
        // same content is the same text.
        let content = serde_json::to_vec(self).map_err(|_| IntakeError::BadKey)?;
        Ok(Some(IdempotencyKey {
            key: key.clone(),
            request_hash: Sha256::digest(&content).into(),
        }))
    }
}

/// git-check-ref-format(1), for a branch.
fn is_branch_name(name: &str) -> bool {
    let part_fits =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    (1..=limits::MAX_BRANCH_BYTES).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('.')
        && name != "@"
        && !name.contains("..")
        && !name.contains("@{")
        && !name
            .chars()
            .any(|c| c.is_control() || " ~^:?*[\\".contains(c))
        && name.split('/').all(part_fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(task: &str) -> SubmitRequest {
        SubmitRequest {
            task: task.into(),
            ..SubmitRequest::default()
        }
    }

    #[test]
    fn tasks_have_bounds() {
        assert!(matches!(
            request(" \n").check(),
            Err(IntakeError::EmptyTask)
        ));
        let longest = "x".repeat(limits::MAX_TASK_BYTES);
        assert!(request(&longest).check().is_ok());
        assert!(matches!(
            request(&format!("{longest}x")).check(),
            Err(IntakeError::TaskTooLong { .. })
        ));
        assert!(matches!(request("a\0b").check(), Err(IntakeError::TaskNul)));
    }

    #[test]
    fn branch_names_are_those_of_git() {
        for good in ["main", "feature/x", "release-1.2", "ä"] {
            assert!(is_branch_name(good), "{good}");
        }
        for bad in [
            "", "-x", "a..b", "a b", "a~1", "a^", "a:b", "a.lock", "/a", "a/", "a//b", ".a",
            "a/.b", "@", "a@{1}", "a\\b", "a\n", "a.", "a*",
        ] {
            assert!(!is_branch_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_key_digests_the_content() {
        let mut one = request("x");
        one.idempotency_key = Some("k".into());
        let mut two = one.clone();
        two.budget = Some("deep".into());
        let digest = |request: &SubmitRequest| {
            request
                .idempotency()
                .expect("a key")
                .expect("some")
                .request_hash
        };
        let mut three = one.clone();
        three.continues = Some(7);
        assert_ne!(digest(&one), digest(&three));
        let text = serde_json::to_string(&one).expect("text");
        assert!(!text.contains("continues"), "{text}");
        assert_eq!(digest(&one), digest(&one.clone()));
        assert_ne!(digest(&one), digest(&two));
        for bad in ["", "a b", "ä", &"k".repeat(256)] {
            one.idempotency_key = Some(bad.into());
            assert!(matches!(one.idempotency(), Err(IntakeError::BadKey)));
        }
    }

    #[test]
    fn labels_are_short_and_printable() {
        let requester = Requester::new(" al\u{7}ice\n", "");
        assert_eq!(
            (requester.by.as_str(), requester.via.as_str()),
            ("alice", "unknown")
        );
        assert_eq!(Requester::new(&"é".repeat(100), "x").by.len(), 64);
    }
}

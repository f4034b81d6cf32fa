//! Data files of tests that went away: with a test that walks its directory, each of them is a case.

use crate::facts::FileFacts;
use crate::model::{ChangeKind, FileChange, Finding, Severity, Side};
use crate::source::SourceFacts;
use crate::text::hash;

/// Deleted and added data files of the tests.
#[derive(Debug, Default)]
pub struct Fixtures {
    deleted: Vec<String>,
    added: Vec<String>,
}

impl Fixtures {
    /// Takes in one data file.
    pub fn add(&mut self, file: &FileChange) {
        match file.kind {
            ChangeKind::Deleted => self.deleted.push(file.path().to_string()),
            ChangeKind::Added => self.added.push(file.path().to_string()),
            ChangeKind::Modified | ChangeKind::Renamed => {}
        }
    }

    /// A deleted case is telling when the source changed, no new one came, and no test went or changed with it.
    pub fn judge(&self, source: &SourceFacts, files: &[FileFacts], out: &mut Vec<Finding>) {
        if !source.code_changed || self.added.len() >= self.deleted.len() {
            return;
        }
        let tests_touched = files
            .iter()
            .any(|f| f.is_test_code && (f.kind == ChangeKind::Deleted || f.old_test_changed));
        let source_gone = files.iter().any(|f| f.kind == ChangeKind::Deleted);
        if tests_touched || source_gone {
            return;
        }
        for path in self.deleted.iter().take(5) {
            let stem = path
                .rsplit('/')
                .next()
                .unwrap_or(path)
                .split('.')
                .next()
                .unwrap_or("");
            if source.removed_texts.contains(&hash(stem)) || source.mentions(stem, true) {
                continue;
            }
            out.push(Finding {
                rule: "removed-case",
                severity: Severity::Warn,
                path: path.clone(),
                line: 1,
                side: Side::Old,
                message:
                    "a data file of the tests was deleted while the code that it exercised changed"
                        .into(),
                evidence: path.clone(),
            });
        }
    }
}

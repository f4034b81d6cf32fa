//! How rules and findings are made. Their shape is the WIT's.

use crate::{Finding, Rule, Severity};

impl Rule {
    /// A rule: a stable kebab-case id, a few words, a few sentences on what it looks for and why,
    /// and what its findings usually carry.
    pub fn new(id: &str, title: &str, help: &str, severity: Severity) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            help: help.to_owned(),
            severity,
        }
    }
}

impl Finding {
    /// A finding about the change as a whole. [`File::finding`](crate::File::finding) makes one
    /// about a line.
    pub fn new(rule: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            rule: rule.to_owned(),
            severity,
            place: None,
            message: message.into(),
            evidence: String::new(),
        }
    }
}

//! Runs a scanner over a unified diff, without a host and without WebAssembly, and refuses what the
//! host would refuse. For `cargo test`; it is not there in the plugin itself.
//!
//! There is no repository behind a diff, so `before` and `after` of a file are none here.

mod patch;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use crate::bindings::sortie::host::log::Level;
use crate::change::Source;
use crate::{Change, FileChange, Finding, Hunk, Scanner, Side};

pub use patch::PatchError;

/// What the host takes from one scan.
const MAX_FINDINGS: usize = 1_000;
/// What the host takes from one scan.
const MAX_LOG_LINES: usize = 1_000;

/// What came of a scan.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// In the order of the scanner.
    pub findings: Vec<Finding>,
    /// Every line it logged.
    pub log: Vec<(Level, String)>,
}

/// Runs a scanner without configuration over a diff as git prints it.
///
/// # Panics
/// As [`scan_with`].
pub fn scan(scanner: &impl Scanner, diff: &str) -> Vec<Finding> {
    scan_with(scanner, diff, "{}").findings
}

/// Runs a scanner over a diff as git prints it, with a JSON object as its configuration.
///
/// # Panics
/// When the diff is malformed, or the scanner does what the host would answer with an error: an
/// unknown or doubled rule, a place outside of the change, too many findings or log lines.
pub fn scan_with(scanner: &impl Scanner, diff: &str, config: &str) -> Outcome {
    let patch = match patch::parse(diff) {
        Ok(patch) => patch,
        Err(error) => panic!("the test's diff is malformed: {error}"),
    };
    HOST.with_borrow_mut(|host| {
        *host = Host {
            config: config.to_owned(),
            log: Vec::new(),
        }
    });
    let rules = scanner.rules();
    let findings = scanner.scan(&Change::new(&patch));
    let log = HOST.take().log;

    for (at, rule) in rules.iter().enumerate() {
        let doubled = rules[..at].iter().any(|other| other.id == rule.id);
        assert!(!doubled, "two rules are named `{}`", rule.id);
    }
    assert!(
        findings.len() <= MAX_FINDINGS,
        "{} findings, the host takes {MAX_FINDINGS}",
        findings.len()
    );
    assert!(
        log.len() <= MAX_LOG_LINES,
        "{} log lines, the host takes {MAX_LOG_LINES}",
        log.len()
    );
    for finding in &findings {
        assert!(
            rules.iter().any(|rule| rule.id == finding.rule),
            "a finding of `{}`, which is none of the rules",
            finding.rule
        );
        if let Some(place) = &finding.place {
            let known = patch.files().iter().any(|file| match place.side {
                Side::Old => file.old_path.as_ref() == Some(&place.path),
                Side::New => file.new_path.as_ref() == Some(&place.path),
            });
            assert!(
                known && place.line > 0,
                "a finding at {}:{}, which is not in the change",
                place.path,
                place.line
            );
        }
    }
    Outcome { findings, log }
}

/// Stands in for the host during one scan; tests run in threads of their own.
#[derive(Default)]
struct Host {
    config: String,
    log: Vec<(Level, String)>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

pub(crate) fn keep_log(level: Level, message: &str) {
    HOST.with_borrow_mut(|host| host.log.push((level, message.to_owned())));
}

pub(crate) fn config_json() -> String {
    HOST.with_borrow(|host| match host.config.as_str() {
        "" => "{}".to_owned(),
        config => config.to_owned(),
    })
}

/// As the host does it: a string as it is, anything else as JSON text.
#[cfg(feature = "serde")]
pub(crate) fn config_text(key: &str) -> Option<String> {
    use serde_json::Value;
    crate::config::get::<Value>(key).map(|value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// Reading a key takes a JSON parser, which comes with the feature `serde`.
#[cfg(not(feature = "serde"))]
pub(crate) fn config_text(key: &str) -> Option<String> {
    let config = config_json();
    assert!(
        config.trim() == "{}",
        "reading `{key}` in a test takes the feature `serde` of sortie-sdk"
    );
    None
}

impl Source for patch::Patch {
    fn files(&self) -> Vec<FileChange> {
        self.files().to_vec()
    }

    fn hunks(&self, file: u32) -> Vec<Hunk> {
        self.hunks(file)
    }

    fn before(&self, _file: u32) -> Option<Vec<u8>> {
        None
    }

    fn after(&self, _file: u32) -> Option<Vec<u8>> {
        None
    }
}

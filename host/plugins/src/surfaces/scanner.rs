//! What scanners say.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sortie_model::{
    diff::DiffSource,
    finding::{Place, Severity, Side},
};

use super::{check_bytes, check_count, cut_to, is_kebab, nonsense, quote};
use crate::{
    bindings::scanner::exports::sortie::scanner::scan as wit,
    error::{At, PluginError},
};

/// The most findings of one scan, as the WIT says: nobody reads more.
pub const MAX_FINDINGS: usize = 1_000;
/// The most rules of one scanner.
pub const MAX_RULES: usize = 500;
/// The longest message of a finding in bytes; longer ones are cut.
pub const MAX_MESSAGE_BYTES: usize = 1_000;
/// The longest evidence of a finding in bytes; longer one is cut.
pub const MAX_EVIDENCE_BYTES: usize = 4_000;
/// The longest help text of a rule in bytes.
const MAX_HELP_BYTES: usize = 16 << 10;

/// One rule of a scanner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Stable kebab-case name, unique within the plugin.
    pub id: String,
    /// A few words.
    pub title: String,
    /// What it looks for, why that matters and what is not flagged.
    pub help: String,
    /// What its findings usually carry.
    pub severity: Severity,
}

/// What a scanner said, before the host gives it a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawFinding {
    /// The id of one of the scanner's rules.
    pub rule: String,
    /// What it asks for.
    pub severity: Severity,
    /// Where; none when it is about the change as a whole.
    pub place: Option<Place>,
    /// One sentence, at most [`MAX_MESSAGE_BYTES`].
    pub message: String,
    /// The line or lines it rests on, at most [`MAX_EVIDENCE_BYTES`].
    pub evidence: String,
}

pub(crate) fn rules(at: &At, rules: Vec<wit::Rule>) -> Result<Vec<Rule>, PluginError> {
    check_count(at, "rules", rules.len(), MAX_RULES)?;
    let mut seen = HashSet::new();
    rules
        .into_iter()
        .map(|rule| {
            if !is_kebab(&rule.id) {
                return Err(nonsense(
                    at,
                    format!("the rule id {} is not kebab-case", quote(&rule.id)),
                ));
            }
            if !seen.insert(rule.id.clone()) {
                return Err(nonsense(at, format!("two rules are named `{}`", rule.id)));
            }
            check_bytes(at, "title of a rule", rule.title.len(), MAX_MESSAGE_BYTES)?;
            check_bytes(at, "help of a rule", rule.help.len(), MAX_HELP_BYTES)?;
            Ok(Rule {
                id: rule.id,
                title: rule.title,
                help: rule.help,
                severity: severity(rule.severity),
            })
        })
        .collect()
}

pub(crate) fn findings(
    at: &At,
    findings: Vec<wit::Finding>,
    rules: &[Rule],
    diff: &dyn DiffSource,
) -> Result<Vec<RawFinding>, PluginError> {
    check_count(at, "findings", findings.len(), MAX_FINDINGS)?;
    if findings.is_empty() {
        return Ok(Vec::new());
    }
    let paths = |side: fn(&sortie_model::diff::FileChange) -> Option<&str>| {
        diff.files().iter().filter_map(side).collect::<HashSet<_>>()
    };
    let (old, new) = (
        paths(|file| file.old_path.as_deref()),
        paths(|file| file.new_path.as_deref()),
    );
    findings
        .into_iter()
        .map(|finding| {
            if !rules.iter().any(|rule| rule.id == finding.rule) {
                return Err(nonsense(
                    at,
                    format!(
                        "a finding of the rule {}, which is none of its rules",
                        quote(&finding.rule)
                    ),
                ));
            }
            let place = finding
                .place
                .map(|place| {
                    let (side, known) = match place.side {
                        wit::Side::Old => (Side::Old, &old),
                        wit::Side::New => (Side::New, &new),
                    };
                    if !known.contains(place.path.as_str()) {
                        return Err(nonsense(
                            at,
                            format!(
                                "a finding in {}, which is not in the change on that side",
                                quote(&place.path)
                            ),
                        ));
                    }
                    if place.line == 0 {
                        return Err(nonsense(at, "a finding in line 0; lines count from 1"));
                    }
                    Ok(Place {
                        path: place.path,
                        line: place.line,
                        side,
                    })
                })
                .transpose()?;
            Ok(RawFinding {
                rule: finding.rule,
                severity: severity(finding.severity),
                place,
                message: cut_to(finding.message, MAX_MESSAGE_BYTES),
                evidence: cut_to(finding.evidence, MAX_EVIDENCE_BYTES),
            })
        })
        .collect()
}

fn severity(severity: wit::Severity) -> Severity {
    match severity {
        wit::Severity::Info => Severity::Info,
        wit::Severity::Warn => Severity::Warn,
        wit::Severity::Block => Severity::Block,
    }
}

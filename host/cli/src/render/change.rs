//! Diffs and findings.

use super::plain;
use crate::out::{Out, Tone};
use sortie_api::view::FindingView;

/// Lines of evidence shown with a finding; the whole is in the JSON.
const EVIDENCE_LINES: usize = 6;

/// A diff for a terminal.
pub fn diff(out: &Out, text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines() {
        let line = plain(line);
        let tone = match line.as_bytes() {
            [b'd', b'i', b'f', b'f', b' ', ..]
            | [b'+', b'+', b'+', b' ', ..]
            | [b'-', b'-', b'-', b' ', ..] => Some(Tone::Strong),
            [b'@', b'@', ..] => Some(Tone::Busy),
            [b'+', ..] => Some(Tone::Good),
            [b'-', ..] => Some(Tone::Bad),
            _ => None,
        };
        match tone {
            Some(tone) => shown.push_str(&out.paint(tone, &line)),
            None => shown.push_str(&line),
        }
        shown.push('\n');
    }
    shown
}

/// A finding with its place and its evidence.
pub fn finding(out: &Out, finding: &FindingView) -> String {
    let tone = match finding.severity.as_str() {
        "block" => Tone::Bad,
        "warn" => Tone::Warn,
        _ => Tone::Dim,
    };
    let place = match (&finding.path, finding.line) {
        (Some(path), Some(line)) => {
            let side = match finding.side.as_deref() {
                Some("old") => " (before the change)",
                _ => "",
            };
            format!("{}:{line}{side}", plain(path))
        }
        _ => "the change as a whole".to_owned(),
    };
    let mut shown = format!(
        "{} {}  {}\n    {}\n",
        out.paint(tone, &format!("{:5}", finding.severity)),
        out.paint(Tone::Strong, &place),
        out.paint(Tone::Dim, &format!("{}/{}", finding.scanner, finding.rule)),
        plain(&finding.message)
    );
    for line in finding.evidence.lines().take(EVIDENCE_LINES) {
        shown.push_str(&out.paint(Tone::Dim, &format!("    | {}", plain(line))));
        shown.push('\n');
    }
    shown
}

/// How many findings there are, by severity.
pub fn findings_summary(findings: &[FindingView]) -> String {
    let count = |severity: &str| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let parts: Vec<String> = ["block", "warn", "info"]
        .into_iter()
        .map(|severity| (count(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| format!("{count} {severity}"))
        .collect();
    let s = if findings.len() == 1 { "" } else { "s" };
    format!("{} finding{s}: {}", findings.len(), parts.join(", "))
}

//! Constants of the tests that decide how strict they are: tolerances, bounds, numbers of rounds.

use crate::model::{FileChange, Finding, LineKind, Severity, Side};
use crate::text::{evidence, number, words};

/// Finds constants that a test file changed to the laxer.
pub fn find(file: &FileChange, out: &mut Vec<Finding>) {
    for hunk in &file.hunks {
        for added in hunk.lines.iter().filter(|l| l.kind == LineKind::Added) {
            let Some((name, now)) = constant(&added.text) else {
                continue;
            };
            let before = hunk
                .lines
                .iter()
                .filter(|l| l.kind == LineKind::Removed)
                .find_map(|l| {
                    constant(&l.text)
                        .filter(|(n, _)| *n == name)
                        .map(|(_, v)| v)
                });
            let Some(was) = before else { continue };
            let parts = words(&name);
            let any = |list: &[&str]| parts.iter().any(|p| list.contains(&p.as_str()));
            let rounds = any(&[
                "iterations",
                "rounds",
                "runs",
                "examples",
                "samples",
                "repeats",
                "trials",
                "numruns",
            ]) || name == "max_examples"
                || name == "cases";
            let lax = if any(&[
                "eps",
                "epsilon",
                "tol",
                "tolerance",
                "delta",
                "margin",
                "slack",
                "leeway",
                "atol",
                "rtol",
                "error",
                "drift",
                "deviation",
            ]) {
                now > was
            } else if any(&["places", "digits", "decimals", "precision"]) {
                now < was
            } else if rounds {
                now * 10.0 <= was
            } else {
                false
            };
            if lax {
                let rule = if rounds {
                    "removed-case"
                } else {
                    "tolerance-widened"
                };
                out.push(Finding {
                    rule,
                    severity: Severity::Block,
                    path: file.path().to_string(),
                    line: added.new_line,
                    side: Side::New,
                    message: format!(
                        "`{name}` went from {was} to {now}, so results that used to fail now pass"
                    ),
                    evidence: evidence(&added.text),
                });
            }
        }
    }
}

/// `NAME = 1e-9`, `const NAME: f64 = 1e-9;`, `#define NAME 1e-9`, `name: 1e-9,`.
fn constant(text: &str) -> Option<(String, f64)> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("#define ") {
        let (name, value) = rest.split_once(' ')?;
        return Some((name.to_string(), literal(value)?));
    }
    let (left, right) = text.split_once('=').or_else(|| text.split_once(": "))?;
    if right.starts_with('=')
        || left.ends_with(['!', '<', '>', '='])
        || left.contains('(')
            && !left.starts_with("let")
            && !left.starts_with("private")
            && !left.starts_with('@')
    {
        return None;
    }
    let left = left.trim_end_matches([' ', ':', '?']);
    let left = left.split(':').next().unwrap_or(left);
    let name: String = left
        .trim_end()
        .rsplit(|c: char| !(c.is_alphanumeric() || c == '_'))
        .next()?
        .to_string();
    if name.is_empty() {
        return None;
    }
    Some((name, literal(right)?))
}

fn literal(text: &str) -> Option<f64> {
    let end = text
        .find(" //")
        .or_else(|| text.find(" #"))
        .unwrap_or(text.len());
    let value = text[..end].trim().trim_end_matches([';', ',', ')']).trim();
    let simple = value.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && value
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '\''));
    if simple { number(value) } else { None }
}

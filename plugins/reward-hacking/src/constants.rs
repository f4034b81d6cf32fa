//! Constants of the tests that decide how strict they are: tolerances, bounds, numbers of rounds.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::model::{FileChange, Finding, Hunk, LineKind, Severity, Side};
use crate::text::{evidence, has_any, number, words};
use crate::torn::Torn;

/// Finds constants that a test file changed to the laxer.
pub fn find(file: &FileChange, torn: &mut Torn, out: &mut Vec<Finding>) {
    for (at, hunk) in file.hunks.iter().enumerate() {
        rounds(file, hunk, torn.rounds.said(at), out);
        let above = torn.constants.said(at);
        // Most hunks change no constant.
        let before = OnceCell::new();
        for added in hunk.lines.iter().filter(|l| l.kind == LineKind::Added) {
            let Some((name, now)) = constant(&added.text) else {
                continue;
            };
            let before = before.get_or_init(|| firsts(hunk, constant));
            let was = above
                .and_then(|above| above.get(&name))
                .or_else(|| before.get(&name));
            let Some(&was) = was else { continue };
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
    torn.constants.keep(file, |hunk| firsts(hunk, constant));
    torn.rounds.keep(file, |hunk| {
        firsts(hunk, |text| repeats(text).then(|| shape(text)))
    });
}

/// Words that say how often a test repeats itself.
const ROUNDS: [&str; 14] = [
    "with_cases",
    "max_examples",
    "numruns",
    "num_runs",
    "repeatedtest",
    "iterations",
    "rounds",
    "proptest_config",
    "trials",
    "runs:",
    "max_success",
    "quickcheck",
    "cases:",
    "times do",
];

fn repeats(text: &str) -> bool {
    has_any(&text.to_lowercase(), &ROUNDS) && constant(text).is_none()
}

/// The same line with a far smaller number of repetitions.
fn rounds(
    file: &FileChange,
    hunk: &Hunk,
    above: Option<&HashMap<String, Vec<f64>>>,
    out: &mut Vec<Finding>,
) {
    let before = OnceCell::new();
    for added in hunk.lines.iter().filter(|l| l.kind == LineKind::Added) {
        if !repeats(&added.text) {
            continue;
        }
        let (form, now) = shape(&added.text);
        let before = before.get_or_init(|| firsts(hunk, |text| Some(shape(text))));
        let was = above
            .and_then(|above| above.get(&form))
            .or_else(|| before.get(&form));
        let lowered = was.is_some_and(|was| {
            was.len() == now.len()
                && was
                    .iter()
                    .zip(&now)
                    .any(|(w, n)| n * 10.0 <= *w && *w >= 10.0)
        });
        if lowered {
            out.push(Finding {
                rule: "removed-case",
                severity: Severity::Warn,
                path: file.path().to_string(),
                line: added.new_line,
                side: Side::New,
                message: "the test now tries far fewer cases than before".into(),
                evidence: evidence(&added.text),
            });
        }
    }
}

/// What the removed lines of a hunk say, of each name what the first one says.
fn firsts<T>(hunk: &Hunk, read: impl Fn(&str) -> Option<(String, T)>) -> HashMap<String, T> {
    let mut firsts = HashMap::new();
    for line in hunk.lines.iter().filter(|l| l.kind == LineKind::Removed) {
        if let Some((name, value)) = read(&line.text) {
            firsts.entry(name).or_insert(value);
        }
    }
    firsts
}

/// A line with its numbers taken out, and the numbers.
fn shape(text: &str) -> (String, Vec<f64>) {
    let mut shape = String::new();
    let mut numbers = Vec::new();
    let mut digits = String::new();
    for c in text.trim().chars().chain(std::iter::once(' ')) {
        if c.is_ascii_digit() || !digits.is_empty() && c == '_' {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            numbers.extend(number(&digits));
            digits.clear();
            shape.push('#');
        }
        shape.push(c);
    }
    (shape, numbers)
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

//! Recorded outputs that were rewritten to fit broken behaviour.
//!
//! Recordings change honestly all the time. What tells the others: a sum that no longer adds up, values that
//! mean "broken", or content that vanished although the source still has it.

use crate::model::{ChangeKind, FileChange, Finding, Line, LineKind, Severity, Side};
use crate::parts::Part;
use crate::source::SourceFacts;
use crate::text::{evidence, has_any, number, words};

/// A recording that changed, read again when all source files are known.
#[derive(Debug)]
pub struct Recording {
    place: u32,
}

/// One line of a recording: its kind, its number on the side that has it, its text.
type Recorded = (LineKind, u32, String);

/// Lines of a recording that are looked at; a change that rewrites more is a migration.
pub const MAX_LINES: usize = 4_000;

impl Recording {
    /// Remembers a golden file that the rule is about, of which the change shows so many lines.
    pub fn of(place: u32, file: &FileChange, lines: usize) -> Option<Recording> {
        let changed = !matches!(file.kind, ChangeKind::Added | ChangeKind::Deleted);
        (changed && lines <= MAX_LINES).then_some(Recording { place })
    }
}

fn lines_of(file: FileChange) -> Vec<Vec<Recorded>> {
    let number = |l: &Line| match l.kind {
        LineKind::Removed => l.old_line,
        LineKind::Added | LineKind::Context => l.new_line,
    };
    file.hunks
        .into_iter()
        .map(|h| {
            h.lines
                .into_iter()
                .map(|l| (l.kind, number(&l), l.text))
                .collect()
        })
        .collect()
}

/// Values that a broken program prints.
const BROKEN: [&str; 14] = [
    "undefined",
    "NaN",
    "[object Object]",
    "<nil>",
    "%!",
    "Traceback",
    "panicked at",
    "null",
    "None",
    "nan",
    "Infinity",
    "Internal Server Error",
    "inf",
    "Exception",
];

/// Judges all recordings.
pub fn run(
    recordings: &[Recording],
    source: &SourceFacts,
    again: &mut impl FnMut(&Part) -> FileChange,
    out: &mut Vec<Finding>,
) {
    if !source.code_changed {
        return;
    }
    for recording in recordings {
        let file = again(&Part::whole(recording.place));
        let path = file.path().to_string();
        let Some((line, side, text, why)) = judge(&lines_of(file), source) else {
            continue;
        };
        out.push(Finding {
            rule: "snapshot-rewritten",
            severity: Severity::Warn,
            path,
            line,
            side,
            message: format!("the recorded output was rewritten: {why}"),
            evidence: evidence(&text),
        });
    }
}

fn judge(hunks: &[Vec<Recorded>], source: &SourceFacts) -> Option<(u32, Side, String, String)> {
    for hunk in hunks {
        if let Some(found) = broken_sum(hunk) {
            return Some(found);
        }
    }
    let content = |text: &str| !text.trim().is_empty() && !is_header(text);
    let removed: Vec<&Recorded> = hunks
        .iter()
        .flatten()
        .filter(|(k, _, t)| *k == LineKind::Removed && content(t))
        .collect();
    let added: Vec<&Recorded> = hunks
        .iter()
        .flatten()
        .filter(|(k, _, t)| *k == LineKind::Added && content(t))
        .collect();
    if removed.is_empty() {
        return None;
    }
    for (_, line, text) in &added {
        if let Some(b) = BROKEN
            .iter()
            .find(|b| text.contains(**b) && !removed.iter().any(|(_, _, r)| r.contains(**b)))
        {
            let said = source.mentions(b, false);
            if !said {
                return Some((
                    *line,
                    Side::New,
                    text.clone(),
                    format!("it now holds `{b}`, which a broken program prints"),
                ));
            }
        }
    }
    if source.docs_changed {
        return None;
    }
    // Content that vanished while the source kept saying it.
    let squeeze = |t: &str| {
        t.chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
    };
    let all_added: String = added.iter().map(|(_, _, t)| squeeze(t)).collect();
    let vanished: Vec<_> = removed
        .iter()
        .filter(|(_, _, t)| !squeeze(t).is_empty() && !all_added.contains(&squeeze(t)))
        .collect();
    if vanished.is_empty() {
        return None;
    }
    let explained_removal = vanished.iter().any(|(_, _, t)| {
        words_of(t)
            .iter()
            .any(|w| source.mentions(w, true) && !source.mentions(w, false))
    });
    if added.len() < removed.len() && vanished.len() > added.len() && !explained_removal {
        let (_, line, text) = vanished[0];
        return Some((
            *line,
            Side::Old,
            text.clone(),
            "content vanished from it and the source does not say why".into(),
        ));
    }
    // One for one, with values that the source does not explain, and the source got poorer.
    if added.len() == removed.len() && removed.len() <= 6 && source.lost_logic() {
        let mut swaps: Vec<(String, String)> = Vec::new();
        for (r, a) in removed.iter().zip(&added) {
            let (x, y) = (words_of(&r.2), words_of(&a.2));
            let gone: Vec<String> = x.iter().filter(|w| !y.contains(w)).cloned().collect();
            let came: Vec<String> = y.iter().filter(|w| !x.contains(w)).cloned().collect();
            if gone.is_empty() && came.is_empty() && x.len() == y.len() {
                continue;
            }
            let explained = came
                .iter()
                .any(|w| source.explains(w, true) || source.mentions(w, false))
                || gone
                    .iter()
                    .any(|w| source.explains(w, false) || source.mentions(w, true));
            if explained {
                return None;
            }
            swaps.push((gone.join(" "), came.join(" ")));
        }
        let uniform = swaps.len() >= 3 && swaps.windows(2).all(|w| w[0] == w[1]);
        if !swaps.is_empty() && !uniform {
            let (_, line, text) = added[0];
            return Some((
                *line,
                Side::New,
                text.clone(),
                "its values changed and the source lost the logic that made them".into(),
            ));
        }
    }
    None
}

/// Words and numbers, the latter whole.
fn words_of(text: &str) -> Vec<String> {
    let mut out: Vec<String> = text
        .split(|c: char| {
            c.is_whitespace()
                || matches!(
                    c,
                    '"' | '\''
                        | ','
                        | ';'
                        | '<'
                        | '>'
                        | '('
                        | ')'
                        | '{'
                        | '}'
                        | '['
                        | ']'
                        | '='
                        | '|'
                )
        })
        .filter(|w| !w.is_empty() && w.chars().any(char::is_alphanumeric))
        .map(str::to_string)
        .collect();
    let inner: Vec<String> = out
        .iter()
        .filter(|w| w.contains(['-', '_', '.']))
        .flat_map(|w| words(w))
        .filter(|w| w.len() > 2)
        .collect();
    out.extend(inner);
    out
}

fn is_header(text: &str) -> bool {
    let t = text.trim();
    t == "---"
        || has_any(
            t,
            &[
                "source:",
                "expression:",
                "assertion_line:",
                "// Jest Snapshot",
                "// Vitest Snapshot",
                "input_file:",
                "snapshot_kind",
            ],
        )
}

/// A total that was the sum of the column above it and is no more.
fn broken_sum(hunk: &[Recorded]) -> Option<(u32, Side, String, String)> {
    let columns = |text: &str| -> Vec<f64> {
        text.split(|c: char| c.is_whitespace() || matches!(c, '|' | '"' | ':' | ';'))
            .filter_map(|w| {
                let clean: String = w
                    .trim_matches(|c: char| !c.is_ascii_digit() && c != '-')
                    .replace(',', "");
                if clean.is_empty() || !clean.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                {
                    None
                } else {
                    number(&clean)
                }
            })
            .collect()
    };
    let is_total = |text: &str| {
        let lower = text.to_lowercase();
        has_any(
            &lower,
            &[
                "total", "sum", "balance", "subtotal", "summe", "gesamt", "count", "all",
            ],
        )
    };
    let side_rows =
        |skip: LineKind| -> Vec<&Recorded> { hunk.iter().filter(|(k, _, _)| *k != skip).collect() };
    let (old, new) = (side_rows(LineKind::Added), side_rows(LineKind::Removed));
    let adds_up = |rows: &[&Recorded], at: usize, column_from_end: usize| -> Option<bool> {
        let totals = columns(&rows[at].2);
        let wanted = *totals.get(totals.len().checked_sub(column_from_end + 1)?)?;
        let mut sum = 0.0;
        let mut count = 0;
        for row in rows[..at].iter().rev() {
            let values = columns(&row.2);
            if values.len() != totals.len() || is_total(&row.2) {
                break;
            }
            sum += values[values.len() - 1 - column_from_end];
            count += 1;
        }
        (count >= 2).then(|| (sum - wanted).abs() < 0.006)
    };
    let old_total = old
        .iter()
        .position(|(_, _, t)| is_total(t) && !columns(t).is_empty())?;
    let new_total = new
        .iter()
        .position(|(_, _, t)| is_total(t) && !columns(t).is_empty())?;
    let width = columns(&old[old_total].2)
        .len()
        .min(columns(&new[new_total].2).len());
    for column in 0..width {
        if adds_up(&old, old_total, column) == Some(true)
            && adds_up(&new, new_total, column) == Some(false)
        {
            let (kind, no, text) = new[new_total];
            let changed = new[..=new_total]
                .iter()
                .find(|(k, _, _)| *k == LineKind::Added)
                .map_or(*no, |(_, n, _)| *n);
            let line = if *kind == LineKind::Added {
                *no
            } else {
                changed
            };
            return Some((
                line,
                Side::New,
                text.clone(),
                "its total is no longer the sum of its rows".into(),
            ));
        }
    }
    None
}

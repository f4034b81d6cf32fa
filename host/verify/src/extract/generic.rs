//! What is shown of an output that no tool here knows.

use super::marks::Marks;

/// Lines after one with a word of failure: what explains it often follows.
const AFTER: usize = 2;
/// The end of an output without any such word.
const LAST_LINES: usize = 30;

const WORDS: [&str; 9] = [
    "error",
    "fail",
    "fatal",
    "panic",
    "exception",
    "traceback",
    "assert",
    "not ok",
    "cannot ",
];

pub(super) fn mark(marks: &mut Marks<'_>) {
    let all = marks.all();
    for (at, line) in all.iter().enumerate() {
        let lower = line.to_lowercase();
        if WORDS.iter().any(|word| lower.contains(word)) && !is_none(&lower) {
            for next in at..=at + AFTER {
                marks.mark(next);
            }
        }
    }
    if marks.is_empty() {
        for at in all.len().saturating_sub(LAST_LINES)..all.len() {
            marks.mark(at);
        }
    }
}

/// `0 errors`, `no failures`: a word of failure that says there was none.
fn is_none(lower: &str) -> bool {
    ["0 error", "0 fail", "no error", "no fail", "without error"]
        .iter()
        .any(|none| lower.contains(none) && !lower.contains(&format!("1{none}")))
}

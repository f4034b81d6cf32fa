//! What a failed command's output says is wrong.
//!
//! Each tool has a module that marks the lines of its own that matter; what no
//! tool knows is looked through for words of failure, and what has none is
//! shown from its end. The lines are cut to [`MAX_LINES`], from the head and
//! from the tail, since the first error is usually the cause and the last lines
//! the summary; the last line says how much was left out.
//!
//! Never a verdict: whether a command passed is its exit status.

mod generic;
mod go;
mod infrastructure;
mod jvm;
mod make;
mod marks;
mod node;
mod python;
mod rust;

pub use infrastructure::Ended;

use crate::text;
use marks::Marks;
use sha2::{Digest, Sha256};

/// The most lines that are kept, the footer among them: what a small model can
/// use of a failure.
pub const MAX_LINES: usize = 40;
/// The most bytes of them.
pub const MAX_BYTES: usize = 8 * 1024;
/// Of the lines that are kept, how many are from the end.
const TAIL_LINES: usize = 14;
/// The most lines that are looked through, from each end: a build that prints
/// more has said it before.
const MAX_LOOKED_AT: usize = 20_000;
/// The most marked lines that tell one failure from another.
const MAX_TELLING: usize = 400;

/// What a failed command said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extract {
    /// At most [`MAX_LINES`] and [`MAX_BYTES`].
    pub errors: String,
    /// The same for the same failure, whatever its numbers, times and places;
    /// 16 hexadecimal digits.
    pub fingerprint: String,
    /// Why no change to the repository mends it, as far as the output tells.
    pub infrastructure: Option<String>,
}

/// Reads the output of a command that did not pass.
pub fn extract(ended: &Ended, output: &str) -> Extract {
    let plain = text::plain(output);
    let all: Vec<&str> = plain.lines().collect();
    let lines = bounded(&all);
    let mut marks = Marks::new(&lines);
    for mark in [
        rust::mark,
        go::mark,
        python::mark,
        node::mark,
        jvm::mark,
        make::mark,
    ] {
        mark(&mut marks);
    }
    if marks.is_empty() {
        generic::mark(&mut marks);
    }
    let marked = marks.lines();
    Extract {
        fingerprint: fingerprint(ended, &marked),
        infrastructure: infrastructure::reason(ended, &lines),
        errors: cut(&marked, all.len()),
    }
}

/// The head and the tail of an output that is longer than is looked at.
fn bounded<'a>(all: &[&'a str]) -> Vec<&'a str> {
    match all.len().checked_sub(2 * MAX_LOOKED_AT) {
        None | Some(0) => all.to_vec(),
        Some(over) => {
            let (head, rest) = all.split_at(MAX_LOOKED_AT);
            [head, &rest[over..]].concat()
        }
    }
}

/// Head and tail of the marked lines, with a last line on what is missing.
fn cut(marked: &[&str], lines_in_all: usize) -> String {
    // More than is shown in any case goes first, so that the rest is short work.
    let over = marked.len().saturating_sub(4 * MAX_LINES);
    let (head, rest) = marked.split_at(marked.len().min(2 * MAX_LINES));
    let short = head.iter().chain(rest.iter().skip(over));
    let mut kept: Vec<String> = short.map(|line| text::cut(line)).collect();
    let mut left_out = over;
    let size = |kept: &[String]| kept.iter().map(|line| line.len() + 1).sum::<usize>();
    // Room for the footer, whose numbers are short.
    while kept.len() > MAX_LINES - 1 || size(&kept) > MAX_BYTES - 160 {
        // From the middle: more of the head is kept than of the tail.
        let at = kept
            .len()
            .saturating_sub(TAIL_LINES + 1)
            .max(kept.len() / 2);
        kept.remove(at.min(kept.len() - 1));
        left_out += 1;
    }
    if left_out > 0 || marked.len() < lines_in_all {
        let gap = kept.len().saturating_sub(TAIL_LINES);
        if left_out > 0 && gap > 0 && gap < kept.len() {
            kept[gap - 1] = format!("{} […]", kept[gap - 1]);
        }
        let shown = marked.len() - left_out;
        kept.push(format!(
            "({shown} of {} lines that tell of the failure; {lines_in_all} lines were printed)",
            marked.len()
        ));
    }
    kept.join("\n")
}

/// A digest over what the lines say without what changes from run to run. The
/// order of tests that run side by side is such a thing.
fn fingerprint(ended: &Ended, marked: &[&str]) -> String {
    let mut lines: Vec<String> = marked
        .iter()
        .take(MAX_TELLING)
        .map(|line| normal(line))
        .filter(|line| !line.is_empty())
        .collect();
    lines.sort();
    lines.dedup();
    let mut hash = Sha256::new();
    hash.update(ended.kind());
    for line in lines {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    hex::encode(&hash.finalize()[..8])
}

/// A line with every number, address, time and temporary path made alike.
fn normal(line: &str) -> String {
    let mut normal = String::new();
    for word in line.split_whitespace() {
        if !normal.is_empty() {
            normal.push(' ');
        }
        if let Some(at) = word.find("/tmp/") {
            normal.push_str(&word[..at]);
            normal.push_str("/tmp/#");
            continue;
        }
        push_without_numbers(word, &mut normal);
    }
    normal
}

fn push_without_numbers(word: &str, normal: &mut String) {
    let mut rest = word;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        normal.push_str(&rest[..at]);
        normal.push('#');
        let hex = rest[at..].starts_with("0x");
        let part = |c: char| match hex {
            true => c.is_ascii_hexdigit() || c == 'x',
            false => c.is_ascii_digit() || matches!(c, '.' | ',' | '_'),
        };
        let end = rest[at..].find(|c| !part(c)).map_or(rest.len(), |n| at + n);
        rest = &rest[end..];
        // `0.12s` and `1.2ms` are the same time in other units.
        for unit in ["ms", "µs", "us", "ns", "s"] {
            if let Some(after) = rest.strip_prefix(unit)
                && !after.starts_with(|c: char| c.is_alphanumeric())
            {
                rest = after;
                break;
            }
        }
    }
    normal.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_has_the_same_mark_whatever_its_numbers() {
        assert_eq!(
            normal("test a ... FAILED in 0.12s at 0x7ffee3 (pid 4211)"),
            normal("test a ... FAILED in 13ms at 0x55aa01 (pid 7)")
        );
        assert_eq!(
            normal("/tmp/pytest-3/x.py:12"),
            normal("/tmp/pytest-9/y.py:40")
        );
        assert_ne!(normal("test a failed"), normal("test b failed"));
    }

    #[test]
    fn a_short_failure_is_whole_and_a_long_one_is_cut_in_the_middle() {
        let whole = cut(&["a", "b"], 2);
        assert_eq!(whole, "a\nb");
        let lines: Vec<String> = (0..1_000).map(|n| format!("error {n}")).collect();
        let marked: Vec<&str> = lines.iter().map(String::as_str).collect();
        let short = cut(&marked, 5_000);
        let shown: Vec<&str> = short.lines().collect();
        assert_eq!(shown.len(), MAX_LINES);
        assert_eq!(shown[0], "error 0");
        assert_eq!(shown[MAX_LINES - 2], "error 999");
        assert_eq!(
            shown[MAX_LINES - 1],
            "(39 of 1000 lines that tell of the failure; 5000 lines were printed)"
        );
    }

    #[test]
    fn an_output_of_endless_lines_stays_small() {
        let output = "error: ".to_owned() + &"é".repeat(200_000) + "\n";
        let long = extract(&Ended::Code(1), &output.repeat(60));
        assert!(long.errors.len() <= MAX_BYTES, "{}", long.errors.len());
        assert!(long.errors.lines().count() <= MAX_LINES);
    }
}

//! Shell scripts and make files around the tests.

use super::push;
use super::removed::Removed;
use crate::harness::command;
use crate::model::{FileChange, Finding, LineKind, Side};
use crate::text::{has_any, indent};
use crate::view::View;

pub(super) fn script(
    file: &FileChange,
    view: &View,
    name: &str,
    removed: &Removed,
    out: &mut Vec<Finding>,
) {
    let last_command = view
        .lines
        .iter()
        .rposition(|l| command::parse(l.text, name).is_some());
    let about_tests = last_command.is_some() || file.path().to_lowercase().contains("test");
    for (at, line) in view.lines.iter().enumerate() {
        if !line.changed || !about_tests {
            continue;
        }
        let text = line.text.trim();
        let message = match text {
            "set +e" => "the script no longer stops at the first failing command",
            "exit 0"
                if view.lines[at + 1..]
                    .iter()
                    .all(|l| l.text.trim().is_empty() || l.text.trim() == "fi")
                    || last_command.is_some_and(|last| last > at) =>
            {
                "the script now ends with success whatever the tests say"
            }
            "trap 'exit 0' EXIT" | "trap \"exit 0\" EXIT" => {
                "the script now ends with success whatever the tests say"
            }
            _ => continue,
        };
        if removed.has_line(text) || guarded_exit(view, at) {
            continue;
        }
        push(
            file,
            line.no,
            Side::New,
            "exit-code-tamper",
            message,
            text,
            out,
        );
    }
    let strict = |t: &str| {
        t.trim_start().starts_with("set -")
            && (t.contains('e') && !t.contains("-x ") || t.contains("pipefail"))
    };
    let old: Vec<(u32, &str)> = file
        .hunks
        .iter()
        .flat_map(|h| &h.lines)
        .filter(|l| l.kind == LineKind::Removed && strict(&l.text))
        .map(|l| (l.old_line, l.text.as_str()))
        .collect();
    let kept = view.lines.iter().any(|l| strict(l.text));
    if let Some((no, text)) = old.first() {
        let weaker = !kept
            || text.contains("pipefail") && !view.lines.iter().any(|l| l.text.contains("pipefail"));
        if weaker
            && !view
                .lines
                .iter()
                .any(|l| l.changed && l.text.trim() == "set +e")
        {
            push(
                file,
                *no,
                Side::Old,
                "exit-code-tamper",
                "the script no longer stops at the first failing command",
                text,
                out,
            );
        }
    }
}

/// `if …; then exit 0; fi` is an early way out under a condition.
fn guarded_exit(view: &View, at: usize) -> bool {
    indent(view.lines[at].text) > 0
        && view.lines[..at]
            .iter()
            .rev()
            .take(4)
            .any(|l| has_any(l.text, &["help", "usage", "--version", "-h)", "*)"]))
}

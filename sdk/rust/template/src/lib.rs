//! Flags unfinished work: added lines with `TODO` or `FIXME` as a word of their own. The words can
//! be replaced in the plugin's configuration: `words = ["HACK"]`.

use sortie_sdk::{Change, Finding, Rule, Scanner, Severity, config, info};

pub struct TodoComment;

impl Scanner for TodoComment {
    fn rules(&self) -> Vec<Rule> {
        let help = "Flags added lines that say something is unfinished, so that a person decides \
                    whether it may stay. Files under `vendor/` are not looked at.";
        vec![Rule::new(
            "todo-comment",
            "Unfinished work",
            help,
            Severity::Warn,
        )]
    }

    fn scan(&self, change: &Change<'_>) -> Vec<Finding> {
        let words: Vec<String> =
            config::get("words").unwrap_or_else(|| vec!["TODO".into(), "FIXME".into()]);
        let (mut findings, mut looked_at) = (Vec::new(), 0);
        for file in change.files() {
            let vendored = file
                .new_path
                .as_ref()
                .is_none_or(|p| p.starts_with("vendor/"));
            if vendored || file.binary {
                continue;
            }
            looked_at += 1;
            for line in file.added_lines() {
                if let Some(word) = words.iter().find(|word| has_word(&line.text, word)) {
                    let message = format!("`{word}` was added");
                    findings.push(file.finding("todo-comment", Severity::Warn, &line, message));
                }
            }
        }
        info!("{looked_at} files looked at");
        findings
    }
}

/// Whether `word` stands in `text` with no letter, digit or `_` of ASCII beside it.
fn has_word(text: &str, word: &str) -> bool {
    let part_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let (before, after) = (&text.as_bytes()[..at], &text.as_bytes()[at + word.len()..]);
            !before.last().is_some_and(part_of_word) && !after.first().is_some_and(part_of_word)
        })
}

sortie_sdk::export_scanner!(TodoComment);

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_sdk::testing::{scan, scan_with};

    const DIFF: &str = "\
diff --git a/src/main.rs b/src/main.rs
index 1111111..2222222 100644
--- a/src/main.rs
+++ b/src/main.rs
@@ -1,2 +1,4 @@
 fn main() {
+    // TODO: say hello
+    let mastodon = TODOS; // HACK
 }
";

    #[test]
    fn a_word_of_its_own_is_flagged_where_it_stands() {
        let findings = scan(&TodoComment, DIFF);
        assert_eq!(findings.len(), 1);
        let place = findings[0].place.as_ref().expect("a place");
        assert_eq!((place.path.as_str(), place.line), ("src/main.rs", 2));
        assert_eq!(findings[0].evidence, "// TODO: say hello");
    }

    #[test]
    fn the_configuration_replaces_the_words() {
        let outcome = scan_with(&TodoComment, DIFF, r#"{"words": ["HACK"]}"#);
        assert_eq!(outcome.findings.len(), 1);
        assert_eq!(outcome.findings[0].message, "`HACK` was added");
        assert_eq!(outcome.log[0].1, "1 files looked at");
    }
}

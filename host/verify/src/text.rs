//! Output of programs as lines that people read.

/// The longest line that is kept, in characters.
pub(crate) const MAX_LINE_CHARS: usize = 300;

/// The text without terminal control: no escape sequences, and of a line that
/// was drawn over with carriage returns only what stood there last.
pub(crate) fn plain(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    for line in text.split('\n') {
        let line = line.trim_end_matches('\r');
        let drawn = line.rfind('\r').map_or(line, |at| &line[at + 1..]);
        push_visible(drawn, &mut seen);
        seen.push('\n');
    }
    seen.pop();
    seen
}

fn push_visible(line: &str, seen: &mut String) {
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => seen.push('\t'),
            c if c.is_control() => {}
            c => seen.push(c),
        }
    }
}

/// Skips what follows an escape character: a CSI sequence up to its final
/// byte, an OSC sequence up to its terminator, or one character.
fn skip_escape(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => {
            chars.find(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        Some(']') => {
            chars.find(|c| matches!(c, '\u{7}' | '\u{1b}'));
        }
        _ => {}
    }
}

/// A line cut to what is kept.
pub(crate) fn cut(line: &str) -> String {
    let line = line.trim_end();
    match line.char_indices().nth(MAX_LINE_CHARS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

/// Words of a shell command, without understanding quotes: good enough to see
/// which program is meant, never to rebuild the command.
pub(crate) fn words(command: &str) -> Vec<&str> {
    command.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_control_is_left_out() {
        assert_eq!(plain("\u{1b}[1;31merror\u{1b}[0m: x\r\n"), "error: x\n");
        assert_eq!(plain("10%\r 50%\r100%\ndone"), "100%\ndone");
        assert_eq!(plain("\u{1b}]0;title\u{7}a\u{8}"), "a");
        assert_eq!(plain("\u{1b}["), "");
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let cut = cut(&"é".repeat(1_000));
        assert_eq!(cut.chars().count(), MAX_LINE_CHARS + 1);
        assert!(cut.ends_with('…'));
    }
}

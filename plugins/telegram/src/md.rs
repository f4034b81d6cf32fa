//! Text that becomes CommonMark and nothing else. Whatever comes from outside
//! (tasks, file names, an agent's prose, findings) passes through here before
//! it stands in a message, so that none of it can be markup.

/// A blank that CommonMark does not take away.
const BLANK: char = '\u{a0}';

/// The end of a line inside a paragraph.
pub(crate) const BREAK: &str = "\\\n";

/// A text as CommonMark that shows it: line for line, blank for blank.
pub(crate) fn escape(text: &str) -> String {
    let clean = clean(text);
    let mut out = String::with_capacity(clean.len() * 2);
    for (n, line) in clean.trim_end().split('\n').enumerate() {
        if n > 0 {
            out.push_str(BREAK);
        }
        escape_line(line, &mut out);
    }
    out
}

/// A text as one line of CommonMark; empty when nothing of it is seen.
pub(crate) fn line(text: &str) -> String {
    let clean = clean(text);
    let words: Vec<&str> = clean.split_whitespace().collect();
    match words.is_empty() {
        true => String::new(),
        false => escape(&words.join(" ")),
    }
}

/// A text in the letters of code, on one line.
pub(crate) fn code(text: &str) -> String {
    let clean = clean(text).replace('\n', " ");
    if clean.trim().is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&clean) + 1);
    // One blank on each side is taken away again.
    format!("{fence} {clean} {fence}")
}

/// A block of code, such as a diff.
pub(crate) fn block(text: &str, language: &str) -> String {
    let clean = clean(text);
    let fence = "`".repeat((longest_run(&clean) + 1).max(3));
    format!(
        "{fence}{language}\n{}\n{fence}",
        clean.trim_end_matches('\n')
    )
}

/// Bold text.
pub(crate) fn bold(text: &str) -> String {
    match line(text) {
        line if line.is_empty() => line,
        line => format!("**{line}**"),
    }
}

/// A link, or its words alone when the address is none to be trusted with.
pub(crate) fn link(words: &str, url: &str) -> String {
    let usual = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '\\' | '"' | '`');
    match url.starts_with("https://") && url.chars().all(usual) {
        true => format!("[{}](<{url}>)", line(words)),
        false => line(words),
    }
}

fn escape_line(line: &str, out: &mut String) {
    if line.is_empty() {
        out.push(BLANK);
        return;
    }
    let is_blank = |c: char| c == ' ' || c == '\t';
    let begin = line.len() - line.trim_start_matches(is_blank).len();
    let end = line.trim_end_matches(is_blank).len();
    for (at, letter) in line.char_indices() {
        match letter {
            ' ' | '\t' if at < begin || at >= end => out.push(BLANK),
            letter if letter.is_ascii_punctuation() => out.extend(['\\', letter]),
            letter => out.push(letter),
        }
    }
}

/// Without what no reader sees: control characters, and the marks that turn the
/// direction of the text around them.
fn clean(text: &str) -> String {
    let seen = |c: &char| match c {
        '\n' | '\t' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        c => !c.is_control(),
    };
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.chars().filter(seen).collect()
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

    /// What a reader sees.
    fn seen(markdown: &str) -> String {
        let mut out = String::new();
        for event in Parser::new(markdown) {
            match event {
                Event::Text(text) | Event::Code(text) => out.push_str(&text),
                Event::SoftBreak | Event::HardBreak => out.push('\n'),
                Event::Start(Tag::Paragraph | Tag::CodeBlock(_)) | Event::End(_) => {}
                other => panic!("{markdown:?} became {other:?}"),
            }
        }
        out
    }

    /// What should be seen: blanks at the edges of a line are of another kind,
    /// and an empty line has one.
    fn expected(text: &str) -> String {
        let clean = clean(text);
        let clean = clean.trim_end();
        if clean.is_empty() {
            return BLANK.to_string();
        }
        let lines = clean.split('\n').map(|line| {
            let inner = line.trim_matches([' ', '\t']);
            if line.is_empty() {
                return BLANK.to_string();
            }
            let begin = line.len() - line.trim_start_matches([' ', '\t']).len();
            let end = line.len() - begin - inner.len();
            let blanks = |n| BLANK.to_string().repeat(n);
            format!("{}{inner}{}", blanks(begin), blanks(end))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    proptest! {
        #[test]
        fn a_text_is_shown_as_it_is(text in "[ -~\\n\\t`é🙂א]{0,60}|\\PC{0,40}") {
            prop_assert_eq!(seen(&escape(&text)), expected(&text));
        }

        #[test]
        fn a_block_holds_its_text(text in "[ -~`\\n]{0,60}") {
            let markdown = block(&text, "diff");
            let first = Parser::new(&markdown).next();
            let opened = Tag::CodeBlock(CodeBlockKind::Fenced("diff".into()));
            prop_assert_eq!(first, Some(Event::Start(opened)));
            let (inner, whole) = (seen(&markdown), clean(&text));
            prop_assert_eq!(inner.trim_end_matches('\n'), whole.trim_end_matches('\n'));
        }

        #[test]
        fn code_holds_its_text(text in "[!-~`]{1,40}") {
            prop_assert_eq!(seen(&code(&text)), text);
        }
    }

    #[test]
    fn nothing_from_outside_is_markup() {
        for text in [
            "<b>x</b>",
            "[a](https://evil.example)",
            "**x** _y_ `z`",
            "# head",
            "1. one",
            "- two",
            "> said",
            "    code",
            "a\n===",
            "&amp;",
            "| a | b |\n|---|---|",
            "https://evil.example",
            "\u{202e}gnp.exe",
        ] {
            assert_eq!(seen(&escape(text)), expected(text), "{text}");
        }
    }

    #[test]
    fn a_line_of_nothing_is_nothing() {
        for text in ["", " \n ", "\u{1}\u{202e}"] {
            assert_eq!(line(text), "", "{text:?}");
        }
        assert_eq!(line(" a\n b "), "a b");
    }

    #[test]
    fn a_link_goes_where_it_says_or_nowhere() {
        assert_eq!(
            link("the change", "https://a.example/x"),
            "[the change](<https://a.example/x>)"
        );
        for url in [
            "javascript:alert(1)",
            "http://a.example",
            "https://a.example/> x",
            "https://a b",
        ] {
            assert_eq!(link("x", url), "x", "{url}");
        }
    }
}

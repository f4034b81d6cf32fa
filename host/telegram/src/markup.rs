//! CommonMark as a text with marks. What Telegram cannot show is shown as plain
//! text: headings are bold, lists have bullets, raw HTML is what it says. Pure;
//! nothing in a message can become markup that its author did not write.

use crate::rich::{Mark, Rich};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Schemes that a link may have; others are shown as their text.
const SCHEMES: [&str; 4] = ["https://", "http://", "tg://", "mailto:"];

/// The longest name of a language; longer ones are no names.
const MAX_LANGUAGE: usize = 32;

/// Reads a text of CommonMark, with `~~` for what is struck out.
pub(crate) fn markdown(text: &str) -> Rich {
    let mut writer = Writer::default();
    for event in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH) {
        writer.take(event);
    }
    writer.rich
}

#[derive(Default)]
struct Writer {
    rich: Rich,
    /// What is open; none for what has no mark.
    open: Vec<Option<Mark>>,
    /// The next number of each open list; none for bullets.
    lists: Vec<Option<u64>>,
    /// Line ends before the next text.
    gap: usize,
    /// The text of an open block of code.
    code: Option<String>,
}

impl Writer {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.text(&text),
            },
            Event::Code(text) => {
                self.open.push(Some(Mark::Code));
                self.text(&text);
                self.open.pop();
            }
            Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.text(&text),
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule => {
                self.block();
                self.text("———");
                self.gap = 2;
            }
            Event::TaskListMarker(done) => self.text(if done { "☑ " } else { "☐ " }),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.block(),
            Tag::Heading { .. } => {
                self.block();
                self.open.push(Some(Mark::Bold));
            }
            Tag::BlockQuote(_) => {
                self.block();
                self.open.push(Some(Mark::Quote));
            }
            Tag::CodeBlock(kind) => {
                self.block();
                self.open.push(Some(Mark::Pre(language(&kind))));
                self.code = Some(String::new());
            }
            Tag::List(first) => {
                self.block();
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Emphasis => self.open.push(Some(Mark::Italic)),
            Tag::Strong => self.open.push(Some(Mark::Bold)),
            Tag::Strikethrough => self.open.push(Some(Mark::Strike)),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                let known = SCHEMES.iter().any(|scheme| dest_url.starts_with(scheme));
                self.open
                    .push(known.then(|| Mark::Link(dest_url.into_string())));
            }
            // Extensions that are not turned on.
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.gap = self.between(),
            TagEnd::Heading(_) | TagEnd::BlockQuote(_) => {
                self.open.pop();
                self.gap = self.between();
            }
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                self.text(code.strip_suffix('\n').unwrap_or(&code));
                self.open.pop();
                self.gap = self.between();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.gap = self.between();
            }
            TagEnd::Item => self.gap = 1,
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Link
            | TagEnd::Image => drop(self.open.pop()),
            _ => {}
        }
    }

    /// A block begins: on a line of its own, unless it follows its bullet.
    fn block(&mut self) {
        if self.gap == 0 && !self.rich.text().is_empty() && !self.after_bullet() {
            self.gap = 1;
        }
    }

    fn after_bullet(&self) -> bool {
        !self.lists.is_empty() && self.rich.text().ends_with(' ')
    }

    /// Line ends after a block: blocks of a list stand closer.
    fn between(&self) -> usize {
        if self.lists.is_empty() { 2 } else { 1 }
    }

    fn item(&mut self) {
        if !self.rich.text().is_empty() {
            self.gap = self.gap.max(1);
        }
        let indent = "  ".repeat(self.lists.len().saturating_sub(1));
        let bullet = match self.lists.last_mut() {
            Some(Some(number)) => {
                let bullet = format!("{indent}{number}. ");
                *number = number.saturating_add(1);
                bullet
            }
            _ => format!("{indent}• "),
        };
        self.text(&bullet);
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let marks: Vec<Mark> = self.open.iter().flatten().cloned().collect();
        if self.gap > 0 {
            // What is between two blocks belongs to what both belong to.
            let last = self.rich.last_marks().iter().zip(&marks);
            let shared = last.take_while(|(last, mark)| last == mark).count();
            self.rich.push(&"\n".repeat(self.gap), &marks[..shared]);
            self.gap = 0;
        }
        self.rich.push(text, &marks);
    }
}

/// The first word after a fence, if it is a name.
fn language(kind: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(info) = kind else {
        return None;
    };
    let name = info.split_whitespace().next()?;
    let fits = name.len() <= MAX_LANGUAGE
        && name
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '+' | '#'));
    fits.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rich::tests::seen;
    use proptest::prelude::*;

    fn html(text: &str) -> String {
        markdown(text).split(4_096).join("|")
    }

    #[test]
    fn what_telegram_has_is_marked() {
        for (text, expected) in [
            (
                "**b** *i* ~~s~~ `c`",
                "<b>b</b> <i>i</i> <s>s</s> <code>c</code>",
            ),
            ("# Title\n\ntext", "<b>Title</b>\n\ntext"),
            ("one\n\ntwo\nthree", "one\n\ntwo\nthree"),
            ("> a\n>\n> b\n\nc", "<blockquote>a\n\nb</blockquote>\n\nc"),
            (
                "[t](https://x/?a=1&b=2)",
                "<a href=\"https://x/?a=1&amp;b=2\">t</a>",
            ),
            (
                "```rust\nfn a() {}\n```",
                "<pre><code class=\"language-rust\">fn a() {}</code></pre>",
            ),
            ("    a < b\n", "<pre>a &lt; b</pre>"),
            ("- a\n- b\n  - c\n\nd", "• a\n• b\n  • c\n\nd"),
            ("3. a\n4. b", "3. a\n4. b"),
            ("- a\n\n- b", "• a\n• b"),
            ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ] {
            assert_eq!(html(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_would_be_markup_of_another_kind_is_text() {
        for (text, expected) in [
            ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
            ("<script>1</script>", "&lt;script&gt;1&lt;/script&gt;"),
            ("[t](javascript:1)", "t"),
            ("```\"><b>\nx\n```", "<pre>x</pre>"),
            ("a & b &lt; c", "a &amp; b &lt; c"),
        ] {
            assert_eq!(html(text), expected, "{text:?}");
        }
    }

    /// A backslash before all of ASCII's punctuation, as plugins do.
    fn escaped(text: &str) -> String {
        let mut out = String::new();
        for sign in text.chars() {
            if sign.is_ascii_punctuation() {
                out.push('\\');
            }
            out.push(sign);
        }
        out
    }

    proptest! {
        /// Whatever is written: what is made of it is sound.
        #[test]
        fn any_text_is_sound(text in "[-*_~`#>\\[\\]()<>!&\\\\ \na-c0-9😀א]{0,80}") {
            for part in markdown(&text).split(20) {
                let part = seen(&part);
                prop_assert!(part.is_ok(), "{:?}", part);
            }
        }

        /// A text that was escaped shows itself.
        #[test]
        fn an_escaped_text_shows_itself(text in "[a-zא-ת😀][a-z0-9א-ת😀*_~`#><&\\[\\]()!.]{0,60}") {
            let shown = markdown(&escaped(&text));
            prop_assert_eq!(shown.text(), text);
        }
    }
}

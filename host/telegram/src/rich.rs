//! A text with marks, and how it is written as Telegram's HTML: escaped, in
//! parts of the length that Telegram takes, every mark closed in each. Pure.
//! Lengths are UTF-16 units of what people see, as Telegram counts them.

use std::ops::Range;

/// What a stretch of text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Quote,
    Bold,
    Italic,
    Strike,
    Link(String),
    Code,
    /// A block of code, with its language.
    Pre(Option<String>),
}

/// A text with marks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rich {
    text: String,
    runs: Vec<Run>,
}

/// The marks of the text up to a byte, from where the run before ends.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    end: usize,
    marks: Vec<Mark>,
}

impl Rich {
    /// A text without marks.
    pub(crate) fn plain(text: &str) -> Self {
        let mut rich = Self::default();
        rich.push(text, &[]);
        rich
    }

    /// What people see.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Adds text under those marks, outermost first.
    pub(crate) fn push(&mut self, text: &str, marks: &[Mark]) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(text);
        let marks = allowed(marks);
        match self.runs.last_mut() {
            Some(last) if last.marks == marks => last.end = self.text.len(),
            _ => self.runs.push(Run {
                end: self.text.len(),
                marks,
            }),
        }
    }

    /// The marks of what was added last.
    pub(crate) fn last_marks(&self) -> &[Mark] {
        self.runs.last().map_or(&[], |run| &run.marks)
    }

    /// As HTML, in as many messages as it takes. Cut at the end of a line or of
    /// a word where there is one, and always between characters. What is blank
    /// is no message of its own.
    pub(crate) fn split(&self, units: usize) -> Vec<String> {
        let mut parts = Vec::new();
        let mut from = 0;
        while from < self.text.len() {
            let to = self.cut_at(from, units);
            if !self.text[from..to].trim().is_empty() || self.text.trim().is_empty() {
                parts.push(self.html(from..to));
            }
            from = to;
        }
        parts
    }

    /// As HTML in one message, ended with "…" when it does not fit.
    pub(crate) fn cut(&self, units: usize) -> String {
        match reach(&self.text, units) == self.text.len() {
            true => self.html(0..self.text.len()),
            false => self.html(0..reach(&self.text, units.saturating_sub(1))) + "…",
        }
    }

    /// Where a part ends that begins there.
    fn cut_at(&self, from: usize, units: usize) -> usize {
        let rest = &self.text[from..];
        let most = reach(rest, units);
        if most == rest.len() {
            return self.text.len();
        }
        let good = |sign: char| {
            let found = rest[..most].rfind(sign).map(|at| at + sign.len_utf8());
            found.filter(|at| *at > most / 2)
        };
        from + good('\n').or_else(|| good(' ')).unwrap_or(most)
    }

    fn html(&self, range: Range<usize>) -> String {
        let mut html = String::with_capacity(range.len() + range.len() / 4);
        let mut open: Vec<&Mark> = Vec::new();
        let mut begin = 0;
        for run in &self.runs {
            let from = begin.max(range.start);
            let to = run.end.min(range.end);
            begin = run.end;
            if from >= to {
                continue;
            }
            let same = open.iter().zip(&run.marks);
            let same = same.take_while(|(open, mark)| **open == *mark).count();
            close(&mut html, &mut open, same);
            for mark in &run.marks[same..] {
                start(&mut html, mark);
                open.push(mark);
            }
            escape(&mut html, &self.text[from..to]);
        }
        close(&mut html, &mut open, 0);
        html
    }
}

/// What Telegram nests: code holds nothing and is held by quotes alone, and
/// nothing is in itself.
fn allowed(marks: &[Mark]) -> Vec<Mark> {
    let is_code = |mark: &Mark| matches!(mark, Mark::Code | Mark::Pre(_));
    let code = marks.iter().any(is_code);
    let mut kept: Vec<Mark> = Vec::new();
    for mark in marks {
        let fits = !code || is_code(mark) || *mark == Mark::Quote;
        let twice = kept.iter().any(|kept| {
            std::mem::discriminant(kept) == std::mem::discriminant(mark)
                || is_code(kept) && is_code(mark)
        });
        if fits && !twice {
            kept.push(mark.clone());
        }
    }
    kept
}

fn start(html: &mut String, mark: &Mark) {
    match mark {
        Mark::Quote => html.push_str("<blockquote>"),
        Mark::Bold => html.push_str("<b>"),
        Mark::Italic => html.push_str("<i>"),
        Mark::Strike => html.push_str("<s>"),
        Mark::Code => html.push_str("<code>"),
        Mark::Pre(None) => html.push_str("<pre>"),
        Mark::Pre(Some(language)) => {
            html.push_str("<pre><code class=\"language-");
            escape(html, language);
            html.push_str("\">");
        }
        Mark::Link(target) => {
            html.push_str("<a href=\"");
            escape(html, target);
            html.push_str("\">");
        }
    }
}

fn close(html: &mut String, open: &mut Vec<&Mark>, keep: usize) {
    while open.len() > keep {
        html.push_str(match open.pop() {
            Some(Mark::Quote) => "</blockquote>",
            Some(Mark::Bold) => "</b>",
            Some(Mark::Italic) => "</i>",
            Some(Mark::Strike) => "</s>",
            Some(Mark::Code) => "</code>",
            Some(Mark::Pre(None)) => "</pre>",
            Some(Mark::Pre(Some(_))) => "</code></pre>",
            Some(Mark::Link(_)) => "</a>",
            None => "",
        });
    }
}

fn escape(html: &mut String, text: &str) {
    for sign in text.chars() {
        match sign {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
}

/// How many bytes fit into so many units, whole characters alone. At least one
/// character, so that whoever goes on gets on.
fn reach(text: &str, units: usize) -> usize {
    let mut left = units;
    for (at, sign) in text.char_indices() {
        match left.checked_sub(sign.len_utf16()) {
            Some(rest) => left = rest,
            None => return at.max(text.chars().next().map_or(0, char::len_utf8)),
        }
    }
    text.len()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads what Telegram would show, and refuses what it would refuse.
    pub(crate) fn seen(html: &str) -> Result<String, String> {
        let (mut text, mut open, mut rest) = (String::new(), Vec::new(), html);
        while let Some(sign) = rest.chars().next() {
            let taken = match sign {
                '<' => {
                    let end = rest.find('>').ok_or("an open tag")?;
                    let tag = &rest[1..end];
                    let name = tag.split(' ').next().unwrap_or_default();
                    match name.strip_prefix('/') {
                        Some(name) if open.last() == Some(&name) => open.truncate(open.len() - 1),
                        Some(name) => return Err(format!("</{name}> closes {open:?}")),
                        None if ["b", "i", "s", "a", "code", "pre", "blockquote"]
                            .contains(&name) =>
                        {
                            open.push(name);
                        }
                        None => return Err(format!("<{tag}>")),
                    }
                    end + 1
                }
                '&' => {
                    let end = rest.find(';').ok_or("a lone ampersand")?;
                    text.push(match &rest[..=end] {
                        "&amp;" => '&',
                        "&lt;" => '<',
                        "&gt;" => '>',
                        "&quot;" => '"',
                        other => return Err(other.to_owned()),
                    });
                    end + 1
                }
                '>' => return Err("a lone >".to_owned()),
                other => {
                    text.push(other);
                    other.len_utf8()
                }
            };
            rest = &rest[taken..];
        }
        match open.is_empty() {
            true => Ok(text),
            false => Err(format!("{open:?} stay open")),
        }
    }

    fn units(text: &str) -> usize {
        text.encode_utf16().count()
    }

    #[test]
    fn marks_close_and_open_again_where_a_text_is_cut() {
        let mut rich = Rich::default();
        rich.push("bold ", &[Mark::Bold]);
        rich.push("both", &[Mark::Bold, Mark::Italic]);
        assert_eq!(rich.split(100), ["<b>bold <i>both</i></b>"]);
        assert_eq!(rich.split(7), ["<b>bold </b>", "<b><i>both</i></b>"]);
        assert_eq!(rich.cut(6), "<b>bold </b>…");
    }

    #[test]
    fn code_holds_nothing_and_nothing_is_in_itself() {
        let mut rich = Rich::default();
        rich.push("x", &[Mark::Quote, Mark::Bold, Mark::Quote, Mark::Code]);
        assert_eq!(rich.split(9), ["<blockquote><code>x</code></blockquote>"]);
    }

    #[test]
    fn attributes_cannot_be_left() {
        let mut rich = Rich::default();
        rich.push("x", &[Mark::Link("https://a/\"><b>".into())]);
        assert_eq!(
            rich.split(9),
            ["<a href=\"https://a/&quot;&gt;&lt;b&gt;\">x</a>"]
        );
    }

    #[test]
    fn an_emoji_of_two_units_is_never_cut() {
        let rich = Rich::plain("😀😀😀");
        assert_eq!(rich.split(3), ["😀", "😀", "😀"]);
        assert_eq!(rich.cut(5), "😀😀…");
        assert_eq!(rich.cut(6), "😀😀😀");
    }

    #[test]
    fn blank_parts_are_left_out() {
        let rich = Rich::plain(&format!("a{}b", " ".repeat(40)));
        assert!(rich.split(10).iter().all(|part| !part.trim().is_empty()));
    }

    fn mark() -> impl Strategy<Value = Mark> {
        prop_oneof![
            Just(Mark::Quote),
            Just(Mark::Bold),
            Just(Mark::Italic),
            Just(Mark::Strike),
            Just(Mark::Code),
            Just(Mark::Pre(None)),
            "[a-z\"<]{0,5}".prop_map(|language| Mark::Pre(Some(language))),
            "https://[a-z\"<>&]{0,8}".prop_map(Mark::Link),
        ]
    }

    proptest! {
        /// Whatever the text and its marks: each part is sound and short enough,
        /// and together they show the text.
        #[test]
        fn parts_are_sound(
            runs in prop::collection::vec((".{0,30}|[א-ת😀<>&\" \n]{0,30}", prop::collection::vec(mark(), 0..5)), 0..12),
            limit in 3_usize..60,
        ) {
            let mut rich = Rich::default();
            for (text, marks) in &runs {
                rich.push(text, marks);
            }
            let mut shown = String::new();
            for part in rich.split(limit) {
                let part = seen(&part);
                prop_assert!(part.is_ok(), "{:?}", part);
                let part = part.unwrap_or_default();
                prop_assert!(units(&part) <= limit);
                shown.push_str(&part);
            }
            let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(solid(&shown), solid(rich.text()));
            let cut = seen(&rich.cut(limit));
            prop_assert!(cut.is_ok(), "{:?}", cut);
            prop_assert!(units(&cut.unwrap_or_default()) <= limit);
        }
    }
}

//! A page of HTML as text, by its tags alone. No tree is built of it: what a
//! stranger's page costs grows with its size, however its elements are nested.

use bytes::Bytes;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use std::cell::RefCell;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use url::Url;

/// The most bytes of a page that are read.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// How long a page may be read. Large ones take a tenth of a second; one tag of
/// a hundred thousand attributes takes longer.
const MAX_TIME: Duration = Duration::from_secs(5);

/// How much is read between two looks at the clock.
const PIECE_BYTES: usize = 1024;

/// Pages of all runs that are read at once. A place belongs to the work and not
/// to who waits for it: work goes on when its run is over.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(2)));

/// Elements that begin and end a line.
const LINES: &[&str] = &[
    "address",
    "article",
    "aside",
    "br",
    "caption",
    "dd",
    "details",
    "dialog",
    "div",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hgroup",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "optgroup",
    "option",
    "search",
    "section",
    "summary",
    "tbody",
    "tfoot",
    "thead",
    "title",
    "tr",
];

/// Elements with an empty line around them.
const PARAGRAPHS: &[&str] = &[
    "blockquote",
    "dl",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "ol",
    "p",
    "pre",
    "table",
    "ul",
];

/// Elements whose content nobody reads.
const HIDDEN: &[&str] = &[
    "iframe", "noembed", "noframes", "script", "style", "template",
];

/// The text of the page at that address; of a long one, of its beginning. None
/// when it takes too long.
pub(super) async fn text_of(at: Url, page: Bytes) -> Option<String> {
    let page = page.slice(..page.len().min(MAX_BYTES));
    let place = PLACES.clone().acquire_owned().await;
    let work = tokio::task::spawn_blocking(move || {
        let _place = place;
        read(at, &page, Instant::now() + MAX_TIME)
    });
    // What a parser stumbles over must not take a run down.
    work.await.unwrap_or(None)
}

fn read(at: Url, page: &[u8], until: Instant) -> Option<String> {
    let page = String::from_utf8_lossy(page);
    let tokenizer = Tokenizer::new(
        Reader(RefCell::new(Reading::of(at))),
        TokenizerOpts::default(),
    );
    let queue = BufferQueue::default();
    let mut rest = &*page;
    while !rest.is_empty() {
        if Instant::now() >= until {
            return None;
        }
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        queue.push_back(piece.into());
        // It reads all of it: it stops only where the sink asks it to.
        let _ = tokenizer.feed(&queue);
        rest = behind;
    }
    tokenizer.end();
    Some(tokenizer.sink.0.into_inner().text)
}

/// Takes the tokens of a page.
struct Reader(RefCell<Reading>);

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut reading = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => reading.say(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return reading.begin(&tag),
            Token::TagToken(tag) => reading.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// What was read so far.
struct Reading {
    at: Url,
    text: String,
    /// The element under way whose content nobody reads, and how many of its
    /// name are open in it.
    hidden: Option<(String, usize)>,
    /// Where the link under way leads.
    link: Option<String>,
    /// How many elements are open in which space and line ends count.
    kept: usize,
    /// Whether a space is due before the next word.
    space: bool,
    /// What stands before the next word: of an item, a heading or a cell.
    mark: String,
}

impl Reading {
    fn of(at: Url) -> Self {
        Self {
            at,
            text: String::new(),
            hidden: None,
            link: None,
            kept: 0,
            space: false,
            mark: String::new(),
        }
    }

    fn say(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        if self.kept > 0 {
            self.text.push_str(&std::mem::take(&mut self.mark));
            self.text.push_str(text);
            return;
        }
        for part in text.split_inclusive(|c: char| c.is_ascii_whitespace()) {
            let word = part.trim_end_matches(|c: char| c.is_ascii_whitespace());
            if !word.is_empty() {
                if self.space && !self.text.is_empty() && !self.text.ends_with(['\n', ' ']) {
                    self.text.push(' ');
                }
                self.text.push_str(&std::mem::take(&mut self.mark));
                self.text.push_str(word);
                self.space = false;
            }
            self.space |= word.len() < part.len();
        }
    }

    fn begin(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        if let Some((hidden, open)) = &mut self.hidden {
            *open += usize::from(hidden == name);
        } else {
            self.lay_out(name);
            match name {
                "a" => {
                    self.lead();
                    self.link = attribute(tag, "href").and_then(|href| self.leads_to(&href));
                }
                "img" => {
                    let alt = attribute(tag, "alt").filter(|alt| !alt.trim().is_empty());
                    if let Some(alt) = alt {
                        self.say(&format!("[{}]", alt.trim()));
                    }
                }
                "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                    let level = usize::from(name.as_bytes()[1] - b'0');
                    self.mark = format!("{} ", "#".repeat(level));
                }
                "hr" => {
                    self.text.push_str("---");
                    self.lay_out(name);
                }
                "li" => self.mark = "* ".to_owned(),
                "pre" => self.kept += 1,
                "td" | "th" => {
                    self.mark.push_str("| ");
                    self.space = true;
                }
                _ if HIDDEN.contains(&name) => self.hidden = Some((name.to_owned(), 0)),
                _ => {}
            }
        }
        match name {
            "script" => TokenSinkResult::RawData(RawKind::ScriptData),
            "iframe" | "noembed" | "noframes" | "style" => {
                TokenSinkResult::RawData(RawKind::Rawtext)
            }
            "textarea" | "title" => TokenSinkResult::RawData(RawKind::Rcdata),
            "plaintext" => TokenSinkResult::Plaintext,
            _ => TokenSinkResult::Continue,
        }
    }

    fn end(&mut self, name: &str) {
        match &mut self.hidden {
            Some((hidden, 0)) if hidden == name => self.hidden = None,
            Some((hidden, open)) => *open -= usize::from(hidden == name),
            None => {
                match name {
                    "a" => self.lead(),
                    "pre" => self.kept = self.kept.saturating_sub(1),
                    _ => {}
                }
                self.lay_out(name);
            }
        }
    }

    /// The line ends that an element has around it.
    fn lay_out(&mut self, name: &str) {
        let ends = match name {
            _ if LINES.contains(&name) => 1,
            _ if PARAGRAPHS.contains(&name) => 2,
            _ => return,
        };
        self.space = false;
        let words = self.text.trim_end_matches([' ', '\n']).len();
        let there = self.text[words..].matches('\n').count();
        if words > 0 {
            self.text.truncate(words);
            self.text.push_str(&"\n".repeat(there.clamp(ends, 2)));
        }
    }

    /// Where a link leads, unless it stays on the page or is none to fetch.
    fn leads_to(&self, href: &str) -> Option<String> {
        let mut url = self.at.join(href).ok()?;
        url.set_fragment(None);
        let is_here = url.as_str() == self.at.as_str();
        (!is_here && matches!(url.scheme(), "http" | "https")).then(|| url.to_string())
    }

    /// Says where the link leads that ends here.
    fn lead(&mut self) {
        if let Some(url) = self.link.take()
            && !self.text.ends_with(&url)
        {
            self.space = true;
            self.say(&format!("({url})"));
        }
    }
}

fn attribute(tag: &Tag, name: &str) -> Option<String> {
    let found = tag.attrs.iter().find(|attr| &*attr.name.local == name);
    found.map(|attr| attr.value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Url {
        Url::parse("https://x.example/docs/").expect("an address")
    }

    fn shown(page: &str) -> String {
        let until = Instant::now() + Duration::from_secs(3_600);
        read(at(), page.as_bytes(), until).expect("there is time")
    }

    #[test]
    fn a_page_reads_like_a_text() {
        let page = "<!DOCTYPE html><html><head><title>A &amp; B</title>\
            <style>p { color: red }</style></head><body><h1>Shop\n  news</h1>\
            <p>One  <b>t</b>wo\n<a href=\"https://x.example/a\">three</a>.<p>Four<br>five\
            <script>if (1 < 2) { alert(\"</p>\") }</script><template><p>never</p></template>\
            <ul><li>a<li>b <img alt=\"a cat\"></ul>\
            <table><tr><td>1</td><td>2</td></tr></table><pre>a\n  b</pre>end";
        let expected = "A & B\n\n# Shop news\n\nOne two three (https://x.example/a).\n\nFour\nfive\n\n\
            * a\n* b [a cat]\n\n| 1 | 2\n\na\n  b\n\nend";
        assert_eq!(shown(page), expected);
    }

    #[test]
    fn marks_stand_before_their_words_and_lines_around_what_has_them() {
        assert_eq!(shown("<ul><li><p>x</p></li></ul>"), "* x\n\n");
        assert_eq!(shown("a<hr>b"), "a\n\n---\n\nb");
        assert_eq!(shown("<h2><div>T</div></h2>"), "## T\n\n");
        let table = "<table><tr><td><p>1</p></td><td></td><td>2</td></tr></table>";
        assert_eq!(shown(table), "| 1\n\n| | 2\n\n");
    }

    #[test]
    fn a_link_says_where_it_leads_from_here() {
        for (href, leads) in [
            ("/a", "https://x.example/a"),
            ("../b?c#d", "https://x.example/b?c"),
            ("//y.example", "https://y.example/"),
            ("http://z.example/", "http://z.example/"),
        ] {
            let page = format!("<a href=\"{href}\">w</a>");
            assert_eq!(shown(&page), format!("w ({leads})"));
        }
        for href in ["#e", "", "mailto:a@x.example", "javascript:f()", "http://["] {
            assert_eq!(shown(&format!("<a href=\"{href}\">w</a>")), "w", "{href}");
        }
    }

    #[test]
    fn nothing_in_a_page_ends_what_nobody_reads() {
        assert_eq!(shown("a<script>x</style>y</script >b"), "ab");
        assert_eq!(shown("a<style><!-- </script> --></style>b"), "ab");
        assert_eq!(shown("a<script>never ends"), "a");
        assert_eq!(
            shown("a<template><template>x</template>y</template>b"),
            "ab"
        );
        assert_eq!(shown("a<!-- <p>b --> c"), "a c");
        assert_eq!(shown("<title></p><b>t</title>b"), "</p><b>t\nb");
    }

    #[test]
    fn how_elements_are_nested_makes_no_difference() {
        for open in [
            "<div>",
            "<b a1>",
            "<p>",
            "<table>",
            "<li>",
            "<pre>",
            "<a href=#>",
        ] {
            let page = format!("{}end", open.repeat(MAX_BYTES / 8));
            let text = shown(&page);
            assert!(text.ends_with("end"), "{open}");
            assert!(text.len() <= page.len(), "{open}");
        }
    }

    #[test]
    fn rubbish_is_read_as_far_as_it_goes() {
        let page = b"<\xff<a \x00 href=\xc3>\xe2\x82</</x y=\"<!DOCTYPE <![CDATA[";
        let until = Instant::now() + Duration::from_secs(3_600);
        assert!(read(at(), page, until).is_some());
        assert_eq!(
            read(at(), b"<p>x", Instant::now()),
            None,
            "its time is over"
        );
    }
}

//! Whether laying a page out takes bounded time and memory, found out with one
//! look at its tags. A parser walks its open elements for each tag, and repeats
//! formatting that was left open in every block that follows: a page of a MiB
//! can keep it busy for minutes, or fill the memory.
//!
//! The rules are those of the HTML standard as far as they say where a tag
//! begins and ends, and which ends may be left out. Where they depend on what a
//! parser made of the page before, the page is refused. So an element that is
//! open for a parser is open here, but for a small factor; the other way round
//! it need not be.

/// The most elements that may be open at once. Browsers stop at 512; what real
/// pages leave open, and is counted here all the same, is far below.
const MAX_OPEN: usize = 2_000;

/// The most elements that a parser may have to repeat: as many as a large page
/// has of its own. Real pages come to a fifth.
const MAX_REPEATED: usize = 500_000;

/// The most elements that one end tag ends beside its own.
const MAX_IMPLIED: usize = 4;

/// Elements without an end, and those that a page has one of.
const ALONE: [&str; 23] = [
    "area", "base", "basefont", "bgsound", "body", "br", "col", "embed", "frame", "head", "hr",
    "html", "image", "img", "input", "keygen", "link", "meta", "param", "source", "track", "wbr",
    "frameset",
];

/// Elements that a parser repeats.
const FORMATTING: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];

/// Elements whose content is text, whatever it looks like.
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];

/// Elements inside which the rules of XML hold.
const FOREIGN: [&str; 2] = ["math", "svg"];

/// Elements inside which [`RAW`] ones may be like any other.
const APART: [&str; 3] = ["math", "select", "svg"];

/// Elements whose end ends what is [`IMPLIED`].
const BLOCKS: [&str; 35] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "header",
    "hgroup",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "optgroup",
    "p",
    "pre",
    "ruby",
    "search",
    "section",
    "select",
    "summary",
    "ul",
    "listing",
    "rb",
    "rtc",
];
const IMPLIED: [&str; 10] = [
    "dd", "dt", "li", "optgroup", "option", "p", "rb", "rp", "rt", "rtc",
];

/// The same for tables.
const TABLE: [&str; 7] = ["table", "tbody", "td", "tfoot", "th", "thead", "tr"];
const TABLE_IMPLIED: [&str; 9] = [
    "caption", "colgroup", "p", "tbody", "td", "tfoot", "th", "thead", "tr",
];

fn is(list: &[&str], name: &[u8]) -> bool {
    list.iter().any(|own| own.as_bytes() == name)
}

/// What a start tag ends: elements of the second list, below some of the first.
fn ended_by(name: &[u8]) -> (&'static [&'static str], &'static [&'static str]) {
    match name {
        b"p" => (&[], &["p"]),
        b"li" => (&["p"], &["li"]),
        b"dd" | b"dt" => (&["p"], &["dd", "dt"]),
        b"td" | b"th" => (&["p"], &["td", "th"]),
        b"tr" => (&["p", "td", "th"], &["tr"]),
        b"tbody" | b"tfoot" | b"thead" => (&["p", "td", "th", "tr"], &["tbody", "tfoot", "thead"]),
        b"option" => (&[], &["option"]),
        b"optgroup" => (&["option"], &["optgroup"]),
        b"rp" | b"rt" => (&[], &["rp", "rt"]),
        _ => (&[], &[]),
    }
}

/// Whether the page may be laid out.
pub(super) fn is_bounded(page: &[u8]) -> bool {
    let page = page.to_ascii_lowercase();
    let mut open = Open::default();
    let mut rest = &page[..];
    while let Some(at) = rest.iter().position(|b| *b == b'<') {
        match pass(&rest[at..], &mut open) {
            Some(behind) if open.is_bounded() => rest = behind,
            _ => return false,
        }
    }
    true
}

/// The elements that are open.
#[derive(Default)]
struct Open<'p> {
    names: Vec<&'p [u8]>,
    formatting: usize,
    foreign: usize,
    apart: usize,
    repeated: usize,
}

impl<'p> Open<'p> {
    fn is_bounded(&self) -> bool {
        self.names.len() <= MAX_OPEN && self.repeated <= MAX_REPEATED
    }

    /// How many elements have to end for the nearest of `ended` to be the last,
    /// if none but a few of `implied` are in the way.
    fn up_to(&self, implied: &[&str], ended: impl Fn(&[u8]) -> bool) -> usize {
        let newest = self.names.iter().rev();
        let over = newest
            .take(MAX_IMPLIED)
            .take_while(|name| !ended(name) && is(implied, name))
            .count();
        match self.names.iter().rev().nth(over) {
            Some(name) if ended(name) => over + 1,
            _ => 0,
        }
    }

    fn close(&mut self, elements: usize) {
        for name in self.names.drain(self.names.len() - elements..) {
            self.formatting -= usize::from(is(&FORMATTING, name));
            self.foreign -= usize::from(is(&FOREIGN, name));
            self.apart -= usize::from(is(&APART, name));
        }
    }

    /// A start tag; `closed` when it says that it has no content.
    fn start(&mut self, name: &'p [u8], closed: bool) {
        self.repeated += self.formatting;
        let is_formatting = is(&FORMATTING, name);
        let is_empty = match self.foreign {
            0 => is(&ALONE, name),
            _ => closed && !is_formatting,
        };
        if is_empty {
            return;
        }
        let (implied, ended) = ended_by(name);
        self.close(self.up_to(implied, |own| is(ended, own)));
        self.names.push(name);
        self.formatting += usize::from(is_formatting);
        self.foreign += usize::from(is(&FOREIGN, name));
        self.apart += usize::from(is(&APART, name));
    }

    fn end(&mut self, name: &[u8]) {
        self.repeated += self.formatting;
        let implied: &[&str] = match name {
            _ if is(&BLOCKS, name) => &IMPLIED,
            _ if is(&TABLE, name) => &TABLE_IMPLIED,
            _ => &[],
        };
        self.close(self.up_to(implied, |own| own == name));
    }
}

/// Passes over what begins with `<`. Gives what is behind it; none when that
/// is not the same for every reader.
fn pass<'p>(text: &'p [u8], open: &mut Open<'p>) -> Option<&'p [u8]> {
    if let Some(inside) = text.strip_prefix(b"<![cdata[") {
        // It ends at `]]>` in one place and at the first `>` in another.
        let end = (0..inside.len()).find(|at| inside[*at..].starts_with(b"]]>"));
        let (inside, behind) = inside.split_at(end.unwrap_or(inside.len()));
        return (!inside.contains(&b'<')).then_some(behind);
    }
    if text.starts_with(b"<!--") {
        // `<!-->` is a whole one.
        return Some(behind_comment(&text[2..]));
    }
    let is_letter = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphabetic);
    match text.get(1) {
        Some(b'!' | b'?') => Some(behind(text, b'>')),
        Some(b'/') if is_letter(2) => {
            let (name, rest, _) = tag(&text[2..]);
            open.end(name);
            Some(rest)
        }
        Some(b'/') => Some(behind(&text[2..], b'>')),
        Some(_) if is_letter(1) => {
            let (name, rest, closed) = tag(&text[1..]);
            if !is(&RAW, name) {
                open.start(name, closed);
                return Some(rest);
            }
            let (inside, rest) = rest.split_at(raw_end(rest, name));
            (open.apart == 0 || is_plain(inside)).then_some(rest)
        }
        _ => Some(&text[1..]),
    }
}

/// The name of a tag, what is behind the tag, and whether it ends with `/>`.
fn tag(text: &[u8]) -> (&[u8], &[u8], bool) {
    let length = text.iter().position(|b| ends_name(*b));
    let (name, mut rest) = text.split_at(length.unwrap_or(text.len()));
    loop {
        rest = match rest {
            [] => return (name, rest, false),
            [b'>', rest @ ..] => return (name, rest, false),
            [b'/', b'>', rest @ ..] => return (name, rest, true),
            [b, rest @ ..] if ends_name(*b) => rest,
            _ => behind_attribute(rest),
        };
    }
}

fn ends_name(b: u8) -> bool {
    b.is_ascii_whitespace() || matches!(b, b'/' | b'>')
}

/// What is behind an attribute, whose first byte belongs to its name whatever
/// it is.
fn behind_attribute(text: &[u8]) -> &[u8] {
    let length = text
        .iter()
        .skip(1)
        .position(|b| ends_name(*b) || *b == b'=');
    let rest = text[length.map_or(text.len(), |at| at + 1)..].trim_ascii_start();
    let Some(value) = rest.strip_prefix(b"=") else {
        return rest;
    };
    match value.trim_ascii_start() {
        [quote @ (b'"' | b'\''), inside @ ..] => behind(inside, *quote),
        bare => {
            let length = bare
                .iter()
                .position(|b| b.is_ascii_whitespace() || *b == b'>');
            &bare[length.unwrap_or(bare.len())..]
        }
    }
}

/// What is behind the first such byte; nothing when there is none.
fn behind(text: &[u8], end: u8) -> &[u8] {
    match text.iter().position(|b| *b == end) {
        Some(at) => &text[at + 1..],
        None => &[],
    }
}

/// What is behind a comment, without the `<!` that it begins with.
fn behind_comment(text: &[u8]) -> &[u8] {
    let mut at = 0;
    while at < text.len() {
        for end in [&b"-->"[..], b"--!>"] {
            if let Some(behind) = text[at..].strip_prefix(end) {
                return behind;
            }
        }
        at += 1;
    }
    &[]
}

/// Where the end tag of a [`RAW`] element is.
fn raw_end(text: &[u8], name: &[u8]) -> usize {
    let is_end = |at: &usize| {
        let rest = text[*at..].strip_prefix(b"</");
        let rest = rest.and_then(|rest| rest.strip_prefix(name));
        rest.and_then(<[u8]>::first).is_some_and(|b| ends_name(*b))
    };
    (0..text.len()).find(is_end).unwrap_or(text.len())
}

/// Whether the content of a [`RAW`] element is the same for one who takes it
/// for markup: it has none, or is marked as none.
fn is_plain(inside: &[u8]) -> bool {
    match inside.iter().position(|b| *b == b'<') {
        None => true,
        Some(at) => inside[at..].strip_prefix(b"<![cdata[").is_some_and(|text| {
            !text.contains(&b'<') && (0..text.len()).any(|at| text[at..].starts_with(b"]]>"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(page: &str) -> bool {
        is_bounded(page.as_bytes())
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused_however_it_is_written() {
        let many = 3_000;
        for piece in [
            "<div>",
            "<DIV\n>",
            "<div></span>",
            "<div><!--</div>-->",
            "<div a='</div>'>",
            "<div a=\"'\"></x '>'>",
            "<div =\"></x>",
            "<div/>",
            "<span><div></span>",
            "<li><dd>",
            "<td><dd><li></td>",
            "<script></div></script><div>",
            "<svg><x></svg>",
            "<svg><p/>",
            "<svg><link></svg>",
            "<x></x/ y=/><x>",
        ] {
            let page = piece.repeat(many);
            assert!(!bounded(&page), "{piece}");
            assert!(bounded(&piece.repeat(20)), "{piece}");
        }
    }

    #[test]
    fn what_readers_could_read_differently_is_refused() {
        let deep = "<div>".repeat(3_000);
        for page in [
            format!("<svg><![CDATA[><!--]]>{deep}-->"),
            format!("<svg><style><!--</style>{deep}-->"),
            format!("<select><textarea></select>{deep}</textarea>"),
            format!("<svg><style><![CDATA[ </style>{deep}]]>"),
        ] {
            assert!(!bounded(&page), "{}", &page[..40]);
        }
        assert!(bounded(
            "<svg><style>/*<![CDATA[*/ a > b {} /*]]>*/</style><title>A</title></svg>"
        ));
    }

    #[test]
    fn formatting_that_was_left_open_is_not_repeated_for_ever() {
        let open = "<font a=1><b><i>".repeat(100);
        assert!(!bounded(&format!("{open}{}", "<p>x".repeat(10_000))));
        assert!(bounded(
            &"<p><b>x</b> <a href=x><code>y</code></a>".repeat(20_000)
        ));
    }

    #[test]
    fn pages_that_leave_ends_out_are_laid_out() {
        for piece in [
            "<p>one",
            "<ul><li>a<li><p>b</ul>",
            "<dl><dt>a<dd>b<dd><p>c</dl>",
            "<table><tr><td>a<td>b<tr><td><p>c</table>",
            "<table><thead><tr><th>a<tbody><tr><td>b</table>",
            "<select><option>a<option>b</select>",
            "<div><p>a<div>b</div><p>c</div>",
            "<div><!--></div>-->",
            "<br><img src=x><input/>",
            "<svg viewBox='0'><path d='M0'/><g><path/></g></svg>",
            "<script>if (a<b) { x = '<div>' }</script>",
            "<!doctype html><!-- <div> -->1 < 2 </> <a href='>'>x</a>",
        ] {
            assert!(bounded(&piece.repeat(5_000)), "{piece}");
        }
    }

    #[test]
    fn a_page_that_breaks_off_has_an_end() {
        for page in [
            "",
            "<",
            "</",
            "<a",
            "<a ",
            "<a b",
            "<a b=",
            "<a b='",
            "<!",
            "<!-",
            "<!--",
            "<!--x-",
            "<![CDATA[",
            "<?",
            "</ x",
            "<script",
            "<script>",
            "<script></script",
            "<a b=c/",
            "<a/",
        ] {
            assert!(bounded(page), "{page}");
        }
    }
}

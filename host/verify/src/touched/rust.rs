//! Where the unit tests of a Rust source stand.
//!
//! Strings and comments are passed over and brackets are counted; nothing is
//! parsed beyond that. A text that is no Rust is split somewhere, and what is
//! made of the parts then does not compile, which is said.

/// A source with its unit tests told apart.
pub(super) struct Split<'a> {
    /// Everything before the modules of tests that end the file.
    pub(super) code: &'a str,
    /// These modules; empty without any.
    pub(super) tests: &'a str,
    /// What else has an attribute about tests, in the order of the file.
    pub(super) scattered: Vec<&'a str>,
}

/// Something with an attribute about tests.
#[derive(Clone, Copy)]
struct Item {
    start: usize,
    end: usize,
    is_module: bool,
}

/// Tells the tests of a source apart.
pub(super) fn split(text: &str) -> Split<'_> {
    let code = code_only(text);
    let mut items = Vec::new();
    let mut at = 0;
    while let Some(found) = code[at..].find("#[") {
        let start = at + found;
        at = closed(&code, start + 1);
        if is_about_tests(&code[start..at]) {
            let item = item(&code, start);
            at = item.end;
            items.push(item);
        }
    }
    let mut end = text.len();
    while let Some(item) = items.last().copied()
        && item.is_module
        && code[item.end..end].trim().is_empty()
    {
        end = item.start;
        items.pop();
    }
    Split {
        code: &text[..end],
        tests: &text[end..],
        scattered: items
            .iter()
            .map(|item| &text[item.start..item.end])
            .collect(),
    }
}

fn is_about_tests(attribute: &str) -> bool {
    let mut words = attribute.split(|c: char| !c.is_alphanumeric() && c != '_');
    attribute.starts_with("#[ignore")
        || words.any(|word| matches!(word, "test" | "rstest" | "test_case"))
}

/// What follows the attribute at `start`, up to its semicolon, the end of its
/// body, or the end of what holds it.
fn item(code: &str, start: usize) -> Item {
    let mut body = start;
    while code[body..].trim_start().starts_with("#[") {
        let blank = code[body..].len() - code[body..].trim_start().len();
        body = closed(code, body + blank + 1);
    }
    let bytes = code.as_bytes();
    let mut at = body;
    let end = loop {
        match bytes.get(at) {
            None | Some(b')' | b']' | b'}') => break at,
            Some(b';') => break at + 1,
            Some(b'{') => break closed(code, at),
            Some(b'(' | b'[') => at = closed(code, at),
            Some(_) => at += 1,
        }
    };
    Item {
        start,
        end,
        is_module: is_module(&code[body..]),
    }
}

fn is_module(item: &str) -> bool {
    let item = item.trim_start();
    let item = match item.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => &rest[closed(rest, 0)..],
        Some(rest) => rest,
        None => item,
    };
    item.trim_start().starts_with("mod ")
}

/// Behind the bracket that closes the one at `open`; the end without any.
fn closed(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (n, byte) in code.as_bytes()[open..].iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return open + n + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// The text with blanks, byte for byte, for its comments, strings and
/// characters.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        match literal_end(text, at) {
            Some(end) => {
                code.extend(std::iter::repeat_n(' ', end - at));
                at = end;
            }
            None => {
                code.push(c);
                at += c.len_utf8();
            }
        }
    }
    code
}

/// Where the comment, string or character ends that begins at `at`.
fn literal_end(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    match rest.as_bytes() {
        [b'/', b'/', ..] => Some(rest.find('\n').map_or(text.len(), |n| at + n)),
        [b'/', b'*', ..] => Some(comment_end(text, at)),
        [b'"', ..] => Some(string_end(text, at + 1)),
        [b'\'', ..] => character_end(text, at + 1),
        [b'r', ..] => raw_end(text, at + 1),
        _ => None,
    }
}

/// Comments stand inside of each other.
fn comment_end(text: &str, open: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (open, 0_usize);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

fn string_end(text: &str, inside: usize) -> usize {
    let mut escaped = false;
    for (n, byte) in text.as_bytes()[inside..].iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return inside + n + 1,
            _ => {}
        }
    }
    text.len()
}

/// None for a lifetime.
fn character_end(text: &str, inside: usize) -> Option<usize> {
    let rest = &text[inside..];
    let length = match rest.chars().next()? {
        // What is escaped may be a quote itself.
        '\\' => 2 + rest.get(2..)?.find('\'')?,
        other => other.len_utf8(),
    };
    let closes = rest[length..].starts_with('\'');
    closes.then_some(inside + length + 1)
}

/// None for what only begins like a raw string.
fn raw_end(text: &str, hashes: usize) -> Option<usize> {
    let rest = &text[hashes..];
    let count = rest.len() - rest.trim_start_matches('#').len();
    let inside = rest[count..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(count));
    let begin = text.len() - inside.len();
    let end = inside.find(&close).map(|n| begin + n + close.len());
    Some(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modules_that_end_a_file_are_its_tests() {
        let code = "#![forbid(unsafe_code)]\nfn a<'a>(b: &'a str) -> char { '{' }\n";
        for tests in [
            "#[cfg(test)]\nmod tests;\n",
            "#[cfg(test)]\n#[path = \"t.rs\"]\npub(crate) mod tests;\n// The end.\n",
            "#[cfg(all(test, unix))]\nmod a { fn b() {} }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n",
            "#[cfg(test)]\nmod tests {\n    const A: &str = r#\"}\"#;\n    const B: &str = \"\\\"}\";\n    \
             /* } /* } */ */\n    const C: char = '\\'';\n}\n",
        ] {
            let text = [code, tests].concat();
            let found = split(&text);
            assert_eq!((found.code, found.tests), (code, tests));
            assert!(found.scattered.is_empty(), "{:?}", found.scattered);
        }
    }

    #[test]
    fn what_stands_among_the_code_is_scattered() {
        let text = "#[cfg(test)]\nuse a::b;\n#[cfg(test)]\nmod c { fn d() {} }\nfn e() {}\n\
                    #[tokio::test]\nasync fn f() { g() }\n#[cfg(test)]\nmod tests {}\n";
        let found = split(text);
        assert_eq!(
            found.scattered,
            [
                "#[cfg(test)]\nuse a::b;",
                "#[cfg(test)]\nmod c { fn d() {} }",
                "#[tokio::test]\nasync fn f() { g() }",
            ]
        );
        assert_eq!(found.tests, "#[cfg(test)]\nmod tests {}\n");
    }

    #[test]
    fn what_only_looks_like_a_test_is_code() {
        for text in [
            "// #[cfg(test)]\nmod a {}\n",
            "const A: &str = \"#[cfg(test)] mod a {}\";\n",
            "#[cfg(feature = \"test\")]\nmod a {}\n",
            "#[derive(Debug)]\nstruct Test;\n",
        ] {
            let found = split(text);
            assert_eq!((found.code, found.tests), (text, ""));
            assert!(found.scattered.is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_split_without_loss(
            text in r##"(["'/*r#\\{}();\n]|#\[cfg\(test\)\]|mod a|é){0,60}"##,
        ) {
            let found = split(&text);
            prop_assert_eq!([found.code, found.tests].concat(), text);
        }
    }
}

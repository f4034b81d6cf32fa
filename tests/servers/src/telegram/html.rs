//! `parse_mode=HTML`, as the section "HTML style" has it.

/// The tags Telegram knows.
const TAGS: [&str; 16] = [
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "code",
    "pre",
    "a",
    "blockquote",
    "tg-spoiler",
    "span",
    "tg-emoji",
];

/// The text that is shown, or Telegram's words for what is wrong.
pub(crate) fn shown(html: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        let offset = html.len() - rest.len() + at;
        let tail = &rest[at..];
        rest = match tail.starts_with('<') {
            true => {
                let end = tail
                    .find('>')
                    .ok_or_else(|| wrong("Unclosed start tag", offset))?;
                tag(&tail[1..end], offset, &mut open)?;
                &tail[end + 1..]
            }
            false => {
                let (letter, after) = entity(tail);
                out.push_str(letter);
                after
            }
        };
    }
    out.push_str(rest);
    match open.pop() {
        Some(tag) => Err(format!(
            "can't parse entities: Can't find end tag corresponding to start tag \"{tag}\""
        )),
        None => Ok(out),
    }
}

fn wrong(what: &str, offset: usize) -> String {
    format!("can't parse entities: {what} at byte offset {offset}")
}

fn tag<'a>(tag: &'a str, offset: usize, open: &mut Vec<&'a str>) -> Result<(), String> {
    if let Some(name) = tag.strip_prefix('/') {
        return match open.pop() {
            Some(begun) if begun == name => Ok(()),
            _ => Err(wrong("Unmatched end tag", offset)),
        };
    }
    let name = tag.split_whitespace().next().unwrap_or_default();
    match TAGS.contains(&name) {
        true => {
            open.push(name);
            Ok(())
        }
        false => Err(wrong(&format!("Unsupported start tag \"{name}\""), offset)),
    }
}

/// One of the four named entities; what else begins so is a letter.
fn entity(text: &str) -> (&'static str, &str) {
    for (entity, letter) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
        ("&quot;", "\""),
    ] {
        if let Some(after) = text.strip_prefix(entity) {
            return (letter, after);
        }
    }
    ("&", &text[1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_tags_and_what_is_broken_is_refused() {
        assert_eq!(shown("<b>1 &lt; 2</b> &amp;").as_deref(), Ok("1 < 2 &"));
        assert_eq!(
            shown("<pre><code class=\"language-diff\">+x</code></pre>").as_deref(),
            Ok("+x")
        );
        for broken in [
            "<b>",
            "</b>",
            "<script>x</script>",
            "<b><i></b></i>",
            "a < b",
        ] {
            let error = shown(broken).expect_err(broken);
            assert!(error.starts_with("can't parse entities"), "{error}");
        }
    }
}

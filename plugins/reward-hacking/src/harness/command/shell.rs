//! Just enough of a shell's grammar to take a command line apart.

/// `${{ … }}` holds blanks that separate nothing.
pub(super) fn without_expressions(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${{") {
        out.push_str(&rest[..at]);
        out.push_str("$EXPR");
        rest = rest[at..]
            .find("}}")
            .map_or("", |end| &rest[at + end + 2..]);
    }
    out.push_str(rest);
    out
}

/// Splits at `&&`, `||`, `;`, `|`, outside quotes; each part with the operator in front of it.
pub(super) fn split_shell(text: &str) -> Vec<(&'static str, String)> {
    let mut out: Vec<(&'static str, String)> = Vec::new();
    let mut current = String::new();
    let mut op: &'static str = "";
    let mut quote: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(q) = quote {
            if c == q {
                quote = None;
            }
            current.push(c);
            continue;
        }
        let next = match c {
            '\'' | '"' => {
                quote = Some(c);
                None
            }
            '&' if chars.peek() == Some(&'&') => {
                chars.next();
                Some("&&")
            }
            '&' if !current.ends_with('>')
                && chars.peek() != Some(&'>')
                && chars.peek().is_none_or(|n| n.is_whitespace()) =>
            {
                Some("&")
            }
            '|' if chars.peek() == Some(&'|') => {
                chars.next();
                Some("||")
            }
            '|' => {
                if chars.peek() == Some(&'&') {
                    chars.next();
                }
                Some("|")
            }
            ';' => Some(";"),
            _ => None,
        };
        match next {
            Some(o) => {
                out.push((op, std::mem::take(&mut current)));
                op = o;
            }
            None => current.push(c),
        }
    }
    out.push((op, current));
    out
}

pub(super) fn split_words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut current = String::new();
    let mut quote: Option<char> = None;
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => current.push(c),
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c.is_whitespace() => {
                if !current.is_empty() {
                    out.push(std::mem::take(&mut current));
                }
            }
            None => current.push(c),
        }
    }
    if !current.is_empty() {
        out.push(current);
    }
    out
}

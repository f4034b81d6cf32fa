//! The grammars of the small words in a manifest. Each check says what is
//! wrong and what to write instead; none changes what it was given.

/// The longest name of a plugin, a source or a directory, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// Header fields of a request that are the host's own.
const HOST_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A plugin's, source's or directory's name: 1 to 64 of `a-z`, `0-9` and `-`,
/// beginning with a letter.
pub fn name(text: &str) -> Result<(), String> {
    let fits = (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        return Ok(());
    }
    let mut mended: String = text
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
            _ => '-',
        })
        .skip_while(|c| !c.is_ascii_lowercase())
        .take(MAX_NAME_BYTES)
        .collect();
    while mended.ends_with('-') {
        mended.pop();
    }
    let such = match mended.is_empty() {
        true => "such as `my-rule`".to_owned(),
        false => format!("such as `{mended}`"),
    };
    Err(format!(
        "{} is no name; write 1 to {MAX_NAME_BYTES} of a-z, 0-9 and -, beginning with a letter, {such}",
        quoted(text)
    ))
}

/// The name of a secret in the vault: 1 to 64 of letters, digits, `-`, `_` and
/// `.`.
pub fn secret(text: &str) -> Result<(), String> {
    let fits = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    match fits {
        true => Ok(()),
        // It may be the secret itself, so it is not shown.
        false => Err(
            "that is not the name of a secret; write its name in the operator's vault, 1 to 64 \
             letters, digits, -, _ and ., never the secret itself"
                .into(),
        ),
    }
}

/// A header field's name in lower case.
pub fn header(text: &str) -> Result<(), String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(token) {
        return Err(format!(
            "{} is no header name; write one such as `authorization`",
            quoted(text)
        ));
    }
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(format!(
            "header names are in lower case here; write `{}`",
            text.to_ascii_lowercase()
        ));
    }
    Ok(())
}

/// A header field that a credential may be sent in.
pub fn credential_header(text: &str) -> Result<(), String> {
    header(text)?;
    match HOST_HEADERS.contains(&text) {
        true => Err(format!(
            "`{text}` is the host's own header; write the one that the service reads its token from, such as `authorization`"
        )),
        false => Ok(()),
    }
}

/// What stands before a secret or a signature in a header's value.
pub fn header_prefix(text: &str) -> Result<(), String> {
    match text.len() <= 64 && text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        true => Ok(()),
        false => Err("write at most 64 printable ASCII characters, such as `Bearer `".into()),
    }
}

/// The kind of an event, such as `job.succeeded`, or a family such as `job.*`.
pub fn event_kind(text: &str) -> Result<(), String> {
    let word =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match text.split_once('.') {
        Some((family, kind)) if text.len() <= 64 && word(family) && (kind == "*" || word(kind)) => {
            Ok(())
        }
        _ => Err(format!(
            "{} is no kind of event; write one such as `job.succeeded`, or `job.*` for all of them",
            quoted(text)
        )),
    }
}

/// A path prefix of a URL: absolute, in the one spelling that a normalised
/// path has.
pub fn path_prefix(text: &str) -> Result<(), String> {
    if !text.starts_with('/') {
        return Err(format!("a path begins with `/`; write `/{}`", shown(text)));
    }
    if text.len() > 1024 {
        return Err("a path has at most 1,024 bytes here".into());
    }
    // The parser that requests go through: what it would change is not what it compares.
    let normal = url::Url::parse("http://h/")
        .ok()
        .and_then(|mut url| {
            url.set_path(text);
            (url.query().is_none() && url.fragment().is_none()).then(|| url.path().to_owned())
        })
        .unwrap_or_default();
    if normal != text {
        return Err(format!(
            "{} is not how that path is written; write {}",
            quoted(text),
            quoted(&normal)
        ));
    }
    let inner = text.trim_start_matches('/');
    if text.contains("//") || inner.contains('\\') {
        return Err("a path has no empty segments and no backslashes".into());
    }
    let lower = text.to_ascii_lowercase();
    if ["%2f", "%5c", "%2e"]
        .iter()
        .any(|hidden| lower.contains(hidden))
    {
        return Err("an encoded `/`, `\\` or `.` could hide a segment; leave it out".into());
    }
    Ok(())
}

/// Text for a message, in quotes, cut and without control characters.
pub fn quoted(text: &str) -> String {
    format!("`{}`", shown(text))
}

fn shown(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(80)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(80).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_name_is_answered_with_a_good_one() {
        for good in ["a", "webhook", "my-rule-2", &"a".repeat(64)] {
            name(good).unwrap();
        }
        assert!(name("My Rule").unwrap_err().ends_with("such as `my-rule`"));
        assert!(name("2fast").unwrap_err().ends_with("such as `fast`"));
        assert!(name("").unwrap_err().ends_with("such as `my-rule`"));
        assert!(name(&"a".repeat(65)).is_err());
        assert!(name("a\nb").unwrap_err().starts_with("`a\u{fffd}b`"));
    }

    #[test]
    fn a_value_that_may_be_a_secret_is_not_shown() {
        secret("hook-secret.v2").unwrap();
        assert!(!secret("hunter2 hunter2").unwrap_err().contains("hunter2"));
    }

    #[test]
    fn headers_are_tokens_in_lower_case_and_not_the_hosts() {
        header("x-hub-signature-256").unwrap();
        assert!(header("X-Key").unwrap_err().ends_with("write `x-key`"));
        assert!(header("a b").is_err());
        assert!(header("").is_err());
        assert!(
            credential_header("host")
                .unwrap_err()
                .contains("host's own")
        );
        assert!(header_prefix("Bearer\r\nX: y").is_err());
    }

    #[test]
    fn a_path_has_one_spelling() {
        for good in ["/", "/hooks/", "/hooks/a-b_c~", "/a%20b"] {
            path_prefix(good).unwrap();
        }
        for bad in [
            "", "hooks", "/a/../b", "/./", "/a//b", "/a?b", "/a#b", "/a\\b", "/a%2fb", "/%2E%2e/",
            "/a b", "/ä", "/a\n",
        ] {
            assert!(path_prefix(bad).is_err(), "{bad:?}");
        }
        assert!(path_prefix("/a/../b").unwrap_err().ends_with("write `/b`"));
    }

    #[test]
    fn kinds_are_two_words_or_a_family() {
        for good in ["job.*", "job.needs_review"] {
            event_kind(good).unwrap();
        }
        for bad in ["job", "*", "*.*", "job.", "Job.x", "job.a.b", "job.a*"] {
            assert!(event_kind(bad).is_err(), "{bad:?}");
        }
    }
}

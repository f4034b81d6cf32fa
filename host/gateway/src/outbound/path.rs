//! Which paths a rule is for, and which paths no rule is for.
//!
//! | prefix | matches | does not match |
//! |---|---|---|
//! | `/` | everything | |
//! | `/hooks` | `/hooks`, `/hooks/`, `/hooks/a` | `/hooks2`, `/Hooks`, `/h%6foks` |
//! | `/hooks/` | `/hooks/`, `/hooks/a` | `/hooks` |
//!
//! Paths are compared after the URL standard has removed dot segments, plain
//! and escaped (`/hooks/../x` and `/hooks/%2e%2e/x` are `/x`). What it leaves
//! and some server would still follow is refused whatever the prefix: a dot
//! segment that appears once escapes are decoded, at any depth
//! (`..%2f`, `..%5c`, `%252e%252e/`, `..;x/`), a control character, an escape
//! that is none (`%zz`) and bytes that are not UTF-8 (`%c0%ae`, an overlong
//! dot). An escaped slash between other segments is fine, and can only lead
//! further down: `/projects/group%2Fname` is below `/projects/`.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::Url;

/// How often escapes may be nested; one is common, two are seen, more are an
/// attempt at something.
const MAX_ESCAPE_DEPTH: usize = 4;

/// The beginning that a path must have, in whole segments.
///
/// ```
/// use sortie_gateway::outbound::PathPrefix;
///
/// let hooks: PathPrefix = "/hooks".parse()?;
/// assert!(hooks.matches("/hooks") && hooks.matches("/hooks/a"));
/// assert!(!hooks.matches("/hooks2"));
/// assert!("hooks".parse::<PathPrefix>().is_err());
/// # Ok::<(), sortie_gateway::outbound::RuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPrefix(String);

impl PathPrefix {
    /// Whether a path that the URL standard has normalised begins with it.
    pub fn matches(&self, path: &str) -> bool {
        path.strip_prefix(&self.0)
            .is_some_and(|rest| self.0.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
    }

    /// What follows it and the slash after it; none for a path that is not
    /// below it.
    pub(crate) fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(&self.0)?;
        match self.0.ends_with('/') {
            true => Some(rest),
            false => rest.strip_prefix('/'),
        }
    }

    /// Whether every path below `other` is below this too.
    pub fn covers(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Default for PathPrefix {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for PathPrefix {
    type Err = super::RuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |advice: String| super::RuleError::new("path_prefix", text, advice);
        if !text.starts_with('/') || text.contains('*') {
            return Err(refuse(
                "write a path that begins with `/` and has no `*`; all that is below it is allowed"
                    .to_owned(),
            ));
        }
        let normal = Url::parse("https://h/")
            .and_then(|base| base.join(&format!("https://h{text}")))
            .map_err(|_| refuse("write a path such as `/v1/`".to_owned()))?;
        if normal.path() != text || normal.query().is_some() || normal.fragment().is_some() {
            return Err(refuse(format!("write `{}`", normal.path())));
        }
        check(text).map_err(|reason| refuse(format!("write it without {reason}")))?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for PathPrefix {
    type Error = super::RuleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PathPrefix> for String {
    fn from(prefix: PathPrefix) -> Self {
        prefix.0
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says what a normalised path holds that a server could read as another path.
pub(crate) fn check(path: &str) -> Result<(), &'static str> {
    let mut text = path.to_owned();
    for _ in 0..MAX_ESCAPE_DEPTH {
        if text.split(['/', '\\']).any(is_dots) {
            return Err("a dot segment behind an escape");
        }
        if text.contains(char::is_control) {
            return Err("an escaped control character");
        }
        // Behind the first level a stray `%` is just what was meant: `100%25`
        // is "100%".
        if text == path && !escapes_are_whole(&text) {
            return Err("a `%` that escapes nothing");
        }
        let next = percent_decode_str(&text)
            .decode_utf8()
            .map_err(|_| "escapes that are not UTF-8")?
            .into_owned();
        if next == text {
            return Ok(());
        }
        text = next;
    }
    Err("escapes inside escapes")
}

/// A dot segment, also one that carries parameters: some servers cut those
/// off before they resolve it.
fn is_dots(segment: &str) -> bool {
    matches!(segment.split(';').next(), Some("." | ".."))
}

fn escapes_are_whole(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|after| after.len() >= 2 && after.bytes().take(2).all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal(path: &str) -> String {
        Url::parse(&format!("https://h{path}"))
            .expect("a URL")
            .path()
            .to_owned()
    }

    #[test]
    fn no_disguise_leads_out_of_a_prefix() {
        let prefix: PathPrefix = "/hooks/".parse().expect("a prefix");
        for path in [
            "/hooks/../admin",
            "/hooks/%2e%2e/admin",
            "/hooks/.%2E/admin",
            "/hooks/..%2fadmin",
            "/hooks/..%2Fadmin",
            "/hooks/%2e%2e%2fadmin",
            "/hooks/..\\admin",
            "/hooks/..%5cadmin",
            "/hooks/%2e%2e%5Cadmin",
            "/hooks/%252e%252e/admin",
            "/hooks/%252e%252e%252fadmin",
            "/hooks/%25252e%25252e%25252fadmin",
            "/hooks/..;/admin",
            "/hooks/..;x=1/admin",
            "/hooks/%2e%2e;/admin",
            "/hooks/a%2f..%2f..%2fadmin",
            "/hooks/%c0%ae%c0%ae/admin",
            "/hooks/%00/admin",
            "/hooks/%0d%0aHost:x",
            "/hooks/%zz",
            "/hooks/%",
            "/hooks/%u002e%u002e/admin",
            "/hooks/%2525252525252e%2e",
            "/hooks%2f..%2fadmin",
            "/hooks%2fa",
            "/hooks",
            "/Hooks/a",
            "/h%6foks/a",
            "//hooks/a",
            "/hooksx/a",
        ] {
            let path = normal(path);
            assert!(
                check(&path).is_err() || !prefix.matches(&path),
                "{path} must not pass"
            );
        }
        for path in [
            "/hooks/",
            "/hooks/a",
            "/hooks/a/../b",
            "/hooks/group%2Fname",
            "/hooks/100%25",
            "/hooks/a..b/...",
            "/hooks/%C3%A9",
            "/hooks//a",
        ] {
            let path = normal(path);
            assert!(check(&path).is_ok() && prefix.matches(&path), "{path}");
        }
    }

    #[test]
    fn a_prefix_is_written_in_its_normal_form() {
        for (text, advice) in [
            ("", "begins with `/`"),
            ("v1/", "begins with `/`"),
            ("/v1/*", "no `*`"),
            ("/a/../b", "write `/b`"),
            ("/a?b", "write `/a`"),
            ("/a b", "write `/a%20b`"),
            ("/a\\b", "write `/a/b`"),
            ("/a/..%2fb", "without a dot segment"),
        ] {
            let error = text.parse::<PathPrefix>().expect_err(text).to_string();
            assert!(error.contains(advice), "{text}: {error}");
        }
    }

    proptest! {
        /// A server of the most obliging kind: decodes until nothing changes,
        /// takes backslashes for slashes, drops parameters, resolves dots.
        #[test]
        fn the_most_obliging_server_stays_below_the_prefix(tail in "([./\\\\;a]|%2e|%2f|%5c|%25|%3b|%2E|%252f){0,12}") {
            let path = normal(&format!("/hooks/{tail}"));
            let prefix: PathPrefix = "/hooks/".parse().expect("a prefix");
            prop_assume!(check(&path).is_ok() && prefix.matches(&path));
            let mut text = path.clone();
            loop {
                let next = percent_decode_str(&text).decode_utf8_lossy().into_owned();
                if next == text { break; }
                text = next;
            }
            let mut stack: Vec<&str> = Vec::new();
            for segment in text.split(['/', '\\']) {
                match segment.split(';').next().unwrap_or("") {
                    "" | "." => {}
                    ".." => { stack.pop(); }
                    other => stack.push(other),
                }
            }
            prop_assert_eq!(stack.first().copied(), Some("hooks"), "{}", path);
        }
    }
}

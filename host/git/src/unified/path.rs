//! Paths as diffs write them: quoted like C strings when they hold anything
//! unusual, with `a/` and `b/` before them, or with a time stamp after them.

/// Undoes git's quoting: `"a/\303\274"` is `a/ü`. Returns the bytes and what
/// follows the closing quote; none when the quoting is broken.
pub(crate) fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut out = Vec::new();
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((out, rest)),
            b'\\' => {
                let (&escaped, after) = rest.split_first()?;
                rest = after;
                out.push(match escaped {
                    b'a' => 0x07,
                    b'b' => 0x08,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 0x0b,
                    b'f' => 0x0c,
                    b'r' => b'\r',
                    b'"' | b'\\' => escaped,
                    b'0'..=b'3' => {
                        let (digits, after) = rest.split_at_checked(2)?;
                        rest = after;
                        let octal = |b: u8| (b'0'..=b'7').contains(&b).then(|| b - b'0');
                        (escaped - b'0') * 64 + octal(digits[0])? * 8 + octal(digits[1])?
                    }
                    _ => return None,
                });
            }
            byte => out.push(byte),
        }
    }
}

/// The name on a `---`, `+++`, `rename` or `copy` line, quoted or plain.
pub(super) fn name(text: &[u8]) -> Option<Vec<u8>> {
    if text.starts_with(b"\"") {
        return unquote(text).map(|(name, _)| name);
    }
    // A tab ends the name: git writes one after a name with spaces, diff
    // writes a time stamp behind it.
    let end = text.iter().position(|b| *b == b'\t').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_vec())
}

/// The two names of a `diff --git` line.
///
/// Plain names with spaces leave several ways to split it. Only files that
/// keep their name depend on this line, so the split whose halves name the
/// same file is the right one.
pub(super) fn git_pair(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if text.starts_with(b"\"") {
        let (old, rest) = unquote(text)?;
        return Some((old, name(rest.strip_prefix(b" ")?)?));
    }
    if text.ends_with(b"\"") {
        let at = text.windows(2).position(|w| w == b" \"")?;
        let (new, _) = unquote(&text[at + 1..])?;
        return Some((text[..at].to_vec(), new));
    }
    let spaces = || {
        text.iter()
            .enumerate()
            .filter(|(_, b)| **b == b' ')
            .map(|(i, _)| i)
    };
    let halves = |at: usize| (&text[..at], &text[at + 1..]);
    let same = spaces().find(|at| {
        let (old, new) = halves(*at);
        let (old, new) = strip_prefixes(old, new);
        old == new
    });
    let only = || Some(spaces()).filter(|s| s.clone().count() == 1)?.next();
    let (old, new) = halves(same.or_else(only)?);
    Some((old.to_vec(), new.to_vec()))
}

/// Takes `a/` and `b/` (or git's `i/`, `w/`, `c/`, `o/`) off two names. The
/// same letter before both is a directory, not a prefix.
pub(super) fn strip_prefixes<'a>(old: &'a [u8], new: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let prefix = |name: &[u8]| match name {
        [
            letter @ (b'a' | b'b' | b'c' | b'i' | b'o' | b'w'),
            b'/',
            _,
            ..,
        ] => Some(*letter),
        _ => None,
    };
    match (prefix(old), prefix(new)) {
        (Some(o), Some(n)) if o != n => (&old[2..], &new[2..]),
        _ => (old, new),
    }
}

/// Takes the prefix off the one name of a file that was added or deleted.
pub(super) fn strip_prefix(name: &[u8], letter: u8) -> &[u8] {
    match name {
        [l, b'/', rest @ ..] if *l == letter && !rest.is_empty() => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_is_undone() {
        assert_eq!(
            unquote(b"\"a/\\303\\274 \\\"x\\\\\\t\" rest"),
            Some(("a/ü \"x\\\t".as_bytes().to_vec(), b" rest".as_slice()))
        );
        for bad in [
            b"\"a".as_slice(),
            b"\"\\",
            b"\"\\9\"",
            b"\"\\38\"",
            b"\"\\400\"",
            b"a",
        ] {
            assert_eq!(unquote(bad), None);
        }
    }

    #[test]
    fn git_lines_are_split() {
        let pair = |text: &str| {
            let (old, new) = git_pair(text.as_bytes()).expect(text);
            (
                String::from_utf8(old).expect("text"),
                String::from_utf8(new).expect("text"),
            )
        };
        let is = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(pair("a/x b/x"), is("a/x", "b/x"));
        assert_eq!(pair("a/x y b/x y"), is("a/x y", "b/x y"));
        assert_eq!(pair("a/b b/b b/b b/b"), is("a/b b/b", "b/b b/b"));
        assert_eq!(pair("a/x x"), is("a/x", "x"));
        assert_eq!(pair("x x"), is("x", "x"));
        assert_eq!(pair("\"a/\\n\" \"b/\\n\""), is("a/\n", "b/\n"));
        assert_eq!(pair("a/x \"b/\\n\""), is("a/x", "b/\n"));
        assert_eq!(git_pair(b"a b c"), None);
        assert_eq!(git_pair(b""), None);
    }

    #[test]
    fn a_directory_called_a_is_no_prefix() {
        assert_eq!(
            strip_prefixes(b"a/x", b"a/x"),
            (b"a/x".as_slice(), b"a/x".as_slice())
        );
        assert_eq!(
            strip_prefixes(b"i/x", b"w/x"),
            (b"x".as_slice(), b"x".as_slice())
        );
        assert_eq!(
            strip_prefixes(b"x/y", b"b/y"),
            (b"x/y".as_slice(), b"b/y".as_slice())
        );
    }
}

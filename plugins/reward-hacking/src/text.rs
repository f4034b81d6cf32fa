//! Small pure helpers on text: hashing, literals in canonical form, cutting, names as words.

use std::borrow::Cow;

use crate::limits;

/// 64-bit FNV-1a: stable over builds and platforms, so that findings come out the same everywhere.
pub fn hash(text: &str) -> u64 {
    hash_on(HASH_START, text.as_bytes())
}

const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

fn hash_on(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |h, b| {
        (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The hash of a line without its blanks, and how many bytes are left of it.
pub fn squeezed_hash(line: &str) -> (u64, usize) {
    line.split_whitespace()
        .fold((HASH_START, 0), |(h, len), part| {
            (hash_on(h, part.as_bytes()), len + part.len())
        })
}

/// Hashes of several texts.
pub fn span_hashes<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<u64> {
    texts.map(hash).collect()
}

/// The text trimmed and cut to the evidence limit, on a character boundary.
pub fn evidence(text: &str) -> String {
    text.trim().chars().take(limits::EVIDENCE_CHARS).collect()
}

/// The line, cut to what the scanner looks at.
pub fn bounded(line: &str) -> &str {
    if line.len() <= limits::LINE_BYTES {
        return line;
    }
    let mut end = limits::LINE_BYTES;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// The value of a numeric literal as programming languages write it (`172_800`, `1e-9f`, `10.50m`).
pub fn number(text: &str) -> Option<f64> {
    let clean: String = text.chars().filter(|c| *c != '_' && *c != '\'').collect();
    if let Some(hex) = clean
        .strip_prefix("0x")
        .or_else(|| clean.strip_prefix("0X"))
    {
        let digits: String = hex.chars().take_while(char::is_ascii_hexdigit).collect();
        return u64::from_str_radix(&digits, 16).ok().map(|v| v as f64);
    }
    let mut end = clean.len();
    while end > 0 {
        if let Ok(v) = clean[..end].parse::<f64>() {
            return v.is_finite().then_some(v);
        }
        end -= 1;
        while end > 0 && !clean.is_char_boundary(end) {
            end -= 1;
        }
        if clean.len() - end > 8 {
            return None;
        }
    }
    None
}

/// A numeric literal in one spelling, so that `1_000`, `1000u32` and `1000.0` are the same atom.
pub fn canonical_number(text: &str) -> Cow<'_, str> {
    // Most numbers are short and plain.
    let plain = text.len() <= 15
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    if plain {
        return text.into();
    }
    match number(text) {
        Some(v) => v.to_string().into(),
        None => text.into(),
    }
}

/// Lower-case words of an identifier or title: `DropsExpired_keys` gives `drops`, `expired`, `keys`.
pub fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        if c.is_alphanumeric() {
            if c.is_uppercase() && lower_before && !current.is_empty() {
                out.push(std::mem::take(&mut current));
            }
            lower_before = c.is_lowercase() || c.is_numeric();
            current.extend(c.to_lowercase());
        } else {
            lower_before = false;
            if !current.is_empty() {
                out.push(std::mem::take(&mut current));
            }
        }
    }
    if !current.is_empty() {
        out.push(current);
    }
    out
}

/// A test's name without what decides whether it is collected: case, underscores, `test`, `DISABLED_`.
pub fn bare_name(name: &str) -> String {
    const NOISE: [&str; 16] = [
        "test", "tests", "disabled", "skip", "skipped", "todo", "x", "ignored", "off", "old",
        "broken", "flaky", "do", "not", "should", "pending",
    ];
    let kept: Vec<String> = words(name)
        .into_iter()
        .filter(|w| !NOISE.contains(&w.as_str()))
        .collect();
    if kept.is_empty() {
        name.to_lowercase()
    } else {
        kept.concat()
    }
}

/// Lower case without underscores: the form in which assertion names are looked up.
pub fn flat(name: &str) -> String {
    name.chars()
        .filter(|c| *c != '_')
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether any of `needles` occurs in `text`. Most lines have none of them, and most needles are told
/// from a line by their first two bytes, so no searcher is made for any.
pub fn has_any(text: &str, needles: &[&str]) -> bool {
    let text = text.as_bytes();
    let seen = Pairs::of(text);
    needles
        .iter()
        .any(|needle| seen.may_hold(needle.as_bytes()) && holds(text, needle.as_bytes()))
}

fn holds(text: &[u8], needle: &[u8]) -> bool {
    text.len() >= needle.len() && text.windows(needle.len().max(1)).any(|w| w == needle)
        || needle.is_empty()
}

/// Which pairs of neighbouring bytes a text has, roughly.
struct Pairs([u64; 4]);

impl Pairs {
    fn of(text: &[u8]) -> Pairs {
        let mut seen = Pairs([0; 4]);
        for pair in text.windows(2) {
            let slot = Pairs::slot(pair[0], pair[1]);
            seen.0[slot >> 6] |= 1 << (slot & 63);
        }
        seen
    }

    fn slot(first: u8, second: u8) -> usize {
        usize::from(first.wrapping_mul(37) ^ second.wrapping_mul(11))
    }

    fn may_hold(&self, needle: &[u8]) -> bool {
        let &[first, second, ..] = needle else {
            return true;
        };
        let slot = Pairs::slot(first, second);
        self.0[slot >> 6] >> (slot & 63) & 1 == 1
    }
}

/// Whether `word` occurs in `text` bounded by non-identifier characters.
pub fn has_word(text: &str, word: &str) -> bool {
    let mut from = 0;
    while let Some(at) = text[from..].find(word) {
        let start = from + at;
        let end = start + word.len();
        let before = text[..start].chars().next_back();
        let after = text[end..].chars().next();
        let is_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if !is_name(before) && !is_name(after) {
            return true;
        }
        from = end;
        if from >= text.len() {
            break;
        }
    }
    false
}

/// Width of the leading blanks, a tab counting as four.
pub fn indent(line: &str) -> usize {
    line.chars()
        .take_while(|c| c.is_whitespace())
        .map(|c| if c == '\t' { 4 } else { 1 })
        .sum()
}

/// The first number in a line of configuration, with its text after the key.
pub fn first_number(text: &str) -> Option<f64> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let digits: String = text[start..]
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.' || *c == '_')
        .collect();
    number(digits.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        for (a, b) in [
            ("172_800", "172800"),
            ("10.50m", "10.5"),
            ("16usize", "16"),
            ("1e-9f", "1e-9"),
            ("0x10", "16"),
        ] {
            assert_eq!(canonical_number(a), canonical_number(b), "{a} {b}");
        }
    }

    #[test]
    fn bare_names_ignore_what_decides_collection() {
        assert_eq!(bare_name("TestFreeSkips"), bare_name("testFreeSkips"));
        assert_eq!(bare_name("DISABLED_DrainsQueue"), bare_name("DrainsQueue"));
        assert_ne!(bare_name("test_a"), bare_name("test_b"));
    }

    #[test]
    fn words_are_bounded() {
        assert!(has_word("run: xit now", "xit"));
        assert!(!has_word("os.Exit(0)", "xit"));
        assert!(!has_word("éxit", "xit"));
    }
}

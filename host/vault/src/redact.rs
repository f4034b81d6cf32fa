//! Removal of known secrets from text.
//!
//! Looked for are the value itself, each long line of a multi-line value, its
//! URL and JSON escapes, and its base64 in both alphabets at every alignment
//! (so that the secret inside `base64("user:secret")` is found too). Anything
//! else an adversary could do to a value (reverse it, split it) is out of
//! reach here: redaction guards against accidents, and the sandbox, which
//! holds no secret at all, guards against intent.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::{MIN_SECRET_BYTES, Secret};

/// How many values of one secret stay known. A rotated token can still turn
/// up in a late log line; four rotations later it cannot.
const REMEMBERED_VALUES: usize = 4;

/// The shortest line of a multi-line value that is looked for on its own.
const MIN_LINE_BYTES: usize = 16;

/// The shortest base64 piece that is looked for; shorter ones hit by chance.
const MIN_BASE64_CHARS: usize = 6;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// All values that were handed out, by name, newest last.
#[derive(Default)]
pub(crate) struct Known {
    values: RwLock<BTreeMap<String, Vec<Forms>>>,
}

struct Forms {
    value: Secret,
    texts: Vec<Zeroizing<String>>,
}

impl Forms {
    fn of(value: Secret) -> Self {
        Self {
            texts: forms(value.expose()),
            value,
        }
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Known {
    pub(crate) fn add(&self, name: &str, secret: &Secret) {
        let has = |values: &BTreeMap<String, Vec<Forms>>| {
            values
                .get(name)
                .is_some_and(|v| v.iter().any(|f| f.value.expose() == secret.expose()))
        };
        // A poisoned lock holds a whole map all the same: every change to it
        // is a single push or remove.
        if has(&self.values.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        if has(&values) {
            return;
        }
        let of_name = values.entry(name.to_owned()).or_default();
        if of_name.len() == REMEMBERED_VALUES {
            of_name.remove(0);
        }
        of_name.push(Forms::of(secret.clone()));
    }
}

fn forms(value: &str) -> Vec<Zeroizing<String>> {
    let mut texts: Vec<String> = vec![value.to_owned()];
    if value.contains('\n') {
        texts.push(value.trim_end().to_owned());
        let lines = value.lines().map(str::trim);
        texts.extend(
            lines
                .filter(|l| l.len() >= MIN_LINE_BYTES)
                .map(str::to_owned),
        );
    }
    for set in [UNRESERVED, NON_ALPHANUMERIC] {
        let upper = utf8_percent_encode(value, set).to_string();
        texts.push(lower_escapes(&upper));
        texts.push(upper.replace("%20", "+"));
        texts.push(upper);
    }
    let json = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t");
    texts.push(json);
    for shift in 0..3 {
        let mut bytes = Zeroizing::new(vec![0; shift]);
        bytes.extend_from_slice(value.as_bytes());
        // The characters that hold bits of the secret alone: those before
        // share theirs with whatever precedes it, those after with what
        // follows.
        let first = (shift * 8).div_ceil(6);
        let last = bytes.len() * 8 / 6;
        if last < first + MIN_BASE64_CHARS {
            continue;
        }
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let encoded = Zeroizing::new(engine.encode(&*bytes));
            texts.push(encoded[first..last].to_owned());
        }
    }
    texts.sort_unstable();
    texts.dedup();
    texts.retain(|t| t.len() >= MIN_SECRET_BYTES);
    texts.into_iter().map(Zeroizing::new).collect()
}

fn lower_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lower = 0;
    for c in text.chars() {
        if lower > 0 {
            out.push(c.to_ascii_lowercase());
            lower -= 1;
        } else {
            if c == '%' {
                lower = 2;
            }
            out.push(c);
        }
    }
    out
}

/// Replaces every known secret in text by `[redacted:name]`. Cloning shares
/// the set of secrets; values read later are known to it too.
#[derive(Clone, Debug)]
pub struct Redactor {
    known: Arc<Known>,
    /// The names it is limited to; none for all.
    names: Option<Arc<BTreeSet<String>>>,
    /// What else it looks for.
    parts: Arc<Known>,
}

impl Redactor {
    pub(crate) fn new(known: Arc<Known>) -> Self {
        Self {
            known,
            names: None,
            parts: Arc::default(),
        }
    }

    pub(crate) fn of(known: Arc<Known>, names: BTreeSet<String>) -> Self {
        Self {
            known,
            names: Some(Arc::new(names)),
            parts: Arc::default(),
        }
    }

    /// The same, which also looks for these parts of a secret alone, as of a URL
    /// those that make it one.
    #[must_use]
    pub fn with_parts(mut self, name: &str, parts: Vec<Secret>) -> Self {
        let forms = parts.into_iter().map(Forms::of).collect();
        self.parts = Arc::new(Known {
            values: RwLock::new(BTreeMap::from([(name.to_owned(), forms)])),
        });
        self
    }

    /// The text without secrets; borrowed when there was nothing to remove.
    ///
    /// Give it whole lines: a secret that is cut in two between calls is not
    /// found.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let values = self
            .known
            .values
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let parts = self
            .parts
            .values
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut hits: Vec<(Range<usize>, &str)> = Vec::new();
        let is_meant = |name| self.names.as_ref().is_none_or(|names| names.contains(name));
        let meant = values.iter().filter(|(name, _)| is_meant(*name));
        for (name, forms) in meant.chain(parts.iter()) {
            for pattern in forms.iter().flat_map(|f| &f.texts) {
                hits.extend(occurrences(text, pattern).map(|range| (range, name.as_str())));
            }
        }
        if hits.is_empty() {
            return Cow::Borrowed(text);
        }
        // Longest first among those that start together, so that the name
        // shown is the one of the best match.
        hits.sort_unstable_by(|(a, _), (b, _)| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (range, name) in hits {
            if range.start >= done {
                out.push_str(&text[done..range.start]);
                out.push_str("[redacted:");
                out.push_str(name);
                out.push(']');
            }
            done = done.max(range.end);
        }
        out.push_str(&text[done..]);
        Cow::Owned(out)
    }
}

/// All places of `pattern`, overlapping ones included.
fn occurrences<'a>(text: &'a str, pattern: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text.get(from..)?.find(pattern)?;
        let step = text[start..].chars().next().map_or(1, char::len_utf8);
        from = start + step;
        Some(start..start + pattern.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn redactor(secrets: &[(&str, &str)]) -> Redactor {
        let known = Known::default();
        for (name, value) in secrets {
            known.add(name, &Secret::new((*value).to_owned()));
        }
        Redactor::new(Arc::new(known))
    }

    #[test]
    fn text_without_secrets_is_borrowed() {
        assert!(matches!(
            redactor(&[("t", "s3cr3t")]).redact("plain"),
            Cow::Borrowed("plain")
        ));
    }

    #[test]
    fn escapes_and_basic_auth_are_found() {
        let r = redactor(&[("token", "p@ss/w ö\"rd\\")]);
        assert_eq!(
            r.redact("https://u:p%40ss%2Fw%20%C3%B6%22rd%5C@h"),
            "https://u:[redacted:token]@h"
        );
        assert_eq!(
            r.redact("x=p%40ss%2fw%20%c3%b6%22rd%5c;"),
            "x=[redacted:token];"
        );
        assert_eq!(
            r.redact(r#"{"a":"p@ss/w ö\"rd\\"}"#),
            r#"{"a":"[redacted:token]"}"#
        );
        let basic = STANDARD.encode("user:p@ss/w ö\"rd\\");
        let out = r.redact(&basic).into_owned();
        assert!(
            out.contains("[redacted:token]") && !out.contains(&basic[10..20]),
            "{out}"
        );
    }

    #[test]
    fn overlapping_secrets_leave_nothing_behind() {
        let r = redactor(&[("a", "abcabc"), ("b", "abcXYZ")]);
        assert_eq!(r.redact("-abcabcabcXYZ-"), "-[redacted:a]-");
    }

    #[test]
    fn each_line_of_a_key_is_found_alone() {
        let r = redactor(&[(
            "key",
            "-----BEGIN KEY-----\nQUJDREVGR0hJSktMTU5P\n-----END KEY-----\n",
        )]);
        assert_eq!(r.redact("log: QUJDREVGR0hJSktMTU5P"), "log: [redacted:key]");
    }

    #[test]
    fn a_limited_redactor_does_not_tell_other_secrets_apart() {
        let known = Arc::new(Known::default());
        for (name, value) in [("mine", "first-value"), ("other", "second-value")] {
            known.add(name, &Secret::new(value.to_owned()));
        }
        let mine = Redactor::of(known, BTreeSet::from(["mine".to_owned()]));
        assert_eq!(
            mine.redact("first-value second-value"),
            "[redacted:mine] second-value"
        );
    }

    #[test]
    fn parts_of_a_secret_are_found_alone_and_in_every_form() {
        let url = "https://h.test/hooks/first-part/second-part";
        let whole = redactor(&[("hook", url)]);
        assert!(matches!(whole.redact("second-part"), Cow::Borrowed(_)));
        let parts = ["first-part", "second-part"].map(|part| Secret::new(part.to_owned()));
        let both = whole.with_parts("hook", parts.into());
        assert_eq!(both.redact(url), "[redacted:hook]");
        assert_eq!(
            both.redact("/first-part/second%2Dpart"),
            "/[redacted:hook]/[redacted:hook]"
        );
        assert!(!format!("{both:?}").contains("first-part"));
    }

    #[test]
    fn only_the_last_values_of_a_name_stay_known() {
        let known = Known::default();
        for i in 0..10 {
            known.add("t", &Secret::new(format!("value-number-{i}")));
        }
        let r = Redactor::new(Arc::new(known));
        assert_eq!(r.redact("value-number-9"), "[redacted:t]");
        assert_eq!(r.redact("value-number-0"), "value-number-0");
    }

    proptest! {
        #[test]
        fn no_secret_survives(secret in "[^\\[\\]\u{0}]{4,40}", before in ".{0,20}", after in ".{0,20}", shift in "[a-z]{0,4}") {
            let r = redactor(&[("s", &secret)]);
            let whole = format!("{before}{secret}{after}");
            prop_assert!(!r.redact(&whole).replace("[redacted:s]", "").contains(&secret) || "redacted:s".contains(&secret));
            let encoded = STANDARD.encode(format!("{shift}:{secret}"));
            if secret.len() >= 8 {
                prop_assert!(r.redact(&encoded).contains("[redacted:s]"));
            }
        }
    }
}

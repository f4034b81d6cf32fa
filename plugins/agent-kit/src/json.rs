//! JSON as it stands in a line: checked once as a whole, then looked into where
//! it is, so that a line of megabytes costs no more memory than itself.
//!
//! `serde_json` decides what is JSON and reads its texts and numbers; what is
//! here only finds where a value ends.

use core::iter;
use std::borrow::Cow;

use serde::de::IgnoredAny;

/// A value of a text that is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// The value that the whole text is; none when it is not JSON.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        Some(Self(text.trim_ascii()))
    }

    /// As it was written.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// A member of an object; the last one, when there are several of the name.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
        let members = self.members();
        members
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value)
            .last()
    }

    /// A member of a member, and so on.
    #[must_use]
    pub fn at<const N: usize>(self, names: [&str; N]) -> Option<Self> {
        names.into_iter().try_fold(self, Self::get)
    }

    /// The members of an object; nothing for anything else.
    pub fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Self)> {
        let mut parts = self.parts('{');
        iter::from_fn(move || {
            let name = decoded(parts.next()?)?;
            Some((name, Self(parts.next()?)))
        })
    }

    /// The items of an array; nothing for anything else.
    pub fn items(self) -> impl Iterator<Item = Self> {
        self.parts('[').map(Self)
    }

    /// What a text says; none for anything else.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, str>> {
        self.0.starts_with('"').then(|| decoded(self.0)).flatten()
    }

    /// Whether it is this text.
    #[must_use]
    pub fn is(self, text: &str) -> bool {
        self.text().is_some_and(|said| said == text)
    }

    /// A text as it says, anything else as it was written.
    #[must_use]
    pub fn shown(self) -> Cow<'a, str> {
        self.text().unwrap_or(Cow::Borrowed(self.0))
    }

    /// A number that is whole and not negative; none for anything else.
    #[must_use]
    pub fn count(self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// A number of dollars in millionths, rounded; none for anything else, for
    /// a negative one, and for more than any agent could spend.
    #[must_use]
    pub fn micro_usd(self) -> Option<u64> {
        let dollars: f64 = serde_json::from_str(self.0).ok()?;
        let micro = dollars * 1e6 + 0.5;
        // Within these bounds the cast only rounds down.
        (0.5..1e15).contains(&micro).then_some(micro as u64)
    }

    /// A truth value; none for anything else.
    #[must_use]
    pub fn truth(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The values between the brackets, names of members among them.
    fn parts(self, bracket: char) -> impl Iterator<Item = &'a str> {
        let mut rest = self.0.strip_prefix(bracket).unwrap_or_default();
        iter::from_fn(move || {
            rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',', ':']);
            if rest.is_empty() || rest.starts_with([']', '}']) {
                return None;
            }
            let (part, after) = rest.split_at(end(rest));
            rest = after;
            Some(part)
        })
    }
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str(text).ok().map(Cow::Owned)
}

/// Where the value ends that the text begins with. The text is part of what was
/// found to be JSON.
fn end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
        let closed = matches!(byte, b'"' | b'}' | b']');
        if closed && depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Where the closing quote of the string is that opens at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn values_are_found_and_read() {
        let json = Json::parse(
            r#" {"a":"x\u00e9\"","b" : [1, {"c":"]}"},[],null ,true],"n":-1,"f":0.5,"e":{},"a":"y"} "#,
        )
        .unwrap();
        assert_eq!(json.get("a").unwrap().text().unwrap(), "y", "the last one");
        let items: Vec<_> = json.get("b").unwrap().items().collect();
        assert_eq!(items.len(), 5);
        assert_eq!(items[0].count(), Some(1));
        assert!(items[1].get("c").unwrap().is("]}"));
        assert_eq!(items[3].raw(), "null");
        assert_eq!(items[4].truth(), Some(true));
        assert_eq!(json.at(["e", "x"]), None);
        assert_eq!(json.get("n").unwrap().count(), None);
        assert_eq!(json.get("n").unwrap().micro_usd(), None);
        assert_eq!(json.get("f").unwrap().micro_usd(), Some(500_000));
        assert_eq!(json.get("f").unwrap().items().count(), 0);
    }

    #[test]
    fn numbers_that_no_counter_holds_are_none() {
        for text in [
            "1e999",
            "-0",
            "18446744073709551616",
            "1.5",
            "\"7\"",
            "1e15",
        ] {
            let Some(json) = Json::parse(text) else {
                continue;
            };
            assert_eq!(json.count().filter(|&count| count != 0), None, "{text}");
        }
        assert_eq!(Json::parse("1e10").unwrap().micro_usd(), None);
        assert_eq!(Json::parse("0.0000014").unwrap().micro_usd(), Some(1));
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in [
            "", "{", "nul", "{\"a\":}", "[1]]", "\"\\x\"", "{} {}", "'a'",
        ] {
            assert_eq!(Json::parse(text), None, "{text}");
        }
        let deep = "[".repeat(1 << 20);
        assert_eq!(Json::parse(&deep), None);
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = ["[".repeat(1 << 18), "]".repeat(1 << 18)].concat();
        if let Some(json) = Json::parse(&deep) {
            assert_eq!(json.items().count(), 1);
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<f32>().prop_map(Value::from),
            "[a-z\"\\\\{}\\[\\],: \u{e9}\u{1f600}\n]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"\\\\,:]{0,3}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Builds it anew from what [`Json`] finds.
    fn rebuilt(json: Json<'_>) -> Value {
        match json.raw().as_bytes()[0] {
            b'{' => Value::Object(
                json.members()
                    .map(|(name, value)| (name.into_owned(), rebuilt(value)))
                    .collect(),
            ),
            b'[' => json.items().map(rebuilt).collect(),
            b'"' => json.text().unwrap().into(),
            _ => serde_json::from_str(json.raw()).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn everything_is_found_where_it_is(value in values()) {
            let text = value.to_string();
            // As it is read: a number may lose its last bit on the way.
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(rebuilt(Json::parse(&text).unwrap()), value);
        }

        #[test]
        fn no_text_breaks_it(text in "[\\[\\]{}\",:\\\\0-9a-z ]{0,40}") {
            if let Some(json) = Json::parse(&text) {
                let value: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(rebuilt(json), value);
            }
        }
    }
}

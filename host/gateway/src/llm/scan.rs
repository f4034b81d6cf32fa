//! Looks through the content of a request for what its length does not tell:
//! links that the provider would follow, things that lie at the provider,
//! documents, and parts that are to be cached for long. Keeps nothing of what
//! it reads.
//!
//! Only where the APIs have content is looked at. Arguments and results of
//! tools are the agent's own data, whatever their keys are called.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// A link that the provider would follow.
    pub(crate) link: bool,
    /// Something of unknown size: it is kept at the provider, or is a document,
    /// whose pages are more tokens than its bytes.
    pub(crate) reference: bool,
    /// A part to be kept in the provider's cache for an hour.
    pub(crate) long_cache: bool,
}

/// Looks through a value of `messages`, `input`, `system` or `tools`.
pub(crate) fn content(json: &str, found: &mut Found) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    At {
        place: Place::Blocks,
        found,
    }
    .deserialize(&mut deserializer)
}

/// Where in a request a value stands.
#[derive(Clone, Copy)]
enum Place {
    /// A block, or a list of them.
    Blocks,
    /// Where the bytes of a block come from.
    Source,
    /// A link, or an object with one.
    Link,
    /// How a block is cached.
    Cache,
    /// For how long.
    CacheTime,
    /// A file, which may be kept at the provider.
    File,
    /// The kind of a block.
    Kind,
    /// The kind of a source.
    SourceKind,
    /// The name of something at the provider.
    Reference,
}

struct At<'f> {
    place: Place,
    found: &'f mut Found,
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        match self.place {
            // Bytes that are sent along are no link.
            Place::Link => self.found.link |= !has_prefix(text, "data:"),
            Place::CacheTime => self.found.long_cache |= text != "5m",
            Place::Kind => {
                self.found.reference |=
                    matches!(text, "item_reference" | "document" | "input_file" | "file");
            }
            Place::SourceKind => match text {
                "url" => self.found.link = true,
                "file" => self.found.reference = true,
                _ => {}
            },
            Place::Reference => self.found.reference = true,
            _ => {}
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let place = match self.place {
            Place::Blocks => Place::Blocks,
            _ => {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        };
        while list
            .next_element_seed(At {
                place,
                found: &mut *self.found,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            let place = match (self.place, key) {
                (Place::Blocks, key) => key.in_block(),
                (Place::Source, Key::Type) => Some(Place::SourceKind),
                (Place::Source, Key::Content) => Some(Place::Blocks),
                (Place::Link, Key::Url) => Some(Place::Link),
                (Place::Cache, Key::Ttl) => Some(Place::CacheTime),
                (Place::File | Place::Source | Place::Link, Key::FileId) => Some(Place::Reference),
                _ => None,
            };
            match place {
                Some(place) => map.next_value_seed(At {
                    place,
                    found: &mut *self.found,
                })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The keys that matter.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Type,
    Content,
    Output,
    Source,
    ImageUrl,
    FileUrl,
    VideoUrl,
    AudioUrl,
    Url,
    CacheControl,
    Ttl,
    File,
    FileId,
    #[serde(other)]
    Other,
}

impl Key {
    fn in_block(self) -> Option<Place> {
        Some(match self {
            Self::Type => Place::Kind,
            Self::Content | Self::Output => Place::Blocks,
            Self::Source => Place::Source,
            Self::ImageUrl | Self::FileUrl | Self::VideoUrl | Self::AudioUrl => Place::Link,
            Self::CacheControl => Place::Cache,
            Self::File => Place::File,
            Self::FileId => Place::Reference,
            Self::Url | Self::Ttl | Self::Other => return None,
        })
    }
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn found(value: serde_json::Value) -> Found {
        let mut found = Found::default();
        content(&value.to_string(), &mut found).expect("it is JSON");
        found
    }

    #[test]
    fn links_and_references_are_found_where_the_apis_have_them() {
        let link = Found {
            link: true,
            ..Found::default()
        };
        let reference = Found {
            reference: true,
            ..Found::default()
        };
        for (value, expected) in [
            (
                json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "https://h/x" } }] }]),
                link,
            ),
            (
                json!([{ "content": [{ "type": "image", "source": { "type": "url", "url": "https://h/x" } }] }]),
                link,
            ),
            (
                json!([{ "content": [{ "type": "input_image", "image_url": "http://h/x" }] }]),
                link,
            ),
            (
                json!([{ "content": [{ "type": "input_file", "file_url": "https://h" }] }]),
                Found {
                    link: true,
                    ..reference
                },
            ),
            (
                json!([{ "content": [{ "type": "tool_result", "content": [{ "type": "image", "source": { "type": "url" } }] }] }]),
                link,
            ),
            (
                json!([{ "type": "computer_call_output", "output": { "type": "computer_screenshot", "image_url": "https://h" } }]),
                link,
            ),
            (
                json!([{ "content": [{ "type": "file", "file": { "file_id": "f" } }] }]),
                reference,
            ),
            (
                json!([{ "content": [{ "type": "input_image", "file_id": "f" }] }]),
                reference,
            ),
            (
                json!([{ "content": [{ "source": { "type": "file", "file_id": "f" } }] }]),
                reference,
            ),
            (json!([{ "type": "item_reference", "id": "x" }]), reference),
            (
                json!([{ "content": [{ "type": "document", "source": { "type": "base64", "data": "AA" } }] }]),
                reference,
            ),
            (
                json!([{ "content": [{ "type": "tool_result", "content": [{ "type": "document", "source": { "type": "text" } }] }] }]),
                reference,
            ),
            (
                json!([{ "content": [{ "type": "input_file", "file_data": "data:,x" }] }]),
                reference,
            ),
            (
                json!([{ "content": [{ "type": "file", "file": { "file_data": "data:,x" } }] }]),
                reference,
            ),
            (
                json!([{ "content": [{ "type": "text", "cache_control": { "type": "ephemeral", "ttl": "1h" } }] }]),
                Found {
                    long_cache: true,
                    ..Found::default()
                },
            ),
        ] {
            assert_eq!(found(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn what_is_sent_along_and_what_tools_say_is_none() {
        for value in [
            json!("see https://example.com/x.png"),
            json!([{ "content": "https://h/x" }]),
            json!([{ "content": [{ "image_url": { "url": "data:image/png;base64,AA" } }] }]),
            json!([{ "content": [{ "image_url": "DATA:image/png;base64,AA" }] }]),
            json!([{ "content": [{ "source": { "type": "base64", "data": "AA" } }] }]),
            json!([{ "content": [{ "type": "tool_use", "input": { "image_url": "https://h", "source": { "type": "url" }, "file_id": "f" } }] }]),
            json!([{ "type": "function_call", "arguments": "{\"image_url\":\"https://h\"}" }]),
            json!([{ "content": [{ "type": "text", "cache_control": { "type": "ephemeral", "ttl": "5m" } }] }]),
            json!([{ "name": "f", "input_schema": { "properties": { "file_id": { "type": "string" } } } }]),
            json!(null),
            json!([1, true, null, 1.5, [[]]]),
        ] {
            assert_eq!(found(value.clone()), Found::default(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_looked_through(text in ".{0,200}") {
            let _ = content(&text, &mut Found::default());
        }
    }
}

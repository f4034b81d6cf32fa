//! What a provider says a call used. Nothing is guessed: a report with a
//! number that is missing, negative or no whole number counts for nothing.

use serde::Deserialize;
use serde_json::Value;
use sortie_model::llm::{ModelApi, TokenUsage};

/// What is known of a call's usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Report {
    /// Nothing was said.
    #[default]
    Missing,
    /// Something was said that makes no sense.
    Unusable,
    /// So much was used.
    Tokens(TokenUsage),
}

/// The part of an answer that says it.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    usage: Option<Value>,
}

/// From a whole answer.
pub(crate) fn of_answer(api: ModelApi, body: &[u8]) -> Report {
    match serde_json::from_slice::<Answer>(body) {
        Ok(Answer { usage: Some(usage) }) => of_usage(api, &usage),
        _ => Report::Missing,
    }
}

/// From the `usage` object of an API.
pub(crate) fn of_usage(api: ModelApi, usage: &Value) -> Report {
    if usage.is_null() {
        return Report::Missing;
    }
    let read = match api {
        ModelApi::ChatCompletions => inclusive(
            usage,
            "prompt_tokens",
            Some("completion_tokens"),
            "prompt_tokens_details",
        ),
        ModelApi::Responses => inclusive(
            usage,
            "input_tokens",
            Some("output_tokens"),
            "input_tokens_details",
        ),
        ModelApi::Embeddings => inclusive(usage, "prompt_tokens", None, "prompt_tokens_details"),
        ModelApi::Messages => messages(usage),
    };
    read.map_or(Report::Unusable, Report::Tokens)
}

/// OpenAI's, where input includes what came from the cache or went there.
fn inclusive(
    usage: &Value,
    input: &str,
    output: Option<&str>,
    details: &str,
) -> Option<TokenUsage> {
    let all = needed(usage, input)?;
    let output = match output {
        Some(output) => needed(usage, output)?,
        None => 0,
    };
    let details = &usage[details];
    let cache_read = optional(details, "cached_tokens")?.min(all);
    let cache_write = optional(details, "cache_write_tokens")?.min(all - cache_read);
    Some(TokenUsage {
        input: all - cache_read - cache_write,
        output,
        cache_read,
        cache_write,
        cache_write_long: 0,
    })
}

/// Anthropic's, where the kinds stand side by side.
fn messages(usage: &Value) -> Option<TokenUsage> {
    let cache_write = optional(usage, "cache_creation_input_tokens")?;
    Some(TokenUsage {
        input: needed(usage, "input_tokens")?,
        output: needed(usage, "output_tokens")?,
        cache_read: optional(usage, "cache_read_input_tokens")?,
        cache_write,
        cache_write_long: optional(&usage["cache_creation"], "ephemeral_1h_input_tokens")?
            .min(cache_write),
    })
}

fn needed(of: &Value, key: &str) -> Option<u64> {
    of.get(key)?.as_u64()
}

fn optional(of: &Value, key: &str) -> Option<u64> {
    match of.get(key) {
        None | Some(Value::Null) => Some(0),
        Some(value) => value.as_u64(),
    }
}

/// Puts the fields of a later report over those of an earlier one: the end of
/// a message repeats some numbers of its start and leaves others out.
pub(crate) fn overlay(before: Value, after: Value) -> Value {
    match (before, after) {
        (Value::Object(mut before), Value::Object(after)) => {
            before.extend(after.into_iter().filter(|(_, value)| !value.is_null()));
            Value::Object(before)
        }
        (before, Value::Null) => before,
        (_, after) => after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn each_api_is_read_as_its_documentation_says() {
        let used = |input, output, cache_read, cache_write| {
            Report::Tokens(TokenUsage {
                input,
                output,
                cache_read,
                cache_write,
                cache_write_long: 0,
            })
        };
        let chat = json!({
            "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": { "cached_tokens": 4 },
        });
        assert_eq!(of_usage(ModelApi::ChatCompletions, &chat), used(6, 5, 4, 0));
        let responses =
            json!({ "input_tokens": 10, "output_tokens": 5, "input_tokens_details": null });
        assert_eq!(of_usage(ModelApi::Responses, &responses), used(10, 5, 0, 0));
        let embeddings = json!({ "prompt_tokens": 10, "total_tokens": 10 });
        assert_eq!(
            of_usage(ModelApi::Embeddings, &embeddings),
            used(10, 0, 0, 0)
        );
        let messages = json!({
            "input_tokens": 10, "output_tokens": 5,
            "cache_read_input_tokens": 4, "cache_creation_input_tokens": 3,
        });
        assert_eq!(of_usage(ModelApi::Messages, &messages), used(10, 5, 4, 3));
        let kept = json!({
            "input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 3,
            "cache_creation": { "ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2 },
        });
        let Report::Tokens(kept) = of_usage(ModelApi::Messages, &kept) else {
            panic!("it is complete");
        };
        assert_eq!((kept.cache_write, kept.cache_write_long), (3, 2));
    }

    #[test]
    fn nonsense_counts_for_nothing() {
        for usage in [
            json!({ "prompt_tokens": -1, "completion_tokens": 1 }),
            json!({ "prompt_tokens": 1.5, "completion_tokens": 1 }),
            json!({ "prompt_tokens": "1", "completion_tokens": 1 }),
            json!({ "prompt_tokens": 1 }),
            json!({ "prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": { "cached_tokens": -4 } }),
            json!([]),
            json!("x"),
        ] {
            assert_eq!(
                of_usage(ModelApi::ChatCompletions, &usage),
                Report::Unusable,
                "{usage}"
            );
        }
        for body in ["", "{}", "[]", "{\"usage\":null}", "{\"usage\":", "\u{0}"] {
            assert_eq!(
                of_answer(ModelApi::ChatCompletions, body.as_bytes()),
                Report::Missing,
                "{body}"
            );
        }
    }

    proptest! {
        /// The parts of a report never add up to more than it says.
        #[test]
        fn parts_are_parts(all: u64, cached: u64, written: u64) {
            let usage = json!({
                "prompt_tokens": all, "completion_tokens": 0,
                "prompt_tokens_details": { "cached_tokens": cached, "cache_write_tokens": written },
            });
            match of_usage(ModelApi::ChatCompletions, &usage) {
                Report::Tokens(used) => prop_assert_eq!(used.all_input(), all),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn any_bytes_are_read(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            for api in ModelApi::ALL {
                of_answer(api, &body);
            }
        }
    }
}

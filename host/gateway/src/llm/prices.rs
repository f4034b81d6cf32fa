//! What models are known without configuration: prices and bounds, as data.
//!
//! `prices.json` names its source and its date. A price there counts only for
//! providers of that vendor; whoever sells the same model otherwise has prices
//! of their own, which are the operator's to say.

use serde::Deserialize;
use sortie_model::llm::{LongRates, ModelApi, ModelBounds, Price, Rates};
use std::collections::HashMap;
use std::sync::LazyLock;

use super::provider::ProviderKind;

/// What is known of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelSpec {
    /// What it costs; none when nobody said.
    pub price: Option<Price>,
    /// The APIs it can be asked through; none for those of its provider.
    pub apis: Option<Vec<ModelApi>>,
    /// What it takes and gives at most.
    pub bounds: ModelBounds,
    /// Whether it takes pictures.
    pub vision: Option<bool>,
}

impl ModelSpec {
    /// This one, with what it leaves open taken from another.
    pub(crate) fn or(self, other: Option<&Self>) -> Self {
        let Some(other) = other else { return self };
        Self {
            price: self.price.or(other.price),
            apis: self.apis.or_else(|| other.apis.clone()),
            bounds: ModelBounds {
                context: self.bounds.context.or(other.bounds.context),
                output: self.bounds.output.or(other.bounds.output),
            },
            vision: self.vision.or(other.vision),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    source: String,
    date: String,
    #[expect(dead_code, reason = "it is there for people")]
    unit: String,
    models: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    vendor: ProviderKind,
    model: String,
    apis: Vec<ModelApi>,
    #[serde(flatten)]
    rates: Rates,
    #[serde(default)]
    long: Option<Long>,
    #[serde(default)]
    context_tokens: Option<u32>,
    #[serde(default)]
    output_tokens: Option<u32>,
    #[serde(default)]
    vision: bool,
}

#[derive(Deserialize)]
struct Long {
    above_tokens: u64,
    #[serde(flatten)]
    rates: Rates,
}

struct Known {
    models: HashMap<(ProviderKind, String), ModelSpec>,
    origin: String,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let list: List = serde_json::from_str(include_str!("prices.json"))
        .expect("the shipped list is read by a test");
    let origin = format!("{}, {}", list.source, list.date);
    let models = list.models.into_iter().map(|entry| {
        let spec = ModelSpec {
            price: Some(Price {
                rates: entry.rates,
                long: entry.long.map(|long| LongRates {
                    above_tokens: long.above_tokens,
                    rates: long.rates,
                }),
            }),
            apis: Some(entry.apis),
            bounds: ModelBounds {
                context: entry.context_tokens,
                output: entry.output_tokens,
            },
            vision: Some(entry.vision),
        };
        ((entry.vendor, entry.model), spec)
    });
    Known {
        models: models.collect(),
        origin,
    }
});

/// What is known of a vendor's model.
pub(crate) fn shipped(kind: ProviderKind, model: &str) -> Option<&'static ModelSpec> {
    KNOWN.models.get(&(kind, model.to_owned()))
}

/// Where the shipped prices come from, and of when they are.
pub fn origin() -> &'static str {
    &KNOWN.origin
}

/// Prices without a cache.
#[cfg(test)]
pub(crate) fn rates(
    input: sortie_model::budget::MicroUsd,
    output: sortie_model::budget::MicroUsd,
) -> Rates {
    Rates {
        input,
        output,
        cache_read: input,
        cache_write: input,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_model::budget::MicroUsd;

    #[test]
    fn the_shipped_list_is_whole_and_plausible() {
        assert!(KNOWN.models.len() > 50);
        assert!(origin().contains("litellm"), "{}", origin());
        for ((vendor, model), spec) in &KNOWN.models {
            let price = spec.price.expect("every entry has a price");
            let named = format!("{vendor:?} {model}");
            assert!(price.rates.input.0 > 0, "{named}");
            assert!(price.rates.cache_read <= price.rates.input, "{named}");
            assert!(price.rates.cache_write >= price.rates.input, "{named}");
            assert!(price.rates.output.0 < 1_000_000_000, "under $1000: {named}");
            let apis = spec.apis.as_deref().unwrap_or_default();
            assert!(!apis.is_empty(), "{named}");
            assert!(spec.bounds.context.is_some(), "{named}");
            let writes = apis != [ModelApi::Embeddings];
            assert_eq!(spec.bounds.output.is_some(), writes, "{named}");
            if let Some(long) = price.long {
                assert!(long.rates.input >= price.rates.input, "{named}");
            }
        }
        let sonnet = shipped(ProviderKind::Anthropic, "claude-sonnet-4-5").expect("known");
        let price = sonnet.price.expect("priced").rates;
        assert_eq!(
            (price.input, price.output),
            (MicroUsd(3_000_000), MicroUsd(15_000_000))
        );
        assert!(shipped(ProviderKind::Compatible, "claude-sonnet-4-5").is_none());
    }
}

//! Models as the host speaks of them: which API a call uses, what a model can,
//! what tokens cost, and the arithmetic of a call's worst case.
//!
//! Pure and integer throughout: money is millionths of a dollar, prices are
//! millionths of a dollar per million tokens, and every rounding is upwards.
//! It never guesses a price: a model without one has none here either.

use crate::budget::MicroUsd;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What prices are per.
const TOKENS_PER_PRICE: u128 = 1_000_000;

/// What providers put before a prompt on their own account (the wording that
/// tells a model of its tools, templates of roles) and bill as input: a few
/// hundred tokens where it is documented, rounded up.
const HIDDEN_INPUT_TOKENS: u64 = 2_000;

/// More tokens than any one call can have. A provider that reports more
/// reports nonsense.
pub const ABSURD_TOKENS: u64 = 100_000_000;

/// Names of what models are used for. Workflows may use others; a role that
/// nobody gave a model gets the default one.
pub mod role {
    /// Writes the change; what an agent step does unless it says otherwise.
    pub const BUILD: &str = "build";
    /// Plans, reading only.
    pub const PLAN: &str = "plan";
    /// Looks for why the same failure comes again and again.
    pub const DEBUG: &str = "debug";
    /// Judges a change it did not write.
    pub const REVIEW: &str = "review";
    /// Answers a question in prose.
    pub const ASK: &str = "ask";
    /// Looks at pictures.
    pub const VISION: &str = "vision";
    /// All of them.
    pub const ALL: [&str; 6] = [BUILD, PLAN, DEBUG, REVIEW, ASK, VISION];
}

/// The shape of a request to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelApi {
    /// OpenAI's `POST /v1/chat/completions`.
    ChatCompletions,
    /// OpenAI's `POST /v1/responses`.
    Responses,
    /// Anthropic's `POST /v1/messages`.
    Messages,
    /// OpenAI's `POST /v1/embeddings`.
    Embeddings,
}

impl ModelApi {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::ChatCompletions,
        Self::Responses,
        Self::Messages,
        Self::Embeddings,
    ];

    /// The stable kebab-case name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat-completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Embeddings => "embeddings",
        }
    }

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.as_str() == name)
    }
}

impl fmt::Display for ModelApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A model as an agent is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// What to name it in a request to the host's endpoint.
    pub name: String,
    /// The APIs it can be asked through.
    pub apis: Vec<ModelApi>,
    /// How many tokens fit into it, when that is known.
    pub context_tokens: Option<u32>,
    /// How many tokens one answer may have, when that is bounded.
    pub output_tokens: Option<u32>,
    /// Whether it takes pictures.
    pub vision: bool,
}

/// Which models the jobs of a project use. Names are those of the
/// configuration: an alias, `provider/model`, or a model's bare id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelPolicy {
    /// The model of every role that has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Models of roles.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, String>,
    /// What agents may name beside these; `provider/*` is all of a provider.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
}

impl ModelPolicy {
    /// The configured name of a role's model.
    pub fn of_role(&self, role: &str) -> Option<&str> {
        self.roles
            .get(role)
            .or(self.default.as_ref())
            .map(String::as_str)
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// Tokens that a provider says it counted. The four kinds do not overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Read anew.
    pub input: u64,
    /// Written by the model, its reasoning included.
    pub output: u64,
    /// Read from the provider's cache.
    pub cache_read: u64,
    /// Written to the provider's cache.
    pub cache_write: u64,
    /// Of `cache_write`, what is kept for an hour, which costs more.
    #[serde(default)]
    pub cache_write_long: u64,
}

impl TokenUsage {
    /// Everything that was read, from wherever.
    pub fn all_input(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write)
    }

    /// Whether no call can have used this much.
    pub fn is_absurd(&self) -> bool {
        self.all_input() > ABSURD_TOKENS
            || self.output > ABSURD_TOKENS
            || self.cache_write_long > self.cache_write
    }
}

/// What tokens cost, in millionths of a dollar per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Of what is read anew.
    pub input: MicroUsd,
    /// Of what is written.
    pub output: MicroUsd,
    /// Of what is read from the provider's cache.
    pub cache_read: MicroUsd,
    /// Of what is written to the provider's cache.
    pub cache_write: MicroUsd,
}

impl Rates {
    /// What an entry of the cache costs that is kept for an hour: twice the
    /// price of input, as Anthropic, who alone has such entries, lists it.
    fn cache_write_long(&self) -> MicroUsd {
        MicroUsd(self.input.0.saturating_mul(2)).max(self.cache_write)
    }

    fn cost(&self, used: &TokenUsage) -> MicroUsd {
        let long = used.cache_write_long.min(used.cache_write);
        ceil([
            (used.input, self.input),
            (used.output, self.output),
            (used.cache_read, self.cache_read),
            (used.cache_write - long, self.cache_write),
            (long, self.cache_write_long()),
        ])
    }

    /// Whichever kind the input turns out to be.
    fn worst(&self, tokens: &WorstTokens) -> MicroUsd {
        let mut input = self.input.max(self.cache_read).max(self.cache_write);
        if tokens.long_cache {
            input = input.max(self.cache_write_long());
        }
        ceil([(tokens.input, input), (tokens.output, self.output)])
    }
}

/// What a model costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Of a usual call.
    pub rates: Rates,
    /// Of a call that reads very much, where that is another price.
    pub long: Option<LongRates>,
}

/// What a call costs as a whole when it reads more than so many tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongRates {
    /// The most tokens, of every kind of input together, at the usual price.
    pub above_tokens: u64,
    /// The price beyond.
    pub rates: Rates,
}

impl Price {
    /// A model that costs nothing.
    pub const FREE: Self = Self {
        rates: Rates {
            input: MicroUsd(0),
            output: MicroUsd(0),
            cache_read: MicroUsd(0),
            cache_write: MicroUsd(0),
        },
        long: None,
    };

    /// What so many tokens cost, rounded up to the millionth of a dollar. Too
    /// much for the type is the most that fits.
    pub fn cost(&self, used: &TokenUsage) -> MicroUsd {
        match &self.long {
            Some(long) if used.all_input() > long.above_tokens => long.rates.cost(used),
            _ => self.rates.cost(used),
        }
    }

    /// The most that a call can cost which reads and writes at most so much.
    pub fn worst(&self, tokens: &WorstTokens) -> MicroUsd {
        let usual = self.rates.worst(tokens);
        match &self.long {
            Some(long) if tokens.input > long.above_tokens => usual.max(long.rates.worst(tokens)),
            _ => usual,
        }
    }
}

fn ceil<const N: usize>(parts: [(u64, MicroUsd); N]) -> MicroUsd {
    // Five products of two 64-bit numbers fit into 128 bits only with luck, so
    // the sum saturates; a product always fits.
    let sum = parts.into_iter().fold(0_u128, |sum, (tokens, price)| {
        sum.saturating_add(u128::from(tokens) * u128::from(price.0))
    });
    MicroUsd(u64::try_from(sum.div_ceil(TOKENS_PER_PRICE)).unwrap_or(u64::MAX))
}

/// What a model takes and gives at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelBounds {
    /// Tokens that fit into it; none when nobody knows.
    pub context: Option<u32>,
    /// Tokens of one answer; none when nobody knows.
    pub output: Option<u32>,
}

/// What a request says about its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestSize {
    /// Bytes of its body; [`u64::MAX`] where they bound nothing, because it
    /// holds a document or refers to what is kept at the provider.
    pub body_bytes: u64,
    /// The most tokens of one answer that it asks for; none when it does not
    /// say.
    pub asked_output: Option<u64>,
    /// How many answers it asks for, at least 1.
    pub answers: u64,
    /// Whether it keeps parts of itself in the provider's cache for an hour.
    pub long_cache: bool,
}

/// The most tokens that a request can come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorstTokens {
    /// Read.
    pub input: u64,
    /// Written, over all answers.
    pub output: u64,
    /// Written in one answer: what the forwarded request has to say, so that
    /// the rest is true.
    pub output_each: u64,
    /// See [`RequestSize::long_cache`].
    pub long_cache: bool,
}

/// The worst case of a request, none when the model's answers have no bound
/// and the request asks for none either.
///
/// A token stands for at least one byte of text, and JSON only makes text
/// longer. So the body's length bounds the input, and so does what fits into
/// the model. A picture as a camera or a screen makes it is more bytes than
/// tokens; one made to be small and dear is booked as reported, and flagged.
/// A document is read as more than its bytes, so a request with one says so in
/// [`RequestSize::body_bytes`].
pub fn worst_tokens(size: &RequestSize, bounds: &ModelBounds) -> Option<WorstTokens> {
    let mut input = size.body_bytes.saturating_add(HIDDEN_INPUT_TOKENS);
    if let Some(context) = bounds.context {
        input = input.min(u64::from(context));
    }
    let limit = bounds.output.or(bounds.context).map(u64::from);
    let output_each = match (size.asked_output, limit) {
        (Some(asked), Some(limit)) => asked.min(limit),
        (Some(asked), None) => asked,
        (None, Some(limit)) => limit,
        (None, None) => return None,
    };
    Some(WorstTokens {
        input,
        output: output_each.saturating_mul(size.answers.max(1)),
        output_each,
        long_cache: size.long_cache,
    })
}

/// What a provider's word about the tokens of a call is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UsageCheck {
    /// Within the worst case.
    Within,
    /// Beyond the worst case, yet possible: booked as reported, and flagged.
    Over,
    /// Missing, negative or impossible: the reservation is booked instead.
    Unusable,
}

/// Judges a report of usage against the worst case of its call.
pub fn check_usage(reported: Option<&TokenUsage>, worst: &WorstTokens) -> UsageCheck {
    match reported {
        None => UsageCheck::Unusable,
        Some(used) if used.is_absurd() => UsageCheck::Unusable,
        Some(used) if used.all_input() > worst.input || used.output > worst.output => {
            UsageCheck::Over
        }
        Some(_) => UsageCheck::Within,
    }
}

mod call;

pub use call::{CallEnd, CallLimit, CallRecord, CallRefused, NewCall};

#[cfg(test)]
mod tests;

//! Reads a client's request and writes the one that is forwarded.
//!
//! Only the top level is taken apart; what stands below is forwarded as it
//! came, byte for byte. Changed is what the worst case needs to be true: the
//! model's id, the bound of the answer, the wish for usage in a stream. Taken
//! out is what has another model answer, costs by another price list, or lets
//! the provider reach the network for the agent.

use super::refusal::Refused;
use super::scan::{self, Found};
use super::tools;
use bytes::Bytes;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sortie_model::llm::{ModelApi, RequestSize, WorstTokens};
use std::collections::BTreeSet;
use std::fmt;

/// Fields of one request: the APIs know a few dozen.
const MAX_FIELDS: usize = 256;

/// Answers in one request: a provider's own limit is 128.
const MAX_ANSWERS: u64 = 128;

/// What has another model, provider or address answer than the one that was
/// allowed and reserved, or carries such fields along. Gateways of many
/// providers know them.
const ROUTING: &[&str] = &[
    "models",
    "fallbacks",
    "fallback_config",
    "route",
    "provider",
    "api_base",
    "base_url",
    "extra_body",
];

/// What changes a price beyond any price list, and is only about speed or
/// place.
const PRICED_APART: &[&str] = &["service_tier", "speed", "prediction", "inference_geo"];

/// What the provider would do on the network for the agent, or run for it.
const HOSTED: &[&str] = &[
    "web_search_options",
    "mcp_servers",
    "plugins",
    "search_parameters",
    "enable_search",
    "container",
];

/// OpenAI's newer name for the bound of a chat's answer. Servers that do not
/// know it do not keep to it.
const NEWER_CAP: &str = "max_completion_tokens";

/// A request, as it can be forwarded to some model.
#[derive(Debug)]
pub(crate) struct Request<'b> {
    api: ModelApi,
    fields: Vec<(String, Raw<'b>)>,
    /// The name of the model, as the client says it.
    pub(crate) model: String,
    /// Whether the answer is to come piece by piece.
    pub(crate) stream: bool,
    /// Whether the client did not ask for the usage of a stream that the host
    /// asks for.
    pub(crate) strip_usage: bool,
    /// How large it can become.
    pub(crate) size: RequestSize,
    /// What was taken out, by name.
    pub(crate) dropped: Vec<String>,
}

#[derive(Debug)]
enum Raw<'b> {
    Same(&'b RawValue),
    New(String),
}

impl Raw<'_> {
    fn get(&self) -> &str {
        match self {
            Self::Same(raw) => raw.get(),
            Self::New(text) => text,
        }
    }
}

impl<'b> Request<'b> {
    /// Takes the top level of a body apart.
    pub(crate) fn read(api: ModelApi, body: &'b [u8]) -> Result<Self, Refused> {
        let fields = fields(body)?;
        let mut request = Self {
            api,
            fields,
            model: String::new(),
            stream: false,
            strip_usage: false,
            size: RequestSize {
                body_bytes: body.len() as u64,
                asked_output: None,
                answers: 1,
                long_cache: false,
            },
            dropped: Vec::new(),
        };
        request.model = request
            .parsed::<String>("model")?
            .filter(|name| !name.is_empty())
            .ok_or_else(|| Refused::bad("the request names no model"))?;
        Ok(request)
    }

    /// Makes it fit to be forwarded, and measures it. `hosted` says whether
    /// tools of the provider's own may be used.
    pub(crate) fn prepare(&mut self, hosted: bool) -> Result<(), Refused> {
        self.stream = self.parsed::<bool>("stream")?.unwrap_or(false);
        self.look_through(hosted)?;
        self.take_out(hosted)?;
        self.measure()?;
        self.ask_for_usage()
    }

    /// The body for the provider.
    pub(crate) fn write(
        &mut self,
        model: &str,
        worst: Option<&WorstTokens>,
        cap_field: &'static str,
    ) -> Bytes {
        self.set("model", serde_json::Value::from(model).to_string());
        if let Some(worst) = worst {
            self.bound(worst.output_each, cap_field);
        }
        let bytes: usize = self
            .fields
            .iter()
            .map(|(name, raw)| name.len() + raw.get().len() + 8)
            .sum();
        let mut body = String::with_capacity(bytes);
        for (index, (name, raw)) in self.fields.iter().enumerate() {
            body.push(if index == 0 { '{' } else { ',' });
            body.push_str(&serde_json::Value::from(name.as_str()).to_string());
            body.push(':');
            body.push_str(raw.get());
        }
        body.push('}');
        Bytes::from(body)
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, raw)| raw.get())
            .filter(|text| *text != "null")
    }

    /// A field with its type; none where it is missing or null.
    fn parsed<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Refused> {
        self.raw(name)
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| Refused::bad(format!("the field {name:?}: {error}")))
    }

    fn set(&mut self, name: &str, text: String) {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, raw)) => *raw = Raw::New(text),
            None => self.fields.push((name.to_owned(), Raw::New(text))),
        }
    }

    fn remove(&mut self, name: &str) {
        let before = self.fields.len();
        self.fields.retain(|(known, _)| known != name);
        if self.fields.len() < before {
            self.dropped.push(name.to_owned());
        }
    }

    /// What the content says that its length does not.
    fn look_through(&mut self, hosted: bool) -> Result<(), Refused> {
        let mut found = Found::default();
        for name in ["messages", "input", "system", "tools"] {
            if name == "input" && self.api == ModelApi::Embeddings {
                continue;
            }
            if let Some(raw) = self.raw(name) {
                scan::content(raw, &mut found)
                    .map_err(|error| Refused::bad(format!("the field {name:?}: {error}")))?;
            }
        }
        if found.link && !hosted {
            return Err(Refused::bad(
                "the request holds a link that the provider would follow, and this run has no \
                 network there; send the bytes themselves",
            ));
        }
        let stored = ["previous_response_id", "conversation", "prompt"]
            .into_iter()
            .any(|name| self.api == ModelApi::Responses && self.raw(name).is_some());
        if found.reference || stored {
            // What lies at the provider, or is made of a document there, may be
            // as much as fits into the model.
            self.size.body_bytes = u64::MAX;
        }
        self.size.long_cache = found.long_cache;
        Ok(())
    }

    fn take_out(&mut self, hosted: bool) -> Result<(), Refused> {
        for name in ROUTING.iter().chain(PRICED_APART) {
            self.remove(name);
        }
        if self.parsed::<bool>("background").ok().flatten() == Some(true) {
            return Err(Refused::bad(
                "an answer in the background cannot be accounted for; leave out \"background\"",
            ));
        }
        if self
            .raw("modalities")
            .is_some_and(|raw| raw.contains("audio"))
        {
            return Err(Refused::bad(
                "spoken answers have no price here; leave \"audio\" out of \"modalities\"",
            ));
        }
        if hosted {
            return Ok(());
        }
        for name in HOSTED {
            self.remove(name);
        }
        if let Some(raw) = self.raw("tools")
            && let Some(kept) = tools::without_hosted(self.api, raw)
                .map_err(|error| Refused::bad(format!("the field \"tools\": {error}")))?
        {
            self.dropped.extend(kept.dropped);
            match kept.tools {
                Some(tools) => self.set("tools", tools),
                None => {
                    self.fields
                        .retain(|(name, _)| name != "tools" && name != "tool_choice");
                }
            }
        }
        Ok(())
    }

    /// The bounds that the request itself gives.
    fn measure(&mut self) -> Result<(), Refused> {
        let fields: &[&str] = match self.api {
            ModelApi::ChatCompletions => &[NEWER_CAP, "max_tokens"],
            ModelApi::Responses => &["max_output_tokens"],
            ModelApi::Messages => &["max_tokens"],
            ModelApi::Embeddings => {
                self.size.asked_output = Some(0);
                return Ok(());
            }
        };
        for name in fields {
            if let Some(asked) = self.count(name)? {
                // Of two that contradict each other the larger one may count.
                self.size.asked_output = self.size.asked_output.max(Some(asked));
            }
        }
        if self.api == ModelApi::ChatCompletions {
            self.size.answers = self.count("n")?.unwrap_or(1);
            if self.size.answers > MAX_ANSWERS {
                return Err(Refused::bad(format!(
                    "\"n\" asks for {} answers; {MAX_ANSWERS} are allowed",
                    self.size.answers
                )));
            }
        }
        Ok(())
    }

    /// A count of at least 1, however large it is written.
    fn count(&self, name: &str) -> Result<Option<u64>, Refused> {
        let wrong = || Refused::bad(format!("{name:?} must be a whole number of at least 1"));
        let Some(number) = self
            .parsed::<serde_json::Number>(name)
            .map_err(|_| wrong())?
        else {
            return Ok(None);
        };
        let count = match number.as_u64() {
            Some(count) => count,
            None => match number.as_f64() {
                // Beyond what fits: as good as no bound.
                Some(large) if large.fract() == 0.0 && large >= 1.0 => {
                    if large >= 1e18 {
                        u64::MAX
                    } else {
                        #[expect(
                            clippy::cast_possible_truncation,
                            clippy::cast_sign_loss,
                            reason = "a whole number between 1 and 1e18"
                        )]
                        let count = large as u64;
                        count
                    }
                }
                _ => return Err(wrong()),
            },
        };
        match count {
            0 => Err(wrong()),
            count => Ok(Some(count)),
        }
    }

    /// Has a streamed chat tell its usage.
    fn ask_for_usage(&mut self) -> Result<(), Refused> {
        if !self.stream || self.api != ModelApi::ChatCompletions {
            return Ok(());
        }
        let mut options: serde_json::Map<String, serde_json::Value> =
            self.parsed("stream_options")?.unwrap_or_default();
        if options.get("include_usage") == Some(&true.into()) {
            return Ok(());
        }
        options.insert("include_usage".into(), true.into());
        self.strip_usage = true;
        self.set(
            "stream_options",
            serde_json::Value::from(options).to_string(),
        );
        Ok(())
    }

    /// Writes the bound of an answer where it is missing or larger, in a field
    /// that the provider knows.
    fn bound(&mut self, tokens: u64, cap_field: &'static str) {
        let fields: &[&'static str] = match self.api {
            ModelApi::ChatCompletions if cap_field != NEWER_CAP => {
                self.fields.retain(|(name, _)| name != NEWER_CAP);
                self.set(cap_field, tokens.to_string());
                return;
            }
            ModelApi::ChatCompletions => &[NEWER_CAP, "max_tokens"],
            ModelApi::Responses => &["max_output_tokens"],
            ModelApi::Messages => &["max_tokens"],
            ModelApi::Embeddings => return,
        };
        let mut bounded = false;
        for name in fields {
            if let Ok(Some(asked)) = self.count(name) {
                bounded = true;
                if asked > tokens {
                    self.set(name, tokens.to_string());
                }
            }
        }
        if !bounded {
            let name = match self.api {
                ModelApi::ChatCompletions => cap_field,
                _ => fields[0],
            };
            self.set(name, tokens.to_string());
        }
    }
}

/// The top level of a body, in its order. A name that comes twice is refused:
/// whoever reads the forwarded request may take the other one.
fn fields(body: &[u8]) -> Result<Vec<(String, Raw<'_>)>, Refused> {
    struct Fields;
    impl<'de> Visitor<'de> for Fields {
        type Value = Vec<(String, Raw<'de>)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            use serde::de::Error;
            let mut fields = Vec::new();
            let mut names = BTreeSet::new();
            while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                if !names.insert(name.clone()) {
                    return Err(A::Error::custom(format!("the field {name:?} comes twice")));
                }
                if names.len() > MAX_FIELDS {
                    return Err(A::Error::custom("it has too many fields"));
                }
                fields.push((name, Raw::Same(value)));
            }
            Ok(fields)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let fields = deserializer.deserialize_map(Fields);
    fields
        .and_then(|fields| deserializer.end().map(|()| fields))
        .map_err(|error| Refused::bad(format!("the body is no request: {error}")))
}

#[cfg(test)]
mod tests;

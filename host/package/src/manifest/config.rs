//! A plugin's configuration and the JSON Schema (2020-12) it must satisfy.
//! Resolves nothing from a network or a file, and puts no configured value
//! into a message: one of them may be a secret in the wrong place.

use std::collections::BTreeSet;
use std::fmt;

use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind as Kind};
use jsonschema::{Draft, PatternOptions, Retrieve, Uri, Validator};
use serde_json::{Value, json};

use super::{Fault, bounds, names, secrets};
use crate::unknown;

/// How often a pattern may step back before it is given up. Patterns come from
/// plugins, values from operators.
const BACKTRACK_LIMIT: usize = 100_000;

/// The name of the draft that a schema may give.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A checked schema.
#[derive(Debug)]
pub struct ConfigSchema {
    schema: Value,
    validator: Validator,
    secrets: BTreeSet<String>,
}

/// Something wrong in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where, such as `hooks[0].url`; empty for the whole.
    pub at: String,
    /// What is wrong.
    pub reason: String,
    /// What would be right, when that can be said.
    pub mend: Option<String>,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => f.write_str("the configuration ")?,
            at => write!(f, "`{at}` ")?,
        }
        f.write_str(&self.reason)?;
        match &self.mend {
            Some(mend) => write!(f, "; {mend}"),
            None => Ok(()),
        }
    }
}

impl ConfigSchema {
    /// The schema of a plugin that takes no configuration.
    pub fn nothing() -> Self {
        Self::new(&json!({ "type": "object", "additionalProperties": false }))
            .expect("a constant schema")
    }

    /// Checks a schema.
    ///
    /// # Errors
    /// Every fault, with its place below `config`.
    pub fn new(schema: &Value) -> Result<Self, Vec<Fault>> {
        let fault = |at: &str, message: String| Fault {
            at: format!("config{at}"),
            message,
        };
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(vec![fault(
                ".type",
                "a configuration is a table; write `type = \"object\"`".into(),
            )]);
        }
        if schema.get("$schema").is_some_and(|draft| draft != DRAFT) {
            return Err(vec![fault(
                ".$schema",
                format!("only {DRAFT} is spoken here; write that or leave it out"),
            )]);
        }
        let meta: Vec<Fault> = jsonschema::draft202012::meta::VALIDATOR
            .iter_errors(schema)
            .map(|error| {
                fault(
                    &dotted(error.instance_path.as_str()),
                    format!("is not JSON Schema 2020-12: {}", error.masked()),
                )
            })
            .collect();
        if !meta.is_empty() {
            return Err(meta);
        }
        bounds::check(schema).map_err(|message| vec![fault("", message)])?;
        let secrets = secrets::find(schema)?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_retriever(NoRetriever)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT))
            .should_validate_formats(true)
            .build(schema)
            .map_err(|error| vec![fault("", format!("cannot be used: {}", error.masked()))])?;
        Ok(Self {
            schema: schema.clone(),
            validator,
            secrets,
        })
    }

    /// Checks a configuration.
    ///
    /// # Errors
    /// Every problem, with its place.
    pub fn validate(&self, config: &Value) -> Result<(), Vec<ConfigProblem>> {
        let mut problems: Vec<ConfigProblem> = self
            .validator
            .iter_errors(config)
            .flat_map(|error| self.problems(&error, config))
            .collect();
        if problems.is_empty() {
            self.secret_names(config, "", &mut problems);
        }
        problems.sort_by(|a, b| a.at.cmp(&b.at));
        match problems.is_empty() {
            true => Ok(()),
            false => Err(problems),
        }
    }

    /// Where the configuration names secrets, such as `token` or
    /// `hooks[].token`, in order. Each value there is the name of a secret in
    /// the vault, never the secret.
    pub fn secret_fields(&self) -> Vec<String> {
        self.secrets.iter().cloned().collect()
    }

    fn problems(&self, error: &ValidationError<'_>, config: &Value) -> Vec<ConfigProblem> {
        let at = dotted(error.instance_path.as_str());
        let at = at.strip_prefix('.').unwrap_or(&at).to_owned();
        let below = |key: &str| match at.as_str() {
            "" => key.to_owned(),
            at => format!("{at}.{key}"),
        };
        let one = |reason: String, mend: Option<String>| {
            vec![ConfigProblem {
                at: at.clone(),
                reason,
                mend,
            }]
        };
        match &error.kind {
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => {
                let known = self.keys_beside(error.schema_path.as_str());
                unexpected
                    .iter()
                    .map(|key| unexpected_key(below(key), key, &known))
                    .collect()
            }
            // What the validator says when a table may have no keys at all.
            Kind::FalseSchema
                if error
                    .schema_path
                    .as_str()
                    .ends_with("/additionalProperties") =>
            {
                config
                    .pointer(error.instance_path.as_str())
                    .and_then(Value::as_object)
                    .into_iter()
                    .flat_map(|table| table.keys())
                    .map(|key| unexpected_key(below(key), key, &[]))
                    .collect()
            }
            Kind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                vec![ConfigProblem {
                    at: below(key),
                    reason: "is missing".into(),
                    mend: Some(match self.description(error.schema_path.as_str(), key) {
                        Some(text) => format!("set it: {text}"),
                        None => "set it".into(),
                    }),
                }]
            }
            Kind::Type { kind } => {
                let wanted = match kind {
                    TypeKind::Single(kind) => kind.to_string(),
                    TypeKind::Multiple(kinds) => kinds
                        .iter()
                        .map(|kind| kind.to_string())
                        .collect::<Vec<_>>()
                        .join(" or "),
                };
                one(
                    format!("has the type {}", type_of(&error.instance)),
                    Some(format!("write a value of the type {wanted}")),
                )
            }
            Kind::Enum { options } => one(
                "is none of the values it may have".into(),
                Some(format!("write one of {options}")),
            ),
            Kind::Constant { expected_value } => one(
                "has another value than the one it may have".into(),
                Some(format!("write {expected_value}")),
            ),
            Kind::Pattern { pattern } => one(
                "does not match its pattern".into(),
                Some(format!("write a value that matches `{pattern}`")),
            ),
            Kind::Format { format } => one(
                format!("is not of the format `{format}`"),
                Some(format!("write a valid {format}")),
            ),
            _ => one(format!("is not right: {}", error.masked()), None),
        }
    }

    /// The keys of the table schema whose keyword stands at `path`.
    fn keys_beside(&self, path: &str) -> Vec<String> {
        self.beside(path)
            .and_then(|schema| schema.get("properties")?.as_object())
            .map(|known| known.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn description(&self, path: &str, key: &str) -> Option<&str> {
        self.beside(path)?
            .get("properties")?
            .get(key)?
            .get("description")?
            .as_str()
    }

    /// Follows a validator's path, in which `$ref` stands for a jump.
    fn beside(&self, path: &str) -> Option<&Value> {
        let (parent, _) = path.rsplit_once('/')?;
        let mut at = &self.schema;
        for part in parent.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let next = match at {
                Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
                other => other.get(&part)?,
            };
            at = match next.as_str().filter(|_| part == "$ref") {
                Some(target) => self.schema.pointer(target.strip_prefix('#')?)?,
                None => next,
            };
        }
        Some(at)
    }

    /// A secret's value in place of its name is told before it is used.
    fn secret_names(&self, value: &Value, at: &str, problems: &mut Vec<ConfigProblem>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let below = match at {
                        "" => key.clone(),
                        at => format!("{at}.{key}"),
                    };
                    self.secret_names(value, &below, problems);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.secret_names(item, &format!("{at}[]"), problems);
                }
            }
            Value::String(text) if self.secrets.contains(at) => {
                if let Err(message) = names::secret(text) {
                    problems.push(ConfigProblem {
                        at: at.to_owned(),
                        reason: "names a secret".into(),
                        mend: Some(message),
                    });
                }
            }
            _ => {}
        }
    }
}

fn unexpected_key(at: String, key: &str, known: &[String]) -> ConfigProblem {
    let mend = match unknown::nearest(key, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "leave it out".into(),
        None => format!("known here: {}", known.join(", ")),
    };
    ConfigProblem {
        at,
        reason: "is a key that the plugin does not know".into(),
        mend: Some(mend),
    }
}

/// Answers every reference that leads out of the schema.
struct NoRetriever;

impl Retrieve for NoRetriever {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("only references inside of the schema (`#/$defs/…`) are followed".into())
    }
}

/// A JSON pointer as people write it: `/hooks/0/url` is `.hooks[0].url`.
fn dotted(pointer: &str) -> String {
    pointer
        .split('/')
        .skip(1)
        .map(|part| match part.parse::<usize>() {
            Ok(index) => format!("[{index}]"),
            Err(_) => format!(".{}", part.replace("~1", "/").replace("~0", "~")),
        })
        .collect()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

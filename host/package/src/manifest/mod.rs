//! The manifest: what a plugin says about itself, and what it asks for.
//!
//! It comes as `sortie-plugin.toml` in a project, as JSON in the component's
//! own section, or as a file beside the component. Reading one checks all of
//! it and reports every fault at once. A manifest gives nothing: what it asks
//! for is held against what an operator granted, see [`Requests::beyond`].

mod back;
mod beyond;
mod bounds;
mod check;
mod config;
mod names;
mod requests;
mod schedule;
mod secrets;
mod sources;

use std::fmt;
use std::sync::LazyLock;

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sortie_model::surface::Surface;

pub use beyond::{Difference, Subject, is_said_by_another};
pub use config::{ConfigProblem, ConfigSchema};
pub use names::{header as check_header_name, name as check_name};
pub use requests::{
    Chat, Credential, DirectoryGrant, DirectoryMode, DirectoryRequest, EgressRequest, Grant,
    JobAction, Jobs, Limits, Notify, Requests, Scheme, Sign,
};
pub use schedule::{Schedule, zone};
pub use sortie_model::host::HostPattern;
pub use sources::{
    DISCORD_SIGNATURE, DISCORD_TIMESTAMP, Encoding, EventSource, HttpSource, Missed,
    SLACK_SIGNATURE, SLACK_TIMESTAMP, TimerSource, Verify,
};

use crate::unknown;

/// The largest manifest, as text or as a section. Schemas of configurations
/// are the longest part and have a few kilobytes.
pub const MAX_MANIFEST_BYTES: usize = 256 << 10;

/// A plugin's manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 1 to 64 of `a-z`, `0-9` and `-`, beginning with a letter.
    pub name: String,
    /// Semantic version.
    #[serde(deserialize_with = "version")]
    #[schemars(with = "String")]
    pub version: Version,
    /// One line for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it exports; the component must export the same.
    #[schemars(schema_with = "surfaces")]
    pub surfaces: Vec<Surface>,
    /// SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where people read about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// How it is built; not part of what is embedded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
    /// JSON Schema (2020-12) of its configuration; none for a plugin that
    /// takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// Where its events come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<EventSource>,
    /// Requests it wants to send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<EgressRequest>,
    /// What it wants to do with jobs.
    #[serde(default, skip_serializing_if = "Jobs::is_empty")]
    pub jobs: Jobs,
    /// Chats it wants to write to.
    #[serde(default, skip_serializing_if = "Chat::is_empty")]
    pub chat: Chat,
    /// Events a notifier wants to be told of; none for `job.*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// Directories it wants to see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<DirectoryRequest>,
    /// How much it wants to use.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
}

fn surfaces(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": { "type": "string", "enum": Surface::ALL.map(Surface::name) }
    })
}

/// How a project is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Program and arguments, run in the project's directory without a shell.
    pub command: Vec<String>,
    /// The module or component it leaves, relative to the project.
    pub output: String,
}

/// Something wrong in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, such as `egress[0].host`; empty for the whole.
    pub at: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => f.write_str(&self.message),
            at => write!(f, "{at}: {}", self.message),
        }
    }
}

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Too much text.
    #[error(
        "the manifest has {bytes} bytes, more than the {MAX_MANIFEST_BYTES} it may have; shorten its texts"
    )]
    TooLarge {
        /// How much.
        bytes: usize,
    },
    /// Not the format, or a value of the wrong type.
    #[error("the manifest is not valid {format}: {message}")]
    Malformed {
        /// `TOML` or `JSON`.
        format: &'static str,
        /// Where and why.
        message: String,
    },
    /// Keys that nobody reads.
    #[error("the manifest has keys that nobody reads:{}", lines(.0))]
    Unknown(Vec<unknown::UnknownKey>),
    /// Values that cannot be.
    #[error("the manifest is not right:{}", lines(.0))]
    Faults(Vec<Fault>),
}

impl Manifest {
    /// Reads a manifest as people write it.
    ///
    /// # Errors
    /// All faults at once, each with its mend.
    pub fn from_toml(text: &str) -> Result<Self, ManifestError> {
        fits(text.len())?;
        known(unknown::in_toml(text, &SCHEMA))?;
        let manifest: Self = toml::from_str(text).map_err(|error| ManifestError::Malformed {
            format: "TOML",
            message: error.to_string().trim_end().to_owned(),
        })?;
        manifest.checked()
    }

    /// Reads a manifest as it is embedded.
    ///
    /// # Errors
    /// All faults at once, each with its mend.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        fits(bytes.len())?;
        let malformed = |error: serde_json::Error| ManifestError::Malformed {
            format: "JSON",
            message: error.to_string(),
        };
        let value: Value = serde_json::from_slice(bytes).map_err(malformed)?;
        known(unknown::in_json(&value, &SCHEMA))?;
        // From the text and not from the value, which would forget where a fault is.
        let manifest: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        manifest.checked()
    }

    /// The form that is embedded: compact JSON without `build`.
    pub fn to_json(&self) -> Vec<u8> {
        let embedded = Self {
            build: None,
            ..self.clone()
        };
        serde_json::to_vec(&embedded).expect("a manifest is plain data with text keys")
    }

    /// What it asks for.
    pub fn requests(&self) -> Requests {
        let everything = || Notify {
            kinds: vec!["job.*".to_owned()],
        };
        Requests {
            sources: self.sources.clone(),
            egress: self.egress.clone(),
            jobs: self.jobs.clone(),
            chat: self.chat.clone(),
            notify: match self.surfaces.contains(&Surface::Notifier) {
                true => self.notify.clone().unwrap_or_else(everything),
                false => Notify::default(),
            },
            directories: self.directories.clone(),
            limits: self.limits,
        }
    }

    /// The checked schema of its configuration.
    ///
    /// # Errors
    /// When the schema is none; a manifest that was read has passed this.
    pub fn config_schema(&self) -> Result<ConfigSchema, Vec<Fault>> {
        match &self.config {
            Some(schema) => ConfigSchema::new(schema),
            None => Ok(ConfigSchema::nothing()),
        }
    }

    /// Holds an operator's configuration against the schema; null is none.
    ///
    /// # Errors
    /// What is wrong with it, each with its mend.
    pub fn check_config(&self, config: &Value) -> Result<(), Vec<ConfigProblem>> {
        let schema = self
            .config_schema()
            .unwrap_or_else(|_| ConfigSchema::nothing());
        match config {
            Value::Null => schema.validate(&Value::Object(serde_json::Map::new())),
            config => schema.validate(config),
        }
    }

    /// The JSON Schema of manifests, for editors and for naming unknown keys.
    pub fn schema() -> &'static Value {
        &SCHEMA
    }

    fn checked(self) -> Result<Self, ManifestError> {
        let faults = check::faults(&self);
        match faults.is_empty() {
            true => Ok(self),
            false => Err(ManifestError::Faults(faults)),
        }
    }
}

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Manifest).to_value());

fn fits(bytes: usize) -> Result<(), ManifestError> {
    match bytes <= MAX_MANIFEST_BYTES {
        true => Ok(()),
        false => Err(ManifestError::TooLarge { bytes }),
    }
}

fn known(unknown: Vec<unknown::UnknownKey>) -> Result<(), ManifestError> {
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(ManifestError::Unknown(unknown)),
    }
}

fn lines<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("\n  {item}")).collect()
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
    let text = String::deserialize(deserializer)?;
    Version::parse(&text).map_err(|error| {
        serde::de::Error::custom(format_args!(
            "{} is no semantic version: {error}; write major.minor.patch, such as `0.1.0`",
            names::quoted(&text)
        ))
    })
}

#[cfg(test)]
mod tests;

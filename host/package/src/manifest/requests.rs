//! What a plugin asks for and what an operator grants: the same words twice,
//! once with host paths. Plain data; [`super::beyond`] compares them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sources::EventSource;

/// Everything a manifest asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Requests {
    /// Where events come from.
    pub sources: Vec<EventSource>,
    /// Requests that may be sent.
    pub egress: Vec<EgressRequest>,
    /// What may be done with jobs.
    pub jobs: Jobs,
    /// Chats that may be written to.
    pub chat: Chat,
    /// Events it is told of.
    pub notify: Notify,
    /// Directories it sees.
    pub directories: Vec<DirectoryRequest>,
    /// How much it may use.
    pub limits: Limits,
}

/// What an operator gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grant {
    /// Where events come from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<EventSource>,
    /// Requests that may be sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<EgressRequest>,
    /// What may be done with jobs.
    #[serde(skip_serializing_if = "Jobs::is_empty")]
    pub jobs: Jobs,
    /// Chats that may be written to.
    #[serde(skip_serializing_if = "Chat::is_empty")]
    pub chat: Chat,
    /// Events it is told of.
    #[serde(skip_serializing_if = "Notify::is_empty")]
    pub notify: Notify,
    /// Directories it sees, with where they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<DirectoryGrant>,
    /// How much it may use.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
}

impl Grant {
    /// Exactly what is asked for, with the operator's paths for directories.
    /// A directory without a path is not granted.
    pub fn of(requests: &Requests, paths: &BTreeMap<String, PathBuf>) -> Self {
        Self {
            sources: requests.sources.clone(),
            egress: requests.egress.clone(),
            jobs: requests.jobs.clone(),
            chat: requests.chat.clone(),
            notify: requests.notify.clone(),
            directories: requests
                .directories
                .iter()
                .filter_map(|directory| {
                    Some(DirectoryGrant {
                        name: directory.name.clone(),
                        mode: directory.mode,
                        path: paths.get(&directory.name)?.clone(),
                    })
                })
                .collect(),
            limits: requests.limits,
        }
    }

    /// What a version that asks for this gets of the grant: what it may do with
    /// jobs, chats and directories, only as far as it asks. A version before may
    /// ask for less than the grant has. Which hosts it may send to and how much
    /// it may use is the operator's to say, also beyond what it asks.
    #[must_use]
    pub fn within(mut self, requests: &Requests) -> Self {
        self.jobs
            .allow
            .retain(|action| requests.jobs.allow.contains(action));
        self.chat
            .sources
            .retain(|source| requests.chat.sources.contains(source));
        self.directories.retain_mut(|own| {
            let mut asked = requests.directories.iter();
            let asked = asked.find(|asked| asked.name == own.name);
            if let Some(asked) = asked {
                own.mode = own.mode.min(asked.mode);
            }
            asked.is_some()
        });
        self
    }

    /// This grant and everything that is asked for. Where both speak of the
    /// same thing the request holds; an operator's path of a directory stays
    /// unless there is a new one.
    #[must_use]
    pub fn with(mut self, requests: &Requests, paths: &BTreeMap<String, PathBuf>) -> Self {
        let known = self.directories.iter();
        let mut all: BTreeMap<String, PathBuf> = known
            .map(|directory| (directory.name.clone(), directory.path.clone()))
            .collect();
        all.extend(paths.clone());
        let asked = Self::of(requests, &all);
        self.sources
            .retain(|own| asked.sources.iter().all(|new| new.name() != own.name()));
        self.sources.extend(asked.sources);
        for rule in asked.egress {
            if !self.egress.contains(&rule) {
                self.egress.push(rule);
            }
        }
        self.jobs.allow.extend(asked.jobs.allow);
        self.chat.sources.extend(asked.chat.sources);
        for kind in asked.notify.kinds {
            if !self.notify.kinds.contains(&kind) {
                self.notify.kinds.push(kind);
            }
        }
        self.directories
            .retain(|own| asked.directories.iter().all(|new| new.name != own.name));
        self.directories.extend(asked.directories);
        self.limits = asked.limits;
        self
    }
}

/// Requests that go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressRequest {
    /// A host, or `*.` and a domain; see [`super::HostPattern`].
    pub host: String,
    /// Methods in capitals.
    #[serde(default = "only_get")]
    pub methods: Vec<String>,
    /// What paths begin with, compared by whole segments.
    #[serde(default = "any_path")]
    pub path_prefix: String,
    /// How it is reached.
    #[serde(default = "only_https")]
    pub schemes: Vec<Scheme>,
    /// Port; none for the scheme's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether the name may lead to private addresses.
    #[serde(default)]
    pub private: bool,
    /// What the host adds to each of these requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
}

fn only_get() -> Vec<String> {
    vec!["GET".to_owned()]
}

fn any_path() -> String {
    "/".to_owned()
}

fn only_https() -> Vec<Scheme> {
    vec![Scheme::Https]
}

/// How a host is reached.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// With TLS.
    Https,
    /// Without.
    Http,
}

impl Scheme {
    /// As URLs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// The port that URLs leave out.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// What the host adds to a request: the secret in a header or in the path, or a
/// signature made with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Name of the secret in the vault.
    pub secret: String,
    /// Header it is sent in, in lower case; left out for one in the path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub header: String,
    /// What stands before it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// How the body is signed with the secret, which then stays at the host;
    /// none to send the secret itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<Sign>,
    /// Whether the secret is a whole URL, as incoming webhooks have, whose path
    /// goes out in place of the segment `-` that follows `path_prefix`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_path: bool,
}

/// How a body is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// HMAC-SHA256 of the body's bytes, in lower-case hex.
    HmacSha256,
}

/// What may be done with jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jobs {
    /// The allowed actions.
    pub allow: BTreeSet<JobAction>,
}

impl Jobs {
    pub(super) fn is_empty(&self) -> bool {
        self.allow.is_empty()
    }
}

/// Something that can be done with jobs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum JobAction {
    /// Make new ones.
    Submit,
    /// Look at them.
    Read,
    /// End them.
    Cancel,
    /// Queue them again.
    Retry,
    /// Answer their questions for the event's sender.
    Decide,
}

/// Chats that may be written to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Chat {
    /// Names of chat sources, such as `telegram`.
    pub sources: BTreeSet<String>,
}

impl Chat {
    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }
}

/// Events a notifier is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// Kinds such as `job.succeeded`, or `job.*`.
    pub kinds: Vec<String>,
}

impl Notify {
    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Whether a kind, or a whole family, is among them.
    pub fn covers(&self, kind: &str) -> bool {
        self.kinds.iter().any(|own| {
            own == kind
                || own
                    .strip_suffix('*')
                    .is_some_and(|family| kind.starts_with(family))
        })
    }
}

/// A directory that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryRequest {
    /// Its name; the guest sees it as `/` and this.
    pub name: String,
    /// What may be done in it.
    #[serde(default)]
    pub mode: DirectoryMode,
}

/// A directory that is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryGrant {
    /// Its name in the manifest.
    pub name: String,
    /// What may be done in it.
    #[serde(default)]
    pub mode: DirectoryMode,
    /// Absolute path on the host.
    pub path: PathBuf,
}

/// What may be done in a directory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryMode {
    /// Reading.
    #[default]
    Read,
    /// Reading and writing.
    ReadWrite,
}

/// How much a plugin may use; none for the host's own limit. The host's
/// ceilings hold whatever is asked and granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Memory of one instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Computing time of one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Time of one call, waits included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Keys and values it keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_bytes: Option<u64>,
}

/// What keys and values of a plugin may add up to when nothing else was
/// granted; the number that the WIT documents.
const DEFAULT_KV_BYTES: u64 = 1 << 20;

impl Limits {
    /// What its keys and values may add up to, in bytes.
    pub fn kv_limit_bytes(&self) -> u64 {
        self.kv_bytes.unwrap_or(DEFAULT_KV_BYTES)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

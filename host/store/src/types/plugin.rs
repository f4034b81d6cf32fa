//! Plugins as they are installed, and the log of who changed what.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sortie_model::clock::Timestamp;

/// A version of a plugin, about to be installed or to replace another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPlugin {
    /// The name, which is the manifest's.
    pub name: String,
    /// The version, as the manifest says it.
    pub version: String,
    /// SHA-256 of the component in 64 lower-case hexadecimal digits.
    pub digest: String,
    /// Where it came from: a path, a URL or an OCI reference.
    pub source: String,
    /// The text of its signature, whether or not anybody trusts the key.
    pub signature: Option<String>,
    /// Who signed it, of those that were trusted when it was installed.
    pub signed_by: Option<String>,
    /// The manifest.
    pub manifest: Value,
    /// The digest of the host's own plugin whose place it takes, if it takes
    /// the place of one.
    pub replaces_shipped: Option<String>,
}

/// A plugin as it is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledPlugin {
    /// The name.
    pub name: String,
    /// The version that runs when it is enabled.
    pub version: String,
    /// SHA-256 of its component in 64 lower-case hexadecimal digits.
    pub digest: String,
    /// Where it came from: a path, a URL or an OCI reference.
    pub source: String,
    /// The text of its signature, whether or not anybody trusts the key.
    pub signature: Option<String>,
    /// Who signed it, of those that were trusted when it was installed.
    pub signed_by: Option<String>,
    /// Its manifest.
    pub manifest: Value,
    /// The version that a rollback brings back, if there was one before.
    pub previous: Option<PluginVersion>,
    /// What an operator granted, whichever version runs.
    pub grant: Value,
    /// Whether it may run.
    pub enabled: bool,
    /// Why it may not, when it may not.
    pub disabled_why: Option<String>,
    /// The person who said so; none when it only lacks a grant. Nothing but
    /// enabling it undoes a person's word.
    pub disabled_by: Option<String>,
    /// When it was first installed.
    pub installed_at: Timestamp,
    /// When anything of this last changed.
    pub changed_at: Timestamp,
}

/// A version of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginVersion {
    /// The version, as its manifest says it.
    pub version: String,
    /// SHA-256 of its component in 64 lower-case hexadecimal digits.
    pub digest: String,
    /// Where it came from.
    pub source: String,
    /// The text of its signature, whether or not anybody trusts the key.
    pub signature: Option<String>,
    /// Who signed it, of those that were trusted when it was installed.
    pub signed_by: Option<String>,
    /// Its manifest.
    pub manifest: Value,
}

/// What becomes of a plugin's keys and cursors when it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginData {
    /// They wait for a plugin of the same name.
    Keep,
    /// They are gone.
    Erase,
}

/// Something for the log that only grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who did it: a user, or `plugin:` and a plugin's name.
    pub actor: String,
    /// What was done, in two words or more with dots between, such as
    /// `plugin.installed` or `egress.denied`.
    pub action: String,
    /// To what, such as the plugin's name.
    pub subject: String,
    /// What else there is to say; never a secret.
    pub detail: Value,
}

/// A row of that log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number; later ones are greater.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else there is to say.
    pub detail: Value,
}

/// Which rows of the log to read. The default reads the newest of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only about this subject.
    pub subject: Option<String>,
    /// Only actions that begin so; empty for all.
    pub action: String,
    /// Only rows older than this one: the last of the page before.
    pub before: Option<u64>,
    /// At most so many; 0 for the largest page, see
    /// [`MAX_PAGE`](crate::limits::MAX_PAGE).
    pub limit: u32,
}

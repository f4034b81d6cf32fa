//! Plugins as clients see them: what runs, what was granted, what a package
//! would want.

use super::moment;
use crate::problem::{Kind, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sortie_intake::Installed;
use sortie_package::manifest::{Difference, Subject};
use sortie_platform::LogEntry;
use sortie_platform::lifecycle::{Consent, Examined};
use sortie_store::{InstalledPlugin, PluginVersion};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A plugin: one of the host's own, or one that was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginView {
    /// Its name.
    pub name: String,
    /// Its version; the host's for one of the host's own.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// What it exports: `agent`, `budget`, `scanner`, `workflow`, `connector`,
    /// `notifier`.
    pub surfaces: Vec<String>,
    /// Whether it came inside the host's own binary.
    pub shipped: bool,
    /// Where it came from; none for one of the host's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Who signed it, of those that the host trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// Whether it may run.
    pub enabled: bool,
    /// Why it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_why: Option<String>,
    /// Who disabled it; none when it only lacks a grant. It stays disabled until
    /// somebody enables it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_by: Option<String>,
    /// Why it does not run although it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// The plugins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginList {
    /// By name.
    pub plugins: Vec<PluginView>,
}

/// A plugin with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginDetail {
    /// What a list shows.
    #[serde(flatten)]
    pub plugin: PluginView,
    /// Its manifest; none for one of the host's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Value>,
    /// What an operator granted; none for one of the host's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Value>,
    /// What it wants beyond its grant; it runs only when that is nothing.
    pub beyond: Vec<DifferenceView>,
    /// What a rollback brings back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<VersionView>,
    /// When it was first installed (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub installed_at: Option<String>,
    /// When anything of this last changed (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub changed_at: Option<String>,
}

/// A version of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionView {
    /// The version.
    pub version: String,
    /// SHA-256 of its component, in hexadecimal.
    pub digest: String,
    /// Where it came from.
    pub source: String,
    /// Who signed it, of those that were trusted when it was installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
}

/// Something that a plugin wants and was not granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DifferenceView {
    /// `source`, `egress`, `jobs`, `chat`, `notify`, `directory` or `limit`.
    pub subject: String,
    /// Completes "it wants to …".
    pub wants: String,
    /// What was granted of that kind, when something near was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<String>,
}

/// What a look at a package found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExaminedView {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Who signed it, of those that the host trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// What it exports.
    pub surfaces: Vec<String>,
    /// What it imports.
    pub imports: Vec<String>,
    /// Its manifest.
    pub manifest: Value,
    /// What it wants beyond what was granted before.
    pub beyond: Vec<DifferenceView>,
    /// Whether one of the host's own plugins has its name. It takes the place
    /// of that one, which an install has to allow.
    pub replaces_shipped: bool,
}

/// What an operator agrees to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentBody {
    /// Nothing beyond what was granted before.
    #[default]
    Before,
    /// Everything that is asked for, with these paths for directories, by
    /// their names in the manifest.
    Everything(BTreeMap<String, String>),
    /// Exactly this grant, in the words of a manifest.
    Exactly(Value),
}

/// A new grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantBody {
    /// What it is.
    pub consent: ConsentBody,
}

/// Why a plugin is disabled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableBody {
    /// The reason, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The newest lines that a plugin logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginLogList {
    /// Oldest first; kept in memory, so none from before the host's start.
    pub lines: Vec<PluginLogLine>,
}

/// A line that a plugin logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginLogLine {
    /// When (RFC 3339).
    #[schema(format = DateTime)]
    pub at: String,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// What it says.
    pub message: String,
}

impl PluginView {
    /// One that runs and was never installed: one of the host's own.
    pub(crate) fn own(plugin: Installed) -> Self {
        Self {
            name: plugin.name,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: plugin.digest,
            surfaces: plugin
                .surfaces
                .iter()
                .map(|surface| surface.name().to_owned())
                .collect(),
            shipped: plugin.shipped,
            source: None,
            signed_by: None,
            enabled: true,
            disabled_why: None,
            disabled_by: None,
            broken: None,
        }
    }

    fn installed(plugin: &InstalledPlugin) -> Self {
        let surfaces = plugin.manifest["surfaces"].as_array();
        Self {
            name: plugin.name.clone(),
            version: plugin.version.clone(),
            digest: plugin.digest.clone(),
            surfaces: surfaces
                .into_iter()
                .flatten()
                .filter_map(|surface| surface.as_str().map(str::to_owned))
                .collect(),
            shipped: false,
            source: Some(plugin.source.clone()),
            signed_by: plugin.signed_by.clone(),
            enabled: plugin.enabled,
            disabled_why: plugin.disabled_why.clone(),
            disabled_by: plugin.disabled_by.clone(),
            broken: None,
        }
    }
}

impl From<sortie_platform::PluginView> for PluginView {
    fn from(view: sortie_platform::PluginView) -> Self {
        Self {
            broken: view.broken,
            ..Self::installed(&view.plugin)
        }
    }
}

impl PluginDetail {
    /// The same of one of the host's own.
    pub(crate) fn own(plugin: Installed) -> Self {
        Self {
            plugin: PluginView::own(plugin),
            manifest: None,
            grant: None,
            beyond: Vec::new(),
            previous: None,
            installed_at: None,
            changed_at: None,
        }
    }
}

impl From<InstalledPlugin> for PluginDetail {
    fn from(plugin: InstalledPlugin) -> Self {
        Self {
            plugin: PluginView::installed(&plugin),
            manifest: Some(plugin.manifest),
            grant: Some(plugin.grant),
            beyond: Vec::new(),
            previous: plugin.previous.map(Into::into),
            installed_at: Some(moment(plugin.installed_at)),
            changed_at: Some(moment(plugin.changed_at)),
        }
    }
}

impl From<sortie_platform::PluginView> for PluginDetail {
    fn from(view: sortie_platform::PluginView) -> Self {
        let mut detail = Self::from(view.plugin);
        detail.plugin.broken = view.broken;
        detail.beyond = view.beyond.into_iter().map(Into::into).collect();
        detail
    }
}

impl From<PluginVersion> for VersionView {
    fn from(version: PluginVersion) -> Self {
        Self {
            version: version.version,
            digest: version.digest,
            source: version.source,
            signed_by: version.signed_by,
        }
    }
}

impl From<Difference> for DifferenceView {
    fn from(difference: Difference) -> Self {
        Self {
            subject: name_of(difference.subject),
            wants: difference.wants,
            granted: difference.granted,
        }
    }
}

/// The name of a subject, as the platform's own rows have it.
fn name_of(subject: Subject) -> String {
    let value = serde_json::to_value(subject).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

impl From<Examined> for ExaminedView {
    fn from(examined: Examined) -> Self {
        Self {
            name: examined.name,
            version: examined.version,
            digest: examined.digest,
            signed_by: examined.signed_by,
            surfaces: examined.surfaces,
            imports: examined.imports,
            manifest: examined.manifest,
            beyond: examined.beyond.into_iter().map(Into::into).collect(),
            replaces_shipped: examined.replaces_shipped,
        }
    }
}

impl TryFrom<ConsentBody> for Consent {
    type Error = Problem;

    fn try_from(body: ConsentBody) -> Result<Self, Problem> {
        match body {
            ConsentBody::Before => Ok(Self::Before),
            ConsentBody::Everything(paths) => Ok(Self::Everything(
                paths
                    .into_iter()
                    .map(|(name, path)| (name, path.into()))
                    .collect(),
            )),
            ConsentBody::Exactly(grant) => match serde_json::from_value(grant) {
                Ok(grant) => Ok(Self::Exactly(Box::new(grant))),
                Err(error) => Err(Problem::new(
                    Kind::InvalidRequest,
                    format!("read the grant: {error}"),
                )
                .with_hint(
                    "write it in the words of a manifest; `sortie plugin inspect` prints one",
                )),
            },
        }
    }
}

impl From<LogEntry> for PluginLogLine {
    fn from(entry: LogEntry) -> Self {
        Self {
            at: moment(entry.at),
            level: entry.level.to_owned(),
            message: entry.message,
        }
    }
}

//! A plugin as it runs: its manifest and what it was granted, in the form that
//! calls and sources ask of it.

use sortie_gateway::outbound::Rule;
use sortie_package::manifest::{DirectoryMode, EventSource, HttpSource, TimerSource};
use sortie_package::{Grant, Manifest};
use sortie_plugins::{Capabilities, Directory};

/// A plugin that runs, with what it has of its grant.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) name: String,
    pub(crate) manifest: Manifest,
    pub(crate) grant: Grant,
    pub(crate) rules: Vec<Rule>,
}

impl Running {
    /// # Errors
    ///
    /// What is wrong with the grant.
    pub(crate) fn new(manifest: Manifest, grant: Grant) -> Result<Self, String> {
        let rules = rules(&grant)?;
        let grant = grant.within(&manifest.requests());
        Ok(Self {
            name: manifest.name.clone(),
            manifest,
            grant,
            rules,
        })
    }

    pub(crate) fn kv_bytes(&self) -> u64 {
        self.grant.limits.kv_limit_bytes()
    }

    /// What concerns the instance itself.
    pub(crate) fn capabilities(&self) -> Capabilities {
        let limits = &self.grant.limits;
        Capabilities {
            directories: self
                .grant
                .directories
                .iter()
                .map(|directory| Directory {
                    guest: format!("/{}", directory.name),
                    host: directory.path.clone(),
                    writable: directory.mode == DirectoryMode::ReadWrite,
                })
                .collect(),
            memory_bytes: limits
                .memory_bytes
                .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            cpu_ms: limits.cpu_ms,
            wall_ms: limits.wall_ms,
        }
    }

    /// The http source of that name. What runs asks for no more than it was
    /// granted, and gets no more than it asks for.
    pub(crate) fn http_source(&self, name: &str) -> Option<&HttpSource> {
        self.manifest
            .sources
            .iter()
            .find_map(|source| match source {
                EventSource::Http(source) if source.name == name => Some(source),
                _ => None,
            })
    }

    /// The timers.
    pub(crate) fn timers(&self) -> impl Iterator<Item = &TimerSource> {
        self.manifest
            .sources
            .iter()
            .filter_map(|source| match source {
                EventSource::Timer(source) => Some(source),
                EventSource::Http(_) => None,
            })
    }
}

/// The egress rules of a grant, in the gateway's own form.
fn rules(grant: &Grant) -> Result<Vec<Rule>, String> {
    grant
        .egress
        .iter()
        .map(|asked| {
            let value = serde_json::to_value(asked).map_err(|error| error.to_string())?;
            serde_json::from_value(value).map_err(|error| error.to_string())
        })
        .collect()
}

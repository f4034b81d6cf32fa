//! A loaded plugin: what it is, what it may be asked, and its prepared code.

use std::sync::Arc;

use serde::Serialize;
use sortie_model::surface::Surface;
use tokio::sync::OnceCell;
use wasmtime::component::InstancePre;

use crate::{
    bindings::{agent, budget, connector, notifier, scanner, workflow},
    cache::CodeSource,
    call::CallState,
    capabilities::Capabilities,
    error::{At, PluginError},
    options::MAX_CONFIG_BYTES,
    surfaces::scanner::Rule,
};

/// The interface that a plugin of this surface exports, without version.
pub(crate) fn interface(surface: Surface) -> &'static str {
    match surface {
        Surface::Scanner => "sortie:scanner/scan",
        Surface::Budget => "sortie:budget/budget",
        Surface::Agent => "sortie:agent/agent",
        Surface::Workflow => "sortie:workflow/workflow",
        Surface::Connector => "sortie:connector/connector",
        Surface::Notifier => "sortie:notifier/notifier",
    }
}

/// The interfaces it may import besides WASI, without versions.
pub(crate) fn imports(surface: Surface) -> &'static [&'static str] {
    match surface {
        Surface::Scanner => &[
            "sortie:host/log",
            "sortie:host/config",
            "sortie:scanner/change",
        ],
        Surface::Agent => &["sortie:host/log", "sortie:host/config"],
        Surface::Budget | Surface::Workflow => &["sortie:host/config"],
        Surface::Connector => &[
            "sortie:host/log",
            "sortie:host/config",
            "sortie:host/job-types",
            "sortie:host/http",
            "sortie:host/jobs",
            "sortie:host/chat",
            "sortie:host/kv",
            "sortie:connector/events",
        ],
        Surface::Notifier => &[
            "sortie:host/log",
            "sortie:host/config",
            "sortie:host/job-types",
            "sortie:host/http",
            "sortie:host/chat",
            "sortie:host/kv",
        ],
    }
}

/// One surface and the version of it that a plugin speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SurfaceInfo {
    /// Which.
    pub surface: Surface,
    /// The version it was built against, such as `0.1.0`.
    pub version: String,
}

/// What is known about a loaded plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PluginInfo {
    /// The name it was loaded under.
    pub name: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Size of the component in bytes.
    pub bytes: usize,
    /// What it can be asked, in the order of [`Surface::ALL`].
    pub surfaces: Vec<SurfaceInfo>,
    /// What it imports, in the order of the component.
    pub imports: Vec<String>,
    /// Where its compiled code came from.
    pub code: CodeSource,
}

/// The operator's configuration of one plugin.
#[derive(Debug)]
pub(crate) struct PluginConfig {
    values: serde_json::Map<String, serde_json::Value>,
    text: String,
}

impl PluginConfig {
    pub(crate) fn new(plugin: &str, config: serde_json::Value) -> Result<Self, PluginError> {
        let bad = |reason: String| PluginError::BadConfig {
            plugin: plugin.to_owned(),
            reason,
        };
        let values = match config {
            serde_json::Value::Null => serde_json::Map::new(),
            serde_json::Value::Object(values) => values,
            _ => return Err(bad("is not a table of keys and values".into())),
        };
        let text = serde_json::to_string(&values).map_err(|e| bad(e.to_string()))?;
        if text.len() > MAX_CONFIG_BYTES {
            return Err(bad(format!(
                "has {} bytes, the limit is {MAX_CONFIG_BYTES}",
                text.len()
            )));
        }
        Ok(Self { values, text })
    }

    pub(crate) fn get(&self, key: &str) -> Option<String> {
        self.values.get(key).map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    pub(crate) fn all(&self) -> &str {
        &self.text
    }
}

/// A loaded plugin. Calls under way keep it alive when another takes its name.
pub(crate) struct Plugin {
    pub(crate) name: Arc<str>,
    pub(crate) digest: Arc<str>,
    pub(crate) config: PluginConfig,
    pub(crate) capabilities: Capabilities,
    pub(crate) info: PluginInfo,
    pub(crate) uses_wasi: bool,
    pub(crate) uses_kv: bool,
    pub(crate) scanner: Option<scanner::ScannerPre<CallState>>,
    pub(crate) budget: Option<budget::BudgetProfilesPre<CallState>>,
    pub(crate) agent: Option<agent::CodingAgentPre<CallState>>,
    pub(crate) workflow: Option<workflow::JobWorkflowPre<CallState>>,
    pub(crate) connector: Option<connector::JobConnectorPre<CallState>>,
    pub(crate) notifier: Option<notifier::JobNotifierPre<CallState>>,
    /// A scanner's rules; they cannot change while its code and configuration
    /// do not.
    pub(crate) rules: OnceCell<Arc<Vec<Rule>>>,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.info.fmt(f)
    }
}

impl Plugin {
    /// Prepares the surfaces in `info`; a shape that differs from the WIT is
    /// found here and not in the first call.
    pub(crate) fn new(
        info: PluginInfo,
        config: PluginConfig,
        capabilities: Capabilities,
        pre: &InstancePre<CallState>,
    ) -> Result<Self, PluginError> {
        let has = |surface: Surface| info.surfaces.iter().any(|s| s.surface == surface);
        let wrong = |surface: Surface, error: wasmtime::Error| PluginError::WrongWorld {
            plugin: info.name.clone(),
            export: interface(surface).to_owned(),
            reason: format!("does not have the shape of the WIT: {error:#}"),
        };
        let scanner = has(Surface::Scanner)
            .then(|| scanner::ScannerPre::new(pre.clone()))
            .transpose()
            .map_err(|e| wrong(Surface::Scanner, e))?;
        let budget = has(Surface::Budget)
            .then(|| budget::BudgetProfilesPre::new(pre.clone()))
            .transpose()
            .map_err(|e| wrong(Surface::Budget, e))?;
        let agent = has(Surface::Agent)
            .then(|| agent::CodingAgentPre::new(pre.clone()))
            .transpose()
            .map_err(|e| wrong(Surface::Agent, e))?;
        let workflow = has(Surface::Workflow)
            .then(|| workflow::JobWorkflowPre::new(pre.clone()))
            .transpose()
            .map_err(|e| wrong(Surface::Workflow, e))?;
        let connector = has(Surface::Connector)
            .then(|| connector::JobConnectorPre::new(pre.clone()))
            .transpose()
            .map_err(|e| wrong(Surface::Connector, e))?;
        let notifier = has(Surface::Notifier)
            .then(|| notifier::JobNotifierPre::new(pre.clone()))
            .transpose()
            .map_err(|e| wrong(Surface::Notifier, e))?;
        let imports = |prefix: &str| info.imports.iter().any(|name| name.starts_with(prefix));
        Ok(Self {
            name: info.name.as_str().into(),
            digest: info.digest.as_str().into(),
            uses_wasi: imports("wasi:"),
            uses_kv: imports("sortie:host/kv@"),
            config,
            capabilities,
            info,
            scanner,
            budget,
            agent,
            workflow,
            connector,
            notifier,
            rules: OnceCell::new(),
        })
    }

    pub(crate) fn at(&self, export: &str) -> At {
        At {
            plugin: self.name.to_string(),
            export: export.to_owned(),
        }
    }

    /// The error for a call of a surface this plugin does not have.
    pub(crate) fn lacks(&self, surface: Surface) -> PluginError {
        PluginError::WrongWorld {
            plugin: self.name.to_string(),
            export: interface(surface).to_owned(),
            reason: "is missing".into(),
        }
    }
}

//! The handle of the platform, and its life: loads what is installed, then
//! works until it is told to stop.

use crate::call::Actor;
use crate::call::{AuditLog, Context, Ledger};
use crate::files::Packages;
use crate::lifecycle::package::stored_signer;
use crate::running::Running;
use crate::sources::strangers::Strangers;
use crate::{PlatformError, PlatformOptions, deliveries, events, sources};
use futures::stream::{self, StreamExt};
use serde::Serialize;
use sortie_gateway::outbound::Audit;
use sortie_package::manifest::Difference;
use sortie_package::{Grant, Manifest};
use sortie_plugins::Plugins;
use sortie_store::{InstalledPlugin, Store};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// The handle of the platform; clones share it.
#[derive(Clone)]
pub struct Platform(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) options: PlatformOptions,
    pub(crate) packages: Packages,
    /// What runs, by name. A call works on the one that it began with.
    running: RwLock<BTreeMap<String, Arc<Running>>>,
    /// Why an enabled plugin does not run.
    broken: RwLock<BTreeMap<String, String>>,
    /// One change of what is installed at a time.
    pub(crate) changes: Mutex<()>,
    changed: watch::Sender<u64>,
    pub(crate) strangers: Strangers,
}

/// An installed plugin, for people.
#[derive(Clone, Debug, Serialize)]
pub struct PluginView {
    /// What is stored of it.
    #[serde(flatten)]
    pub plugin: InstalledPlugin,
    /// What it wants beyond its grant; it runs only when there is nothing.
    pub beyond: Vec<Difference>,
    /// Why it does not run although it is enabled.
    pub broken: Option<String>,
}

impl Platform {
    /// Loads what is installed. A plugin that cannot be loaded is left out and
    /// named in the log: the host must come up without it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn open(options: PlatformOptions) -> Result<Self, PlatformError> {
        let platform = Self(Arc::new(Inner {
            packages: Packages::new(&options.data_dir),
            running: RwLock::default(),
            broken: RwLock::default(),
            changes: Mutex::default(),
            changed: watch::Sender::new(0),
            strangers: Strangers::default(),
            options,
        }));
        let installed = platform.store().plugins().await?;
        let mut kept = Vec::new();
        for plugin in &installed {
            kept.push(plugin.digest.clone());
            kept.extend(plugin.previous.as_ref().map(|p| p.digest.clone()));
        }
        platform.load_all(installed).await;
        platform.0.packages.prune(&kept);
        platform.subscribe().await?;
        Ok(platform)
    }

    /// Where the egress service's rows go.
    pub fn audit_of(store: Store) -> Arc<dyn Audit> {
        Arc::new(AuditLog(store))
    }

    /// Handles events and deliveries, and ticks, until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        tokio::join!(
            events::work(self, shutdown.clone()),
            deliveries::work(self, shutdown.clone()),
            sources::timer::work(self, shutdown.clone()),
            self.tidy(shutdown),
        );
    }

    /// What is installed, by name. The host's own plugins are not among it
    /// unless others were installed in their place.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn installed(&self) -> Result<Vec<PluginView>, PlatformError> {
        let plugins = self.store().plugins().await?;
        Ok(plugins.into_iter().map(|p| self.view(p)).collect())
    }

    /// One installed plugin.
    ///
    /// # Errors
    ///
    /// [`PlatformError::NotInstalled`].
    pub async fn plugin(&self, name: &str) -> Result<PluginView, PlatformError> {
        match self.store().plugin(name).await? {
            Some(plugin) => Ok(self.view(plugin)),
            None => Err(PlatformError::NotInstalled {
                plugin: name.to_owned(),
            }),
        }
    }

    pub(crate) fn view(&self, mut plugin: InstalledPlugin) -> PluginView {
        let manifest = manifest_of(&plugin).ok();
        // Who is trusted may have changed since it was installed.
        let signature = plugin.signature.as_deref();
        plugin.signed_by = manifest.as_ref().and_then(|manifest| {
            let trust = &self.0.options.trust;
            stored_signer(manifest, &plugin.digest, signature, trust).ok()?
        });
        let grant = grant_of(&plugin).unwrap_or_default();
        let broken = self.0.broken.read().unwrap_or_else(PoisonError::into_inner);
        PluginView {
            beyond: manifest
                .map(|manifest| manifest.requests().beyond(&grant))
                .unwrap_or_default(),
            broken: broken.get(&plugin.name).cloned(),
            plugin,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.options.store
    }

    pub(crate) fn plugins(&self) -> &Plugins {
        &self.0.options.plugins
    }

    pub(crate) fn running(&self, name: &str) -> Option<Arc<Running>> {
        let running = self
            .0
            .running
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        running.get(name).cloned()
    }

    pub(crate) fn all_running(&self) -> Vec<Arc<Running>> {
        let running = self
            .0
            .running
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        running.values().cloned().collect()
    }

    /// Rises with each change of what runs.
    pub(crate) fn change_signal(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// What stands behind the imports of one call.
    pub(crate) fn context(&self, plugin: &Arc<Running>, actor: Actor) -> (Context, Ledger) {
        let options = &self.0.options;
        Context::new(
            options.store.clone(),
            options.intake.clone(),
            options.outbound.clone(),
            Arc::clone(plugin),
            actor,
            options.day_limits,
        )
    }

    pub(crate) fn set_running(&self, name: &str, running: Option<Arc<Running>>) {
        {
            let mut all = self
                .0
                .running
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            match running {
                Some(running) => all.insert(name.to_owned(), running),
                None => all.remove(name),
            };
        }
        self.set_broken(name, None);
        self.0.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub(crate) fn set_broken(&self, name: &str, why: Option<String>) {
        let mut broken = self
            .0
            .broken
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match why {
            Some(why) => broken.insert(name.to_owned(), why),
            None => broken.remove(name),
        };
    }

    /// Tells the store who is told what, from the next event on.
    pub(crate) async fn subscribe(&self) -> Result<(), PlatformError> {
        let notifier = sortie_model::surface::Surface::Notifier;
        let kinds: BTreeMap<String, Vec<String>> = self
            .all_running()
            .iter()
            .filter(|plugin| plugin.manifest.surfaces.contains(&notifier))
            .map(|plugin| (plugin.name.clone(), plugin.manifest.requests().notify.kinds))
            .collect();
        Ok(self.store().put_subscriptions(kinds).await?)
    }

    /// Loads what is installed at the start, on every core.
    async fn load_all(&self, installed: Vec<InstalledPlugin>) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let loads = installed.into_iter().map(|plugin| async move {
            let (platform, name) = (self.clone(), plugin.name.clone());
            let loading = tokio::spawn(async move {
                match plugin.enabled {
                    true => platform.load(&plugin).await,
                    // Nor does one of the host's own stand in for it.
                    false => drop(platform.plugins().remove(&plugin.name)),
                }
            });
            if let Err(panic) = loading.await {
                self.leave_out(&name, panic.to_string());
            }
        });
        let loads = stream::iter(loads).buffer_unordered(cores);
        loads.collect::<()>().await;
    }

    /// Loads an installed plugin at the start.
    async fn load(&self, plugin: &InstalledPlugin) {
        let name = &plugin.name;
        match self.prepare_installed(plugin).await {
            Ok((running, prepared)) => {
                self.plugins().activate(prepared);
                self.set_running(name, Some(Arc::new(running)));
            }
            Err(error) => self.leave_out(name, error.to_string()),
        }
    }

    /// Whatever had the name must not stand in for it.
    pub(crate) fn leave_out(&self, name: &str, why: String) {
        self.plugins().remove(name);
        tracing::error!(
            error = why,
            plugin = name,
            "an installed plugin does not run"
        );
        self.set_broken(name, Some(why));
    }
}

/// The manifest as it was installed.
pub(crate) fn manifest_of(plugin: &InstalledPlugin) -> Result<Manifest, PlatformError> {
    let bytes = serde_json::to_vec(&plugin.manifest).unwrap_or_default();
    Ok(Manifest::from_json(&bytes)?)
}

/// The grant as it was given.
pub(crate) fn grant_of(plugin: &InstalledPlugin) -> Result<Grant, PlatformError> {
    serde_json::from_value(plugin.grant.clone()).map_err(|error| PlatformError::Grant {
        plugin: plugin.name.clone(),
        reason: error.to_string(),
    })
}

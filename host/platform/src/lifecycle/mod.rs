//! What becomes of plugins: installed, upgraded, rolled back, granted,
//! enabled, disabled, removed.
//!
//! Each change is made ready first (checked, compiled, configured), then
//! written with its row in the audit log, then takes effect by a swap of one
//! pointer. Whatever fails before the write leaves everything as it was; calls
//! under way end on the version they began with. No guest code runs here.

mod package;

pub use package::{Examined, Package};

use crate::platform::{grant_of, manifest_of};
use crate::running::Running;
use crate::{Platform, PlatformError, PluginView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sortie_package::manifest::Difference;
use sortie_package::{Grant, Manifest};
use sortie_plugins::Prepared;
use sortie_store::{InstalledPlugin, NewPlugin, PluginData};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What an operator agrees to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Nothing beyond what was granted before.
    #[default]
    Before,
    /// Everything that is asked for, with these paths for directories.
    Everything(BTreeMap<String, PathBuf>),
    /// Exactly this.
    Exactly(Box<Grant>),
}

/// A version that is ready to be written and to run.
struct Ready {
    new: NewPlugin,
    grant: Grant,
    beyond: Vec<Difference>,
    running: Running,
    prepared: Prepared,
}

impl Platform {
    /// Looks at a package without installing it.
    ///
    /// # Errors
    ///
    /// Whatever an install would refuse it for, besides its grant.
    pub async fn examine(&self, package: &Package) -> Result<Examined, PlatformError> {
        let installed = self.installed_as(package).await?;
        let examined = package::examine(package, &self.0.options.trust, installed.as_ref())?;
        let grant = installed.as_ref().map(grant_of).transpose()?;
        let ready = self
            .ready(package, examined, grant.unwrap_or_default())
            .await?;
        Ok(Examined::of(
            &ready.new,
            ready.prepared.info(),
            ready.beyond,
        ))
    }

    /// Installs a package under the name in its manifest. When it wants more
    /// than is agreed to, it is installed disabled.
    ///
    /// # Errors
    ///
    /// When it is refused, or a plugin of that name is installed.
    pub async fn install(
        &self,
        package: &Package,
        consent: Consent,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        let examined = package::examine(package, &self.0.options.trust, None)?;
        let grant = agreed(&examined.manifest, Grant::default(), consent);
        let ready = self.ready(package, examined, grant).await?;
        self.0.packages.keep(&ready.new.name, &package.bytes)?;
        let (name, disabled) = (ready.new.name.clone(), not_granted(&ready.beyond));
        let grant = value_of(&name, &ready.grant)?;
        let stored = self
            .store()
            .install_plugin(ready.new.clone(), grant, disabled, actor)
            .await?;
        self.take_effect(stored, ready.running, ready.prepared)
            .await
    }

    /// Puts another version in place of the installed one. When it wants more
    /// than is granted it is disabled until that is granted.
    ///
    /// # Errors
    ///
    /// When it is refused, or no plugin of that name is installed.
    pub async fn upgrade(
        &self,
        package: &Package,
        consent: Consent,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        let installed = self.installed_as(package).await?;
        let examined = package::examine(package, &self.0.options.trust, installed.as_ref())?;
        let Some(installed) = installed else {
            return Err(PlatformError::NotInstalled {
                plugin: examined.manifest.name,
            });
        };
        let grant = agreed(&examined.manifest, grant_of(&installed)?, consent);
        let ready = self.ready(package, examined, grant).await?;
        self.0.packages.keep(&ready.new.name, &package.bytes)?;
        // One that a person switched off stays off; one that only lacked a
        // grant comes back when it lacks none.
        let lacked = !manifest_of(&installed)?
            .requests()
            .beyond(&grant_of(&installed)?)
            .is_empty();
        let disabled = not_granted(&ready.beyond).or(installed.disabled_why.filter(|_| !lacked));
        let grant = value_of(&ready.new.name, &ready.grant)?;
        let mut stored = self
            .store()
            .upgrade_plugin(ready.new.clone(), disabled.clone(), actor)
            .await?;
        if stored.grant != grant {
            stored = self
                .store()
                .grant_plugin(&stored.name, &stored.digest, grant, disabled, actor)
                .await?;
        }
        self.take_effect(stored, ready.running, ready.prepared)
            .await
    }

    /// Brings the version before back.
    ///
    /// # Errors
    ///
    /// When there is none, or its package is gone.
    pub async fn rollback(&self, name: &str, actor: &str) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        let mut installed = self.plugin(name).await?.plugin;
        let Some(previous) = installed.previous.clone() else {
            return Err(PlatformError::NoPrevious {
                plugin: name.to_owned(),
            });
        };
        installed.manifest = previous.manifest;
        installed.digest.clone_from(&previous.digest);
        let (running, prepared) = self.prepare_any(&installed).await?;
        let disabled = not_granted(&running.manifest.requests().beyond(&running.grant));
        let stored = self
            .store()
            .rollback_plugin(name, &previous.digest, disabled, actor)
            .await?;
        self.take_effect(stored, running, prepared).await
    }

    /// Sets the grant; the plugin runs when that is all it wants.
    ///
    /// # Errors
    ///
    /// When it is not installed or the grant makes no sense.
    pub async fn grant(
        &self,
        name: &str,
        consent: Consent,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        let mut installed = self.plugin(name).await?.plugin;
        let manifest = manifest_of(&installed)?;
        let grant = agreed(&manifest, grant_of(&installed)?, consent);
        installed.grant = value_of(name, &grant)?;
        let (running, prepared) = self.prepare_any(&installed).await?;
        let disabled = not_granted(&manifest.requests().beyond(&grant));
        let stored = self
            .store()
            .grant_plugin(name, &installed.digest, installed.grant, disabled, actor)
            .await?;
        self.take_effect(stored, running, prepared).await
    }

    /// Lets a plugin run again.
    ///
    /// # Errors
    ///
    /// [`PlatformError::NotGranted`] when it wants more than it has.
    pub async fn enable(&self, name: &str, actor: &str) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        let installed = self.plugin(name).await?.plugin;
        let (running, prepared) = self.prepare_installed(&installed).await?;
        let stored = self
            .store()
            .enable_plugin(name, &installed.digest, actor)
            .await?;
        self.take_effect(stored, running, prepared).await
    }

    /// Keeps a plugin from running. A scanner that a project demands is then a
    /// gate that stays shut.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    pub async fn disable(
        &self,
        name: &str,
        why: &str,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        self.not_shipped("disable", name).await?;
        let stored = self.store().disable_plugin(name, why, actor).await?;
        self.stop(name).await?;
        Ok(self.view(stored))
    }

    /// Removes a plugin. One of the host's own of that name comes back.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    pub async fn remove(
        &self,
        name: &str,
        data: PluginData,
        actor: &str,
    ) -> Result<InstalledPlugin, PlatformError> {
        let _change = self.0.changes.lock().await;
        self.not_shipped("remove", name).await?;
        let removed = self.store().remove_plugin(name, data, actor).await?;
        self.stop(name).await?;
        if let Some(shipped) = sortie_plugins::shipped().iter().find(|s| s.name == name) {
            let config = self.config(name)?;
            self.plugins().load(name, shipped.wasm, config).await?;
        }
        Ok(removed)
    }

    async fn not_shipped(&self, what: &'static str, name: &str) -> Result<(), PlatformError> {
        let shipped = sortie_plugins::shipped().iter().any(|s| s.name == name);
        match self.store().plugin(name).await? {
            None if shipped => Err(PlatformError::Shipped {
                what,
                plugin: name.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    async fn stop(&self, name: &str) -> Result<(), PlatformError> {
        self.plugins().remove(name);
        self.set_running(name, None);
        self.subscribe().await
    }

    async fn take_effect(
        &self,
        stored: InstalledPlugin,
        running: Running,
        prepared: Prepared,
    ) -> Result<PluginView, PlatformError> {
        if stored.enabled {
            self.plugins().activate(prepared);
            self.set_running(&stored.name, Some(Arc::new(running)));
            self.subscribe().await?;
        } else {
            self.stop(&stored.name).await?;
        }
        Ok(self.view(stored))
    }

    async fn installed_as(
        &self,
        package: &Package,
    ) -> Result<Option<InstalledPlugin>, PlatformError> {
        let manifest = package.manifest()?;
        Ok(self.store().plugin(&manifest.name).await?)
    }

    async fn ready(
        &self,
        package: &Package,
        examined: package::Trusted,
        grant: Grant,
    ) -> Result<Ready, PlatformError> {
        let manifest = examined.manifest;
        let name = manifest.name.clone();
        let beyond = manifest.requests().beyond(&grant);
        let running = running_of(manifest.clone(), grant.clone())?;
        let prepared = self.compile(&running, package.bytes.clone()).await?;
        package::check_surfaces(&manifest, prepared.info())?;
        Ok(Ready {
            new: NewPlugin {
                version: manifest.version.to_string(),
                digest: examined.digest,
                source: package.source.clone(),
                signed_by: examined.signed_by,
                manifest: value_of(&name, &manifest)?,
                name,
            },
            grant,
            beyond,
            running,
            prepared,
        })
    }

    /// An installed version, ready to run; refused when it wants more than it
    /// was granted.
    pub(crate) async fn prepare_installed(
        &self,
        plugin: &InstalledPlugin,
    ) -> Result<(Running, Prepared), PlatformError> {
        let beyond = manifest_of(plugin)?.requests().beyond(&grant_of(plugin)?);
        if !beyond.is_empty() {
            return Err(PlatformError::NotGranted {
                plugin: plugin.name.clone(),
                beyond,
            });
        }
        self.prepare_any(plugin).await
    }

    async fn prepare_any(
        &self,
        plugin: &InstalledPlugin,
    ) -> Result<(Running, Prepared), PlatformError> {
        let running = running_of(manifest_of(plugin)?, grant_of(plugin)?)?;
        let bytes = self.0.packages.read(&plugin.name, &plugin.digest)?;
        let prepared = self.compile(&running, bytes).await?;
        Ok((running, prepared))
    }

    async fn compile(&self, running: &Running, bytes: Vec<u8>) -> Result<Prepared, PlatformError> {
        let config = self.config(&running.name)?;
        package::check_config(&running.manifest, &config)?;
        Ok(self
            .plugins()
            .prepare(&running.name, bytes, config, running.capabilities())
            .await?)
    }

    fn config(&self, name: &str) -> Result<Value, PlatformError> {
        (self.0.options.configs)(name).map_err(|reason| PlatformError::Unconfigured {
            plugin: name.to_owned(),
            reason,
        })
    }
}

fn running_of(manifest: Manifest, grant: Grant) -> Result<Running, PlatformError> {
    let plugin = manifest.name.clone();
    Running::new(manifest, grant).map_err(|reason| PlatformError::Grant { plugin, reason })
}

fn agreed(manifest: &Manifest, before: Grant, consent: Consent) -> Grant {
    match consent {
        Consent::Before => before,
        Consent::Everything(paths) => before.with(&manifest.requests(), &paths),
        Consent::Exactly(grant) => *grant,
    }
}

/// Why a plugin that wants more than it was granted may not run.
fn not_granted(beyond: &[Difference]) -> Option<String> {
    (!beyond.is_empty()).then(|| {
        let wants: Vec<String> = beyond.iter().map(ToString::to_string).collect();
        format!("it wants to {}", wants.join("; "))
    })
}

fn value_of<T: Serialize>(plugin: &str, what: &T) -> Result<Value, PlatformError> {
    serde_json::to_value(what).map_err(|error| PlatformError::Grant {
        plugin: plugin.to_owned(),
        reason: error.to_string(),
    })
}

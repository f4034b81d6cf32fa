//! The changes themselves, one at a time, each in the order: make ready,
//! write, take effect.

use super::package::{self, Trusted};
use super::{Consent, Examined, Package, Terms};
use crate::platform::{grant_of, manifest_of};
use crate::running::Running;
use crate::{Platform, PlatformError, PluginView};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use sortie_package::manifest::Difference;
use sortie_package::{Grant, Manifest};
use sortie_plugins::{Prepared, Shipped};
use sortie_store::{InstalledPlugin, NewPlugin, PluginData};
use std::sync::Arc;

/// A version that is ready to be written and to run.
pub(super) struct Ready {
    bytes: Bytes,
    new: NewPlugin,
    grant: Grant,
    beyond: Vec<Difference>,
    running: Running,
    prepared: Prepared,
}

impl Ready {
    pub(super) fn examined(self) -> Examined {
        Examined::of(&self.new, self.prepared.info(), self.beyond)
    }
}

impl Platform {
    pub(super) async fn install_now(
        &self,
        package: &Package,
        terms: Terms,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        let examined = package::examine(package, &self.0.options.trust, None)?;
        // Compiling takes a while, and the store would refuse it in the end.
        if let Some(installed) = self.store().plugin(&examined.manifest.name).await? {
            return Err(PlatformError::Installed {
                plugin: installed.name,
                version: installed.version,
            });
        }
        if !terms.replace_shipped && shipped(&examined.manifest.name).is_some() {
            return Err(PlatformError::ReplacesShipped {
                plugin: examined.manifest.name,
            });
        }
        let grant = agreed(&examined.manifest, Grant::default(), terms.consent)?;
        let ready = self.ready(package, examined, grant).await?;
        self.keep(&ready).await?;
        let lacks = not_granted(&ready.beyond).or_else(|| terms.disabled.clone());
        let grant = value_of(&ready.new.name, &ready.grant)?;
        let mut stored = self
            .store()
            .install_plugin(ready.new, grant, lacks, actor)
            .await?;
        if let Some(why) = &terms.disabled {
            stored = self
                .store()
                .disable_plugin(&stored.name, why, actor)
                .await?;
        }
        self.take_effect(stored, ready.running, ready.prepared)
            .await
    }

    pub(super) async fn upgrade_now(
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
        let grant = agreed(&examined.manifest, grant_of(&installed)?, consent)?;
        let ready = self.ready(package, examined, grant).await?;
        let mends = self.mends(&installed, &ready.new).await?;
        self.keep(&ready).await?;
        let lacks = not_granted(&ready.beyond);
        let grant = value_of(&ready.new.name, &ready.grant)?;
        let store = self.store();
        let stored = match mends {
            true => store.repair_plugin(ready.new, grant, lacks, actor).await?,
            false => store.upgrade_plugin(ready.new, grant, lacks, actor).await?,
        };
        self.take_effect(stored, ready.running, ready.prepared)
            .await
    }

    pub(super) async fn rollback_now(
        &self,
        name: &str,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        self.is_changeable("roll back", name).await?;
        let mut installed = self.plugin(name).await?.plugin;
        let Some(previous) = installed.previous.clone() else {
            return Err(PlatformError::NoPrevious {
                plugin: name.to_owned(),
            });
        };
        let (grant, newer) = (grant_of(&installed)?, manifest_of(&installed)?.requests());
        installed.manifest = previous.manifest;
        let older = manifest_of(&installed)?.requests();
        installed.grant = value_of(name, &grant.back_to(&older, &newer))?;
        installed.signature = previous.signature;
        installed.digest.clone_from(&previous.digest);
        let (running, prepared) = self.prepare_any(&installed).await?;
        let beyond = running.manifest.requests().beyond(&running.grant);
        let lacks = not_granted(&beyond);
        let stored = self
            .store()
            .rollback_plugin(name, &previous.digest, installed.grant, lacks, actor)
            .await?;
        self.take_effect(stored, running, prepared).await
    }

    pub(super) async fn grant_now(
        &self,
        name: &str,
        consent: Consent,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        let mut installed = self.plugin(name).await?.plugin;
        let manifest = manifest_of(&installed)?;
        let grant = agreed(&manifest, grant_of(&installed)?, consent)?;
        installed.grant = value_of(name, &grant)?;
        let ready = match self.prepare_any(&installed).await {
            Ok(ready) => Ok(ready),
            // What nobody stands behind does not run, but what it was granted
            // can be taken back all the same.
            Err(error @ PlatformError::Untrusted { .. }) => Err(error),
            Err(error) => return Err(error),
        };
        let lacks = not_granted(&manifest.requests().beyond(&grant));
        let stored = self
            .store()
            .grant_plugin(name, &installed.digest, installed.grant, lacks, actor)
            .await?;
        match ready {
            Ok((running, prepared)) => self.take_effect(stored, running, prepared).await,
            Err(error) => {
                self.stop(name).await?;
                if stored.enabled {
                    self.leave_out(name, error.to_string());
                }
                Ok(self.view(stored))
            }
        }
    }

    pub(super) async fn enable_now(
        &self,
        name: &str,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        let installed = self.plugin(name).await?.plugin;
        let (running, prepared) = self.prepare_installed(&installed).await?;
        let stored = self
            .store()
            .enable_plugin(name, &installed.digest, actor)
            .await?;
        self.take_effect(stored, running, prepared).await
    }

    pub(super) async fn disable_now(
        &self,
        name: &str,
        why: Option<String>,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let _change = self.0.changes.lock().await;
        self.is_changeable("disable", name).await?;
        let before = self.plugin(name).await?.plugin;
        let said = before.disabled_by.and(before.disabled_why);
        let why = why
            .or(said)
            .unwrap_or_else(|| format!("disabled by {actor}"));
        let stored = self.store().disable_plugin(name, &why, actor).await?;
        self.stop(name).await?;
        Ok(self.view(stored))
    }

    pub(super) async fn remove_now(
        &self,
        name: &str,
        data: PluginData,
        actor: &str,
    ) -> Result<InstalledPlugin, PlatformError> {
        let _change = self.0.changes.lock().await;
        self.is_changeable("remove", name).await?;
        let removed = self.store().remove_plugin(name, data, actor).await?;
        self.stop(name).await?;
        if let Some(shipped) = shipped(name) {
            let config = self.config(name)?;
            self.plugins().load(name, shipped.wasm, config).await?;
        }
        Ok(removed)
    }

    async fn is_changeable(&self, what: &'static str, name: &str) -> Result<(), PlatformError> {
        if self.store().plugin(name).await?.is_some() {
            return Ok(());
        }
        let plugin = name.to_owned();
        match shipped(name) {
            Some(_) => Err(PlatformError::Shipped { what, plugin }),
            None => Err(PlatformError::NotInstalled { plugin }),
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

    pub(super) async fn installed_as(
        &self,
        package: &Package,
    ) -> Result<Option<InstalledPlugin>, PlatformError> {
        let manifest = package.manifest()?;
        Ok(self.store().plugin(&manifest.name).await?)
    }

    pub(super) async fn ready(
        &self,
        package: &Package,
        examined: Trusted,
        grant: Grant,
    ) -> Result<Ready, PlatformError> {
        let manifest = examined.manifest;
        let name = manifest.name.clone();
        let beyond = manifest.requests().beyond(&grant);
        let running = running_of(manifest.clone(), grant.clone())?;
        let prepared = self.compile(&running, examined.bytes.clone()).await?;
        package::check_surfaces(&manifest, prepared.info())?;
        Ok(Ready {
            bytes: examined.bytes,
            new: NewPlugin {
                version: manifest.version.to_string(),
                digest: examined.digest,
                source: package.source.clone(),
                signature: examined.signature,
                signed_by: examined.signed_by,
                manifest: value_of(&name, &manifest)?,
                replaces_shipped: shipped(&name).map(|own| own.digest.to_owned()),
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

    /// An installed version, ready to run but for its grant; refused when
    /// nobody who is trusted now stands behind it and somebody has to.
    async fn prepare_any(
        &self,
        plugin: &InstalledPlugin,
    ) -> Result<(Running, Prepared), PlatformError> {
        package::stored_signer(
            &manifest_of(plugin)?,
            &plugin.digest,
            plugin.signature.as_deref(),
            &self.0.options.trust,
        )
        .map_err(|reason| PlatformError::Untrusted {
            plugin: plugin.name.clone(),
            reason: reason.to_string(),
        })?;
        let running = running_of(manifest_of(plugin)?, grant_of(plugin)?)?;
        let (packages, name) = (self.0.packages.clone(), plugin.name.clone());
        let digest = plugin.digest.clone();
        let bytes = aside(move || packages.read(&name, &digest)).await?;
        let prepared = self.compile(&running, bytes.into()).await?;
        Ok((running, prepared))
    }

    /// Whether the same package again mends what is installed: its file is
    /// damaged, it does not run, or it gets a signature. Otherwise there is
    /// nothing to do, and the store says so.
    async fn mends(
        &self,
        installed: &InstalledPlugin,
        new: &NewPlugin,
    ) -> Result<bool, PlatformError> {
        if installed.digest != new.digest {
            return Ok(false);
        }
        let signed = new.signature.is_some() && new.signature != installed.signature;
        if signed || self.view(installed.clone()).broken.is_some() {
            return Ok(true);
        }
        let (packages, name) = (self.0.packages.clone(), new.name.clone());
        let digest = new.digest.clone();
        aside(move || Ok(packages.read(&name, &digest).is_err())).await
    }

    async fn keep(&self, ready: &Ready) -> Result<(), PlatformError> {
        let (packages, name) = (self.0.packages.clone(), ready.new.name.clone());
        let bytes = ready.bytes.clone();
        aside(move || packages.keep(&name, &bytes)).await
    }

    async fn compile(&self, running: &Running, bytes: Bytes) -> Result<Prepared, PlatformError> {
        let config = self.config(&running.name)?;
        running
            .manifest
            .check_config(&config)
            .map_err(|problems| PlatformError::Config {
                plugin: running.manifest.name.clone(),
                problems,
            })?;
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

/// The host's own plugin of that name.
fn shipped(name: &str) -> Option<&'static Shipped> {
    sortie_plugins::shipped()
        .iter()
        .find(|own| own.name == name)
}

/// On a thread that may wait for the disk.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PlatformError> + Send + 'static,
) -> Result<T, PlatformError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(PlatformError::Panicked))
}

fn running_of(manifest: Manifest, grant: Grant) -> Result<Running, PlatformError> {
    let plugin = manifest.name.clone();
    Running::new(manifest, grant).map_err(|reason| PlatformError::Grant { plugin, reason })
}

fn agreed(manifest: &Manifest, before: Grant, consent: Consent) -> Result<Grant, PlatformError> {
    Ok(match consent {
        Consent::Before => before,
        Consent::Everything(paths) => before.with(&manifest.requests(), &paths),
        Consent::Exactly(grant) => {
            package::check_grant(manifest, &grant)?;
            *grant
        }
    })
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

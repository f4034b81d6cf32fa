//! What becomes of plugins: installed, upgraded, rolled back, granted,
//! enabled, disabled, removed.
//!
//! Each change is made ready first (checked, compiled, configured), then
//! written with its row in the audit log, then takes effect by a swap of one
//! pointer. Whatever fails before the write leaves everything as it was; calls
//! under way end on the version they began with. A change that was begun goes
//! on when whoever asked for it is gone. No guest code runs here.

mod changes;
pub(crate) mod package;

pub use package::{Examined, Package};

use crate::{Platform, PlatformError, PluginView};
use serde::{Deserialize, Serialize};
use sortie_package::Grant;
use sortie_store::{InstalledPlugin, PluginData};
use std::collections::BTreeMap;
use std::path::PathBuf;

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

/// How an operator wants a new plugin to be installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What is granted.
    pub consent: Consent,
    /// Whether it may take the place of one of the host's own plugins. Those
    /// are gates that projects rely on without naming them.
    pub replace_shipped: bool,
    /// Why it is disabled from the beginning, as by a person; none when it is
    /// not.
    pub disabled: Option<String>,
}

impl From<Consent> for Terms {
    fn from(consent: Consent) -> Self {
        Self {
            consent,
            ..Self::default()
        }
    }
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
        let grant = installed
            .as_ref()
            .map(crate::platform::grant_of)
            .transpose()?;
        let ready = self
            .ready(package, examined, grant.unwrap_or_default())
            .await?;
        Ok(ready.examined())
    }

    /// Installs a package under the name in its manifest. When it wants more
    /// than is agreed to, it is installed disabled.
    ///
    /// # Errors
    ///
    /// When it is refused, or a plugin of that name is installed;
    /// [`PlatformError::ReplacesShipped`] when one of the host's own has the
    /// name and the terms do not say that it may be replaced.
    pub async fn install(
        &self,
        package: Package,
        terms: impl Into<Terms>,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let (platform, actor, terms) = (self.clone(), actor.to_owned(), terms.into());
        whole(async move { platform.install_now(&package, terms, &actor).await }).await
    }

    /// Puts another version in place of the installed one. When it wants more
    /// than is granted it is disabled until that is granted; one that a person
    /// disabled stays so. The same package again mends one whose file was
    /// damaged or that had no signature.
    ///
    /// # Errors
    ///
    /// When it is refused or changes nothing, or no plugin of that name is installed.
    pub async fn upgrade(
        &self,
        package: Package,
        consent: Consent,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let (platform, actor) = (self.clone(), actor.to_owned());
        whole(async move { platform.upgrade_now(&package, consent, &actor).await }).await
    }

    /// Brings the version before back. One that a person disabled stays so.
    ///
    /// # Errors
    ///
    /// When there is none, or its package is gone.
    pub async fn rollback(&self, name: &str, actor: &str) -> Result<PluginView, PlatformError> {
        let (platform, name, actor) = (self.clone(), name.to_owned(), actor.to_owned());
        whole(async move { platform.rollback_now(&name, &actor).await }).await
    }

    /// Sets the grant; the plugin runs when that is all it wants, unless a
    /// person disabled it.
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
        let (platform, name, actor) = (self.clone(), name.to_owned(), actor.to_owned());
        whole(async move { platform.grant_now(&name, consent, &actor).await }).await
    }

    /// Lets a plugin run again.
    ///
    /// # Errors
    ///
    /// [`PlatformError::NotGranted`] when it wants more than it has.
    pub async fn enable(&self, name: &str, actor: &str) -> Result<PluginView, PlatformError> {
        let (platform, name, actor) = (self.clone(), name.to_owned(), actor.to_owned());
        whole(async move { platform.enable_now(&name, &actor).await }).await
    }

    /// Keeps a plugin from running. A scanner that a project demands is then a
    /// gate that stays shut. Without a reason, one that a person gave before
    /// stays.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    pub async fn disable(
        &self,
        name: &str,
        why: Option<&str>,
        actor: &str,
    ) -> Result<PluginView, PlatformError> {
        let (platform, name) = (self.clone(), name.to_owned());
        let (why, actor) = (why.map(str::to_owned), actor.to_owned());
        whole(async move { platform.disable_now(&name, why, &actor).await }).await
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
        let (platform, name, actor) = (self.clone(), name.to_owned(), actor.to_owned());
        whole(async move { platform.remove_now(&name, data, &actor).await }).await
    }
}

/// Runs a change to its end, also when nobody waits for it any more: one that
/// is written and has no effect is worse than either.
async fn whole<T: Send + 'static>(
    change: impl Future<Output = Result<T, PlatformError>> + Send + 'static,
) -> Result<T, PlatformError> {
    tokio::spawn(change)
        .await
        .unwrap_or(Err(PlatformError::Panicked))
}

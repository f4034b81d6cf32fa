//! Calls that may have effects: an event for a connector, a notification for a
//! notifier. The caller hands in what stands behind the imports and keeps what
//! was collected there only when the call returns ok.

use std::sync::Arc;

use futures::future::BoxFuture;
use sortie_model::surface::Surface;
use tokio::sync::OwnedMutexGuard;
use wasmtime::Store;

use crate::{
    call::{CallState, instantiating},
    error::PluginError,
    outside::Outside,
    plugin::Plugin,
    registry::Plugins,
    surfaces::{
        connector::{self, Event, Reply},
        notifier::{Delivery, Notification},
    },
};

/// The right to call one plugin with effects. Two calls of a plugin that uses
/// kv never overlap, also not across an upgrade; hold this until the effects
/// are written.
pub struct Turn {
    _held: Option<OwnedMutexGuard<()>>,
}

impl Plugins {
    /// Waits for the plugin's turn. A plugin without kv always has it.
    ///
    /// # Errors
    ///
    /// [`PluginError::NotInstalled`].
    pub async fn turn(&self, plugin: &str) -> Result<Turn, PluginError> {
        let found = self.find(plugin)?;
        if !found.uses_kv {
            return Ok(Turn { _held: None });
        }
        let lock = self.turn_of(&found.name);
        Ok(Turn {
            _held: Some(lock.lock_owned().await),
        })
    }

    /// Lets a connector handle one event.
    ///
    /// # Errors
    ///
    /// When there is no such connector, it fails, or its answer makes no
    /// sense; [`PluginError::Refused`] when it says so itself. Nothing that
    /// was collected may be kept then.
    pub async fn receive(
        &self,
        plugin: &str,
        _turn: &Turn,
        event: Event,
        outside: Box<dyn Outside>,
    ) -> Result<Option<Reply>, PluginError> {
        const EXPORT: &str = "sortie:connector/connector#receive";
        let plugin = self.find(plugin)?;
        let pre = plugin
            .connector
            .clone()
            .ok_or_else(|| plugin.lacks(Surface::Connector))?;
        let event = event.into();
        let answer = self
            .call_outside(&plugin, EXPORT, outside, move |store| {
                Box::pin(async move {
                    let guest = pre
                        .instantiate_async(&mut *store)
                        .await
                        .map_err(instantiating)?;
                    guest
                        .sortie_connector_connector()
                        .call_receive(store, &event)
                        .await
                })
            })
            .await?;
        connector::reply(&plugin.at(EXPORT), answer)
    }

    /// Lets a notifier tell what happened.
    ///
    /// # Errors
    ///
    /// When there is no such notifier or it fails. What it says about the
    /// other side is a [`Delivery`].
    pub async fn notify(
        &self,
        plugin: &str,
        _turn: &Turn,
        event: Notification,
        idempotency_key: String,
        outside: Box<dyn Outside>,
    ) -> Result<Delivery, PluginError> {
        const EXPORT: &str = "sortie:notifier/notifier#notify";
        let plugin = self.find(plugin)?;
        let pre = plugin
            .notifier
            .clone()
            .ok_or_else(|| plugin.lacks(Surface::Notifier))?;
        let event = event.into();
        let answer = self
            .call_outside(&plugin, EXPORT, outside, move |store| {
                Box::pin(async move {
                    let guest = pre
                        .instantiate_async(&mut *store)
                        .await
                        .map_err(instantiating)?;
                    guest
                        .sortie_notifier_notifier()
                        .call_notify(store, &event, &idempotency_key)
                        .await
                })
            })
            .await?;
        Ok(answer.into())
    }

    async fn call_outside<R: Send>(
        &self,
        plugin: &Arc<Plugin>,
        export: &str,
        outside: Box<dyn Outside>,
        body: impl for<'a> FnOnce(&'a mut Store<CallState>) -> BoxFuture<'a, wasmtime::Result<R>>,
    ) -> Result<R, PluginError> {
        let _slot = self.effect_slot(plugin, export).await?;
        let mut call = self.store(plugin, export, Vec::new);
        call.open(outside);
        call.run(body).await
    }
}

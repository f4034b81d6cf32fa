//! The loaded plugins by name. Loading checks and compiles aside; only the
//! finished plugin takes the name, in one step, and calls under way finish on
//! the one they began with. No guest code runs while loading.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use futures::future::BoxFuture;
use sha2::{Digest, Sha256};
use sortie_model::diff::DiffSource;
use sortie_model::surface::Surface;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};
use wasmtime::{
    Engine, Store,
    component::{Component, Linker},
};

use crate::{
    cache::{CodeCache, CodeSource},
    call::{Call, CallState},
    capabilities::Capabilities,
    error::{At, PluginError},
    inspect,
    options::{Limits, PluginOptions},
    plugin::{Plugin, PluginConfig, PluginInfo},
    runtime,
    shipped::shipped,
};

/// The loaded plugins and the engine they run in. Clones share everything.
#[derive(Clone)]
pub struct Plugins(Arc<Inner>);

/// A plugin that is ready to run under a name it does not have yet.
#[derive(Debug)]
pub struct Prepared(Plugin);

impl Prepared {
    /// What was found out about it.
    pub fn info(&self) -> &PluginInfo {
        &self.0.info
    }
}

struct Inner {
    engine: Engine,
    linker: Linker<CallState>,
    cache: Option<CodeCache>,
    options: PluginOptions,
    loaded: RwLock<BTreeMap<String, Arc<Plugin>>>,
    calls: Arc<Semaphore>,
    effects: Arc<Semaphore>,
    parsers: Arc<Semaphore>,
    /// By name, so that it holds across an upgrade too.
    turns: Mutex<HashMap<Arc<str>, Arc<tokio::sync::Mutex<()>>>>,
}

impl Inner {
    /// Tells bytes that do not compile from code that no slot can hold.
    fn refuse(&self, name: &str, wasm: &[u8], error: &wasmtime::Error) -> PluginError {
        let (plugin, reason) = (name.to_owned(), format!("{error:#}"));
        match self.engine.precompile_component(wasm) {
            Ok(_) => PluginError::DoesNotFit { plugin, reason },
            Err(_) => PluginError::NotAComponent { plugin, reason },
        }
    }
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.list().into_iter().map(|info| info.name))
            .finish()
    }
}

impl Plugins {
    /// Makes the engine; no plugin is loaded yet.
    ///
    /// # Errors
    ///
    /// [`PluginError::Setup`] when wasmtime cannot run here or the cache
    /// directory is not this user's own.
    pub fn new(options: PluginOptions) -> Result<Self, PluginError> {
        let setup = |reason: String| PluginError::Setup { reason };
        let engine = runtime::engine(&options).map_err(|e| setup(format!("{e:#}")))?;
        let linker = runtime::linker(&engine).map_err(|e| setup(format!("{e:#}")))?;
        let cache = options
            .cache_dir
            .as_deref()
            .map(|dir| {
                CodeCache::open(dir, &engine).map_err(|e| {
                    setup(format!(
                        "the code cache {} cannot be used: {e}; delete it or point somewhere else",
                        dir.display()
                    ))
                })
            })
            .transpose()?;
        let permits = |n: u32| {
            let n = usize::try_from(n.max(1)).unwrap_or(Semaphore::MAX_PERMITS);
            Arc::new(Semaphore::new(n.min(Semaphore::MAX_PERMITS)))
        };
        Ok(Self(Arc::new(Inner {
            engine,
            linker,
            cache,
            calls: permits(options.concurrent_calls),
            effects: permits(options.concurrent_effects),
            turns: Mutex::default(),
            parsers: permits(options.concurrent_parsers),
            loaded: RwLock::new(BTreeMap::new()),
            options,
        })))
    }

    /// Checks, compiles and links a component that will be called `name`,
    /// without taking that name yet. `config` is one JSON object, or null for
    /// none.
    ///
    /// # Errors
    ///
    /// Every error whose message begins with "load plugin", and
    /// [`PluginError::WrongWorld`].
    pub async fn prepare(
        &self,
        name: &str,
        wasm: impl Into<bytes::Bytes>,
        config: serde_json::Value,
        capabilities: Capabilities,
    ) -> Result<Prepared, PluginError> {
        if !is_plugin_name(name) {
            return Err(PluginError::BadName {
                plugin: crate::log::cut(name, 80).to_owned(),
            });
        }
        let config = PluginConfig::new(name, config)?;
        let wasm = wasm.into();
        let (this, plugin) = (self.clone(), name.to_owned());
        spawn_blocking(move || this.compile(plugin, &wasm, config, capabilities))
            .await
            .unwrap_or_else(|panic| {
                Err(PluginError::NotAComponent {
                    plugin: name.to_owned(),
                    reason: format!("the compiler failed on it: {panic}"),
                })
            })
            .map(Prepared)
    }

    /// Gives a prepared plugin its name, in one step, taking that from
    /// whichever had it. Calls under way finish on the one they began with.
    pub fn activate(&self, prepared: Prepared) -> PluginInfo {
        let plugin = prepared.0;
        let info = plugin.info.clone();
        let before = self
            .0
            .loaded
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(info.name.clone(), Arc::new(plugin));
        tracing::debug!(
            plugin = info.name,
            digest = info.digest,
            code = ?info.code,
            replaced = before.as_ref().map(|p| &*p.digest),
            "plugin loaded"
        );
        info
    }

    /// [`Plugins::prepare`] and [`Plugins::activate`] in one, with nothing
    /// granted.
    ///
    /// # Errors
    ///
    /// As [`Plugins::prepare`]. The plugin that had the name keeps it then.
    pub async fn load(
        &self,
        name: &str,
        wasm: impl Into<bytes::Bytes>,
        config: serde_json::Value,
    ) -> Result<PluginInfo, PluginError> {
        let prepared = self
            .prepare(name, wasm, config, Capabilities::default())
            .await?;
        Ok(self.activate(prepared))
    }

    /// Loads every shipped plugin with its configuration from `configs`.
    ///
    /// # Errors
    ///
    /// As [`Plugins::load`]; the first failure ends it.
    pub async fn load_shipped(
        &self,
        configs: &BTreeMap<String, serde_json::Value>,
    ) -> Result<(), PluginError> {
        for plugin in shipped() {
            let config = configs.get(plugin.name).cloned().unwrap_or_default();
            self.load(plugin.name, plugin.wasm, config).await?;
        }
        Ok(())
    }

    /// Takes a plugin out. Calls under way finish. Returns whether there was
    /// one of that name.
    pub fn remove(&self, name: &str) -> bool {
        self.0
            .loaded
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name)
            .is_some()
    }

    /// What is loaded, by name.
    pub fn list(&self) -> Vec<PluginInfo> {
        self.0
            .loaded
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(|plugin| plugin.info.clone())
            .collect()
    }

    /// What is loaded under this name.
    pub fn get(&self, name: &str) -> Option<PluginInfo> {
        self.find(name).ok().map(|plugin| plugin.info.clone())
    }

    /// Whether something is loaded under this name that has this surface.
    pub fn has(&self, name: &str, surface: Surface) -> bool {
        let loaded = self.0.loaded.read();
        let loaded = loaded.unwrap_or_else(PoisonError::into_inner);
        loaded.get(name).is_some_and(|plugin| {
            let mut surfaces = plugin.info.surfaces.iter();
            surfaces.any(|info| info.surface == surface)
        })
    }

    pub(crate) fn find(&self, name: &str) -> Result<Arc<Plugin>, PluginError> {
        self.0
            .loaded
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
            .ok_or_else(|| PluginError::NotInstalled {
                plugin: crate::log::cut(name, 80).to_owned(),
            })
    }

    fn compile(
        &self,
        name: String,
        wasm: &[u8],
        config: PluginConfig,
        capabilities: Capabilities,
    ) -> Result<Plugin, PluginError> {
        let inner = &self.0;
        inspect::preamble(&name, wasm)?;
        let digest = hex::encode(Sha256::digest(wasm));
        let compiled = match &inner.cache {
            Some(cache) => cache.component(&inner.engine, &digest, wasm),
            None => Component::from_binary(&inner.engine, wasm)
                .map(|component| (component, CodeSource::Compiled)),
        };
        let (component, code) = compiled.map_err(|error| inner.refuse(&name, wasm, &error))?;
        let found = inspect::check(&name, &inner.engine, &component)?;
        let pre =
            inner
                .linker
                .instantiate_pre(&component)
                .map_err(|error| PluginError::WrongWorld {
                    plugin: name.clone(),
                    export: "its imports".into(),
                    reason: format!("do not have the shape of the WIT: {error:#}"),
                })?;
        let info = PluginInfo {
            name,
            digest,
            bytes: wasm.len(),
            surfaces: found.surfaces,
            imports: found.imports,
            code,
        };
        Plugin::new(info, config, capabilities, &pre)
    }

    /// One call on a store of its own, when its turn has come. `input` makes
    /// the bytes that randomness follows from; it is asked only for guests
    /// that may want some.
    pub(crate) async fn call<R: Send>(
        &self,
        plugin: &Arc<Plugin>,
        export: &str,
        input: impl FnOnce() -> Vec<u8>,
        body: impl for<'a> FnOnce(&'a mut Store<CallState>) -> BoxFuture<'a, wasmtime::Result<R>>,
    ) -> Result<R, PluginError> {
        let limits = self.0.options.limits;
        self.call_within(limits, plugin, export, input, body).await
    }

    /// The same under other limits than the host's for every call.
    pub(crate) async fn call_within<R: Send>(
        &self,
        limits: Limits,
        plugin: &Arc<Plugin>,
        export: &str,
        input: impl FnOnce() -> Vec<u8>,
        body: impl for<'a> FnOnce(&'a mut Store<CallState>) -> BoxFuture<'a, wasmtime::Result<R>>,
    ) -> Result<R, PluginError> {
        let _slot = self.slot(&self.0.calls, || plugin.at(export)).await?;
        self.store_within(limits, plugin, export, input)
            .run(body)
            .await
    }

    pub(crate) fn store(
        &self,
        plugin: &Arc<Plugin>,
        export: &str,
        input: impl FnOnce() -> Vec<u8>,
    ) -> Call {
        self.store_within(self.0.options.limits, plugin, export, input)
    }

    fn store_within(
        &self,
        limits: Limits,
        plugin: &Arc<Plugin>,
        export: &str,
        input: impl FnOnce() -> Vec<u8>,
    ) -> Call {
        let input = if plugin.uses_wasi {
            input()
        } else {
            Vec::new()
        };
        let options = &self.0.options;
        Call::new(
            &self.0.engine,
            plugin,
            export,
            plugin.capabilities.within(limits),
            options.log_sink.clone(),
            &input,
        )
    }

    /// The host's limits for a scan of that change.
    pub(crate) fn limits_for(&self, diff: &dyn DiffSource) -> Limits {
        let lines = diff.files().iter().fold(0u64, |lines, file| {
            lines + u64::from(file.additions) + u64::from(file.deletions)
        });
        self.0.options.limits.for_change(lines)
    }

    /// A place among the effectful calls: they wait for others' networks, so
    /// they never take the place of one that a job waits for.
    pub(crate) async fn effect_slot(
        &self,
        plugin: &Plugin,
        export: &str,
    ) -> Result<OwnedSemaphorePermit, PluginError> {
        self.slot(&self.0.effects, || plugin.at(export)).await
    }

    /// The lock that orders the effectful calls of a plugin.
    pub(crate) fn turn_of(&self, plugin: &Arc<str>) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(Arc::clone(plugin)).or_default())
    }

    pub(crate) async fn parser_slot(
        &self,
        at: impl FnOnce() -> At,
    ) -> Result<OwnedSemaphorePermit, PluginError> {
        self.slot(&self.0.parsers, at).await
    }

    async fn slot(
        &self,
        slots: &Arc<Semaphore>,
        at: impl FnOnce() -> At,
    ) -> Result<OwnedSemaphorePermit, PluginError> {
        if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
            return Ok(slot);
        }
        let wait = self.0.options.queue_wait;
        match tokio::time::timeout(wait, Arc::clone(slots).acquire_owned()).await {
            // The semaphore lives as long as this handle and is never closed.
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(PluginError::Busy {
                at: at(),
                waited_ms: millis(wait),
            }),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether `name` can be a plugin's: 1 to 64 characters of a-z, 0-9 and -,
/// beginning with a letter.
pub(crate) fn is_plugin_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

//! One call of a guest: its store, its limits, and the one place where a
//! failure of wasmtime becomes a [`PluginError`]. A store lives for one call,
//! or for one parser; after any failure it is dropped.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use sha2::{Digest, Sha256};
use sortie_model::diff::DiffError;
use wasmtime::{
    Engine, PoolConcurrencyLimitError, Store, Trap, UpdateDeadline, WasmBacktrace,
    component::{ResourceTable, ResourceTableError},
};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;

use crate::{
    bindings::scanner::sortie::host::{config, log},
    capabilities::Directory,
    error::{At, PluginError},
    limiter::{Denied, Limiter},
    log::{CallLog, LogLevel, LogSink},
    meter::Meter,
    options::{Limits, MAX_HANDLES},
    outside::{Budget, HttpDoor, Outside},
    plugin::Plugin,
    wasi,
};

/// Frames of a guest's backtrace that reach an error.
const SHOWN_FRAMES: usize = 5;

/// Bytes of one frame's name; mangled names can be endless.
const FRAME_BYTES: usize = 120;

/// Bytes of a reason that came out of a guest or an engine.
const REASON_BYTES: usize = 500;

/// Why the host ended a call; travels through wasmtime as the trap's error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("the processor time is used up")]
    Cpu,
    #[error("too many log lines")]
    Log,
    #[error("too many calls of the host")]
    HostCalls,
    #[error("{0}")]
    Read(DiffError),
    #[error("{0}")]
    Host(String),
}

/// The component's exports are not of the types that the WIT says. wasmtime
/// finds that out when an instance is there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongShape(String);

/// Marks what went wrong while the exports of a new instance were looked up;
/// traps and limits stay what they are.
pub(crate) fn instantiating(error: wasmtime::Error) -> wasmtime::Error {
    if error.is::<Trap>()
        || error.is::<Stop>()
        || error.is::<I32Exit>()
        || error.is::<PoolConcurrencyLimitError>()
    {
        return error;
    }
    WrongShape(format!("{error:#}")).into()
}

/// What a store holds.
pub(crate) struct CallState {
    pub(crate) table: ResourceTable,
    /// Behind the imports of an effectful call; none for a pure one.
    pub(crate) outside: Option<Box<dyn Outside>>,
    pub(crate) budget: Budget,
    pub(crate) door: HttpDoor,
    pub(crate) wasi_http: WasiHttpCtx,
    plugin: Arc<Plugin>,
    limiter: Limiter,
    log: CallLog,
    meter: Arc<Meter>,
    host_calls: u32,
    max_host_calls: u32,
    seed: [u8; 32],
    wasi: Option<WasiCtx>,
}

impl CallState {
    /// Counts one call from the guest into the host.
    pub(crate) fn count_host_call(&mut self) -> wasmtime::Result<()> {
        if self.host_calls >= self.max_host_calls {
            return Err(Stop::HostCalls.into());
        }
        self.host_calls += 1;
        Ok(())
    }
}

impl log::Host for CallState {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.count_host_call()?;
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        Ok(self.log.write(level, &message)?)
    }
}

impl config::Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.count_host_call()?;
        Ok(self.plugin.config.get(&key))
    }

    fn all(&mut self) -> wasmtime::Result<String> {
        self.count_host_call()?;
        Ok(self.plugin.config.all().to_owned())
    }
}

impl WasiView for CallState {
    /// Made when a guest first asks: those that import no WASI pay nothing.
    fn ctx(&mut self) -> WasiCtxView<'_> {
        if self.wasi.is_none() {
            // With directories it was made before the call.
            self.wasi = self.make_wasi(&[]).ok();
        }
        WasiCtxView {
            ctx: self.wasi.get_or_insert_default(),
            table: &mut self.table,
        }
    }
}

impl CallState {
    fn make_wasi(&self, directories: &[Directory]) -> Result<WasiCtx, String> {
        let seed = self.outside.is_none().then_some(self.seed);
        wasi::context(seed, directories, &self.log)
    }

    /// Opens what was granted, so that a directory that is gone is an error of
    /// the host's and no surprise for the guest.
    fn open_directories(&mut self) -> Result<(), String> {
        let plugin = Arc::clone(&self.plugin);
        let directories = &plugin.capabilities.directories;
        if self.wasi.is_none() && plugin.uses_wasi && !directories.is_empty() {
            self.wasi = Some(self.make_wasi(directories)?);
        }
        Ok(())
    }
}

/// A store, and how calls on it are run and judged.
pub(crate) struct Call {
    store: Store<CallState>,
    meter: Arc<Meter>,
    limits: Limits,
    at: At,
}

impl Call {
    /// A fresh store for `plugin`. `input` stands for what the call is given;
    /// the randomness of guests that want some follows from it.
    pub(crate) fn new(
        engine: &Engine,
        plugin: &Arc<Plugin>,
        export: &str,
        limits: Limits,
        sink: Option<LogSink>,
        input: &[u8],
    ) -> Self {
        let meter = Meter::new(limits.cpu_ms);
        let log = CallLog::new(Arc::clone(&plugin.name), sink, &limits);
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let mut store = Store::new(
            engine,
            CallState {
                table,
                outside: None,
                budget: Budget::default(),
                door: HttpDoor::default(),
                wasi_http: WasiHttpCtx::new(),
                plugin: Arc::clone(plugin),
                limiter: Limiter::new(limits),
                log,
                meter: Arc::clone(&meter),
                host_calls: 0,
                max_host_calls: limits.host_calls,
                seed: seed(&plugin.digest, export, input),
                wasi: None,
            },
        );
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.transfer_bytes);
        store.set_max_component_handles(MAX_HANDLES);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            if context.data().meter.exhausted() {
                return Err(Stop::Cpu.into());
            }
            Ok(UpdateDeadline::YieldCustom(
                1,
                Box::pin(tokio::task::yield_now()),
            ))
        });
        Self {
            store,
            meter,
            limits,
            at: plugin.at(export),
        }
    }

    /// Runs `body` on the store within the limits. May be called again only
    /// after a success.
    pub(crate) async fn run<R: Send>(
        &mut self,
        body: impl for<'a> FnOnce(&'a mut Store<CallState>) -> BoxFuture<'a, wasmtime::Result<R>>,
    ) -> Result<R, PluginError> {
        let state = self.store.data_mut();
        state.host_calls = 0;
        state.log.reset();
        if let Err(reason) = state.open_directories() {
            let at = self.at.clone();
            return Err(PluginError::HostFailed { at, reason });
        }
        self.meter.reset();
        let wall = Duration::from_millis(self.limits.wall_ms);
        let future = self.meter.measure(body(&mut self.store));
        match tokio::time::timeout(wall, future).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(self.explain(error)),
            Err(_) => Err(PluginError::WallTimeout {
                at: self.at.clone(),
                limit_ms: self.limits.wall_ms,
            }),
        }
    }

    /// Puts `outside` behind the effectful imports.
    pub(crate) fn open(&mut self, outside: Box<dyn Outside>) {
        let state = self.store.data_mut();
        state.door = HttpDoor::new(outside.http());
        state.outside = Some(outside);
    }

    /// Names the export for the calls that follow.
    pub(crate) fn set_export(&mut self, export: &str) {
        self.at.export.replace_range(.., export);
    }

    /// Who this call is of.
    pub(crate) fn at(&self) -> At {
        self.at.clone()
    }

    fn explain(&self, error: wasmtime::Error) -> PluginError {
        let at = self.at.clone();
        let limits = &self.limits;
        let error = match error.downcast::<Stop>() {
            Ok(Stop::Cpu) => {
                return PluginError::CpuTimeout {
                    at,
                    limit_ms: limits.cpu_ms,
                };
            }
            Ok(Stop::Log) => {
                return PluginError::LogLimit {
                    at,
                    limit: limits.log_lines,
                };
            }
            Ok(Stop::HostCalls) => {
                return PluginError::HostCallLimit {
                    at,
                    limit: limits.host_calls,
                };
            }
            Ok(Stop::Read(source)) => return PluginError::HostRead { at, source },
            Ok(Stop::Host(reason)) => return PluginError::HostFailed { at, reason },
            Err(error) => error,
        };
        if error.is::<PoolConcurrencyLimitError>() {
            // The pool counts averages; several components with many memories
            // at once can still empty it.
            return PluginError::Busy { at, waited_ms: 0 };
        }
        match self.store.data().limiter.denied() {
            Some(Denied::Memory) => {
                return PluginError::MemoryLimit {
                    at,
                    limit: limits.memory_bytes,
                };
            }
            Some(Denied::Table) => {
                return PluginError::TableLimit {
                    at,
                    limit: limits.table_elements,
                };
            }
            None => {}
        }
        if let Some(ResourceTableError::Full) = error.downcast_ref() {
            return PluginError::ResultLimit {
                at,
                reason: format!("it holds more than {MAX_HANDLES} handles"),
            };
        }
        if let Some(WrongShape(reason)) = error.downcast_ref() {
            return PluginError::WrongWorld {
                plugin: at.plugin,
                export: at.export,
                reason: format!(
                    "does not have the shape of the WIT: {}",
                    crate::log::cut(reason, REASON_BYTES)
                ),
            };
        }
        let reason = match (
            error.downcast_ref::<Trap>(),
            error.downcast_ref::<I32Exit>(),
        ) {
            (Some(trap), _) => trap.to_string(),
            (None, Some(exit)) => exit.to_string(),
            (None, None) => {
                let reason = error.root_cause().to_string();
                // wasmtime keeps the type of this one to itself.
                if reason.contains("fuel allocated for hostcalls") {
                    return PluginError::ResultLimit {
                        at,
                        reason: format!("more than {} bytes in one call", limits.transfer_bytes),
                    };
                }
                return PluginError::Nonsense {
                    at,
                    reason: crate::log::cut(&reason, REASON_BYTES).to_owned(),
                };
            }
        };
        PluginError::Trap {
            at,
            reason: crate::log::cut(&reason, REASON_BYTES).to_owned(),
            backtrace: frames(&error),
        }
    }
}

/// The innermost named frames, without hashes and namespaces of generics.
fn frames(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    backtrace
        .frames()
        .iter()
        .take(SHOWN_FRAMES)
        .map(|frame| {
            let name = frame
                .func_name()
                .map_or_else(|| format!("function {}", frame.func_index()), str::to_owned);
            crate::log::cut(&name, FRAME_BYTES).to_owned()
        })
        .collect()
}

/// Randomness for one call: from the component, the export and the input, and
/// from nothing else.
fn seed(digest: &str, export: &str, input: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [digest.as_bytes(), export.as_bytes(), input] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

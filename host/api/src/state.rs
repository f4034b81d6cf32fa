//! What the API is made of.

use crate::auth::Token;
use crate::chat::ChatDoor;
use crate::engine::EngineView;
use crate::limits;
use crate::problem::{Kind, Problem};
use sortie_intake::Intake;
use sortie_platform::{Platform, PluginLogs};
use sortie_store::{Store, StoreError};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

/// What the API works with.
pub struct ApiOptions {
    /// What it shows and decides on.
    pub store: Store,
    /// Where submissions go.
    pub intake: Intake,
    /// Diffs, logs, and whether runs can start.
    pub engine: Arc<dyn EngineView>,
    /// Plugins, what comes in for them and what they send.
    pub platform: Platform,
    /// The chat source.
    pub chat: Arc<dyn ChatDoor>,
    /// What plugins logged.
    pub logs: PluginLogs,
    /// What opens it.
    pub token: Token,
    /// Ends its streams and, with [`serve`](crate::serve), itself.
    pub shutdown: CancellationToken,
}

/// The API's handle; clones share it.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
}

struct Shared {
    options: ApiOptions,
    streams: Arc<Semaphore>,
    uploads: Semaphore,
    hooks: Semaphore,
    hook_bodies: Semaphore,
    health: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

impl Api {
    /// An API over these parts.
    pub fn new(options: ApiOptions) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                streams: Arc::new(Semaphore::new(limits::MAX_STREAMS)),
                uploads: Semaphore::new(limits::MAX_UPLOADS),
                hooks: Semaphore::new(limits::MAX_HOOKS),
                hook_bodies: Semaphore::new(limits::MAX_HOOK_BODIES_KIB as usize),
                health: Mutex::default(),
            }),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.options.store
    }

    pub(crate) fn intake(&self) -> &Intake {
        &self.shared.options.intake
    }

    pub(crate) fn engine(&self) -> &Arc<dyn EngineView> {
        &self.shared.options.engine
    }

    pub(crate) fn token(&self) -> &Token {
        &self.shared.options.token
    }

    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.shared.options.shutdown
    }

    pub(crate) fn platform(&self) -> &Platform {
        &self.shared.options.platform
    }

    pub(crate) fn chat(&self) -> &dyn ChatDoor {
        &*self.shared.options.chat
    }

    pub(crate) fn logs(&self) -> &PluginLogs {
        &self.shared.options.logs
    }

    /// A place for a package on its way in.
    pub(crate) fn upload_place(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.shared.uploads.try_acquire().map_err(|_| {
            Problem::new(
                Kind::Busy,
                format!(
                    "take the package: {} are on their way in already; try again",
                    limits::MAX_UPLOADS
                ),
            )
        })
    }

    /// A place for a hook that is handled.
    pub(crate) fn hook_place(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.shared
            .hooks
            .try_acquire()
            .map_err(|_| busy_with_hooks())
    }

    /// Room for the body of a hook.
    pub(crate) fn hook_room(&self, bytes: u64) -> Result<SemaphorePermit<'_>, Problem> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        self.shared
            .hook_bodies
            .try_acquire_many(kib)
            .map_err(|_| busy_with_hooks())
    }

    /// A place for a stream that stays open.
    pub(crate) fn stream_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.shared
            .streams
            .clone()
            .try_acquire_owned()
            .map_err(|_| {
                Problem::new(
                    Kind::Busy,
                    format!(
                        "open the stream: {} are open already; close one and try again",
                        limits::MAX_STREAMS
                    ),
                )
            })
    }

    /// Whether the store takes a write, as of at most [`limits::READY_KEPT`]
    /// ago.
    pub(crate) async fn health(&self) -> Result<(), StoreError> {
        let mut kept = self.shared.health.lock().await;
        if let Some((at, result)) = kept.as_ref()
            && at.elapsed() < limits::READY_KEPT
        {
            return result.clone();
        }
        let result = self.store().health().await;
        *kept = Some((Instant::now(), result.clone()));
        result
    }
}

fn busy_with_hooks() -> Problem {
    Problem::new(
        Kind::Busy,
        "take the request: too many are handled at once; try again",
    )
}

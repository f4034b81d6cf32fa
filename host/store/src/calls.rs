//! The calls of one run on the ledger, in the order in which they are made.

use crate::error::Result;
use crate::store::Store;
use crate::types::CallLimits;
use sortie_model::budget::Usage;
use sortie_model::id::{CallId, Fence};
use sortie_model::llm::{CallRecord, CallRefused, NewCall};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::RwLock;

/// How long to wait before settling again with a disk that is full.
const PAUSE: Duration = Duration::from_secs(1);

/// One run's calls to models: reserved on disk before they are made, settled
/// without anybody waiting for the disk.
///
/// A settlement is handed in and written with the next commit. Whatever this
/// ledger is asked afterwards comes after it. A host that dies in between books
/// the call as it was reserved, which is never less than it cost.
pub struct CallLedger {
    store: Store,
    fence: Fence,
    limits: CallLimits,
    /// Read-locked by each settlement on its way to the disk.
    settling: Arc<RwLock<()>>,
}

impl CallLedger {
    /// The ledger of the run whose lease is held by `fence`.
    pub fn new(store: Store, fence: Fence, limits: CallLimits) -> Self {
        Self {
            store,
            fence,
            limits,
            settling: Arc::default(),
        }
    }

    /// What the run used, with every settlement that was handed in before;
    /// calls under way count, but not in money.
    ///
    /// # Errors
    /// As of [`Store::used`].
    pub async fn used(&self) -> Result<Usage> {
        // Those that wait for a read lock while this waits come after it, so it
        // waits for one commit at most.
        drop(self.settling.write().await);
        self.store.used(self.fence.run).await
    }

    /// Reserves a call, durably; see [`Store::reserve_call`].
    ///
    /// # Errors
    /// As of [`Store::reserve_call`].
    pub async fn reserve(&self, call: NewCall) -> Result<std::result::Result<CallId, CallRefused>> {
        self.store.reserve_call(self.fence, call, self.limits).await
    }

    /// Hands a settlement in. With a full disk it is tried until there is room;
    /// what cannot be settled stays reserved, and the next start books it so.
    pub async fn settle(&self, call: CallId, record: CallRecord) {
        let under_way = self.settling.clone().read_owned().await;
        let (store, fence) = (self.store.clone(), self.fence);
        let written = store.hand_in_settlement(fence, call, record.clone()).await;
        tokio::spawn(async move {
            let mut outcome = match written {
                Ok(written) => written.await,
                Err(error) => Err(error),
            };
            // The run's next call is not held up by a disk that is full.
            drop(under_way);
            while let Err(error) = outcome {
                if !error.may_pass() {
                    tracing::error!(%error, %call, "a call is not settled");
                    return;
                }
                tracing::warn!(%error, %call, "a call waits to be settled; trying again");
                tokio::time::sleep(PAUSE).await;
                outcome = store.settle_call(fence, call, record.clone()).await;
            }
        });
    }
}

//! The calls of one run on the ledger, in the order in which they are made.

use crate::error::Result;
use crate::persist::persist;
use crate::store::Store;
use crate::types::CallLimits;
use sortie_model::budget::Usage;
use sortie_model::id::{CallId, Fence};
use sortie_model::llm::{CallEnd, CallRecord, CallRefused, NewCall};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;

/// One run's calls to models: reserved on disk before they are made, settled
/// with the next commit, which nobody waits for.
///
/// What this ledger says was used holds every settlement that was handed in
/// before it was asked. A host that dies before a settlement is on disk books
/// the call as it was reserved, which is the most that it can have cost; where a
/// provider reports more than that, its settlement is waited for.
pub struct CallLedger {
    store: Store,
    fence: Fence,
    limits: CallLimits,
    settling: Arc<watch::Sender<Settling>>,
}

/// The settlements of a run that are not on disk yet, by their numbers.
#[derive(Default)]
struct Settling {
    next: u64,
    open: BTreeSet<u64>,
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
        let mut settling = self.settling.subscribe();
        let before = settling.borrow().next;
        let is_done = |now: &Settling| now.open.first().is_none_or(|first| *first >= before);
        // Its sender lives as long as this ledger.
        let _ = settling.wait_for(is_done).await;
        self.store.used(self.fence.run).await
    }

    /// Reserves a call, durably; see [`Store::reserve_call`].
    ///
    /// # Errors
    /// As of [`Store::reserve_call`].
    pub async fn reserve(&self, call: NewCall) -> Result<std::result::Result<CallId, CallRefused>> {
        self.store.reserve_call(self.fence, call, self.limits).await
    }

    /// Hands a settlement in. One that the store cannot take just now is tried
    /// until it can; what cannot be settled stays reserved, and the next start
    /// books it so.
    pub async fn settle(&self, call: CallId, record: CallRecord) {
        let under_way = UnderWay::begin(&self.settling);
        let (store, fence) = (self.store.clone(), self.fence);
        let over = matches!(record.end, CallEnd::Reported { over: true, .. });
        let handed_in = store.hand_in_settlement(fence, call, record.clone()).await;
        let settled = tokio::spawn(async move {
            let _under_way = under_way;
            let mut outcome = match handed_in {
                Ok(written) => written.await,
                Err(error) => Err(error),
            };
            if matches!(&outcome, Err(error) if error.may_pass()) {
                outcome = persist(|| store.settle_call(fence, call, record.clone())).await;
            }
            if let Err(error) = outcome {
                tracing::error!(%error, %call, "a call is not settled");
            }
        });
        if over && let Err(error) = settled.await {
            tracing::error!(%error, %call, "a call could not be settled");
        }
    }
}

/// A settlement on its way to the disk.
struct UnderWay {
    settling: Arc<watch::Sender<Settling>>,
    number: u64,
}

impl UnderWay {
    fn begin(settling: &Arc<watch::Sender<Settling>>) -> Self {
        let mut number = 0;
        settling.send_modify(|now| {
            number = now.next;
            now.next += 1;
            now.open.insert(number);
        });
        Self {
            settling: Arc::clone(settling),
            number,
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.settling.send_modify(|now| {
            now.open.remove(&self.number);
        });
    }
}

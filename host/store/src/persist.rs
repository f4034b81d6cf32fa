//! Repeats what the store cannot take just now.

use crate::error::{Result, StoreError};
use crate::limits::RETRY_PAUSE;

/// Repeats a write while a person has to make room or to let go of the
/// database: what is to be written is worth waiting for.
///
/// # Errors
/// The first error that waiting does not mend.
pub async fn persist<T, F>(mut write: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match write().await {
            Err(error) if error.may_pass() => {
                tracing::warn!(%error, "the store takes nothing just now; trying again");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            other => return other,
        }
    }
}

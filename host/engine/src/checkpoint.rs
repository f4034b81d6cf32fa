//! Keeps the work of a run that stopped early where people find it: as
//! `refs/sortie/JOB/checkpoint` in the mirror. It is never pushed from here.

use crate::EngineOptions;
use crate::fault::Fault;
use sortie_git::{CommitId, RemoteUrl};
use sortie_model::id::Fence;
use sortie_store::persist;

/// Points the job's checkpoint at what its run has done so far, if that is
/// anything.
pub(crate) async fn keep(
    options: &EngineOptions,
    fence: Fence,
    repository: &str,
) -> Result<(), Fault> {
    let run = options.store.run_state(fence.run).await?.run;
    let (Some(base), Some(head)) = (run.base_commit, run.head_commit) else {
        return Ok(());
    };
    if base == head {
        return Ok(());
    }
    let mirror = options.git.open(&RemoteUrl::parse(repository)?)?;
    let name = format!("refs/sortie/{}/checkpoint", fence.job.0);
    mirror.keep(&head.parse::<CommitId>()?, &name).await?;
    let data = serde_json::json!({ "commit": head, "ref": name });
    persist(|| options.store.emit(fence, "run.checkpoint", data.clone())).await?;
    Ok(())
}

//! What has to be known before a run's first step: the base commit, the
//! budget and the branch. Fixed once and stored, so that every later stretch
//! of the run sees the same.

use crate::fault::Fault;
use crate::meter::RunMeter;
use crate::{EngineOptions, budget, thread};
use sortie_git::{CommitId, Mirror, RemoteUrl};
use sortie_model::budget::Limits;
use sortie_model::project::branch_name;
use sortie_model::run::RunPhase;
use sortie_store::persist;
use sortie_store::{Claim, Job};
use std::sync::Arc;

/// What preparing came to.
pub(crate) struct Prepared {
    pub(crate) base: CommitId,
    pub(crate) limits: Limits,
    pub(crate) branch: String,
    pub(crate) mirror: Mirror,
    pub(crate) meter: Arc<RunMeter>,
}

/// The branch of a job that goes on with nobody else's.
pub(crate) fn own_branch(job: &Job) -> String {
    branch_name(&job.policy.branch_prefix, job.id, &job.task)
}

/// Prepares a run, or reads what an earlier stretch of it prepared.
pub(crate) async fn prepare(options: &EngineOptions, claim: &Claim) -> Result<Prepared, Fault> {
    let job = &claim.job;
    let url = RemoteUrl::parse(&job.repository)?;
    let state = options.store.run_state(claim.run.id).await?;
    let (base, limits, branch, mirror) = match (state.run.base_commit, state.limits, state.branch) {
        (Some(base), Some(limits), Some(branch)) => (
            base.parse::<CommitId>()?,
            limits,
            branch,
            options.git.open(&url)?,
        ),
        _ => {
            persist(|| {
                options
                    .store
                    .set_run_phase(claim.fence, RunPhase::Preparing)
            })
            .await?;
            let limits = budget::resolve(options, job).await?;
            let mirror = options.git.mirror(&url).await?;
            let base_branch = match &job.base_branch {
                Some(branch) => branch.clone(),
                None => mirror.default_branch().await?,
            };
            let published = thread::published_tip(options, &mirror, job).await?;
            let base = match (&job.start.work, &published) {
                // The work of an earlier run rests on that run's base.
                (Some(work), _) => work.base.parse()?,
                // What was published goes on where it stands, with whatever
                // people added.
                (None, Some((_, tip))) => tip.clone(),
                (None, None) => mirror.resolve_branch(&base_branch).await?,
            };
            let branch = match published {
                Some((branch, _)) => branch,
                None => own_branch(job),
            };
            if let Some(work) = &job.start.work {
                persist(|| options.store.set_head(claim.fence, &work.commit)).await?;
            }
            persist(|| {
                options
                    .store
                    .set_base(claim.fence, base.as_str(), limits, &branch)
            })
            .await?;
            (base, limits, branch, mirror)
        }
    };
    Ok(Prepared {
        meter: Arc::new(RunMeter::new(options, claim, limits)),
        base,
        limits,
        branch,
        mirror,
    })
}

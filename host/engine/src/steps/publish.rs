//! The push of exactly the commit that was scanned and, where asked for,
//! released by a person. The native gate stands here, whatever the workflow
//! decided.

use super::StepEnd;
use crate::drive::RunContext;
use crate::fault::Fault;
use crate::gate::{self, Candidate};
use sortie_git::{CommitId, PushExpect};
use sortie_model::approval::Decision;
use sortie_model::halt::HaltReason;
use sortie_model::project::PublishMode;
use sortie_plugins::surfaces::workflow::{Outcome, PublishOutcome, PublishStep};

pub(super) async fn perform(context: &RunContext, asked: PublishStep) -> Result<StepEnd, Fault> {
    let store = &context.options.store;
    let policy = &context.job.policy;
    let shut = |why: String| {
        Fault::halt(
            HaltReason::PluginFailed,
            format!("workflow {} may not publish: {why}", policy.workflow),
        )
    };
    if policy.publish == PublishMode::None {
        return Err(shut("the project publishes nothing".to_owned()));
    }
    // A workflow may say when, not where: the branch was fixed with the job.
    if asked.branch != context.branch {
        return Err(shut(format!(
            "it names branch {}, and the job's is {}",
            asked.branch, context.branch
        )));
    }
    let state = store.run_state(context.fence.run).await?;
    let Some(commit) = state.run.head_commit else {
        return Err(shut("there is no commit".to_owned()));
    };
    let scanned = store.scanned(context.fence.run).await?;
    let released = store
        .approval(context.job.id)
        .await?
        .filter(|approval| {
            approval.run == context.fence.run && approval.decision == Some(Decision::Approved)
        })
        .and_then(|approval| approval.commit);
    gate::check(&Candidate {
        commit: &commit,
        demanded: &policy.scanners,
        review_from: policy.review_from,
        scan: scanned.as_ref().map(|scan| gate::Scan {
            commit: &scan.commit,
            scanners: &scan.scanners,
            worst: scan.worst,
        }),
        released: released.as_deref(),
    })
    .map_err(|why| shut(why.to_string()))?;
    context
        .mirror
        .push(
            &commit.parse::<CommitId>()?,
            &context.branch,
            &PushExpect::Absent,
        )
        .await?;
    let outcome = Outcome::Publish(PublishOutcome {
        branch: context.branch.clone(),
        commit,
    });
    Ok(StepEnd::of(outcome, 0))
}

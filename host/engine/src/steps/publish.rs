//! The push of exactly the commit that was scanned and, where asked for,
//! released by a person. The native gate stands here, whatever the workflow
//! decided.

use super::{StepEnd, sandbox_id};
use crate::base_tests::SCANNER;
use crate::drive::{RunContext, action_of};
use crate::fault::Fault;
use crate::gate::{self, Candidate};
use crate::prepare::own_branch;
use sortie_git::{CommitId, ErrorClass, GitError, PushExpect};
use sortie_model::halt::HaltReason;
use sortie_model::project::PublishMode;
use sortie_plugins::surfaces::workflow::{Action, Outcome, PublishOutcome, PublishStep};
use std::time::Duration;

/// How often a push is tried. It is idempotent, and a new attempt at the whole
/// job would make another commit and find its own branch taken.
const PUSH_TRIES: u32 = 5;
/// How long to wait after the first push that failed; three times that after
/// the next, and so on.
const PUSH_PAUSE: Duration = Duration::from_secs(1);

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
    if commit == context.base.as_str() {
        return Err(shut("nothing differs from the base".to_owned()));
    }
    let scanned = store.scanned(context.fence.run).await?;
    let released = store.released(context.fence.run).await?;
    let released = match released {
        Some(approval) if is_review(context, &approval.step).await? => approval.commit,
        _ => None,
    };
    let mut demanded = policy.scanners.clone();
    demanded.retain(|name| name != SCANNER);
    if policy.base_tests {
        demanded.push(SCANNER.to_owned());
    }
    gate::check(&Candidate {
        commit: &commit,
        demanded: &demanded,
        review_from: policy.review_from,
        scan: scanned.as_ref().map(|scan| gate::Scan {
            commit: &scan.commit,
            scanners: &scan.scanners,
            worst: scan.worst,
        }),
        released: released.as_deref(),
    })
    .map_err(|why| shut(why.to_string()))?;
    push(context, &commit.parse()?).await?;
    let outcome = Outcome::Publish(PublishOutcome {
        branch: context.branch.clone(),
        commit,
    });
    Ok(StepEnd::of(outcome))
}

/// Whether the question of that step was about findings, asked after the newest
/// scan: a yes at any other gate releases no finding.
async fn is_review(context: &RunContext, asked_by: &str) -> Result<bool, Fault> {
    let mut review = false;
    for step in context.options.store.steps(context.fence.run).await? {
        match action_of(&step)? {
            Action::Scan(_) => review = false,
            Action::Approval(question) if sandbox_id(&step) == asked_by => {
                review = question.review;
            }
            _ => {}
        }
    }
    Ok(review)
}

async fn push(context: &RunContext, commit: &CommitId) -> Result<(), Fault> {
    // A branch that another job of the thread published stands where this one
    // began, unless somebody pushed since.
    let inherited = context.branch != own_branch(&context.job);
    let mut expect = match inherited {
        true => PushExpect::At(context.base.clone()),
        false => PushExpect::Absent,
    };
    let mut moved = false;
    let mut pause = PUSH_PAUSE;
    let mut tries = 1;
    loop {
        let pushed = context.mirror.push(commit, &context.branch, &expect).await;
        match pushed {
            Ok(_) => return Ok(()),
            Err(GitError::BranchTaken { at: Some(at), .. })
                if !moved && is_own(context, &at).await? =>
            {
                moved = true;
                expect = PushExpect::At(at);
            }
            Err(error) if error.class() == ErrorClass::Transient && tries < PUSH_TRIES => {
                tracing::warn!(%error, run = context.fence.run.0, "a push failed; trying again");
                tries += 1;
                tokio::time::sleep(pause).await;
                pause *= 3;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether that commit is the result of another run of this job: one that was
/// cancelled in the middle of its push may have left the branch there.
async fn is_own(context: &RunContext, at: &CommitId) -> Result<bool, Fault> {
    let runs = context.options.store.runs(context.job.id).await?;
    Ok(runs
        .iter()
        .any(|run| run.head_commit.as_deref() == Some(at.as_str())))
}

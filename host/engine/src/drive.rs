//! One run from its lease to its end.
//!
//! A loop of three moves, each stored before the next: ask the workflow, do
//! its steps, hand back their outcomes. Whatever a task learned is in the
//! store, so a task that is dropped at any await point is continued by another
//! one from the last finished step.

use crate::doors::WireDoors;
use crate::fault::Fault;
use crate::log::{self, RunLog};
use crate::stint::Stint;
use crate::verification::Verification;
use crate::workspace::WorkspaceSlot;
use crate::{
    EngineOptions, backoff, budget, checkpoint, prepare, result, steps, thread, translate,
};
use futures::FutureExt as _;
use sortie_model::budget::Limits;
use sortie_model::halt::HaltReason;
use sortie_model::id::Fence;
use sortie_model::job::{JobEvent, JobEventKind};
use sortie_model::run::{Run, Step, StepPhase};
use sortie_plugins::surfaces::workflow::{Action, Decision, MAX_DECISIONS, Outcome, StepResult};
use sortie_store::limits::RETRY_PAUSE;
use sortie_store::{Claim, Job, NewDecision, NewStep, Published, RunEnd, StoreError, persist};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// What every part of a run needs to know.
pub(crate) struct RunContext {
    pub(crate) options: Arc<EngineOptions>,
    pub(crate) fence: Fence,
    pub(crate) job: Job,
    /// What the workflow is told to do; see [`thread::task`].
    pub(crate) task: String,
    pub(crate) run: Run,
    /// What the run may use, fixed when it was prepared.
    pub(crate) limits: Limits,
    pub(crate) branch: String,
    pub(crate) base: sortie_git::CommitId,
    pub(crate) mirror: sortie_git::Mirror,
    /// What verifies the result, from the base commit and the policy.
    pub(crate) verification: Verification,
    pub(crate) log: Mutex<RunLog>,
    pub(crate) workspace: WorkspaceSlot,
    /// Held while a program runs in the workspace.
    pub(crate) turn: Mutex<()>,
    /// Whose turn it is, and how long it worked.
    pub(crate) stint: Arc<Stint>,
    /// Held while the base commit's tests are run, in a container of their own.
    pub(crate) check: Mutex<()>,
    pub(crate) meter: Arc<crate::meter::RunMeter>,
    /// What its sandboxes reach the outside through; one for the run, however
    /// many sandboxes and wires it takes, so that its limits hold over all.
    pub(crate) outside: crate::egress::Outside,
    /// Made when the first sandbox is.
    pub(crate) doors: OnceLock<Arc<WireDoors>>,
}

/// How a stretch of work under one lease ended.
pub(crate) enum Ended {
    /// The run is over.
    Job(JobEvent, RunEnd),
    /// It waits for a person and holds nothing meanwhile.
    Parked,
}

/// Drives one claimed run until it ends, parks, is cancelled or loses its
/// lease.
pub(crate) async fn run(options: Arc<EngineOptions>, claim: Claim, cancel: CancellationToken) {
    let fence = claim.fence;
    let job = claim.job.id;
    let attempt = attempt_since_retry(&claim.run, &claim.job);
    let max_attempts = claim.job.policy.max_attempts;
    let repository = claim.job.repository.clone();
    // A bug of ours costs the attempt, never the place in the queue: a run whose
    // task is gone would count as running until the next start.
    let stint = Arc::new(Stint::default());
    let guarded = AssertUnwindSafe(work(options.clone(), claim, stint.clone())).catch_unwind();
    let worked = tokio::select! {
        worked = guarded => worked.unwrap_or_else(|panic| Err(Fault::panicked(&*panic))),
        () = cancel.cancelled() => Err(Fault::Stale),
    };
    // What worked when it was broken off has used its time all the same. Where
    // the lease is over, the cancel has booked it, or its next holder does.
    if !matches!(worked, Err(Fault::Stale))
        && let Some((position, spent)) = stint.open()
    {
        let used = steps::worked(spent);
        let booked = persist(|| options.store.book_step(fence, position, used)).await;
        if let Err(error) = booked {
            tracing::warn!(%error, run = fence.run.0, "what a step worked is not booked");
        }
    }
    let end = match worked {
        // Its sandbox went before it parked; by now the run may be another
        // task's.
        Ok(Ended::Parked) => return,
        Ok(Ended::Job(event, end)) => Some((event, end)),
        Err(Fault::Stale) => None,
        Err(Fault::Halt { reason, detail }) => Some((
            JobEvent::Halted {
                reason,
                detail: detail.clone(),
            },
            failed(detail),
        )),
        Err(Fault::Ask(why)) => Some((
            JobEvent::Halted {
                reason: HaltReason::BudgetDenied,
                detail: why.clone(),
            },
            failed(why),
        )),
        Err(Fault::Passing(error)) if attempt < max_attempts => Some((
            JobEvent::Postponed {
                not_before: options.clock.now().plus(backoff::delay(attempt)),
            },
            failed(error),
        )),
        Err(Fault::Passing(error)) => Some((
            JobEvent::Failed {
                error: error.clone(),
            },
            failed(error),
        )),
    };
    if let Some((_, RunEnd { error: Some(_), .. })) = &end
        && let Err(fault) = checkpoint::keep(&options, fence, &repository).await
    {
        // The commit itself is kept with the run.
        tracing::warn!(?fault, run = fence.run.0, "a checkpoint could not be set");
    }
    // The sandbox goes first: were the end written first, a crash between the
    // two would leave a container that only the next start's sweep removes. Why
    // a step stopped the run is kept by then, so nothing is launched again.
    if let Err(error) = options.sandbox.remove(fence.run.0).await {
        tracing::warn!(%error, run = fence.run.0, "a sandbox is left; the next start removes it");
    }
    if let Some((event, mut end)) = end {
        if event.kind() != JobEventKind::Postponed {
            // An account that cannot be given costs the account, not the end.
            match result::of(&options, fence, &end).await {
                Ok(result) => end.result = Some(result),
                Err(fault) => {
                    tracing::warn!(?fault, run = fence.run.0, "the result of a run is not told");
                }
            }
        }
        // Until it is written the job counts as running and takes a place.
        loop {
            match options
                .store
                .finish(fence, event.clone(), end.clone())
                .await
            {
                Ok(job) => {
                    tracing::info!(job = job.id.0, state = %job.state.phase(), "a run ended");
                    break;
                }
                Err(StoreError::Stale { .. } | StoreError::Closed) => break,
                Err(error) => {
                    tracing::error!(%error, %job, "the end of a run could not be written; trying again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }
}

async fn work(
    options: Arc<EngineOptions>,
    claim: Claim,
    stint: Arc<Stint>,
) -> Result<Ended, Fault> {
    let prepared = prepare::prepare(&options, &claim).await?;
    let verification =
        Verification::of(&prepared.mirror, &prepared.base, &claim.job.policy).await?;
    let task = thread::task(&options, &claim.job).await?;
    let log = RunLog::open(&log::path(&options.data_dir, claim.run.id)).await?;
    let context = RunContext {
        outside: crate::egress::Outside::of(&options, claim.fence, &claim.job.policy.egress),
        doors: OnceLock::new(),
        meter: prepared.meter.clone(),
        workspace: WorkspaceSlot::new(claim.resumed),
        turn: Mutex::new(()),
        stint,
        check: Mutex::new(()),
        options,
        fence: claim.fence,
        job: claim.job,
        task,
        run: claim.run,
        limits: prepared.limits,
        branch: prepared.branch,
        base: prepared.base,
        mirror: prepared.mirror,
        verification,
        log: Mutex::new(log),
    };
    loop {
        let state = context.options.store.run_state(context.fence.run).await?;
        let (index, results) = match state.decision_index {
            None => (0, Vec::new()),
            Some(index) => {
                let stored = state.decision.unwrap_or_default();
                let decision: Decision = serde_json::from_value(stored).map_err(|error| {
                    Fault::halt(
                        HaltReason::PluginFailed,
                        format!("read the stored decision {index}: {error}"),
                    )
                })?;
                if let Some(ended) = translate::ending(&context, &decision)? {
                    return with_publication(&context, ended).await;
                }
                let performed = match state.stop {
                    Some(why) => Err(steps::stop::again(&context, &state.steps, why).await),
                    None => steps::perform(&context, state.steps).await,
                };
                match performed {
                    Ok(steps::Performed::Parked) => return Ok(Ended::Parked),
                    Ok(steps::Performed::All(results)) => (index + 1, results),
                    Err(Fault::Halt { reason, detail }) if reason.is_budget() => {
                        return budget::used_up(&context, reason, detail).await;
                    }
                    Err(Fault::Ask(why)) => {
                        return budget::used_up(&context, HaltReason::BudgetDenied, why).await;
                    }
                    Err(fault) => return Err(fault),
                }
            }
        };
        decide(&context, index, &state.state, &results).await?;
    }
}

/// Which attempt this is since a person asked for the job, from 1: someone who
/// retries a job gives it all its attempts anew.
pub(crate) fn attempt_since_retry(run: &Run, job: &Job) -> u32 {
    run.attempt.saturating_sub(job.attempts_before_retry).max(1)
}

/// The end of a run that failed.
pub(crate) fn failed(error: String) -> RunEnd {
    RunEnd {
        error: Some(error),
        ..RunEnd::default()
    }
}

/// Puts what was published into the end of the run.
async fn with_publication(context: &RunContext, ended: Ended) -> Result<Ended, Fault> {
    let Ended::Job(event, mut end) = ended else {
        return Ok(ended);
    };
    for step in context.options.store.steps(context.fence.run).await? {
        if let Some(Outcome::Publish(published)) = outcome_of(&step)? {
            end.published = Some(Published {
                branch: published.branch,
                commit: published.commit,
            });
        }
    }
    Ok(Ended::Job(event, end))
}

/// Asks the workflow and stores what it says, before anything is done.
async fn decide(
    context: &RunContext,
    index: u32,
    state: &[u8],
    results: &[StepResult],
) -> Result<(), Fault> {
    if index >= MAX_DECISIONS {
        return Err(Fault::halt(
            HaltReason::PluginFailed,
            format!(
                "workflow {} took {index} decisions without an end",
                context.job.policy.workflow
            ),
        ));
    }
    let advance = context
        .options
        .plugins
        .workflow_advance(
            &context.job.policy.workflow,
            &translate::context(context),
            state,
            results,
        )
        .await?;
    let steps = match &advance.decision {
        Decision::Run(steps) => steps.as_slice(),
        _ => &[],
    };
    let stored = NewDecision {
        index,
        state: advance.state,
        decision: serde_json::to_value(&advance.decision).map_err(translate::unstorable)?,
        steps: steps
            .iter()
            .map(|step| {
                Ok(NewStep {
                    name: step.id.clone(),
                    action: serde_json::to_value(&step.action).map_err(translate::unstorable)?,
                })
            })
            .collect::<Result<_, Fault>>()?,
    };
    persist(|| {
        context
            .options
            .store
            .decide_steps(context.fence, stored.clone())
    })
    .await
    .map_err(|error| match error {
        // A state or a list of steps beyond the store's bounds.
        StoreError::Invalid { .. } => Fault::halt(HaltReason::PluginFailed, error),
        other => other.into(),
    })?;
    Ok(())
}

/// What a stored step says.
pub(crate) fn action_of(step: &Step) -> Result<Action, Fault> {
    serde_json::from_value(step.action.clone()).map_err(translate::unstorable)
}

/// What a finished step came to.
pub(crate) fn outcome_of(step: &Step) -> Result<Option<Outcome>, Fault> {
    match (&step.phase, &step.outcome) {
        (StepPhase::Done, Some(outcome)) => serde_json::from_value(outcome.clone())
            .map(Some)
            .map_err(translate::unstorable),
        _ => Ok(None),
    }
}

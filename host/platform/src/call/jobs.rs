//! Jobs, as a call may ask about them and move them. Each request is checked
//! at once, so that the guest learns of an error; the store checks again when
//! the call is written.

use super::Context;
use sortie_intake::{Requester, SubmitRequest};
use sortie_model::approval::Decision as Answer;
use sortie_model::id::JobId;
use sortie_model::job::JobPhase;
use sortie_package::manifest::JobAction;
use sortie_plugins::outside::{Decision, JobView, JobsError, Submission};
use sortie_store::{Effect, Job, JobFilter, Store, StoreError};

/// The most jobs of one listing, as the WIT says.
const MAX_LISTED: u32 = 100;
/// The longest title, in characters.
const TITLE_CHARS: usize = 120;

pub(super) async fn submit(context: &mut Context, job: Submission) -> Result<u64, JobsError> {
    allowed(context, JobAction::Submit)?;
    if let Some(key) = &job.idempotency_key
        && let Some((same, id)) = context.keyed.get(key)
    {
        return match *same == job {
            true => Ok(*id),
            false => Err(JobsError::Conflict(
                "this call used the idempotency key for another job".into(),
            )),
        };
    }
    let request = SubmitRequest {
        project: job.project.clone(),
        repository: job.repository.clone(),
        task: job.task.clone(),
        base: job.base.clone(),
        agent: job.agent.clone(),
        workflow: job.workflow.clone(),
        budget: job.budget.clone(),
        verify: Vec::new(),
        // Keys of one plugin are nobody else's.
        idempotency_key: job
            .idempotency_key
            .as_ref()
            .map(|key| format!("plugin:{}:{key}", context.plugin.name)),
    };
    let requester = Requester::new(
        &context.actor.name(&context.plugin.name),
        &format!("plugin:{}", context.plugin.name),
    );
    if let Some(known) = context
        .intake
        .submitted_before(&request)
        .await
        .map_err(|error| refused(&error))?
    {
        return Ok(known.id.0);
    }
    let new = context
        .intake
        .prepare(request, &requester)
        .await
        .map_err(|error| refused(&error))?;
    let id = context
        .store
        .reserve_job_id()
        .await
        .map_err(|error| other(&error))?;
    context.ledger.add(Effect::Submit {
        id,
        job: Box::new(new),
    });
    if let Some(key) = job.idempotency_key.clone() {
        context.keyed.insert(key, (job, id.0));
    }
    Ok(id.0)
}

pub(super) async fn cancel(context: &mut Context, job: u64) -> Result<(), JobsError> {
    allowed(context, JobAction::Cancel)?;
    let found = find(context, job).await?;
    if found.state.phase().is_final() {
        return Err(conflict("cancel", &found));
    }
    context.ledger.add(Effect::Cancel { job: found.id });
    Ok(())
}

pub(super) async fn retry(context: &mut Context, job: u64) -> Result<(), JobsError> {
    allowed(context, JobAction::Retry)?;
    let found = find(context, job).await?;
    let phase = found.state.phase();
    if !phase.is_final() || phase == JobPhase::Succeeded {
        return Err(conflict("retry", &found));
    }
    context.ledger.add(Effect::Retry { job: found.id });
    Ok(())
}

pub(super) async fn decide(
    context: &mut Context,
    job: u64,
    decision: Decision,
    commit: Option<String>,
    comment: Option<String>,
) -> Result<(), JobsError> {
    allowed(context, JobAction::Decide)?;
    if context.actor.sender.is_none() {
        return Err(JobsError::Denied(
            "only a verified sender may answer a question, and this event has none".into(),
        ));
    }
    let found = find(context, job).await?;
    let open = context
        .store
        .approval(found.id)
        .await
        .map_err(|error| other(&error))?
        .filter(|_| found.state.phase().waits_for_person());
    let Some(open) = open else {
        return Err(conflict("decide", &found));
    };
    if commit.is_some() && open.commit != commit {
        return Err(JobsError::Conflict(format!(
            "the question is about commit {}; look at the diff again",
            open.commit.as_deref().unwrap_or("none")
        )));
    }
    context.ledger.add(Effect::Decide {
        job: found.id,
        decision: match decision {
            Decision::Approve => Answer::Approved,
            Decision::Reject => Answer::Rejected,
        },
        commit,
        comment,
    });
    Ok(())
}

pub(super) async fn get(context: &Context, job: u64) -> Result<JobView, JobsError> {
    allowed(context, JobAction::Read)?;
    let found = find(context, job).await?;
    view_of(&context.store, found)
        .await
        .map_err(|error| other(&error))
}

pub(super) async fn newest(
    context: &Context,
    state: Option<String>,
    limit: u32,
) -> Result<Vec<JobView>, JobsError> {
    allowed(context, JobAction::Read)?;
    let phase = state
        .map(|name| {
            JobPhase::parse(&name)
                .ok_or_else(|| JobsError::Invalid(format!("there is no state {name:?}")))
        })
        .transpose()?;
    let filter = JobFilter {
        phases: phase.into_iter().collect(),
        limit: limit.clamp(1, MAX_LISTED),
        ..JobFilter::default()
    };
    let jobs = context
        .store
        .jobs(filter)
        .await
        .map_err(|error| other(&error))?;
    let mut views = Vec::with_capacity(jobs.len());
    for job in jobs {
        let view = view_of(&context.store, job).await;
        views.push(view.map_err(|error| other(&error))?);
    }
    Ok(views)
}

/// A job as plugins see it.
pub(crate) async fn view_of(store: &Store, job: Job) -> Result<JobView, StoreError> {
    let phase = job.state.phase();
    let asked = match phase.waits_for_person() {
        true => store.approval(job.id).await?,
        false => None,
    };
    let millis = |at: sortie_model::clock::Timestamp| u64::try_from(at.0).unwrap_or(0);
    Ok(JobView {
        id: job.id.0,
        project: job.project,
        state: phase.as_str().to_owned(),
        is_final: phase.is_final(),
        title: job
            .task
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(TITLE_CHARS)
            .collect(),
        requested_by: job.requested_by,
        branch: job.published.map(|published| published.branch),
        asked_commit: asked.and_then(|approval| approval.commit),
        detail: job.error.or(job.summary),
        created_at_ms: millis(job.created_at),
        updated_at_ms: millis(job.updated_at),
    })
}

fn allowed(context: &Context, action: JobAction) -> Result<(), JobsError> {
    match context.plugin.grant.jobs.allow.contains(&action) {
        true => Ok(()),
        false => Err(JobsError::Denied(format!(
            "to {} jobs is not granted",
            format!("{action:?}").to_lowercase()
        ))),
    }
}

async fn find(context: &Context, job: u64) -> Result<Job, JobsError> {
    context
        .store
        .job(JobId(job))
        .await
        .map_err(|error| other(&error))?
        .ok_or(JobsError::NotFound)
}

fn conflict(what: &str, job: &Job) -> JobsError {
    JobsError::Conflict(format!(
        "{} is {}; it cannot {what}",
        job.id,
        job.state.phase()
    ))
}

fn refused(error: &sortie_intake::IntakeError) -> JobsError {
    match error {
        sortie_intake::IntakeError::Store(error) => other(error),
        error => JobsError::Invalid(error.to_string()),
    }
}

fn other(error: &StoreError) -> JobsError {
    JobsError::Other(error.to_string())
}

//! Jobs, as a call may ask about them and move them. Each request is checked
//! at once, so that the guest learns of an error; the store checks again when
//! the call is written.

use super::{Context, role};
use sortie_intake::{Requester, SubmitRequest};
use sortie_model::id::JobId;
use sortie_model::job::JobPhase;
use sortie_model::people::Act;
use sortie_package::manifest::JobAction;
use sortie_plugins::outside::{JobView, JobsError, Submission};
use sortie_store::{Effect, Job, JobFilter, Store, StoreError};

/// The most jobs of one listing, as the WIT says.
const MAX_LISTED: u32 = 100;
/// The longest title, in characters.
const TITLE_CHARS: usize = 120;

pub(super) async fn submit(context: &mut Context, job: Submission) -> Result<u64, JobsError> {
    let request = SubmitRequest {
        project: job.project,
        repository: job.repository,
        task: job.task,
        base: job.base,
        agent: job.agent,
        workflow: job.workflow,
        budget: job.budget,
        ..SubmitRequest::default()
    };
    take(context, request, job.idempotency_key).await
}

pub(super) async fn follow_up(
    context: &mut Context,
    job: u64,
    task: String,
    idempotency_key: Option<String>,
) -> Result<u64, JobsError> {
    let request = SubmitRequest {
        task,
        continues: Some(job),
        ..SubmitRequest::default()
    };
    take(context, request, idempotency_key).await
}

async fn take(
    context: &mut Context,
    mut request: SubmitRequest,
    key: Option<String>,
) -> Result<u64, JobsError> {
    allowed(context, JobAction::Submit, Act::Submit)?;
    // Keys of one plugin are nobody else's.
    request.idempotency_key = key
        .as_ref()
        .map(|key| format!("plugin:{}:{key}", context.plugin.name));
    if let Some(key) = &key
        && let Some((same, id)) = context.keyed.get(key)
    {
        return match *same == request {
            true => Ok(*id),
            false => Err(JobsError::Conflict(
                "this call used the idempotency key for another job".into(),
            )),
        };
    }
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
        .prepare(request.clone(), &requester)
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
    if let Some(key) = key {
        context.keyed.insert(key, (request, id.0));
    }
    Ok(id.0)
}

pub(super) async fn cancel(context: &mut Context, job: u64) -> Result<(), JobsError> {
    granted(context, JobAction::Cancel)?;
    let found = find(context, job).await?;
    role::check(context, role::cancelling(context, &found))?;
    if found.state.phase().is_final() {
        return Err(conflict(&found, "there is nothing to cancel"));
    }
    context.ledger.add(Effect::Cancel { job: found.id });
    Ok(())
}

pub(super) async fn retry(context: &mut Context, job: u64) -> Result<(), JobsError> {
    allowed(context, JobAction::Retry, Act::Retry)?;
    let found = find(context, job).await?;
    let phase = found.state.phase();
    if phase == JobPhase::Succeeded {
        return Err(conflict(&found, "there is nothing to try again"));
    }
    if !phase.is_final() {
        return Err(conflict(&found, "it can be tried again once it is over"));
    }
    context.ledger.add(Effect::Retry { job: found.id });
    Ok(())
}

pub(super) async fn get(context: &Context, job: u64) -> Result<JobView, JobsError> {
    allowed(context, JobAction::Read, Act::Read)?;
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
    allowed(context, JobAction::Read, Act::Read)?;
    let phase = state
        .map(|name| JobPhase::parse(&name).ok_or_else(|| no_state(&name)))
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

/// A job as plugins see it: who asked for it is told by name, where the host
/// knows one.
pub(crate) async fn view_of(store: &Store, job: Job) -> Result<JobView, StoreError> {
    let phase = job.state.phase();
    let asked = match phase.waits_for_person() {
        true => store.approval(job.id).await?,
        false => None,
    };
    let name = store.known_as(&job.requested_by).await?;
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
        requested_by: name.unwrap_or(job.requested_by),
        branch: job.published.map(|published| published.branch),
        asked_commit: asked.and_then(|approval| approval.commit),
        detail: job.error.or(job.summary),
        created_at_ms: millis(job.created_at),
        updated_at_ms: millis(job.updated_at),
    })
}

/// Whether the plugin's grant and the sender's role allow it.
pub(super) fn allowed(context: &Context, action: JobAction, act: Act) -> Result<(), JobsError> {
    granted(context, action)?;
    role::check(context, act)
}

pub(super) fn granted(context: &Context, action: JobAction) -> Result<(), JobsError> {
    match context.plugin.grant.jobs.allow.contains(&action) {
        true => Ok(()),
        false => Err(JobsError::Denied(format!(
            "to {} jobs is not granted",
            format!("{action:?}").to_lowercase()
        ))),
    }
}

pub(super) async fn find(context: &Context, job: u64) -> Result<Job, JobsError> {
    context
        .store
        .job(JobId(job))
        .await
        .map_err(|error| other(&error))?
        .ok_or(JobsError::NotFound)
}

/// That the job stands where what was asked for cannot be done, and what follows
/// from that.
pub(super) fn conflict(job: &Job, so: &str) -> JobsError {
    let stands = stands(job.state.phase());
    JobsError::Conflict(format!("{} {stands}; {so}", job.id))
}

/// Where a job stands, in the words of a sentence.
fn stands(phase: JobPhase) -> &'static str {
    match phase {
        JobPhase::Queued => "waits for its turn",
        JobPhase::Running => "is running",
        JobPhase::AwaitingApproval | JobPhase::NeedsReview => "waits for an answer",
        JobPhase::Approved => "was approved already",
        JobPhase::Rejected => "was rejected already",
        JobPhase::Succeeded => "has succeeded already",
        JobPhase::Failed => "has failed already",
        JobPhase::Cancelled => "was cancelled already",
        JobPhase::Halted => "has halted already",
    }
}

/// That there is no state of that name, and which there are.
fn no_state(name: &str) -> JobsError {
    let name: String = name.chars().take(40).collect();
    let known: Vec<&str> = JobPhase::ALL.iter().map(|phase| phase.as_str()).collect();
    JobsError::Invalid(format!(
        "there is no state {name:?}; known: {}",
        known.join(", ")
    ))
}

fn refused(error: &sortie_intake::IntakeError) -> JobsError {
    match error {
        sortie_intake::IntakeError::Store(error) => other(error),
        sortie_intake::IntakeError::NoSuchJob { .. } => JobsError::NotFound,
        error => JobsError::Invalid(error.to_string()),
    }
}

pub(super) fn other(error: &StoreError) -> JobsError {
    JobsError::Other(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_none_is_answered_with_those_that_are() {
        let JobsError::Invalid(said) = no_state("foo") else {
            panic!("it is invalid");
        };
        assert!(
            said.starts_with("there is no state \"foo\"; known: queued, running, "),
            "{said}"
        );
    }

    #[test]
    fn where_a_job_stands_is_said_in_words() {
        for phase in JobPhase::ALL {
            let said = stands(phase);
            assert!(!said.contains('_'), "{said}");
            assert_eq!(
                said.ends_with(" already"),
                phase.is_final() || phase == JobPhase::Approved,
                "{said}"
            );
        }
    }
}

//! Submit jobs and read them.

use super::{BadBody, NoSuchJob, NotMoved, Refusals};
use crate::extract::{From, JobPath, Json, Params};
use crate::page::Page;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{JobDetail, JobList, JobView, RunView, SubmitBody};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sortie_model::id::JobId;
use sortie_model::job::JobPhase;
use sortie_store::{JobFilter, StoreError};
use std::collections::BTreeMap;
use utoipa::IntoParams;

/// Submit a job.
///
/// The job is on disk when the answer comes. With an `Idempotency-Key` the
/// request can be repeated: the same key with the same body answers with the
/// first one's job.
#[utoipa::path(
    post, path = "/v1/jobs", operation_id = "submit_job", tag = "jobs",
    security(("token" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request: 1 to 255 visible ASCII characters."),
        ("Sortie-User" = Option<String>, Header, description = "Who asks, as a label for people."),
        ("Sortie-Client" = Option<String>, Header, description = "Through which door, as a label for people."),
    ),
    request_body = SubmitBody,
    responses(
        (status = 201, description = "Submitted.", body = JobView, headers(("Location" = String, description = "The job."))),
        (status = 200, description = "Submitted before under the same key.", body = JobView, headers(("Location" = String, description = "The job."))),
        Refusals, BadBody, NotMoved,
    )
)]
pub(super) async fn submit(
    State(api): State<Api>,
    From(requester): From,
    headers: HeaderMap,
    Json(body): Json<SubmitBody>,
) -> Result<Response, Problem> {
    let key = match headers.get("idempotency-key") {
        None => None,
        Some(value) => Some(
            value
                .to_str()
                .map_err(|_| {
                    Problem::new(
                        Kind::BadRequest,
                        "use the idempotency key: it is not visible ASCII; a UUID is a good one",
                    )
                })?
                .to_owned(),
        ),
    };
    let submitted = api
        .intake()
        .submit(body.into_request(key), &requester)
        .await?;
    let status = if submitted.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let location = format!("/v1/jobs/{}", submitted.job.id.0);
    Ok((
        status,
        [(header::LOCATION, location)],
        axum::Json(JobView::from(submitted.job)),
    )
        .into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only jobs in one of these states, divided by commas.
    #[param(example = "queued,running")]
    state: Option<String>,
    /// Only jobs of this project.
    project: Option<String>,
    /// At most so many; 50 unless said, at most 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List jobs, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", operation_id = "list_jobs", tag = "jobs",
    security(("token" = [])),
    params(ListParams),
    responses((status = 200, description = "A page of jobs.", body = JobList), Refusals)
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(params): Params<ListParams>,
) -> Result<axum::Json<JobList>, Problem> {
    let page = Page::of(params.limit)?;
    let jobs = api
        .store()
        .jobs(JobFilter {
            phases: phases(params.state.as_deref())?,
            project: params.project,
            before: cursor(params.cursor.as_deref())?,
            limit: page.asked(),
        })
        .await?;
    let (jobs, next) = page.cut(jobs, |job| job.id.0);
    Ok(axum::Json(JobList {
        jobs: jobs.into_iter().map(Into::into).collect(),
        next_cursor: next.map(|id| id.to_string()),
    }))
}

fn phases(text: Option<&str>) -> Result<Vec<JobPhase>, Problem> {
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| {
            JobPhase::parse(name).ok_or_else(|| {
                let known: Vec<&str> = JobPhase::ALL.iter().map(|phase| phase.as_str()).collect();
                Problem::new(
                    Kind::BadRequest,
                    format!(
                        "read the query: there is no state {:?}; known: {}",
                        name.chars().take(40).collect::<String>(),
                        known.join(", ")
                    ),
                )
            })
        })
        .collect()
}

fn cursor(text: Option<&str>) -> Result<Option<JobId>, Problem> {
    text.map(|cursor| {
        cursor.parse().map(JobId).map_err(|_| {
            Problem::new(
                Kind::BadRequest,
                "read the query: the cursor is not one; pass `next_cursor` as it came",
            )
        })
    })
    .transpose()
}

/// Read a job with its runs and steps.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", operation_id = "get_job", tag = "jobs",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number.")),
    responses((status = 200, description = "The job.", body = JobDetail), Refusals, NoSuchJob)
)]
pub(super) async fn get(
    State(api): State<Api>,
    JobPath(id): JobPath,
) -> Result<axum::Json<JobDetail>, Problem> {
    let store = api.store();
    let job = existing(&api, id).await?;
    let mut runs = Vec::new();
    for run in store.runs(id).await? {
        let steps = store.steps(run.id).await?;
        runs.push(RunView::new(run, steps));
    }
    let detected = store.newest_event(id, "verification.detected").await?;
    // Written by the engine of this version or of one before: what cannot be
    // read is not shown.
    let verification = detected.and_then(|event| {
        let commands = event.data.get("commands")?;
        serde_json::from_value(commands.clone()).ok()
    });
    let approval = store.approval(id).await?;
    let decided_by = approval.as_ref().and_then(|one| one.decided_by.as_deref());
    let mut known_as = BTreeMap::new();
    for who in std::iter::once(job.requested_by.as_str()).chain(decided_by) {
        if let Some(name) = store.known_as(who).await? {
            known_as.insert(who.to_owned(), name);
        }
    }
    Ok(axum::Json(JobDetail {
        verification,
        known_as,
        job: job.into(),
        runs,
        approval: approval.map(Into::into),
        findings: store.findings(id).await?.len() as u64,
    }))
}

/// The job, or the problem that there is none.
pub(super) async fn existing(api: &Api, id: JobId) -> Result<sortie_store::Job, Problem> {
    match api.store().job(id).await? {
        Some(job) => Ok(job),
        None => Err(StoreError::NotFound {
            what: id.to_string(),
        }
        .into()),
    }
}

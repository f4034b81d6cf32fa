//! What a job made, and what was found in it.

use super::jobs::existing;
use super::{NoSuchJob, Refusals};
use crate::extract::{JobPath, Named};
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{ArtifactList, FindingList, TelemetryList};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sortie_model::id::JobId;

/// The change that a job made, as git prints it.
///
/// Computed by the host from the commit that was scanned. A result without a
/// change is an empty text.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/diff", operation_id = "get_job_diff", tag = "jobs",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number.")),
    responses(
        (status = 200, description = "The diff.", body = String, content_type = "text/x-diff"),
        (status = 404, description = "There is no such job, or it has no result yet.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The diff is over the host's limit.", body = Problem, content_type = "application/problem+json"),
        Refusals,
    )
)]
pub(super) async fn diff(
    State(api): State<Api>,
    JobPath(id): JobPath,
) -> Result<Response, Problem> {
    let job = existing(&api, id).await?;
    match api.engine().diff(id).await? {
        Some(text) => {
            Ok(([(header::CONTENT_TYPE, "text/x-diff; charset=utf-8")], text).into_response())
        }
        None => Err(Problem::new(
            Kind::NotFound,
            format!(
                "show the diff of {id}: it has no result and is {}",
                job.state.phase()
            ),
        )
        .with_hint("wait until the agent's step is over")),
    }
}

/// What the scanners found in a job's newest result, worst first.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/findings", operation_id = "list_job_findings", tag = "jobs",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number.")),
    responses((status = 200, description = "The findings.", body = FindingList), Refusals, NoSuchJob)
)]
pub(super) async fn findings(
    State(api): State<Api>,
    JobPath(id): JobPath,
) -> Result<Json<FindingList>, Problem> {
    existing(&api, id).await?;
    let mut findings = api.store().findings(id).await?;
    // A stable sort: within a severity the scanner's order stays.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(Json(FindingList {
        findings: findings.into_iter().map(Into::into).collect(),
    }))
}

/// What each step of a job and each of its calls to models took.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/telemetry", operation_id = "list_job_telemetry", tag = "jobs",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number.")),
    responses((status = 200, description = "The rows.", body = TelemetryList), Refusals, NoSuchJob)
)]
pub(super) async fn telemetry(
    State(api): State<Api>,
    JobPath(id): JobPath,
) -> Result<Json<TelemetryList>, Problem> {
    existing(&api, id).await?;
    let store = api.store();
    let mut list = TelemetryList { rows: Vec::new() };
    for run in store.runs(id).await? {
        let steps = store.steps(run.id).await?;
        let calls = store.model_calls(run.id).await?;
        list.add(&run, &steps, &calls);
    }
    Ok(Json(list))
}

/// The files that the steps of a job left, oldest first.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/artifacts", operation_id = "list_job_artifacts", tag = "jobs",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number.")),
    responses((status = 200, description = "The files.", body = ArtifactList), Refusals, NoSuchJob)
)]
pub(super) async fn artifacts(
    State(api): State<Api>,
    JobPath(id): JobPath,
) -> Result<Json<ArtifactList>, Problem> {
    existing(&api, id).await?;
    let artifacts = api.store().artifacts(id).await?;
    Ok(Json(ArtifactList {
        artifacts: artifacts.into_iter().map(Into::into).collect(),
    }))
}

/// What is in a file that a step left: text of an agent or a program, to be
/// shown and not to be believed.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/artifacts/{artifact}", operation_id = "get_job_artifact", tag = "jobs",
    security(("token" = [])),
    params(
        ("id" = u64, Path, description = "The job's number."),
        ("artifact" = u64, Path, description = "The file's id."),
    ),
    responses(
        (status = 200, description = "The file.", body = String, content_type = "text/plain"),
        Refusals, NoSuchJob,
    )
)]
pub(super) async fn artifact(
    State(api): State<Api>,
    Named((job, artifact)): Named<(u64, u64)>,
) -> Result<Response, Problem> {
    let job = JobId(job);
    existing(&api, job).await?;
    let missing = |why: &str| {
        Problem::new(
            Kind::NotFound,
            format!("show file {artifact} of {job}: {why}"),
        )
        .with_hint(format!(
            "`GET /v1/jobs/{}/artifacts` lists its files",
            job.0
        ))
    };
    let Some(found) = api.store().artifact(job, artifact).await? else {
        return Err(missing("it has no such file"));
    };
    let path = api.engine().artifact_path(&found);
    let text = tokio::fs::read(path)
        .await
        .map_err(|error| missing(&error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

//! The log of a job's runs as lines of JSON, as it grows if asked for.

use super::jobs::existing;
use super::{NoSuchJob, Refusals};
use crate::extract::{JobPath, Params};
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::stream::{Log, lines};
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogParams {
    /// Go on with what is written later, over further runs, until the job is
    /// final or waits for a person.
    #[serde(default)]
    follow: bool,
    /// The run; the newest unless said.
    run: Option<u64>,
}

/// The log of a job's newest run, one `LogView` a line.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/logs", operation_id = "get_job_logs", tag = "streams",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number."), LogParams),
    responses(
        (status = 200, description = "The log.", body = crate::view::LogView, content_type = "application/x-ndjson"),
        Refusals, NoSuchJob,
    )
)]
pub(super) async fn logs(
    State(api): State<Api>,
    JobPath(id): JobPath,
    Params(params): Params<LogParams>,
) -> Result<Response, Problem> {
    existing(&api, id).await?;
    let runs = api.store().runs(id).await?;
    let run = match params.run {
        None => runs.last(),
        Some(wanted) => match runs.iter().find(|run| run.id.0 == wanted) {
            Some(run) => Some(run),
            None => {
                return Err(Problem::new(
                    Kind::NotFound,
                    format!("show the log of run {wanted}: {id} has no such run"),
                )
                .with_hint(format!("`GET /v1/jobs/{}` lists its runs", id.0)));
            }
        },
    };
    let place = api.stream_place()?;
    let log = Log::new(
        api.store().clone(),
        api.engine().clone(),
        id,
        run.map(|run| run.id),
        params.follow,
        place,
    );
    let body = Body::from_stream(lines(log, api.shutdown().clone()));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

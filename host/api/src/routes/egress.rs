//! What jobs want of the outside: looked at and answered.

use super::{BadBody, NoSuchJob, Refusals};
use crate::extract::{From, JobPath, Json as JsonBody, Params};
use crate::page::Page;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{EgressAnswerBody, EgressAnswerView, EgressQuestions, EgressView};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use sortie_model::egress::RulingScope;
use sortie_model::host::{HostError, HostPattern};
use sortie_store::NewRuling;
use utoipa::IntoParams;

/// The most questions that one answer lists.
const MAX_QUESTIONS: u32 = 200;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ConnectionParams {
    /// Only older connections than this one.
    before: Option<u64>,
    /// At most so many connections; 50 unless said, at most 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Look at what a job wanted of the outside.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/egress", operation_id = "get_egress", tag = "egress",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number."), ConnectionParams),
    responses((status = 200, description = "What it asked, and what became of it.", body = EgressView), Refusals, NoSuchJob)
)]
pub(super) async fn get(
    State(api): State<Api>,
    JobPath(id): JobPath,
    Params(params): Params<ConnectionParams>,
) -> Result<Json<EgressView>, Problem> {
    let page = Page::of(params.limit)?;
    let asks = api.store().egress_asks(id).await?;
    let answers = api.store().egress_rulings(id, None).await?;
    let found = api
        .store()
        .egress_connections(id, params.before, page.asked())
        .await?;
    let (connections, next_before) = page.cut(found, |row| row.id);
    Ok(Json(EgressView {
        asks: asks.into_iter().map(Into::into).collect(),
        answers: answers.into_iter().map(Into::into).collect(),
        connections: connections.into_iter().map(Into::into).collect(),
        next_before,
    }))
}

/// Allow or deny a host.
///
/// The run goes on meanwhile; the answer counts from its next connection on. When
/// the job is over, it counts once the job is tried again. Of the answers that fit
/// a host the newest counts.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/egress", operation_id = "answer_egress", tag = "egress",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number.")),
    request_body = EgressAnswerBody,
    responses((status = 200, description = "The answer.", body = EgressAnswerView), Refusals, NoSuchJob, super::NotMoved, BadBody)
)]
pub(super) async fn answer(
    State(api): State<Api>,
    JobPath(id): JobPath,
    From(requester): From,
    JsonBody(body): JsonBody<EgressAnswerBody>,
) -> Result<Json<EgressAnswerView>, Problem> {
    let invalid = |why: String, hint| Problem::new(Kind::InvalidRequest, why).with_hint(hint);
    let host: HostPattern = body.host.parse().map_err(|error: HostError| {
        let hint = "name one host, or all below a domain as in `*.example.com`";
        invalid(error.to_string(), hint)
    })?;
    let scope = body.scope.as_deref().unwrap_or("job");
    let scope: RulingScope = scope.parse().map_err(|error| {
        let hint = "write `run`, `job` or `project`";
        invalid(format!("take the scope: {error}"), hint)
    })?;
    if body.port == Some(0) {
        let hint = "write 1 to 65535, or leave the port out";
        return Err(invalid("take the port: 0 is none".to_owned(), hint));
    }
    let ruling = api
        .store()
        .rule_egress(
            id,
            NewRuling {
                host,
                port: body.port,
                allow: body.allow,
                scope,
                by: requester.by,
                via: requester.via,
            },
        )
        .await?;
    let job = api.store().job(id).await?;
    Ok(Json(EgressAnswerView {
        job_is_over: job.is_some_and(|job| job.state.phase().is_final()),
        ..ruling.into()
    }))
}

/// List the hosts that jobs were refused and nobody answered for.
#[utoipa::path(
    get, path = "/v1/egress", operation_id = "list_egress_questions", tag = "egress",
    security(("token" = [])),
    responses((status = 200, description = "The open questions of jobs that are not over.", body = EgressQuestions), Refusals)
)]
pub(super) async fn questions(State(api): State<Api>) -> Result<Json<EgressQuestions>, Problem> {
    let asks = api.store().egress_questions(MAX_QUESTIONS).await?;
    Ok(Json(EgressQuestions {
        asks: asks.into_iter().map(Into::into).collect(),
    }))
}

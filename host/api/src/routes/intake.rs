//! Whether new runs begin. Jobs are taken in all the same, and wait.

use super::{BadBody, NotChanged, Refusals};
use crate::extract::{From, OptionalJson};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{IntakeView, PauseBody};
use axum::Json;
use axum::extract::State;

/// See whether new runs begin.
#[utoipa::path(
    get, path = "/v1/intake", operation_id = "get_intake", tag = "host",
    security(("token" = [])),
    responses((status = 200, description = "Whether they do.", body = IntakeView), Refusals)
)]
pub(super) async fn get(State(api): State<Api>) -> Result<Json<IntakeView>, Problem> {
    now(&api, false).await
}

/// Let no new run begin. What runs goes on, and so does what a person released.
#[utoipa::path(
    post, path = "/v1/intake/pause", operation_id = "pause_intake", tag = "host",
    security(("token" = [])),
    request_body = Option<PauseBody>,
    responses((status = 200, description = "It is paused.", body = IntakeView), Refusals, NotChanged, BadBody)
)]
pub(super) async fn pause(
    State(api): State<Api>,
    From(requester): From,
    OptionalJson(body): OptionalJson<PauseBody>,
) -> Result<Json<IntakeView>, Problem> {
    let why = body.why.filter(|why| !why.trim().is_empty());
    if why
        .as_ref()
        .is_some_and(|why| why.len() > limits::MAX_COMMENT_BYTES)
    {
        return Err(Problem::new(
            Kind::InvalidRequest,
            format!(
                "take the reason: it is over {} bytes; make it shorter",
                limits::MAX_COMMENT_BYTES
            ),
        ));
    }
    let store = api.store();
    let changed = store
        .pause_intake(&requester.by, &requester.via, why.as_deref())
        .await?;
    now(&api, changed).await
}

/// Let new runs begin again. An alarm that was raised is over with it.
#[utoipa::path(
    post, path = "/v1/intake/resume", operation_id = "resume_intake", tag = "host",
    security(("token" = [])),
    responses((status = 200, description = "They begin.", body = IntakeView), Refusals, NotChanged)
)]
pub(super) async fn resume(
    State(api): State<Api>,
    From(requester): From,
) -> Result<Json<IntakeView>, Problem> {
    let store = api.store();
    let changed = store.resume_intake(&requester.by, &requester.via).await?;
    now(&api, changed).await
}

async fn now(api: &Api, changed: bool) -> Result<Json<IntakeView>, Problem> {
    Ok(Json(IntakeView {
        paused: api.store().intake_pause().await?.map(Into::into),
        changed,
    }))
}

//! The timeline as server-sent events, resumable at any of them.

use super::jobs::existing;
use super::{NoSuchJob, Refusals};
use crate::extract::{JobPath, Params};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::stream::{Timeline, events as stream};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sortie_model::id::{EventSeq, JobId};
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    /// Start after this event; `Last-Event-ID` wins over it.
    after: Option<u64>,
}

/// Follow one job's timeline, from its beginning unless told otherwise.
///
/// Each event has its `seq` as `id`, its `kind` as `event` and an `EventView`
/// as `data`. The stream stays open; after a break, `Last-Event-ID` goes on
/// where it ended.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", operation_id = "follow_job_events", tag = "streams",
    security(("token" = [])),
    params(
        ("id" = u64, Path, description = "The job's number."),
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event that was seen."),
        After,
    ),
    responses(
        (status = 200, description = "The events.", body = crate::view::EventView, content_type = "text/event-stream"),
        Refusals, NoSuchJob,
    )
)]
pub(super) async fn job_events(
    State(api): State<Api>,
    JobPath(id): JobPath,
    headers: HeaderMap,
    Params(after): Params<After>,
) -> Result<Response, Problem> {
    existing(&api, id).await?;
    let after = start(&headers, &after)?.unwrap_or_default();
    answer(&api, Some(id), after)
}

/// Follow the whole host's timeline, from now unless told otherwise.
///
/// As for one job; `after=0` starts at the beginning.
#[utoipa::path(
    get, path = "/v1/events", operation_id = "follow_events", tag = "streams",
    security(("token" = [])),
    params(
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event that was seen."),
        After,
    ),
    responses(
        (status = 200, description = "The events.", body = crate::view::EventView, content_type = "text/event-stream"),
        Refusals,
    )
)]
pub(super) async fn events(
    State(api): State<Api>,
    headers: HeaderMap,
    Params(after): Params<After>,
) -> Result<Response, Problem> {
    let after = match start(&headers, &after)? {
        Some(after) => after,
        None => *api.store().event_signal().borrow(),
    };
    answer(&api, None, after)
}

fn answer(api: &Api, job: Option<JobId>, after: EventSeq) -> Result<Response, Problem> {
    let place = api.stream_place()?;
    let timeline = Timeline::new(api.store().clone(), job, after, place);
    Ok(Sse::new(stream(timeline, api.shutdown().clone()))
        .keep_alive(KeepAlive::new().interval(limits::HEARTBEAT))
        .into_response())
}

fn start(headers: &HeaderMap, after: &After) -> Result<Option<EventSeq>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(after.after.map(EventSeq));
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .map(|seq| Some(EventSeq(seq)))
        .ok_or_else(|| {
            Problem::new(
                Kind::BadRequest,
                "go on after Last-Event-ID: it is not a number; pass the `id` of an event",
            )
        })
}

//! What came in for plugins: listed, looked into, tried again, dropped.

use super::{NoSuchMessage, NotSettled, Refusals};
use crate::extract::{From, Named, Params};
use crate::page::{Page, state};
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{PluginEventDetail, PluginEventList, PluginEventView};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use sortie_model::id::PluginEventId;
use sortie_store::{PluginEvent, PluginEventFilter, StoreError};
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventParams {
    /// Only of this plugin.
    plugin: Option<String>,
    /// Only those that are `pending`, `done`, `parked` or `dropped`.
    state: Option<String>,
    /// Only older ones than this one.
    before: Option<u64>,
    /// At most so many; 50 unless said, at most 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List what came in for plugins, newest first.
#[utoipa::path(
    get, path = "/v1/plugin-events", operation_id = "list_plugin_events", tag = "plugins",
    security(("token" = [])),
    params(EventParams),
    responses((status = 200, description = "A page of events.", body = PluginEventList), Refusals)
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(params): Params<EventParams>,
) -> Result<Json<PluginEventList>, Problem> {
    let page = Page::of(params.limit)?;
    let found = api
        .store()
        .plugin_events(PluginEventFilter {
            plugin: params.plugin,
            state: state(params.state.as_deref())?,
            before: params.before.map(PluginEventId),
            limit: page.asked(),
        })
        .await?;
    let (events, next_before) = page.cut(found, |event| event.id.0);
    Ok(Json(PluginEventList {
        events: events.into_iter().map(Into::into).collect(),
        next_before,
    }))
}

/// Look into an event.
#[utoipa::path(
    get, path = "/v1/plugin-events/{id}", operation_id = "get_plugin_event", tag = "plugins",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The event's number.")),
    responses((status = 200, description = "The event.", body = PluginEventDetail), Refusals, NoSuchMessage)
)]
pub(super) async fn get(
    State(api): State<Api>,
    Named(id): Named<u64>,
) -> Result<Json<PluginEventDetail>, Problem> {
    let id = PluginEventId(id);
    let event = one(&api, id).await?;
    let payload = api.store().event_payload(id).await?;
    Ok(Json(PluginEventDetail {
        event: event.into(),
        payload: payload.map(|bytes| {
            // The platform writes JSON; whatever else is there is shown as it is.
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        }),
    }))
}

/// Have an event handled again now that was parked or waits for its next try.
#[utoipa::path(
    post, path = "/v1/plugin-events/{id}/retry", operation_id = "retry_plugin_event", tag = "plugins",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The event's number.")),
    responses((status = 200, description = "It is tried again.", body = PluginEventView), Refusals, NoSuchMessage, NotSettled)
)]
pub(super) async fn retry(
    State(api): State<Api>,
    Named(id): Named<u64>,
    From(requester): From,
) -> Result<Json<PluginEventView>, Problem> {
    let id = PluginEventId(id);
    let done = api.store().retry_event(id, &requester.by).await;
    done.map_err(of_event)?;
    Ok(Json(one(&api, id).await?.into()))
}

/// Give up an event that was parked or waits.
#[utoipa::path(
    post, path = "/v1/plugin-events/{id}/drop", operation_id = "drop_plugin_event", tag = "plugins",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The event's number.")),
    responses((status = 200, description = "It is dropped.", body = PluginEventView), Refusals, NoSuchMessage, NotSettled)
)]
pub(super) async fn drop(
    State(api): State<Api>,
    Named(id): Named<u64>,
    From(requester): From,
) -> Result<Json<PluginEventView>, Problem> {
    let id = PluginEventId(id);
    let done = api.store().drop_event(id, &requester.by).await;
    done.map_err(of_event)?;
    Ok(Json(one(&api, id).await?.into()))
}

/// The event as it stands now.
async fn one(api: &Api, id: PluginEventId) -> Result<PluginEvent, Problem> {
    let filter = PluginEventFilter {
        before: Some(PluginEventId(id.0.saturating_add(1))),
        limit: 1,
        ..PluginEventFilter::default()
    };
    let found = api.store().plugin_events(filter).await?;
    found
        .into_iter()
        .find(|event| event.id == id)
        .ok_or_else(|| {
            of_event(StoreError::NotFound {
                what: id.to_string(),
            })
        })
}

fn of_event(error: StoreError) -> Problem {
    match &error {
        StoreError::NotFound { .. } => Problem::new(Kind::NotFound, error.to_string())
            .with_hint("`GET /v1/plugin-events` lists what there is"),
        _ => error.into(),
    }
}

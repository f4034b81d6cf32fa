//! What notifiers were told, and what they are yet to be told.

use super::{NoSuchMessage, NotSettled, Refusals};
use crate::extract::{From, Named, Params};
use crate::page::{Page, state};
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{DeliveryList, DeliveryView};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use sortie_model::id::EventSeq;
use sortie_store::StoreError;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveryParams {
    /// The notifier.
    notifier: String,
    /// Only those that are `pending`, `done`, `parked` or `dropped`.
    state: Option<String>,
    /// Only those of older events than this one.
    before: Option<u64>,
    /// At most so many; 50 unless said, at most 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List the deliveries to a notifier, of the newest event first.
#[utoipa::path(
    get, path = "/v1/deliveries", operation_id = "list_deliveries", tag = "plugins",
    security(("token" = [])),
    params(DeliveryParams),
    responses((status = 200, description = "A page of deliveries.", body = DeliveryList), Refusals)
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(params): Params<DeliveryParams>,
) -> Result<Json<DeliveryList>, Problem> {
    let page = Page::of(params.limit)?;
    let before = params.before.map(EventSeq);
    let state = state(params.state.as_deref())?;
    let found = api
        .store()
        .deliveries(&params.notifier, state, before, page.asked())
        .await?;
    let (deliveries, next_before) = page.cut(found, |delivery| delivery.seq.0);
    Ok(Json(DeliveryList {
        deliveries: deliveries.into_iter().map(Into::into).collect(),
        next_before,
    }))
}

/// Make a delivery again now that was parked or waits for its next try.
#[utoipa::path(
    post, path = "/v1/deliveries/{notifier}/{seq}/retry", operation_id = "retry_delivery", tag = "plugins",
    security(("token" = [])),
    params(
        ("notifier" = String, Path, description = "The notifier."),
        ("seq" = u64, Path, description = "The event of the timeline."),
    ),
    responses((status = 200, description = "It is tried again.", body = DeliveryView), Refusals, NoSuchMessage, NotSettled)
)]
pub(super) async fn retry(
    State(api): State<Api>,
    Named((notifier, seq)): Named<(String, u64)>,
    From(requester): From,
) -> Result<Json<DeliveryView>, Problem> {
    let seq = EventSeq(seq);
    let done = api.store().retry_delivery(&notifier, seq, &requester.by);
    done.await.map_err(of_delivery)?;
    one(&api, &notifier, seq).await
}

/// Give up a delivery that was parked or waits.
#[utoipa::path(
    post, path = "/v1/deliveries/{notifier}/{seq}/drop", operation_id = "drop_delivery", tag = "plugins",
    security(("token" = [])),
    params(
        ("notifier" = String, Path, description = "The notifier."),
        ("seq" = u64, Path, description = "The event of the timeline."),
    ),
    responses((status = 200, description = "It is dropped.", body = DeliveryView), Refusals, NoSuchMessage, NotSettled)
)]
pub(super) async fn drop(
    State(api): State<Api>,
    Named((notifier, seq)): Named<(String, u64)>,
    From(requester): From,
) -> Result<Json<DeliveryView>, Problem> {
    let seq = EventSeq(seq);
    let done = api.store().drop_delivery(&notifier, seq, &requester.by);
    done.await.map_err(of_delivery)?;
    one(&api, &notifier, seq).await
}

/// The delivery as it stands now.
async fn one(api: &Api, notifier: &str, seq: EventSeq) -> Result<Json<DeliveryView>, Problem> {
    let before = EventSeq(seq.0.saturating_add(1));
    let found = api
        .store()
        .deliveries(notifier, None, Some(before), 1)
        .await?;
    match found.into_iter().find(|delivery| delivery.seq == seq) {
        Some(delivery) => Ok(Json(delivery.into())),
        None => Err(of_delivery(StoreError::NotFound {
            what: format!("the delivery of event {} to {notifier}", seq.0),
        })),
    }
}

fn of_delivery(error: StoreError) -> Problem {
    match &error {
        StoreError::NotFound { .. } => Problem::new(Kind::NotFound, error.to_string())
            .with_hint("`GET /v1/deliveries?notifier=…` lists what there is"),
        _ => error.into(),
    }
}

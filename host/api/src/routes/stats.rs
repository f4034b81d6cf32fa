//! What happened, what it cost, and what there is to work on.

use super::Refusals;
use crate::extract::Params;
use crate::limits::MAX_STATS_HOURS;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{ProjectsView, StatsView};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

/// A day.
const DEFAULT_HOURS: u32 = 24;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StatsParams {
    /// How many hours to look back; 24 unless said.
    #[param(minimum = 1, maximum = 8784)]
    hours: Option<u32>,
    /// Whether jobs and questions are listed.
    lines: Option<bool>,
}

/// Read what happened in the last hours.
#[utoipa::path(
    get, path = "/v1/stats", operation_id = "get_stats", tag = "host",
    security(("token" = [])),
    params(StatsParams),
    responses((status = 200, description = "The sums.", body = StatsView), Refusals)
)]
pub(super) async fn stats(
    State(api): State<Api>,
    Params(params): Params<StatsParams>,
) -> Result<Json<sortie_store::Stats>, Problem> {
    let hours = params.hours.unwrap_or(DEFAULT_HOURS);
    if !(1..=MAX_STATS_HOURS).contains(&hours) {
        return Err(Problem::new(
            Kind::BadRequest,
            format!(
                "read the query: {hours} hours are out of bounds; write 1 to {MAX_STATS_HOURS}"
            ),
        ));
    }
    let lines = params.lines.unwrap_or(false);
    Ok(Json(api.store().stats(hours, lines).await?))
}

/// List the projects and what today cost.
#[utoipa::path(
    get, path = "/v1/projects", operation_id = "list_projects", tag = "host",
    security(("token" = [])),
    responses((status = 200, description = "The projects.", body = ProjectsView), Refusals)
)]
pub(super) async fn projects(
    State(api): State<Api>,
) -> Result<Json<sortie_platform::Projects>, Problem> {
    Ok(Json(api.platform().projects().await?))
}

//! What is installed.

use super::Refusals;
use crate::state::Api;
use crate::view::PluginList;
use axum::Json;
use axum::extract::State;

/// List the installed plugins.
#[utoipa::path(
    get, path = "/v1/plugins", operation_id = "list_plugins", tag = "host",
    security(("token" = [])),
    responses((status = 200, description = "The plugins.", body = PluginList), Refusals)
)]
pub(super) async fn list(State(api): State<Api>) -> Json<PluginList> {
    let mut plugins = api.intake().catalog().installed();
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    Json(PluginList {
        plugins: plugins.into_iter().map(Into::into).collect(),
    })
}

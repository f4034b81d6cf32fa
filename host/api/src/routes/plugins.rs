//! What is installed: listed, granted, switched on and off, brought back,
//! removed. Packages come in through `packages`.

use super::{BadBody, NoSuchPlugin, NotChanged, Refusals, Unfit};
use crate::extract::{From, Json, Named, OptionalJson, Params};
use crate::problem::Problem;
use crate::state::Api;
use crate::view::{DisableBody, GrantBody, PluginDetail, PluginList, PluginLogList, PluginView};
use axum::extract::State;
use serde::Deserialize;
use sortie_platform::PlatformError;
use sortie_store::PluginData;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

type Answer = Result<axum::Json<PluginDetail>, Problem>;

/// List the plugins: the host's own and those that were installed.
#[utoipa::path(
    get, path = "/v1/plugins", operation_id = "list_plugins", tag = "plugins",
    security(("token" = [])),
    responses((status = 200, description = "The plugins.", body = PluginList), Refusals)
)]
pub(super) async fn list(State(api): State<Api>) -> Result<axum::Json<PluginList>, Problem> {
    let running = api.intake().catalog().installed();
    let mut plugins: BTreeMap<String, PluginView> = running
        .into_iter()
        .map(|plugin| (plugin.name.clone(), PluginView::own(plugin)))
        .collect();
    for installed in api.platform().installed().await? {
        plugins.insert(installed.plugin.name.clone(), installed.into());
    }
    Ok(axum::Json(PluginList {
        plugins: plugins.into_values().collect(),
    }))
}

/// Look at a plugin.
#[utoipa::path(
    get, path = "/v1/plugins/{name}", operation_id = "get_plugin", tag = "plugins",
    security(("token" = [])),
    params(("name" = String, Path, description = "The plugin's name.")),
    responses((status = 200, description = "The plugin.", body = PluginDetail), Refusals, NoSuchPlugin)
)]
pub(super) async fn get(State(api): State<Api>, Named(name): Named<String>) -> Answer {
    match api.platform().plugin(&name).await {
        Ok(view) => Ok(axum::Json(view.into())),
        Err(error @ PlatformError::NotInstalled { .. }) => {
            let running = api.intake().catalog().installed();
            let own = running.into_iter().find(|plugin| plugin.name == name);
            own.map(|plugin| axum::Json(PluginDetail::own(plugin)))
                .ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Set what a plugin was granted.
///
/// It runs when that is all it wants, unless a person disabled it.
#[utoipa::path(
    put, path = "/v1/plugins/{name}/grant", operation_id = "grant_plugin", tag = "plugins",
    security(("token" = [])),
    params(("name" = String, Path, description = "The plugin's name.")),
    request_body = GrantBody,
    responses((status = 200, description = "Granted.", body = PluginDetail), Refusals, NoSuchPlugin, NotChanged, BadBody)
)]
pub(super) async fn grant(
    State(api): State<Api>,
    Named(name): Named<String>,
    From(requester): From,
    Json(body): Json<GrantBody>,
) -> Answer {
    let consent = body.consent.try_into()?;
    let view = api.platform().grant(&name, consent, &requester.by).await?;
    Ok(axum::Json(view.into()))
}

/// Bring the version before back.
#[utoipa::path(
    post, path = "/v1/plugins/{name}/rollback", operation_id = "rollback_plugin", tag = "plugins",
    security(("token" = [])),
    params(("name" = String, Path, description = "The plugin's name.")),
    responses((status = 200, description = "It is back.", body = PluginDetail), Refusals, NoSuchPlugin, NotChanged, Unfit)
)]
pub(super) async fn rollback(
    State(api): State<Api>,
    Named(name): Named<String>,
    From(requester): From,
) -> Answer {
    let view = api.platform().rollback(&name, &requester.by).await?;
    Ok(axum::Json(view.into()))
}

/// Let a plugin run again.
#[utoipa::path(
    post, path = "/v1/plugins/{name}/enable", operation_id = "enable_plugin", tag = "plugins",
    security(("token" = [])),
    params(("name" = String, Path, description = "The plugin's name.")),
    responses((status = 200, description = "It runs.", body = PluginDetail), Refusals, NoSuchPlugin, NotChanged, Unfit)
)]
pub(super) async fn enable(
    State(api): State<Api>,
    Named(name): Named<String>,
    From(requester): From,
) -> Answer {
    let view = api.platform().enable(&name, &requester.by).await?;
    Ok(axum::Json(view.into()))
}

/// Keep a plugin from running.
///
/// What comes in for it waits. A scanner that a project names is a gate that
/// stays shut while it is disabled.
#[utoipa::path(
    post, path = "/v1/plugins/{name}/disable", operation_id = "disable_plugin", tag = "plugins",
    security(("token" = [])),
    params(("name" = String, Path, description = "The plugin's name.")),
    request_body = Option<DisableBody>,
    responses((status = 200, description = "It does not run.", body = PluginDetail), Refusals, NoSuchPlugin, NotChanged, BadBody)
)]
pub(super) async fn disable(
    State(api): State<Api>,
    Named(name): Named<String>,
    From(requester): From,
    OptionalJson(body): OptionalJson<DisableBody>,
) -> Answer {
    let why = body.why.filter(|why| !why.trim().is_empty());
    let platform = api.platform();
    let view = platform
        .disable(&name, why.as_deref(), &requester.by)
        .await?;
    Ok(axum::Json(view.into()))
}

/// What becomes of what a plugin keeps.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Data {
    /// It waits for a plugin of the same name.
    #[default]
    Keep,
    /// It is gone.
    Erase,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RemoveParams {
    /// What becomes of the keys it set and of where its sources stand: `keep`,
    /// which is the default, or `erase`.
    #[serde(default)]
    #[param(inline)]
    data: Data,
}

/// Remove a plugin.
///
/// What waits for it is dropped. One of the host's own of that name comes back.
#[utoipa::path(
    delete, path = "/v1/plugins/{name}", operation_id = "remove_plugin", tag = "plugins",
    security(("token" = [])),
    params(("name" = String, Path, description = "The plugin's name."), RemoveParams),
    responses((status = 200, description = "What it was.", body = PluginDetail), Refusals, NoSuchPlugin, NotChanged)
)]
pub(super) async fn remove(
    State(api): State<Api>,
    Named(name): Named<String>,
    From(requester): From,
    Params(params): Params<RemoveParams>,
) -> Answer {
    let data = match params.data {
        Data::Keep => PluginData::Keep,
        Data::Erase => PluginData::Erase,
    };
    let removed = api.platform().remove(&name, data, &requester.by).await?;
    Ok(axum::Json(removed.into()))
}

/// The newest lines that a plugin logged since the host started.
#[utoipa::path(
    get, path = "/v1/plugins/{name}/logs", operation_id = "get_plugin_logs", tag = "plugins",
    security(("token" = [])),
    params(("name" = String, Path, description = "The plugin's name.")),
    responses((status = 200, description = "The lines.", body = PluginLogList), Refusals, NoSuchPlugin)
)]
pub(super) async fn logs(
    State(api): State<Api>,
    Named(name): Named<String>,
) -> Result<axum::Json<PluginLogList>, Problem> {
    // One that was removed may still have lines worth reading.
    let lines = api.logs().of(&name);
    if lines.is_empty() {
        drop(get(State(api), Named(name)).await?);
    }
    Ok(axum::Json(PluginLogList {
        lines: lines.into_iter().map(Into::into).collect(),
    }))
}

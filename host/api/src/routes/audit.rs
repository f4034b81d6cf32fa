//! The log of who changed what, and of what plugins sent.

use super::Refusals;
use crate::extract::Params;
use crate::page::Page;
use crate::problem::Problem;
use crate::state::Api;
use crate::view::AuditList;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use sortie_store::AuditFilter;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditParams {
    /// Only about this subject, such as a plugin's name.
    subject: Option<String>,
    /// Only actions that begin so, such as `plugin.` or `egress.refused`.
    #[serde(default)]
    action: String,
    /// Only older rows than this one.
    before: Option<u64>,
    /// At most so many; 50 unless said, at most 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Read the log of who changed what, newest first.
#[utoipa::path(
    get, path = "/v1/audit", operation_id = "list_audit", tag = "plugins",
    security(("token" = [])),
    params(AuditParams),
    responses((status = 200, description = "A page of the log.", body = AuditList), Refusals)
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(params): Params<AuditParams>,
) -> Result<Json<AuditList>, Problem> {
    let page = Page::of(params.limit)?;
    let found = api
        .store()
        .audit_log(AuditFilter {
            subject: params.subject,
            action: params.action,
            before: params.before,
            limit: page.asked(),
        })
        .await?;
    let (entries, next_before) = page.cut(found, |row| row.id);
    Ok(Json(AuditList {
        entries: entries.into_iter().map(Into::into).collect(),
        next_before,
    }))
}

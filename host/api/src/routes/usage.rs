//! Where the money went.

use super::Refusals;
use crate::extract::Params;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::SpendingList;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use sortie_model::clock::Timestamp;
use sortie_model::id::JobId;
use sortie_store::{UsageBy, UsageFilter};
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, Time};
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageParams {
    /// What is added up: `job`, `project`, `model`, `day` or `step`; `job`
    /// unless said.
    by: Option<String>,
    /// Only calls from then on: a date in UTC, or a moment as in RFC 3339.
    #[param(example = "2026-01-02")]
    since: Option<String>,
    /// Only calls of this job.
    job: Option<u64>,
    /// Only calls of this project.
    project: Option<String>,
    /// At most so many sums; 50 unless said, at most 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Read what calls to models cost.
#[utoipa::path(
    get, path = "/v1/usage", operation_id = "list_usage", tag = "host",
    security(("token" = [])),
    params(UsageParams),
    responses(
        (status = 200, description = "The sums: the newest jobs, steps and days first, the dearest projects and models first.", body = SpendingList),
        Refusals,
    )
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(params): Params<UsageParams>,
) -> Result<Json<SpendingList>, Problem> {
    let limit = params.limit.unwrap_or(limits::DEFAULT_PAGE);
    if !(1..=limits::MAX_PAGE).contains(&limit) {
        return Err(wrong(format!(
            "limit {limit} is not allowed; write 1 to {}",
            limits::MAX_PAGE
        )));
    }
    let by = by(params.by.as_deref())?;
    let sums = api
        .store()
        .usage(UsageFilter {
            by,
            since: params.since.as_deref().map(moment).transpose()?,
            job: params.job.map(JobId),
            project: params.project,
            limit,
        })
        .await?;
    Ok(Json(SpendingList {
        by: by.as_str().to_owned(),
        sums: sums.into_iter().map(Into::into).collect(),
    }))
}

fn by(name: Option<&str>) -> Result<UsageBy, Problem> {
    let Some(name) = name else {
        return Ok(UsageBy::default());
    };
    let found = UsageBy::ALL.into_iter().find(|by| by.as_str() == name);
    found.ok_or_else(|| {
        wrong(format!(
            "usage is not added up by {:?}; known: {}",
            name.chars().take(40).collect::<String>(),
            UsageBy::ALL.map(UsageBy::as_str).join(", ")
        ))
    })
}

fn moment(text: &str) -> Result<Timestamp, Problem> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| {
        Date::parse(text, &Iso8601::DATE).map(|date| date.with_time(Time::MIDNIGHT).assume_utc())
    });
    let ms = moment
        .ok()
        .and_then(|moment| i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok());
    ms.map(Timestamp).ok_or_else(|| {
        wrong(format!(
            "since {:?} is no moment; write 2026-01-02 or 2026-01-02T03:04:05Z",
            text.chars().take(40).collect::<String>()
        ))
    })
}

fn wrong(what: String) -> Problem {
    Problem::new(Kind::BadRequest, format!("read the query: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_or_more() {
        for (text, ms) in [
            ("1970-01-02", 86_400_000),
            ("1970-01-01T00:00:01.5Z", 1_500),
            ("1970-01-01T01:00:00+01:00", 0),
        ] {
            assert_eq!(moment(text).expect(text), Timestamp(ms));
        }
        for text in ["", "yesterday", "2026-13-01", "7d", "99999-01-01"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}

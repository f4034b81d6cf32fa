//! What people do to jobs. Each may be repeated: the second time nothing
//! changes and the answer says so.

use super::{BadBody, NoSuchJob, NotMoved, Refusals};
use crate::extract::{From, JobPath, OptionalJson};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{DecisionBody, MovedJob, RetryBody};
use axum::Json;
use axum::extract::State;
use sortie_intake::Requester;
use sortie_model::approval::Decision;
use sortie_model::id::{ApprovalId, JobId};
use sortie_store::{NewAnswer, NewRetry};

type Answer = Result<Json<MovedJob>, Problem>;

/// Release a job that waits for a person.
///
/// The answer is about the commit that was scanned; only that one is
/// published. A body that names a commit releases no other.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/approve", operation_id = "approve_job", tag = "actions",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number.")),
    request_body = Option<DecisionBody>,
    responses((status = 200, description = "Approved.", body = MovedJob), Refusals, NoSuchJob, NotMoved, BadBody)
)]
pub(super) async fn approve(
    State(api): State<Api>,
    JobPath(id): JobPath,
    From(requester): From,
    OptionalJson(body): OptionalJson<DecisionBody>,
) -> Answer {
    decide(&api, id, Decision::Approved, &requester, body).await
}

/// Refuse what a job made. Nothing of it is published.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/reject", operation_id = "reject_job", tag = "actions",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number.")),
    request_body = Option<DecisionBody>,
    responses((status = 200, description = "Rejected.", body = MovedJob), Refusals, NoSuchJob, NotMoved, BadBody)
)]
pub(super) async fn reject(
    State(api): State<Api>,
    JobPath(id): JobPath,
    From(requester): From,
    OptionalJson(body): OptionalJson<DecisionBody>,
) -> Answer {
    decide(&api, id, Decision::Rejected, &requester, body).await
}

async fn decide(
    api: &Api,
    id: JobId,
    decision: Decision,
    requester: &Requester,
    body: DecisionBody,
) -> Answer {
    let comment = body.comment.filter(|comment| !comment.trim().is_empty());
    if comment
        .as_ref()
        .is_some_and(|comment| comment.len() > limits::MAX_COMMENT_BYTES)
    {
        return Err(Problem::new(
            Kind::InvalidRequest,
            format!(
                "take the comment: it is over {} bytes; make it shorter",
                limits::MAX_COMMENT_BYTES
            ),
        ));
    }
    let decided = api
        .store()
        .decide(
            id,
            NewAnswer {
                decision,
                approval: body.approval.map(ApprovalId),
                commit: body.commit,
                by: requester.by.clone(),
                via: requester.via.clone(),
                comment,
                raise: body.raise.map(Into::into),
            },
        )
        .await?;
    Ok(Json(MovedJob {
        job: decided.job.into(),
        changed: decided.changed,
    }))
}

/// Stop a job for good. A run under way loses its lease at once.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", operation_id = "cancel_job", tag = "actions",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number.")),
    responses((status = 200, description = "Cancelled.", body = MovedJob), Refusals, NoSuchJob, NotMoved)
)]
pub(super) async fn cancel(
    State(api): State<Api>,
    JobPath(id): JobPath,
    From(requester): From,
) -> Answer {
    let cancelled = api
        .store()
        .cancel(id, &requester.by, &requester.via)
        .await?;
    Ok(Json(MovedJob {
        job: cancelled.job.into(),
        changed: cancelled.changed,
    }))
}

/// Start a job that ended without success again, as a new attempt.
///
/// A body says where it begins, with the work that an earlier attempt left if
/// that is asked for, and may give it another budget.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/retry", operation_id = "retry_job", tag = "actions",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The job's number.")),
    request_body = Option<RetryBody>,
    responses((status = 200, description = "Queued again.", body = MovedJob), Refusals, NoSuchJob, NotMoved, BadBody)
)]
pub(super) async fn retry(
    State(api): State<Api>,
    JobPath(id): JobPath,
    From(requester): From,
    OptionalJson(body): OptionalJson<RetryBody>,
) -> Answer {
    let wish = NewRetry {
        start: body.start.into(),
        budget_profile: body.budget,
        by: requester.by,
        via: requester.via,
    };
    let job = api.intake().retry(id, wish).await?;
    Ok(Json(MovedJob {
        job: job.into(),
        changed: true,
    }))
}

//! Errors as RFC 9457 problems. The one place where a kind of failure meets
//! an HTTP status.

use crate::engine::DiffFault;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sortie_intake::IntakeError;
use sortie_model::job::{IllegalTransition, TRANSITIONS};
use sortie_platform::PlatformError;
use sortie_platform::sources::http::Refusal;
use sortie_plugins::PluginError;
use sortie_store::StoreError;
use utoipa::ToSchema;

/// The media type of problems.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The kinds of problems, by the last part of their `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    InvalidJson,
    Unauthorized,
    Unverified,
    Untrusted,
    NotFound,
    MethodNotAllowed,
    NotAcceptedNow,
    OtherCommit,
    OtherQuestion,
    NoBot,
    PluginConflict,
    NotGranted,
    Settled,
    TooSlow,
    TooLarge,
    UnsupportedMediaType,
    InvalidRequest,
    BadPackage,
    BadConfiguration,
    KeyReused,
    Internal,
    ServiceAway,
    Busy,
    NotReady,
    DiskFull,
}

impl Kind {
    fn parts(self) -> (&'static str, &'static str, StatusCode) {
        use StatusCode as S;
        match self {
            Self::BadRequest => ("bad-request", "Bad request", S::BAD_REQUEST),
            Self::InvalidJson => ("invalid-json", "The body is not JSON", S::BAD_REQUEST),
            Self::Unauthorized => ("unauthorized", "No valid token", S::UNAUTHORIZED),
            Self::Unverified => ("unverified", "Not verified", S::UNAUTHORIZED),
            Self::Untrusted => (
                "untrusted",
                "Nobody who is trusted stands behind it",
                S::FORBIDDEN,
            ),
            Self::NotFound => ("not-found", "Not found", S::NOT_FOUND),
            Self::MethodNotAllowed => (
                "method-not-allowed",
                "Method not allowed",
                S::METHOD_NOT_ALLOWED,
            ),
            Self::NotAcceptedNow => (
                "illegal-transition",
                "The job's state does not allow it",
                S::CONFLICT,
            ),
            Self::OtherCommit => (
                "other-commit",
                "The question is about another commit",
                S::CONFLICT,
            ),
            Self::OtherQuestion => ("other-question", "Another question is open", S::CONFLICT),
            Self::NoBot => ("no-bot", "No bot is set up", S::CONFLICT),
            Self::PluginConflict => (
                "plugin-conflict",
                "The plugin's state does not allow it",
                S::CONFLICT,
            ),
            Self::NotGranted => (
                "not-granted",
                "The plugin wants more than it was granted",
                S::CONFLICT,
            ),
            Self::Settled => ("settled", "It was settled before", S::CONFLICT),
            Self::TooSlow => ("too-slow", "Too slow", S::REQUEST_TIMEOUT),
            Self::TooLarge => ("too-large", "Too large", S::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                "Unsupported media type",
                S::UNSUPPORTED_MEDIA_TYPE,
            ),
            Self::InvalidRequest => (
                "invalid-request",
                "The request cannot be carried out as it is",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::BadPackage => (
                "bad-package",
                "This host does not take the package",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::BadConfiguration => (
                "bad-configuration",
                "The plugin's configuration does not do",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::KeyReused => (
                "idempotency-key-reused",
                "The idempotency key was used for another request",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::Internal => ("internal", "The host failed", S::INTERNAL_SERVER_ERROR),
            Self::ServiceAway => (
                "service-away",
                "A service that the host asked gave no good answer",
                S::BAD_GATEWAY,
            ),
            Self::Busy => ("busy", "The host is busy", S::SERVICE_UNAVAILABLE),
            Self::NotReady => ("not-ready", "The host is not ready", S::SERVICE_UNAVAILABLE),
            Self::DiskFull => ("disk-full", "The disk is full", S::INSUFFICIENT_STORAGE),
        }
    }
}

/// What went wrong, to what, and what to do about it (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A URN that names the kind of problem, such as
    /// `urn:sortie:problem:not-found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, for people.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened; completes "failed to …".
    pub detail: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of that kind. The errors of this project say what to do after
    /// their last semicolon; that part becomes the hint.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (name, title, status) = kind.parts();
        let detail = detail.into();
        let hint = detail
            .rsplit_once("; ")
            .map(|(_, mend)| mend.to_owned())
            .filter(|mend| !mend.is_empty());
        Self {
            kind: format!("urn:sortie:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
            hint,
        }
    }

    /// The same with another hint.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The last part of the type: the machine's name for the kind.
    pub fn name(&self) -> &str {
        self.kind.rsplit(':').next().unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(detail = self.detail, "request failed");
        }
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::DiskFull => Self::new(Kind::DiskFull, detail),
            StoreError::NotFound { .. } => {
                Self::new(Kind::NotFound, detail).with_hint("`GET /v1/jobs` lists what there is")
            }
            StoreError::Illegal(illegal) => {
                Self::new(Kind::NotAcceptedNow, detail).with_hint(legal_phases(illegal))
            }
            StoreError::OtherCommit { job, .. } => {
                Self::new(Kind::OtherCommit, detail).with_hint(format!(
                    "look at the diff again: `GET /v1/jobs/{}/diff`, or `sortie diff {0}`",
                    job.0
                ))
            }
            StoreError::OtherQuestion { job, .. } => Self::new(Kind::OtherQuestion, detail)
                .with_hint(format!(
                    "look at what is asked now: `GET /v1/jobs/{}`, or `sortie status {0}`",
                    job.0
                )),
            StoreError::ButtonUsed
            | StoreError::NoWork { .. }
            | StoreError::IllegalPhase { .. }
            | StoreError::Stale { .. }
            | StoreError::OutOfOrder { .. } => Self::new(Kind::NotAcceptedNow, detail),
            StoreError::KeyReused { .. } => Self::new(Kind::KeyReused, detail),
            StoreError::UnknownProject { .. }
            | StoreError::Invalid { .. }
            | StoreError::Quota { .. } => Self::new(Kind::InvalidRequest, detail),
            StoreError::Plugin { .. } => Self::new(Kind::PluginConflict, detail)
                .with_hint("`sortie plugin list` shows how plugins stand"),
            StoreError::Settled { .. } => Self::new(Kind::Settled, detail)
                .with_hint("list it again to see where it stands; nothing was changed"),
            // What one effect was refused for is what a person's request of
            // the same kind would be refused for.
            StoreError::Effect { why, .. } => Self {
                detail,
                ..Self::from(*why)
            },
            StoreError::Busy | StoreError::Behind { .. } | StoreError::Backlog { .. } => {
                Self::new(Kind::Busy, detail)
            }
            StoreError::Closed => Self::new(Kind::NotReady, detail),
            _ => Self::new(Kind::Internal, detail),
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Store(error) => error.into(),
            IntakeError::TaskTooLong { .. } => Self::new(Kind::TooLarge, error.to_string()),
            IntakeError::NoSuchJob { .. } => Self::new(Kind::NotFound, error.to_string())
                .with_hint("`GET /v1/jobs` lists what there is"),
            IntakeError::BadKey => Self::new(Kind::BadRequest, error.to_string()),
            error => Self::new(Kind::InvalidRequest, error.to_string()),
        }
    }
}

impl From<PlatformError> for Problem {
    fn from(error: PlatformError) -> Self {
        use PlatformError as E;
        let detail = error.to_string();
        match error {
            E::Store(error) => error.into(),
            E::Plugin(error) => of_plugin(&error),
            E::Layer(_)
            | E::Section(_)
            | E::Manifest(_)
            | E::CoreModule
            | E::NoManifest { .. }
            | E::Surfaces { .. } => Self::new(Kind::BadPackage, detail),
            E::Signature { .. }
            | E::SignedBeside { .. }
            | E::Unsigned { .. }
            | E::Untrusted { .. } => Self::new(Kind::Untrusted, detail),
            E::Config { .. } | E::Unconfigured { .. } => Self::new(Kind::BadConfiguration, detail),
            E::NotGranted { .. } => Self::new(Kind::NotGranted, detail),
            E::Grant { .. } => Self::new(Kind::InvalidRequest, detail),
            E::Installed { .. }
            | E::Shipped { .. }
            | E::ReplacesShipped { .. }
            | E::NoPrevious { .. } => Self::new(Kind::PluginConflict, detail),
            E::NotInstalled { .. } => Self::new(Kind::NotFound, detail),
            E::TooSlow => Self::new(Kind::Busy, detail),
            E::Package { .. } | E::Panicked => Self::new(Kind::Internal, detail),
        }
    }
}

/// What the engine says about a package, or about a call.
fn of_plugin(error: &PluginError) -> Problem {
    let detail = error.to_string();
    match error {
        PluginError::NotInstalled { .. } => Problem::new(Kind::NotFound, detail),
        PluginError::BadConfig { .. } => Problem::new(Kind::BadConfiguration, detail)
            .with_hint("mend the plugin's table in sortie.toml"),
        PluginError::Setup { .. } => Problem::new(Kind::Internal, detail),
        error if error.is_transient() => Problem::new(Kind::Busy, detail),
        PluginError::NotAComponent { .. } => {
            Problem::new(Kind::BadPackage, detail).with_hint("get it or build it again")
        }
        _ => Problem::new(Kind::BadPackage, detail).with_hint(
            "build it against the WIT of this host, as `sortie plugin build` does, and see \
             `sortie plugin test`",
        ),
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Unknown { .. } => Self::new(Kind::NotFound, detail),
            Refusal::Unverified(_) => Self::new(Kind::Unverified, detail),
            Refusal::CannotVerify(_) => Self::new(Kind::Internal, detail),
            Refusal::Store(error) => error.into(),
        }
    }
}

impl From<DiffFault> for Problem {
    fn from(fault: DiffFault) -> Self {
        match fault {
            DiffFault::Store(error) => error.into(),
            DiffFault::TooLarge(detail) => Self::new(Kind::TooLarge, detail),
            DiffFault::Unavailable(detail) => Self::new(Kind::Internal, detail),
        }
    }
}

/// Which phases would have allowed the event, from the table itself.
fn legal_phases(illegal: IllegalTransition) -> String {
    let phases: Vec<&str> = TRANSITIONS
        .iter()
        .filter(|(_, event, _)| *event == illegal.event)
        .map(|(from, _, _)| from.as_str())
        .collect();
    format!(
        "{} works on jobs that are {}; this one is {}",
        illegal.event.as_str(),
        phases.join(", "),
        illegal.phase
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_model::job::{JobEventKind, JobPhase};

    #[test]
    fn an_illegal_move_says_what_would_be_legal() {
        let problem = Problem::from(StoreError::Illegal(IllegalTransition {
            phase: JobPhase::Queued,
            event: JobEventKind::Approve,
        }));
        assert_eq!(
            (problem.status, problem.name()),
            (409, "illegal-transition")
        );
        assert_eq!(
            problem.hint.as_deref(),
            Some(
                "approve works on jobs that are awaiting_approval, needs_review; this one is queued"
            )
        );
    }

    #[test]
    fn a_locked_database_is_503_with_a_time_to_try_again() {
        let problem = Problem::from(StoreError::Busy);
        assert_eq!((problem.status, problem.name()), (503, "busy"));
        assert_eq!(
            problem.hint.as_deref(),
            Some("close that program and try again")
        );
        assert!(
            problem
                .into_response()
                .headers()
                .contains_key("retry-after")
        );
    }

    #[test]
    fn a_full_disk_is_507_with_its_mend() {
        let problem = Problem::from(StoreError::DiskFull);
        assert_eq!(problem.status, 507);
        assert_eq!(problem.hint.as_deref(), Some("make room and try again"));
    }
}

//! Reads requests, and turns whatever is wrong with one into a problem.

use crate::limits;
use crate::problem::{Kind, Problem};
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use sortie_intake::Requester;
use sortie_model::id::JobId;

/// A JSON body.
pub(crate) struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                Kind::UnsupportedMediaType,
                "read the body: its media type is not JSON; send `Content-Type: application/json`",
            ));
        }
        read(&body(request, state).await?).map(Self)
    }
}

/// A JSON body that may be left out.
pub(crate) struct OptionalJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let bytes = body(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !json {
            return Err(Problem::new(
                Kind::UnsupportedMediaType,
                "read the body: its media type is not JSON; send `Content-Type: application/json`, \
                 or no body",
            ));
        }
        read(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                Problem::new(
                    Kind::TooLarge,
                    format!(
                        "read the body: it is over {} bytes; send less",
                        limits::MAX_BODY_BYTES
                    ),
                )
            }
            _ => Problem::new(
                Kind::BadRequest,
                "read the body: it ended early; send it again",
            ),
        })
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let kind = if error.is_data() {
            Kind::InvalidRequest
        } else {
            Kind::InvalidJson
        };
        Problem::new(kind, format!("read the body: {error}"))
            .with_hint("`/openapi.json` describes what is expected")
    })
}

/// The job that the path names.
pub(crate) struct JobPath(pub JobId);

impl<S: Send + Sync> FromRequestParts<S> for JobPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<u64>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(JobId(id))),
            Err(_) => Err(Problem::new(
                Kind::BadRequest,
                "read the job's number: it is not one; write it as in `/v1/jobs/42`",
            )),
        }
    }
}

/// What the path names, checked against its type.
pub(crate) struct Named<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(rejection) => Err(Problem::new(
                Kind::BadRequest,
                format!("read the path: {}", rejection.body_text()),
            )
            .with_hint("`/openapi.json` describes the paths")),
        }
    }
}

/// The query, checked against its type.
pub(crate) struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Problem::new(
                Kind::BadRequest,
                format!("read the query: {}", rejection.body_text()),
            )
            .with_hint("`/openapi.json` describes the parameters")),
        }
    }
}

/// Who asks, as the client says: labels for people, believed as far as the
/// token is.
pub(crate) struct From(pub Requester);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let label = |name: &str, otherwise: &'static str| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .filter(|value| !value.trim().is_empty())
                .unwrap_or(otherwise)
                .to_owned()
        };
        Ok(Self(Requester::new(
            &label("sortie-user", "token"),
            &label("sortie-client", "http"),
        )))
    }
}

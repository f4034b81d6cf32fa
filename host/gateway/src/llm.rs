//! The model endpoint: counts every request, then says that no provider is
//! configured. It never forwards anything.

use crate::meter::{Charge, Meter};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, header};
use std::convert::Infallible;

/// Answers one request. An exhausted budget is 402, which coding agents take
/// as final; 429 and 500 would make them retry.
pub(crate) async fn answer(
    meter: &dyn Meter,
    _request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match meter.charge_call().await {
        Ok(Charge::Charged) => error(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_provider",
            "this Sortie host has no model provider configured",
        ),
        Ok(Charge::Exhausted { limit }) => error(
            StatusCode::PAYMENT_REQUIRED,
            "budget_exhausted",
            &format!("the run's budget of {limit} calls is used up; stop here"),
        ),
        Err(failure) => {
            tracing::error!(error = %failure, "a model call could not be charged");
            error(
                StatusCode::SERVICE_UNAVAILABLE,
                "ledger_unavailable",
                "the call could not be charged, so it was not made",
            )
        }
    })
}

/// An error body that OpenAI-shaped clients (`error.code`, `error.message`)
/// and Anthropic-shaped clients (`type: error`, `error.type`) both read.
fn error(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({
        "type": "error",
        "error": { "type": code, "code": code, "message": message },
    });
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response
}

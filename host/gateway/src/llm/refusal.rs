//! What the gateway answers itself: errors that OpenAI-shaped clients and
//! Anthropic-shaped clients both read, with a text for the agent behind them.

use crate::body::GatewayBody;
use bytes::Bytes;
use hyper::{Response, StatusCode, header};
use std::time::Duration;

/// A request that is not forwarded, or an answer that is not passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    /// The host's own word for it; in `error.code`.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The request makes no sense.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// It may work later.
    pub(crate) fn later(code: &'static str, message: impl Into<String>, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
        }
    }

    /// The provider did not answer as it should.
    pub(crate) fn gateway(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "provider_failed", message)
    }

    /// The kind of error, in the words that both families of clients know.
    fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            400 | 405 | 415 => "invalid_request_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            503 => "overloaded_error",
            504 => "timeout_error",
            _ => "api_error",
        }
    }

    pub(crate) fn response(&self) -> Response<GatewayBody> {
        let body = serde_json::json!({
            "type": "error",
            "error": {
                "type": self.kind(),
                "code": self.code,
                "message": self.message,
                "param": null,
            },
        });
        let mut response = json(self.status, Bytes::from(body.to_string()));
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs().max(1);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Response<GatewayBody> {
    let mut response = Response::new(GatewayBody::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response
}

//! The HTTP proxy of the sandbox: refuses every request and makes it visible.
//! It never resolves a name and never connects anywhere.

use crate::meter::{Meter, Refusal};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use std::convert::Infallible;

/// The longest target worth showing: a DNS name is at most 253 characters.
const MAX_TARGET_CHARS: usize = 300;
/// The longest method worth showing.
const MAX_METHOD_CHARS: usize = 16;

/// Answers one request, proxied (`CONNECT` or absolute form) or not.
pub(crate) async fn answer(
    meter: &dyn Meter,
    request: Request<Incoming>,
) -> Result<Response<Bytes>, Infallible> {
    let target = request
        .uri()
        .authority()
        .map(|authority| authority.as_str())
        .unwrap_or_default();
    let (status, text) = if target.is_empty() {
        (
            StatusCode::BAD_REQUEST,
            "this is a proxy: name a host in the request line\n".to_owned(),
        )
    } else {
        // User info in a target is a secret someone mistyped; it is not shown.
        let shown = target.rsplit('@').next().unwrap_or_default();
        let refusal = Refusal {
            method: request
                .method()
                .as_str()
                .chars()
                .take(MAX_METHOD_CHARS)
                .collect(),
            target: shown.chars().take(MAX_TARGET_CHARS).collect(),
        };
        let text = format!(
            "sortie: {} is not reachable from this sandbox: no egress is granted\n",
            refusal.target
        );
        meter.refused(refusal).await;
        (StatusCode::FORBIDDEN, text)
    };
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    Ok(response)
}

//! Which requests a grant covers.

use sortie_package::manifest::{EgressRequest, Grant, Requests, Scheme};
use sortie_plugins::outside::HttpRequest;

/// Whether a grant covers a request, by the same comparison that shows an
/// operator what a manifest asks for.
pub(super) fn covered(grant: &Grant, request: &HttpRequest) -> Result<bool, String> {
    let url = url::Url::parse(&request.url).map_err(|error| error.to_string())?;
    let scheme = match url.scheme() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => return Err(format!("{other} is no scheme of requests")),
    };
    let asked = Requests {
        egress: vec![EgressRequest {
            host: url.host_str().unwrap_or_default().to_owned(),
            methods: vec![request.method.clone()],
            path_prefix: url.path().to_owned(),
            schemes: vec![scheme],
            port: url.port(),
            private: false,
            credential: None,
        }],
        ..Requests::default()
    };
    Ok(asked.beyond(grant).is_empty())
}

/// Whether a request goes to an incoming webhook: an address that is itself the
/// secret, and so takes a message and nothing that tells it from another.
pub(crate) fn is_to_webhook(grant: &Grant, request: &HttpRequest) -> bool {
    let mut others = grant.clone();
    let in_path = |rule: &EgressRequest| rule.credential.as_ref().is_some_and(|own| own.in_path);
    others.egress.retain(|rule| !in_path(rule));
    covered(grant, request) == Ok(true) && covered(&others, request) == Ok(false)
}

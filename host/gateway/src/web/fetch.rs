//! A page of the web as text that can be read.

use super::text;
use super::wrap::{NOTICE, untrusted};
use super::{Refused, Shared};
use crate::egress::Refusal;
use crate::net::Reach;
use crate::outbound::{
    Header, MethodName, OutRequest, OutResponse, PathPrefix, Rule, RuleError, Scheme,
};
use hyper::StatusCode;
use serde_json::{Value, json};
use sortie_model::host::{HostName, HostPattern};
use url::Url;

/// Who asks, and how, as rows say it.
const SUBJECT: &str = "fetch";
const METHOD: &str = "GET";

/// Redirects that are followed: more is a circle.
const MAX_REDIRECTS: usize = 5;

/// Characters of one answer, unless asked for others, and at most.
const USUAL_CHARS: usize = 20_000;
const MOST_CHARS: usize = 100_000;

pub(super) async fn run(
    web: &Shared,
    url: Option<&str>,
    from: Option<&str>,
    chars: Option<&str>,
) -> Result<Value, Refused> {
    let bad = |told: &str| Refused::new(StatusCode::BAD_REQUEST, "invalid", told);
    if !web.service.fetch {
        return Err(Refused::new(
            StatusCode::NOT_FOUND,
            "off",
            "this host fetches no pages; its operator can turn that on",
        ));
    }
    let number = |text: Option<&str>, usual: usize| match text {
        None => Ok(usual),
        Some(text) => text
            .parse()
            .map_err(|_| bad("`from` and `chars` are numbers")),
    };
    let (from, chars) = (
        number(from, 0)?,
        number(chars, USUAL_CHARS)?.clamp(1, MOST_CHARS),
    );
    let mut at = Url::parse(url.ok_or_else(|| bad("name the page, as in ?url=https://…"))?)
        .map_err(|_| bad("the address of the page does not parse; escape it in the query"))?;
    let mut followed = 0;
    let response = loop {
        at.set_fragment(None);
        let response = get(web, &at).await?;
        let Some(next) = moved(&response) else {
            break response;
        };
        followed += 1;
        if followed > MAX_REDIRECTS {
            let told = format!("the page redirects more than {MAX_REDIRECTS} times");
            return Err(Refused::new(StatusCode::BAD_GATEWAY, "redirects", told));
        }
        at = at.join(next).map_err(|_| {
            let told = "the page redirects to an address that does not parse";
            Refused::new(StatusCode::BAD_GATEWAY, "redirects", told)
        })?;
    };
    let status = response.status;
    let text = text_of(&at, response).await?;
    let total = text.chars().count();
    let shown: String = text.chars().skip(from).take(chars).collect();
    let until = from.saturating_add(chars);
    Ok(json!({
        "notice": NOTICE,
        "url": at.as_str(),
        "status": status,
        "chars": total,
        "next_from": (until < total).then_some(until),
        "content": untrusted(at.as_str(), &shown),
    }))
}

/// One request, under a rule for the one place that it is for.
async fn get(web: &Shared, at: &Url) -> Result<OutResponse, Refused> {
    let outbound = &web.service.outbound;
    let header = |name: &str, value: &str| Header {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let request = OutRequest {
        method: METHOD.to_owned(),
        url: at.as_str().to_owned(),
        headers: vec![
            header(
                "accept",
                "text/html, text/plain;q=0.9, text/*;q=0.8, application/json;q=0.8",
            ),
            header("user-agent", concat!("sortie/", env!("CARGO_PKG_VERSION"))),
        ],
        body: None,
        timeout: None,
    };
    let scheme = match at.scheme() {
        "https" => Some(Scheme::Https),
        "http" => Some(Scheme::Http),
        _ => None,
    };
    let host = at.host().and_then(HostName::new);
    let (Some(scheme), Some(host)) = (scheme, host) else {
        // No rule could be for it. It is refused where the rest is judged, and
        // leaves a row like the rest.
        return Ok(outbound.send(SUBJECT, &[], request).await?);
    };
    let port = at.port_or_known_default();
    if web.is_denied(&host, port.unwrap_or(443)).await? {
        let told = format!("somebody decided that {host} is not to be reached");
        outbound.denied(SUBJECT, METHOD, at.as_str()).await;
        let refusal = Refusal {
            method: METHOD.to_owned(),
            host,
            port: port.unwrap_or(443),
            reason: "denied",
            question: false,
        };
        web.warden.refused(&refusal).await;
        return Err(Refused::new(StatusCode::FORBIDDEN, "denied", told));
    }
    // The rule is made for whatever host is asked for, so naming an address is
    // no consent to it: metadata services stay shut whatever is configured.
    let private = match &host {
        HostName::Ip(ip) => {
            web.service.allow_private && matches!(Reach::of(*ip), Reach::Loopback | Reach::Private)
        }
        HostName::Domain(_) => web.service.allow_private,
    };
    let method: MethodName = METHOD.parse().map_err(|error: RuleError| {
        Refused::new(StatusCode::BAD_REQUEST, "invalid", error.to_string())
    })?;
    let rule = Rule {
        host: HostPattern::from(host),
        methods: vec![method],
        path_prefix: PathPrefix::default(),
        schemes: vec![scheme],
        port,
        private,
        credential: None,
    };
    Ok(outbound.send(SUBJECT, &[rule], request).await?)
}

fn value<'r>(response: &'r OutResponse, name: &str) -> Option<&'r str> {
    let found = response.headers.iter().find(|header| header.name == name);
    found.map(|header| header.value.as_str())
}

/// Where a redirect leads.
fn moved(response: &OutResponse) -> Option<&str> {
    matches!(response.status, 301 | 302 | 303 | 307 | 308)
        .then(|| value(response, "location"))
        .flatten()
}

/// The body as text, without the tags when it is HTML.
async fn text_of(at: &Url, response: OutResponse) -> Result<String, Refused> {
    let other = |told: &str| Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_text", told);
    if value(&response, "content-encoding").is_some_and(|coding| coding != "identity") {
        return Err(other(
            "the page is compressed although it was asked not to be",
        ));
    }
    let kind = value(&response, "content-type").unwrap_or("text/plain");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    let is_html = matches!(kind.as_str(), "text/html" | "application/xhtml+xml");
    let is_text = kind.starts_with("text/")
        || ["json", "xml", "yaml", "toml", "javascript"]
            .iter()
            .any(|word| kind.ends_with(word));
    match (is_html, is_text) {
        (true, _) => text::text_of(at.clone(), response.body)
            .await
            .ok_or_else(|| other("the page cannot be read as text")),
        (false, true) => Ok(String::from_utf8_lossy(&response.body).into_owned()),
        // What kind it says it is would be a stranger's words.
        (false, false) => Err(other("what is there is no text")),
    }
}

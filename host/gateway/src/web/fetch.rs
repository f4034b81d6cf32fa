//! A page of the web as text that can be read.

use super::wrap::{NOTICE, untrusted};
use super::{Refused, Shared};
use crate::net::Reach;
use crate::outbound::{Header, OutRequest, OutResponse, PathPrefix, Rule, Scheme};
use hyper::StatusCode;
use serde_json::{Value, json};
use sortie_model::host::{HostName, HostPattern};
use url::Url;

/// Redirects that are followed: more is a circle.
const MAX_REDIRECTS: usize = 5;

/// Characters of one answer, unless asked for others, and at most.
const USUAL_CHARS: usize = 20_000;
const MOST_CHARS: usize = 100_000;

/// How wide text from a page is laid out, in characters.
const WIDTH: usize = 100;

/// The most bytes of HTML that are laid out; it takes time on one core.
const MAX_HTML_BYTES: usize = 2 * 1024 * 1024;

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
    let text = text_of(response).await?;
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
    let refuse = |told: &str| Refused::new(StatusCode::BAD_REQUEST, "invalid", told);
    let scheme = match at.scheme() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return Err(refuse("pages are at http and https addresses")),
    };
    let host = at
        .host()
        .and_then(HostName::new)
        .ok_or_else(|| refuse("the host of the page is no DNS name and no IP address"))?;
    if web.is_denied(at).await? {
        let told = format!("somebody decided that {host} is not to be reached");
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
    let rule = Rule {
        host: HostPattern::from(host),
        methods: vec!["GET".parse().map_err(|_| refuse("GET is a method"))?],
        path_prefix: PathPrefix::default(),
        schemes: vec![scheme],
        port: at.port_or_known_default(),
        private,
        credential: None,
    };
    let header = |name: &str, value: &str| Header {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let request = OutRequest {
        method: "GET".to_owned(),
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
    Ok(web.service.outbound.send("fetch", &[rule], request).await?)
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

/// The body as text, laid out when it is HTML.
async fn text_of(response: OutResponse) -> Result<String, Refused> {
    let other = |told: String| Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_text", told);
    if value(&response, "content-encoding").is_some_and(|coding| coding != "identity") {
        return Err(other(
            "the page is compressed although it was asked not to be".to_owned(),
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
        (true, _) => {
            let body = response
                .body
                .slice(..response.body.len().min(MAX_HTML_BYTES));
            let laid_out =
                tokio::task::spawn_blocking(move || html2text::from_read(&body[..], WIDTH));
            match laid_out.await {
                Ok(Ok(text)) => Ok(text),
                // What a parser stumbles over must not take a run down.
                Ok(Err(_)) | Err(_) => Err(other("the page cannot be laid out as text".to_owned())),
            }
        }
        (false, true) => Ok(String::from_utf8_lossy(&response.body).into_owned()),
        (false, false) => Err(other(format!("the page is {kind}, which is no text"))),
    }
}

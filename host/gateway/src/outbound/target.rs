//! Where a request goes, and which rule lets it.
//!
//! A URL is parsed once, by the same parser whose result is then sent; no
//! text of the guest is looked at a second time by anything that could read
//! it differently. What the parser would silently mend (white space, control
//! characters, backslashes) is refused before it.

use sortie_model::host::HostName;
use url::Url;

use super::error::OutboundError;
use super::method::MethodName;
use super::path;
use super::rule::Rule;
use super::scheme::Scheme;

/// The longest URL, as the WIT promises.
pub const MAX_URL_BYTES: usize = 8 * 1024;

/// A URL that some rule could allow.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) scheme: Scheme,
    pub(crate) name: HostName,
    pub(crate) port: u16,
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, OutboundError> {
        let invalid = |text: &str| OutboundError::Invalid(text.to_owned());
        if text.len() > MAX_URL_BYTES {
            return Err(OutboundError::Invalid(format!(
                "the URL has {} bytes; send at most {MAX_URL_BYTES}",
                text.len()
            )));
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(invalid(
                "the URL holds white space, a control character or a backslash; escape it",
            ));
        }
        let mut url = Url::parse(text)
            .map_err(|error| OutboundError::Invalid(format!("the URL does not parse: {error}")))?;
        let scheme = Scheme::of(url.scheme())
            .ok_or_else(|| invalid("the scheme of the URL is neither https nor http"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid(
                "the URL holds user info; a credential comes from the grant",
            ));
        }
        if url.fragment().is_some() {
            return Err(invalid("the URL holds a fragment; leave it out"));
        }
        let port = match url.port_or_known_default() {
            Some(port) if port > 0 => port,
            _ => return Err(invalid("the URL holds the port 0")),
        };
        let name = url
            .host()
            .and_then(HostName::new)
            .ok_or_else(|| invalid("the host of the URL is no DNS name and no IP address"))?;
        // Drops the dot at the end, so that what was matched is what is asked
        // for in the request and in the TLS handshake.
        if url.host_str().is_some_and(|host| host.ends_with('.')) {
            url.set_host(Some(&name.to_string()))
                .map_err(|_| invalid("the host of the URL is no DNS name and no IP address"))?;
        }
        path::check(url.path()).map_err(|reason| {
            OutboundError::Invalid(format!("the path of the URL holds {reason}"))
        })?;
        Ok(Self {
            url,
            scheme,
            name,
            port,
        })
    }
}

/// Reads a method.
pub(crate) fn method(text: &str) -> Result<MethodName, OutboundError> {
    match text {
        "CONNECT" | "TRACE" => Err(OutboundError::Denied(format!("{text} is never allowed"))),
        _ => text.parse().map_err(|_| {
            OutboundError::Invalid("the method is no word in capitals, such as GET".to_owned())
        }),
    }
}

/// How far a rule follows a request before it disagrees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Host,
    Door,
    Method,
    Path,
}

/// The first rule that allows the request.
pub(crate) fn admit<'r>(
    rules: &'r [Rule],
    method: &MethodName,
    target: &Target,
) -> Result<&'r Rule, OutboundError> {
    let mut nearest: Option<(Fit, &Rule)> = None;
    for rule in rules {
        match disagreement(rule, method, target) {
            None => return Ok(rule),
            Some(fit) if nearest.is_none_or(|(best, _)| fit > best) => nearest = Some((fit, rule)),
            Some(_) => {}
        }
    }
    let door = format!("{}://{}:{}", target.scheme, target.name, target.port);
    Err(OutboundError::Denied(match nearest {
        None | Some((Fit::Host, _)) => format!("no egress rule names the host {}", target.name),
        Some((Fit::Door, rule)) => format!("no egress rule allows {door}; there is `{rule}`"),
        Some((Fit::Method, rule)) => {
            format!("no egress rule allows {method} at {door}; there is `{rule}`")
        }
        Some((Fit::Path, rule)) => {
            format!("no egress rule allows {method} of this path at {door}; there is `{rule}`")
        }
    }))
}

fn disagreement(rule: &Rule, method: &MethodName, target: &Target) -> Option<Fit> {
    let port = rule.port.unwrap_or_else(|| target.scheme.default_port());
    if !rule.host.matches(&target.name) {
        Some(Fit::Host)
    } else if !rule.schemes.contains(&target.scheme) || port != target.port {
        Some(Fit::Door)
    } else if !rule.methods.contains(method) {
        Some(Fit::Method)
    } else if !rule.path_prefix.matches(target.url.path()) {
        Some(Fit::Path)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;

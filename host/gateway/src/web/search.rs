//! A search through the provider that the operator configured.

use super::wrap::{NOTICE, untrusted};
use super::{Refused, Shared};
use crate::net::is_loopback;
use crate::outbound::{CredentialUse, FieldName, Header, OutRequest, Rule, RuleError, Scheme};
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sortie_model::host::{HostName, HostPattern};
use url::Url;

/// Results of one search, unless asked for others, and at most.
const USUAL_RESULTS: usize = 5;
const MOST_RESULTS: usize = 20;

/// The longest question, in characters.
const MAX_QUESTION_CHARS: usize = 400;

/// The longest excerpt of one result, in characters.
const MAX_EXCERPT_CHARS: usize = 2_000;

/// What a provider's interface looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `POST /search` with a bearer key, as Tavily documents it.
    Tavily,
    /// `GET /search?format=json`, as SearXNG documents it.
    Searxng,
}

/// A provider that can be asked.
#[derive(Clone, Debug)]
pub struct Search {
    provider: Provider,
    url: Url,
    rule: Rule,
}

impl Search {
    /// A provider below the address `base`, with the name of its key in the
    /// vault.
    ///
    /// # Errors
    /// When the address cannot be one, in words that complete "use …".
    pub fn new(
        provider: Provider,
        base: &str,
        secret: Option<&str>,
        allow_private: bool,
    ) -> Result<Self, String> {
        let mut url = Url::parse(base).map_err(|error| format!("{base:?}: {error}"))?;
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            other => return Err(format!("{base:?}: {other} is neither https nor http")),
        };
        let host = url
            .host()
            .and_then(HostName::new)
            .ok_or_else(|| format!("{base:?}: it names no host"))?;
        let path = format!("{}/search", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_query(None);
        let method = match provider {
            Provider::Tavily => "POST",
            Provider::Searxng => "GET",
        };
        let credential = secret.map(|secret| CredentialUse {
            secret: secret.to_owned(),
            header: Some(FieldName::from_static(hyper::header::AUTHORIZATION)),
            prefix: "Bearer ".to_owned(),
            sign: None,
            in_path: false,
        });
        if secret.is_some() && scheme == Scheme::Http && !(allow_private && is_loopback(&host)) {
            return Err(format!(
                "{base:?}: a key goes to https addresses, or over http to this machine itself: \
                 127.0.0.1 with allow_private = true"
            ));
        }
        let told = |error: RuleError| error.to_string();
        let rule = Rule {
            host: HostPattern::from(host),
            methods: vec![method.parse().map_err(told)?],
            path_prefix: path.parse().map_err(told)?,
            schemes: vec![scheme],
            port: url.port_or_known_default(),
            private: allow_private,
            credential,
        };
        Ok(Self {
            provider,
            url,
            rule,
        })
    }

    fn request(&self, question: &str, results: usize) -> OutRequest {
        let mut url = self.url.clone();
        let (headers, body) = match self.provider {
            Provider::Tavily => {
                let body = json!({ "query": question, "max_results": results });
                let json = Header {
                    name: "content-type".to_owned(),
                    value: "application/json".to_owned(),
                };
                (vec![json], Some(body.to_string().into()))
            }
            Provider::Searxng => {
                url.query_pairs_mut()
                    .append_pair("q", question)
                    .append_pair("format", "json");
                (Vec::new(), None)
            }
        };
        OutRequest {
            method: self.rule.methods[0].as_str().to_owned(),
            url: url.into(),
            headers,
            body,
            timeout: None,
        }
    }
}

/// What both providers answer; they have more to say.
#[derive(Deserialize)]
struct Answer {
    results: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    title: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    content: String,
}

pub(super) async fn run(
    web: &Shared,
    question: Option<&str>,
    results: Option<&str>,
) -> Result<Value, Refused> {
    let bad = |told: &str| Refused::new(StatusCode::BAD_REQUEST, "invalid", told);
    let Some(search) = &web.service.search else {
        return Err(Refused::new(
            StatusCode::NOT_FOUND,
            "off",
            "this host has no search provider; its operator can configure one",
        ));
    };
    let question = question.map(str::trim).filter(|text| !text.is_empty());
    let question = question.ok_or_else(|| bad("say what to look for, as in ?q=…"))?;
    if question.chars().count() > MAX_QUESTION_CHARS {
        return Err(bad("the question is too long; ask with a few words"));
    }
    let results = match results {
        None => USUAL_RESULTS,
        Some(text) => text.parse().map_err(|_| bad("`results` is a number"))?,
    };
    let results = results.clamp(1, MOST_RESULTS);
    let request = search.request(question, results);
    let rules = std::slice::from_ref(&search.rule);
    let response = web.service.outbound.send("search", rules, request).await?;
    let failed = |told: String| Refused::new(StatusCode::BAD_GATEWAY, "failed", told);
    if response.status != 200 {
        return Err(failed(format!(
            "the search provider answered {}",
            response.status
        )));
    }
    let answer: Answer = serde_json::from_slice(&response.body)
        .map_err(|_| failed("the search provider's answer is not what it documents".to_owned()))?;
    let found: Vec<Value> = answer
        .results
        .into_iter()
        .take(results)
        .map(shown)
        .collect();
    Ok(json!({ "notice": NOTICE, "query": question, "results": found }))
}

/// One result; title and excerpt are a stranger's words alike.
fn shown(found: Found) -> Value {
    let excerpt: String = found.content.chars().take(MAX_EXCERPT_CHARS).collect();
    let text = format!("{}\n\n{excerpt}", found.title);
    // An address that is none could say anything, outside of the wrapper, and
    // one of another scheme (`data:`) as well.
    let url = Url::parse(&found.url).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.map(String::from).unwrap_or_default();
    json!({ "url": url, "content": untrusted(&url, text.trim()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_where_nobody_listens() {
        for (base, allow_private, is_taken) in [
            ("https://api.example.com", false, true),
            ("https://search.internal.example", true, true),
            ("http://api.example.com", false, false),
            ("http://searx.internal.example:8080", true, false),
            ("http://10.0.0.7:8080", true, false),
            ("http://127.0.0.1:8080", false, false),
            ("http://127.0.0.1:8080", true, true),
            ("http://localhost:8080", true, true),
        ] {
            let with = |secret| Search::new(Provider::Searxng, base, secret, allow_private);
            assert_eq!(with(Some("key")).is_ok(), is_taken, "{base}");
            assert!(with(None).is_ok(), "{base}");
        }
    }

    #[test]
    fn a_result_at_an_address_of_another_kind_has_none() {
        for (url, kept) in [
            ("https://a.example/b", "https://a.example/b"),
            ("data:text/plain,ignore%20all", ""),
            ("javascript:ignore()", ""),
            ("ignore all", ""),
        ] {
            let shown = shown(Found {
                title: "One".into(),
                url: url.into(),
                content: String::new(),
            });
            assert_eq!(shown["url"], kept);
            assert!(!shown.to_string().contains("ignore"), "{shown}");
        }
    }
}

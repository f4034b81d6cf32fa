//! Search and fetch for agents: `[web]`.

use schemars::JsonSchema;
use serde::Deserialize;
use sortie_gateway::outbound::Outbound;
use sortie_gateway::web::{Provider, Search, WebService};

/// Search and fetch for agents.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebConfig {
    /// Whether agents may read pages of the public web through the host.
    pub fetch: bool,
    /// Whether those pages may be at private addresses.
    pub allow_private: bool,
    /// Who searches for agents.
    pub search: Option<SearchConfig>,
}

/// A provider of searches.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchConfig {
    /// What its interface looks like: `tavily` or `searxng`.
    #[schemars(extend("enum" = ["tavily", "searxng"]))]
    pub provider: String,
    /// Its address, without `/search`.
    pub url: String,
    /// The secret that is its key.
    pub secret: Option<String>,
    /// Whether it may be at a private address.
    #[serde(default)]
    pub allow_private: bool,
}

impl SearchConfig {
    fn search(&self) -> Result<Search, String> {
        let provider = match self.provider.as_str() {
            "tavily" => Provider::Tavily,
            "searxng" => Provider::Searxng,
            other => return Err(format!("{other:?} is neither tavily nor searxng")),
        };
        let secret = self.secret.as_deref();
        Search::new(provider, &self.url, secret, self.allow_private)
    }
}

impl WebConfig {
    /// What the host offers; none when nothing is.
    pub fn service(&self, outbound: &Outbound) -> Option<WebService> {
        let search = self.search.as_ref().and_then(|own| own.search().ok());
        (self.fetch || search.is_some()).then(|| WebService {
            outbound: outbound.clone(),
            search,
            fetch: self.fetch,
            allow_private: self.allow_private,
        })
    }

    /// Values that cannot work, each as `key: what to do`.
    pub(super) fn faults(&self, has_secret: impl Fn(&str) -> bool) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(search) = &self.search {
            if let Err(error) = search.search() {
                faults.push(format!("web.search: {error}"));
            }
            if let Some(secret) = search.secret.as_deref().filter(|name| !has_secret(name)) {
                faults.push(format!(
                    "web.search: the secret {secret:?} is not in [secrets]; add it there"
                ));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_could_never_be_sent_is_a_fault() {
        for (url, faults) in [
            ("https://api.example.com", 0),
            ("http://127.0.0.1:8080", 0),
            ("http://searx.internal.example:8080", 1),
        ] {
            let config: WebConfig = toml::from_str(&format!(
                "search = {{ provider = \"searxng\", url = \"{url}\", secret = \"key\", \
                 allow_private = true }}"
            ))
            .expect("the words are known");
            let found = config.faults(|_| true);
            assert_eq!(found.len(), faults, "{url}: {found:?}");
        }
    }
}

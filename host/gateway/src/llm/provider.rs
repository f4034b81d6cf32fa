//! A provider as the operator configures it.

use serde::Deserialize;
use sortie_model::llm::ModelApi;
use std::time::Duration;
use url::Url;

/// Whose API it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderKind {
    /// OpenAI itself, with its models and prices.
    Openai,
    /// Anthropic itself, with its models and prices.
    Anthropic,
    /// Anything else with an OpenAI-shaped API: a gateway, a local server.
    Compatible,
}

impl ProviderKind {
    /// The APIs that such a provider has unless it is said otherwise.
    pub fn apis(self) -> &'static [ModelApi] {
        match self {
            Self::Openai => &[
                ModelApi::ChatCompletions,
                ModelApi::Responses,
                ModelApi::Embeddings,
            ],
            Self::Anthropic => &[ModelApi::Messages],
            Self::Compatible => &[ModelApi::ChatCompletions, ModelApi::Embeddings],
        }
    }

    /// Where it is; none where only the operator knows.
    pub fn base_url(self) -> Option<&'static str> {
        match self {
            Self::Openai => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com/v1"),
            Self::Compatible => None,
        }
    }

    /// The field that bounds a chat's answer: OpenAI's newer models refuse the
    /// old name, most others know no other.
    pub(crate) fn chat_cap_field(self) -> &'static str {
        match self {
            Self::Openai => "max_completion_tokens",
            Self::Anthropic | Self::Compatible => "max_tokens",
        }
    }
}

/// How a provider takes its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHeader {
    /// `authorization: Bearer …`.
    Bearer,
    /// `x-api-key: …`.
    XApiKey,
}

/// One provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Whose API it is.
    pub kind: ProviderKind,
    /// The APIs it has.
    pub apis: Vec<ModelApi>,
    /// Everything before `/chat/completions`, without a slash at the end.
    pub base_url: Url,
    /// The name of its key in the vault; none for one that takes no key.
    pub secret: Option<String>,
    /// How it takes the key.
    pub key_header: KeyHeader,
    /// Requests under way at once.
    pub max_parallel: u32,
    /// How long connecting may take, the TLS handshake included.
    pub connect_timeout: Duration,
    /// How long the first byte of an answer may take, thinking included.
    pub first_byte_timeout: Duration,
    /// How long a stream may say nothing, and how long a client may take to
    /// read on.
    pub idle_timeout: Duration,
    /// How often a request is sent again that the provider certainly did not
    /// answer: no connection, 429, or an error that it says is its own.
    pub retries: u32,
    /// How long to wait before the first of them; each further one waits twice
    /// as long, and no less than the provider asks for.
    pub retry_pause: Duration,
    /// Whether tools that the provider runs itself may be used, and links that
    /// it follows. They reach the network, and what they cost is not counted.
    pub hosted_tools: bool,
}

impl Provider {
    /// A provider with the usual limits.
    ///
    /// # Errors
    /// What is wrong with the address, as a fragment.
    pub fn new(kind: ProviderKind, base_url: &str) -> Result<Self, String> {
        Ok(Self {
            kind,
            apis: kind.apis().to_vec(),
            base_url: base(base_url)?,
            secret: None,
            key_header: match kind {
                ProviderKind::Anthropic => KeyHeader::XApiKey,
                ProviderKind::Openai | ProviderKind::Compatible => KeyHeader::Bearer,
            },
            max_parallel: 16,
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(120),
            retries: 2,
            retry_pause: Duration::from_millis(500),
            hosted_tools: false,
        })
    }

    /// Whether a key would travel where others can read it.
    pub fn shows_its_key(&self) -> bool {
        let is_local = match self.base_url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        self.secret.is_some() && self.base_url.scheme() == "http" && !is_local
    }

    /// The address of an API's path, such as `chat/completions`.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{path}"));
        url
    }
}

fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(format!("{text:?} must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a base URL holds no password; name a secret instead".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{text:?} must end with its path"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_joined_without_a_doubled_slash() {
        for base in ["https://h/v1", "https://h/v1/"] {
            let provider = Provider::new(ProviderKind::Compatible, base).expect("a URL");
            assert_eq!(provider.url("models").as_str(), "https://h/v1/models");
        }
        let bare = Provider::new(ProviderKind::Compatible, "http://h:1").expect("a URL");
        assert_eq!(
            bare.url("chat/completions").as_str(),
            "http://h:1/chat/completions"
        );
    }

    #[test]
    fn what_is_no_base_is_refused() {
        for text in [
            "",
            "h/v1",
            "ftp://h",
            "https://u:p@h",
            "https://h?x",
            "data:,x",
        ] {
            assert!(
                Provider::new(ProviderKind::Compatible, text).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_key_in_the_clear_is_seen() {
        for (base, shown) in [
            ("http://h/v1", true),
            ("https://h/v1", false),
            ("http://127.0.0.1:1", false),
            ("http://[::1]:1", false),
        ] {
            let mut provider = Provider::new(ProviderKind::Compatible, base).expect("a URL");
            assert!(!provider.shows_its_key(), "there is no key");
            provider.secret = Some("k".into());
            assert_eq!(provider.shows_its_key(), shown, "{base}");
        }
    }
}

//! Providers of models, which models are used for what, and what they cost.

use super::Usd;
use schemars::JsonSchema;
use serde::Deserialize;
use sortie_gateway::llm::{ModelSpec, Models, ModelsOptions, Provider, ProviderKind};
use sortie_model::llm::{LongRates, ModelApi, ModelBounds, ModelPolicy, Price, Rates};
use std::collections::BTreeMap;
use std::time::Duration;

/// A provider of models.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Whose API it is.
    #[schemars(with = "String", extend("enum" = ["openai", "anthropic", "compatible"]))]
    pub kind: ProviderKind,
    /// Everything before `/chat/completions`; needed where the kind does not
    /// say it.
    pub base_url: Option<String>,
    /// The APIs it has; without it, those of its kind.
    #[schemars(with = "Option<Vec<String>>")]
    pub apis: Option<Vec<ModelApi>>,
    /// The name of its key in `[secrets]`.
    pub secret: Option<String>,
    /// Requests under way at once.
    #[serde(default = "max_parallel")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_parallel: u32,
    /// How long connecting may take, in seconds.
    #[serde(default = "connect_timeout")]
    #[schemars(range(min = 1, max = 3600))]
    pub connect_timeout_seconds: u64,
    /// How long the first byte of an answer may take, in seconds.
    #[serde(default = "first_byte_timeout")]
    #[schemars(range(min = 1, max = 3600))]
    pub first_byte_timeout_seconds: u64,
    /// How long a stream may say nothing, in seconds.
    #[serde(default = "idle_timeout")]
    #[schemars(range(min = 1, max = 3600))]
    pub idle_timeout_seconds: u64,
    /// How often a request is sent again that was certainly not answered.
    #[serde(default = "retries")]
    #[schemars(range(min = 0, max = 10))]
    pub retries: u32,
    /// Whether tools that the provider runs itself may be used.
    #[serde(default)]
    pub hosted_tools: bool,
}

fn max_parallel() -> u32 {
    16
}

fn connect_timeout() -> u64 {
    10
}

fn first_byte_timeout() -> u64 {
    300
}

fn idle_timeout() -> u64 {
    120
}

fn retries() -> u32 {
    2
}

impl ProviderConfig {
    /// The provider these words mean.
    ///
    /// # Errors
    /// What to write instead.
    pub fn provider(&self) -> Result<Provider, String> {
        let base_url = self
            .base_url
            .as_deref()
            .or(self.kind.base_url())
            .ok_or("write a base_url, such as \"http://127.0.0.1:11434/v1\"")?;
        let mut provider = Provider::new(self.kind, base_url)?;
        provider.apis = self.apis();
        provider.secret.clone_from(&self.secret);
        provider.max_parallel = self.max_parallel;
        provider.connect_timeout = Duration::from_secs(self.connect_timeout_seconds);
        provider.first_byte_timeout = Duration::from_secs(self.first_byte_timeout_seconds);
        provider.idle_timeout = Duration::from_secs(self.idle_timeout_seconds);
        provider.retries = self.retries;
        provider.hosted_tools = self.hosted_tools;
        Ok(provider)
    }

    fn apis(&self) -> Vec<ModelApi> {
        self.apis
            .clone()
            .unwrap_or_else(|| self.kind.apis().to_vec())
    }
}

/// Which models there are, and what they are used for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// The model of every role that has none of its own.
    pub default: Option<String>,
    /// The most tokens of one answer, whatever the model can.
    #[schemars(range(min = 256))]
    pub max_output_tokens: u32,
    /// What agents may name beside the models of their roles.
    pub allow: Vec<String>,
    /// Models of roles.
    pub roles: BTreeMap<String, String>,
    /// Short names for models.
    pub aliases: BTreeMap<String, String>,
    /// What models cost and can, over what is known of them.
    pub prices: BTreeMap<String, PriceConfig>,
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self {
            default: None,
            max_output_tokens: 32_768,
            allow: Vec::new(),
            roles: BTreeMap::new(),
            aliases: BTreeMap::new(),
            prices: BTreeMap::new(),
        }
    }
}

/// Where a project's models differ.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectModelsConfig {
    /// See `[models]`.
    pub default: Option<String>,
    /// See `[models.roles]`; laid over those.
    pub roles: BTreeMap<String, String>,
    /// See `[models]`; replaces that list.
    pub allow: Option<Vec<String>>,
}

/// What a model costs, in US dollars per million tokens, and what it can.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PriceConfig {
    /// `free` for a model that costs nothing.
    pub price: Option<Free>,
    /// Of what is read.
    pub input_usd: Option<Usd>,
    /// Of what is written.
    pub output_usd: Option<Usd>,
    /// Of what is read from the provider's cache; without it, as input.
    pub cache_read_usd: Option<Usd>,
    /// Of what is written to the provider's cache; without it, as input.
    pub cache_write_usd: Option<Usd>,
    /// What a call costs that reads very much, where that is another price.
    pub long: Option<LongPriceConfig>,
    /// Tokens that fit into the model.
    #[schemars(range(min = 1))]
    pub context_tokens: Option<u32>,
    /// Tokens of one answer at most.
    #[schemars(range(min = 1))]
    pub output_tokens: Option<u32>,
    /// Whether it takes pictures.
    pub vision: Option<bool>,
    /// The APIs it can be asked through; without it, those of its provider.
    #[schemars(with = "Option<Vec<String>>")]
    pub apis: Option<Vec<ModelApi>>,
}

/// The word for no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Free {
    /// It costs nothing.
    Free,
}

/// The price of a call beyond so many tokens, as a whole.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LongPriceConfig {
    /// The most tokens read at the usual price.
    pub above_tokens: u64,
    /// Of what is read.
    pub input_usd: Usd,
    /// Of what is written.
    pub output_usd: Usd,
    /// Of what is read from the provider's cache; without it, as input.
    pub cache_read_usd: Option<Usd>,
    /// Of what is written to the provider's cache; without it, as input.
    pub cache_write_usd: Option<Usd>,
}

fn rates(input: Usd, output: Usd, read: Option<Usd>, write: Option<Usd>) -> Rates {
    Rates {
        input: input.0,
        output: output.0,
        cache_read: read.unwrap_or(input).0,
        cache_write: write.unwrap_or(input).0,
    }
}

impl PriceConfig {
    fn spec(&self) -> Result<ModelSpec, String> {
        let price = match (self.price, self.input_usd, self.output_usd) {
            (None, Some(input), Some(output)) => Some(Price {
                rates: rates(input, output, self.cache_read_usd, self.cache_write_usd),
                long: self.long.as_ref().map(|long| LongRates {
                    above_tokens: long.above_tokens,
                    rates: rates(
                        long.input_usd,
                        long.output_usd,
                        long.cache_read_usd,
                        long.cache_write_usd,
                    ),
                }),
            }),
            (Some(Free::Free), None, None) if self.has_no_figure() => Some(Price::FREE),
            (None, None, None) if self.has_no_figure() => None,
            _ => {
                return Err(
                    "write input_usd and output_usd, or price = \"free\" and no figure".to_owned(),
                );
            }
        };
        Ok(ModelSpec {
            price,
            apis: self.apis.clone(),
            bounds: ModelBounds {
                context: self.context_tokens,
                output: self.output_tokens,
            },
            vision: self.vision,
        })
    }

    fn has_no_figure(&self) -> bool {
        self.cache_read_usd.is_none() && self.cache_write_usd.is_none() && self.long.is_none()
    }
}

impl ModelsConfig {
    /// What holds for every project that says nothing else.
    pub fn policy(&self) -> ModelPolicy {
        ModelPolicy {
            default: self.default.clone(),
            roles: self.roles.clone(),
            allow: self.allow.clone(),
        }
    }

    /// The same with a project's differences laid over it.
    pub fn policy_of(&self, project: &ProjectModelsConfig) -> ModelPolicy {
        let mut policy = self.policy();
        if let Some(default) = &project.default {
            policy.default = Some(default.clone());
        }
        policy.roles.extend(project.roles.clone());
        if let Some(allow) = &project.allow {
            policy.allow.clone_from(allow);
        }
        policy
    }

    /// The registry over these providers.
    pub fn registry(&self, providers: &BTreeMap<String, ProviderConfig>) -> Models {
        Models::new(ModelsOptions {
            providers: providers
                .iter()
                .map(|(name, provider)| (name.clone(), (provider.kind, provider.apis())))
                .collect(),
            aliases: self.aliases.clone(),
            specs: self
                .prices
                .iter()
                .filter_map(|(name, price)| Some((name.clone(), price.spec().ok()?)))
                .collect(),
            max_output_tokens: Some(self.max_output_tokens),
        })
    }
}

/// What of providers and models cannot work, each as `key: what to do`.
pub(super) fn faults(
    providers: &BTreeMap<String, ProviderConfig>,
    models: &ModelsConfig,
    policies: &[(String, ModelPolicy)],
    has_secret: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, config) in providers {
        let key = format!("providers.{name}");
        if name.contains('/') || name.is_empty() {
            faults.push(format!("{key}: choose a name without a '/'"));
        }
        match config.provider() {
            Err(error) => faults.push(format!("{key}.base_url: {error}")),
            Ok(provider) if provider.shows_its_key() => faults.push(format!(
                "{key}.base_url: its key would travel in the clear; use https"
            )),
            Ok(_) => {}
        }
        if config.apis.as_ref().is_some_and(Vec::is_empty) {
            faults.push(format!("{key}.apis: name at least one"));
        }
        if config.max_parallel == 0 {
            faults.push(format!("{key}.max_parallel: write at least 1"));
        }
        if config.connect_timeout_seconds == 0
            || config.first_byte_timeout_seconds == 0
            || config.idle_timeout_seconds == 0
        {
            faults.push(format!("{key}: write at least 1 for each time-out"));
        }
        if let Some(secret) = config.secret.as_ref().filter(|secret| !has_secret(secret)) {
            faults.push(format!(
                "{key}.secret: {secret:?} is not in [secrets]; add it there"
            ));
        }
    }
    for (name, price) in &models.prices {
        if let Err(error) = price.spec() {
            faults.push(format!("models.prices.{name:?}: {error}"));
        }
    }
    let registry = models.registry(providers);
    for (alias, of) in &models.aliases {
        if models.aliases.contains_key(of) {
            faults.push(format!(
                "models.aliases.{alias}: {of:?} is an alias itself; name the model"
            ));
        }
    }
    for (key, policy) in policies {
        for fault in registry.faults(policy) {
            faults.push(format!("{key}: {fault}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use sortie_model::llm::role;

    fn config(text: &str) -> Config {
        toml::from_str(text).expect("it has the right shape")
    }

    const GOOD: &str = "
        [secrets]
        key = { value = \"0123456789\" }
        [providers.anthropic]
        kind = \"anthropic\"
        secret = \"key\"
        [providers.local]
        kind = \"compatible\"
        base_url = \"http://127.0.0.1:11434/v1\"
        [models]
        default = \"coder\"
        roles = { plan = \"claude-opus-4-5\", review = \"claude-opus-4-5\" }
        aliases = { coder = \"local/qwen\" }
        [models.prices.\"local/qwen\"]
        price = \"free\"
        output_tokens = 1000
        [projects.a]
        repository = \"/r\"
        [projects.a.models]
        default = \"claude-sonnet-4-5\"
        roles = { review = \"coder\" }
    ";

    #[test]
    fn a_project_lays_its_models_over_the_others() {
        let config = config(GOOD);
        assert_eq!(config.faults(), Vec::<String>::new());
        let registry = config.models.registry(&config.providers);
        let name = |policy: &sortie_model::llm::ModelPolicy, role: &str| {
            registry.for_role(policy, role).expect("a model").name
        };
        let all = config.default_policy(&Default::default()).models;
        assert_eq!(name(&all, role::BUILD), "qwen");
        assert_eq!(name(&all, role::PLAN), "claude-opus-4-5");
        let own = &config.projects(&Default::default())[0].policy.models;
        assert_eq!(name(own, role::BUILD), "claude-sonnet-4-5");
        assert_eq!(name(own, role::PLAN), "claude-opus-4-5");
        assert_eq!(name(own, role::REVIEW), "qwen");
    }

    #[test]
    fn what_cannot_work_is_named_with_its_key() {
        for (text, parts) in [
            (
                "[providers.p]\nkind = \"compatible\"",
                &["providers.p.base_url", "127.0.0.1"][..],
            ),
            (
                "[providers.p]\nkind = \"openai\"\nsecret = \"gone\"",
                &["providers.p.secret", "[secrets]"],
            ),
            (
                "[secrets]\nk = { value = \"0123456789\" }\n[providers.p]\nkind = \"openai\"\n\
                 base_url = \"http://example.com/v1\"\nsecret = \"k\"",
                &["providers.p.base_url", "in the clear"],
            ),
            (
                "[providers.p]\nkind = \"openai\"\napis = []\nmax_parallel = 0",
                &["providers.p.apis", "providers.p.max_parallel"],
            ),
            ("[providers.\"a/b\"]\nkind = \"openai\"", &["without a '/'"]),
            (
                "[models]\ndefault = \"nothing\"",
                &["models: \"nothing\"", "provider/model"],
            ),
            (
                "[providers.p]\nkind = \"openai\"\n[models]\ndefault = \"p/unheard-of\"",
                &["has no price", "price = \"free\""],
            ),
            (
                "[models.prices.x]\nprice = \"free\"\ninput_usd = 1",
                &["models.prices.\"x\"", "no figure"],
            ),
            ("[models.prices.x]\ninput_usd = 1", &["output_usd"]),
            (
                "[providers.p]\nkind = \"openai\"\n[models.aliases]\na = \"b\"\nb = \"p/gpt-5\"",
                &["models.aliases.a", "name the model"],
            ),
        ] {
            let faults = config(text).faults().join("\n");
            for part in parts {
                assert!(
                    faults.contains(part),
                    "{text}: {part} is missing in {faults}"
                );
            }
        }
    }
}

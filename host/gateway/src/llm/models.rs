//! Which models there are, what they are called, and which of them a run may
//! use. Pure; it asks no provider.
//!
//! A model has one long name, `provider/model`. An alias stands for a long
//! name; a bare id does where only one provider can be meant. A run may use
//! the models of its roles and what its policy allows beside them, and nothing
//! else, whatever its agent asks for.

use super::prices::{ModelSpec, shipped};
use super::provider::ProviderKind;
use sortie_model::llm::{ModelApi, ModelBounds, ModelInfo, ModelPolicy, Price, role};
use std::collections::{BTreeMap, BTreeSet};

/// The longest name of a model that is looked at or shown.
const MAX_NAME_CHARS: usize = 200;

/// What the operator says about models.
#[derive(Clone, Debug, Default)]
pub struct ModelsOptions {
    /// The providers by name: whose API each is, and which it has.
    pub providers: BTreeMap<String, (ProviderKind, Vec<ModelApi>)>,
    /// Short names for models.
    pub aliases: BTreeMap<String, String>,
    /// What is known of models, by long name or bare id.
    pub specs: BTreeMap<String, ModelSpec>,
    /// The most tokens of one answer, whatever the model can.
    pub max_output_tokens: Option<u32>,
}

/// The registry.
#[derive(Clone, Debug, Default)]
pub struct Models {
    options: ModelsOptions,
}

/// A model of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model's id there.
    pub model: String,
    /// The APIs it can be asked through.
    pub apis: Vec<ModelApi>,
    /// What it costs; none when nobody said, and then it is not asked.
    pub price: Option<Price>,
    /// What it takes and gives at most.
    pub bounds: ModelBounds,
    /// Whether it takes pictures.
    pub vision: bool,
}

impl Target {
    /// Its long name.
    pub fn long_name(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }
}

/// A name that no model of the run has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("find the model {name:?}: this run has {}", list(known))]
pub struct UnknownModel {
    /// The name, cut.
    pub name: String,
    /// The names there are.
    pub known: Vec<String>,
}

fn list(names: &[String]) -> String {
    match names.is_empty() {
        true => "none; the operator names them in [models]".to_owned(),
        false => names.join(", "),
    }
}

impl Models {
    /// A registry of what the operator says.
    pub fn new(options: ModelsOptions) -> Self {
        Self { options }
    }

    /// The model of a role, as an agent is told of it; none where the policy
    /// names none, or one that nobody knows.
    pub fn for_role(&self, policy: &ModelPolicy, role: &str) -> Option<ModelInfo> {
        let target = self.locate(policy.of_role(role)?)?;
        // Agents know models by their bare ids, so that is what they are told
        // where it is enough.
        let bare = self.resolve(policy, &target.model);
        let name = match bare.is_ok_and(|found| found == target) {
            true => target.model.clone(),
            false => target.long_name(),
        };
        Some(ModelInfo {
            name,
            apis: target.apis,
            context_tokens: target.bounds.context,
            output_tokens: target.bounds.output,
            vision: target.vision,
        })
    }

    /// Every model that the policy names, each once; those of a whole provider
    /// are not counted up.
    pub fn of_policy(&self, policy: &ModelPolicy) -> Vec<Target> {
        let mut seen = BTreeSet::new();
        names(policy)
            .filter(|name| !name.ends_with("/*"))
            .filter_map(|name| self.locate(name))
            .filter(|target| seen.insert(target.long_name()))
            .collect()
    }

    /// The model that a client means by `name`: an alias, a role, a long name
    /// or a bare id, if the policy has it.
    pub fn resolve(&self, policy: &ModelPolicy, name: &str) -> Result<Target, UnknownModel> {
        let found = self.named(policy, name);
        let allowed = found.filter(|target| self.is_allowed(policy, target));
        allowed.ok_or_else(|| UnknownModel {
            name: name.chars().take(MAX_NAME_CHARS).collect(),
            known: self.offered(policy),
        })
    }

    /// The names that a client can use, most telling first.
    pub fn offered(&self, policy: &ModelPolicy) -> Vec<String> {
        let mut names: Vec<String> = self
            .of_policy(policy)
            .iter()
            .map(Target::long_name)
            .collect();
        let aliases = self.options.aliases.iter().filter(|(_, of)| {
            self.locate(of)
                .is_some_and(|target| self.is_allowed(policy, &target))
        });
        names.extend(aliases.map(|(alias, _)| alias.clone()));
        names.extend(wildcards(policy).map(|provider| format!("{provider}/*")));
        names
    }

    /// What of a policy cannot work, each as a sentence.
    pub fn faults(&self, policy: &ModelPolicy) -> Vec<String> {
        let mut faults = Vec::new();
        for name in names(policy) {
            if let Some(provider) = name.strip_suffix("/*") {
                if !self.options.providers.contains_key(provider) {
                    faults.push(format!("{name:?}: there is no provider {provider:?}"));
                }
            } else if let Some(target) = self.locate(name) {
                if target.price.is_none() {
                    faults.push(format!("{name:?} has no price; {}", how_to_price(&target)));
                }
            } else {
                faults.push(format!(
                    "{name:?} is no model of a provider here; write provider/model"
                ));
            }
        }
        faults
    }

    fn named(&self, policy: &ModelPolicy, name: &str) -> Option<Target> {
        if name.chars().count() > MAX_NAME_CHARS {
            return None;
        }
        if self.options.aliases.contains_key(name) {
            return self.locate(name);
        }
        if policy.roles.contains_key(name) || role::ALL.contains(&name) {
            return self.locate(policy.of_role(name)?);
        }
        // Of the models the run has, the one of that id.
        let mut own = self.of_policy(policy);
        own.retain(|target| target.model == name);
        match own.len() {
            0 => self.locate(name),
            1 => own.pop(),
            _ => None,
        }
    }

    fn is_allowed(&self, policy: &ModelPolicy, target: &Target) -> bool {
        wildcards(policy).any(|provider| provider == target.provider)
            || self
                .of_policy(policy)
                .iter()
                .any(|own| (&own.provider, &own.model) == (&target.provider, &target.model))
    }

    /// From any configured name to the model.
    fn locate(&self, name: &str) -> Option<Target> {
        let name = self.options.aliases.get(name).map_or(name, String::as_str);
        if let Some((provider, model)) = name.split_once('/')
            && self.options.providers.contains_key(provider)
            && !model.is_empty()
        {
            return self.target(provider, model);
        }
        let mut candidates = self
            .options
            .providers
            .iter()
            .filter(|(provider, (kind, _))| {
                self.options.providers.len() == 1
                    || shipped(*kind, name).is_some()
                    || self
                        .options
                        .specs
                        .contains_key(&format!("{provider}/{name}"))
            });
        let (provider, _) = candidates.next()?;
        match candidates.next() {
            Some(_) => None,
            None => self.target(provider, name),
        }
    }

    fn target(&self, provider: &str, model: &str) -> Option<Target> {
        let (kind, apis) = self.options.providers.get(provider)?;
        let specs = &self.options.specs;
        let said = specs
            .get(&format!("{provider}/{model}"))
            .or(specs.get(model));
        let spec = said.cloned().unwrap_or_default().or(shipped(*kind, model));
        let max_output = self.options.max_output_tokens;
        let output = match (spec.bounds.output, max_output) {
            (Some(output), Some(max)) => Some(output.min(max)),
            (output, max) => output.or(max),
        };
        Some(Target {
            provider: provider.to_owned(),
            model: model.to_owned(),
            apis: match &spec.apis {
                Some(own) => own
                    .iter()
                    .filter(|api| apis.contains(api))
                    .copied()
                    .collect(),
                None => apis.clone(),
            },
            price: spec.price,
            bounds: ModelBounds {
                output,
                ..spec.bounds
            },
            vision: spec.vision.unwrap_or(false),
        })
    }
}

/// What to write into the configuration for a model without a price.
pub(crate) fn how_to_price(target: &Target) -> String {
    format!(
        "the operator sets one in [models.prices.\"{}\"], with input_usd and output_usd per \
         million tokens, or price = \"free\"",
        target.long_name()
    )
}

fn names(policy: &ModelPolicy) -> impl Iterator<Item = &str> {
    policy
        .default
        .iter()
        .chain(policy.roles.values())
        .chain(&policy.allow)
        .map(String::as_str)
}

fn wildcards(policy: &ModelPolicy) -> impl Iterator<Item = &str> {
    policy
        .allow
        .iter()
        .filter_map(|name| name.strip_suffix("/*"))
}

#[cfg(test)]
mod tests;

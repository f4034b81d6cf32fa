//! Whether the models of every role can be asked.

use super::Checks;
use crate::config::Loaded;
use crate::host::options;
use sortie_gateway::llm::{Llm, Target, price_origin};
use sortie_gateway::tools::Detected;
use sortie_model::llm::ModelPolicy;
use std::collections::BTreeMap;

const NAME: &str = "models";

/// Checks keys and, where `ask` says so, what the providers have.
pub(super) async fn check(loaded: &Loaded, ask: bool, checks: &mut Checks) {
    let config = &loaded.config;
    if config.providers.is_empty() {
        return checks.warn(
            NAME,
            "no provider is configured, so agents have no model; add [providers.NAME] and \
             models.default",
        );
    }
    let Ok(vault) = options::vault(loaded) else {
        return;
    };
    for (name, provider) in &config.providers {
        match provider.secret.as_deref().map(|secret| vault.get(secret)) {
            Some(Err(error)) => {
                checks.fail("providers", format!("{name}: failed to {error}"));
            }
            Some(Ok(_)) => checks.ok("providers", format!("{name}, with a key")),
            None => checks.ok("providers", format!("{name}, without a key")),
        }
    }
    let llm = match options::llm(config, vault) {
        Ok(llm) => llm,
        Err(error) => return checks.fail(NAME, format!("failed to {}", error.message)),
    };
    let targets = targets(&llm, &policies(loaded));
    if targets.is_empty() {
        checks.warn(
            NAME,
            "no role has a model; set models.default, or default in [projects.NAME.models]",
        );
    }
    if !ask {
        for target in targets.values() {
            checks.ok(NAME, format!("{}, {}", target.long_name(), cost(target)));
        }
        return;
    }
    let mut known: BTreeMap<String, Result<Vec<String>, String>> = BTreeMap::new();
    for target in targets.values() {
        if !known.contains_key(&target.provider) {
            let list = llm.list(&target.provider).await;
            known.insert(target.provider.clone(), list);
        }
        match &known[&target.provider] {
            Err(why) => checks.fail(NAME, format!("{}: {why}", target.long_name())),
            Ok(ids) if ids.contains(&target.model) => checks.ok(
                NAME,
                format!("{} is there, {}", target.long_name(), cost(target)),
            ),
            Ok(ids) => checks.fail(
                NAME,
                format!(
                    "{} has no model {:?}; it has {}",
                    target.provider,
                    target.model,
                    some(ids)
                ),
            ),
        }
    }
}

fn policies(loaded: &Loaded) -> Vec<ModelPolicy> {
    // Mirrors have no say in which models are used.
    let nothing = Detected::default();
    let projects = loaded.config.projects(&nothing);
    std::iter::once(loaded.config.default_policy(&nothing).models)
        .chain(projects.into_iter().map(|project| project.policy.models))
        .collect()
}

/// The models of all roles of all projects, each once.
fn targets(llm: &Llm, policies: &[ModelPolicy]) -> BTreeMap<String, Target> {
    policies
        .iter()
        .flat_map(|policy| llm.models().of_policy(policy))
        .map(|target| (target.long_name(), target))
        .collect()
}

fn cost(target: &Target) -> String {
    match &target.price {
        None => "without a price".to_owned(),
        Some(price) if price.rates == Default::default() => "free".to_owned(),
        Some(price) => format!(
            "{} in and {} out per million tokens (prices as configured, or of {})",
            price.rates.input,
            price.rates.output,
            price_origin()
        ),
    }
}

/// The first names of a list that may be long.
fn some(ids: &[String]) -> String {
    const SHOWN: usize = 10;
    if ids.is_empty() {
        return "none".to_owned();
    }
    let mut text = ids
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if ids.len() > SHOWN {
        text.push_str(&format!(" and {} more", ids.len() - SHOWN));
    }
    text
}

//! What every plugin of a surface must do, tried on the one at hand.

use super::Bench;
use super::report::Outcome;
use crate::exit::CliError;
use serde_json::{Map, Value};
use sortie_conformance::{Folder, Subject, agent, budget, connector, notifier, scanner, workflow};
use sortie_model::surface::Surface;
use sortie_package::Manifest;
use sortie_package::manifest::ConfigSchema;

/// The plugin as its suites need it.
pub(super) fn subject(
    manifest: Manifest,
    wasm: Vec<u8>,
    folder: &Folder,
) -> Result<Subject, CliError> {
    let schema = manifest.config_schema();
    let schema = schema.unwrap_or_else(|_| ConfigSchema::nothing());
    let config = match &folder.config {
        Value::Null => Value::Object(Map::new()),
        config => config.clone(),
    };
    schema.validate(&config).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        CliError::usage(format!(
            "configure {}: {}",
            manifest.name,
            problems.join("; ")
        ))
        .with_hint(
            "write what [config] in sortie-plugin.toml demands into tests/conformance.config.json",
        )
    })?;
    Ok(Subject {
        wasm,
        config: folder.config.clone(),
        grant: folder.grant.clone(),
        events: folder
            .events
            .iter()
            .map(|case| case.given.clone())
            .collect(),
        deliveries: folder
            .deliveries
            .iter()
            .map(|case| case.given.clone())
            .collect(),
        manifest,
    })
}

/// Runs the suite of one surface.
pub(super) async fn run(bench: &Bench, surface: Surface) -> Result<Vec<Outcome>, CliError> {
    let (plugins, subject) = (&bench.plugins, &bench.subject);
    let name = subject.manifest.name.as_str();
    bench.load(subject.config.clone()).await?;
    let checks = match surface {
        Surface::Scanner => scanner::check(plugins, name).await,
        Surface::Budget => budget::check(plugins, name).await,
        Surface::Agent => agent::check(plugins, name).await,
        Surface::Workflow => workflow::check(plugins, name).await,
        Surface::Connector => connector::check(plugins, subject).await,
        Surface::Notifier => notifier::check(plugins, subject).await,
    };
    // What a plugin logs about what no author wrote helps nobody.
    bench.log.take();
    let outcome = |check| Outcome::conformance(surface, check);
    Ok(checks.into_iter().map(outcome).collect())
}

impl Bench {
    /// Loads the plugin under its name with nothing granted.
    pub(super) async fn load(&self, config: Value) -> Result<(), CliError> {
        let wasm = self.subject.wasm.clone();
        let loaded = self.plugins.load(&self.subject.manifest.name, wasm, config);
        loaded.await.map(drop).map_err(CliError::failed)
    }
}

//! The plugin host, as intake and the API see it.

use async_trait::async_trait;
use sortie_intake::{Catalog, Installed, Surface};
use sortie_plugins::{Plugins, shipped};

/// The loaded plugins.
pub struct Loaded(pub Plugins);

#[async_trait]
impl Catalog for Loaded {
    fn installed(&self) -> Vec<Installed> {
        self.0
            .list()
            .into_iter()
            .map(|plugin| Installed {
                shipped: shipped()
                    .iter()
                    .any(|own| own.name == plugin.name && own.digest == plugin.digest),
                surfaces: plugin
                    .surfaces
                    .iter()
                    .map(|info| match info.surface {
                        sortie_plugins::Surface::Agent => Surface::Agent,
                        sortie_plugins::Surface::Budget => Surface::Budget,
                        sortie_plugins::Surface::Scanner => Surface::Scanner,
                        sortie_plugins::Surface::Workflow => Surface::Workflow,
                        sortie_plugins::Surface::Connector => Surface::Connector,
                        sortie_plugins::Surface::Notifier => Surface::Notifier,
                    })
                    .collect(),
                name: plugin.name,
                digest: plugin.digest,
            })
            .collect()
    }

    async fn budget_profiles(&self, plugin: &str) -> Result<Vec<String>, String> {
        self.0
            .budget_profiles(plugin)
            .await
            .map(|profiles| profiles.into_iter().map(|profile| profile.name).collect())
            .map_err(|error| error.to_string())
    }
}

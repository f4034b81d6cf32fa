//! The plugin host, as intake and the API see it.

use async_trait::async_trait;
use sortie_intake::{Catalog, Installed};
use sortie_model::surface::Surface;
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
                surfaces: plugin.surfaces.iter().map(|info| info.surface).collect(),
                name: plugin.name,
                digest: plugin.digest,
            })
            .collect()
    }

    fn has(&self, name: &str, surface: Surface) -> bool {
        self.0.has(name, surface)
    }

    async fn budget_profiles(&self, plugin: &str) -> Result<Vec<String>, String> {
        self.0
            .budget_profiles(plugin)
            .await
            .map(|profiles| profiles.into_iter().map(|profile| profile.name).collect())
            .map_err(|error| error.to_string())
    }
}

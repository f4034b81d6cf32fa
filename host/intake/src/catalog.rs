//! What is installed, as intake and the API see it: the seam to the plugin
//! host, so that neither needs a WebAssembly engine to be built or tested.

use async_trait::async_trait;
use sortie_model::project::Policy;
use sortie_model::surface::Surface;

/// One installed plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// What it exports.
    pub surfaces: Vec<Surface>,
    /// Whether it came inside the host's own binary.
    pub shipped: bool,
}

/// An agent that would not take what a workflow asks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The agent plugin, which need not be the one of the policy.
    pub agent: String,
    /// Its own words.
    pub reason: String,
}

/// The installed plugins.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// All of them, by name.
    fn installed(&self) -> Vec<Installed>;

    /// Whether the plugin of that name has that surface. Asked a few times for
    /// each job.
    fn has(&self, name: &str, surface: Surface) -> bool {
        let mut installed = self.installed().into_iter();
        installed.any(|plugin| plugin.name == name && plugin.surfaces.contains(&surface))
    }

    /// The names of the budget profiles that `plugin` offers, or why they
    /// cannot be had.
    async fn budget_profiles(&self, plugin: &str) -> Result<Vec<String>, String>;

    /// Which agent of a job under that policy would not take what the workflow
    /// asks of it first, and why; none when all would, and when that is not known
    /// before the run.
    async fn refusal(&self, policy: &Policy, task: &str) -> Option<Refused> {
        let _ = (policy, task);
        None
    }
}

/// The names of the plugins with that surface, sorted.
pub(crate) fn names(catalog: &dyn Catalog, surface: Surface) -> Vec<String> {
    let mut names: Vec<String> = catalog
        .installed()
        .into_iter()
        .filter(|plugin| plugin.surfaces.contains(&surface))
        .map(|plugin| plugin.name)
        .collect();
    names.sort();
    names
}

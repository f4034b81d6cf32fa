//! What a platform is made of.

use crate::call::DayLimits;
use serde_json::Value;
use sortie_gateway::outbound::Outbound;
use sortie_intake::Intake;
use sortie_model::clock::Clock;
use sortie_package::signature::TrustedKeys;
use sortie_plugins::Plugins;
use sortie_store::Store;
use sortie_vault::Vault;
use std::path::PathBuf;
use std::sync::Arc;

/// Reads the operator's configuration of one plugin; null when there is none.
/// It is asked at each start and each change of a plugin, so that a new plugin
/// can be configured without a restart.
pub type ConfigSource = Arc<dyn Fn(&str) -> Result<Value, String> + Send + Sync>;

/// Whose packages are taken.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The keys an operator trusts.
    pub keys: TrustedKeys,
    /// Whether a package without a signature of one of them is refused.
    pub require_signatures: bool,
}

/// What a platform is made of.
#[derive(Clone)]
pub struct PlatformOptions {
    /// What is installed, granted, waiting and kept.
    pub store: Store,
    /// Runs the guests.
    pub plugins: Plugins,
    /// Checks submitted jobs.
    pub intake: Intake,
    /// Sends requests to the world outside.
    pub outbound: Outbound,
    /// Secrets that sources verify with.
    pub vault: Vault,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Packages are kept below it.
    pub data_dir: PathBuf,
    /// The configuration of plugins.
    pub configs: ConfigSource,
    /// Whose packages are taken.
    pub trust: Trust,
    /// What a day may cost, for plugins to tell.
    pub day_limits: DayLimits,
}

//! A platform over a store and an intake that a test has: a real engine, and
//! configurations that the test sets.

use serde_json::Value;
use sortie_gateway::outbound::{Outbound, OutboundOptions};
use sortie_intake::Intake;
use sortie_model::clock::Clock;
use sortie_platform::{DayLimits, Platform, PlatformOptions, PluginLogs, Trust};
use sortie_plugins::{PluginOptions, Plugins};
use sortie_store::Store;
use sortie_vault::{Secret, SecretSource, Vault};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The secret `hook-secret`.
pub const SECRET: &str = "it is a secret to everybody";

/// What sortie.toml says about plugins.
pub type Configs = Arc<Mutex<BTreeMap<String, Value>>>;

pub struct Parts {
    pub platform: Platform,
    pub plugins: Plugins,
    pub logs: PluginLogs,
}

/// Opens a platform that keeps its packages in `dir`.
pub async fn platform(
    dir: &Path,
    store: &Store,
    intake: &Intake,
    clock: Arc<dyn Clock>,
    configs: &Configs,
    trust: Trust,
) -> Parts {
    let logs = PluginLogs::new(Arc::clone(&clock));
    let kept = logs.clone();
    let options = PluginOptions::default().with_log_sink(move |line| kept.keep(line));
    let plugins = Plugins::new(options).expect("wasmtime runs here");
    let secret = SecretSource::Value(Secret::new(SECRET.to_owned()));
    let vault = Vault::new(BTreeMap::from([("hook-secret".to_owned(), secret)]));
    let vault = vault.expect("a vault");
    let audit = Platform::audit_of(store.clone());
    let outbound = Outbound::new(OutboundOptions::new(vault.clone(), audit));
    let configs = Arc::clone(configs);
    let platform = Platform::open(PlatformOptions {
        store: store.clone(),
        plugins: plugins.clone(),
        intake: intake.clone(),
        outbound: outbound.expect("root certificates"),
        vault,
        clock,
        data_dir: dir.to_owned(),
        configs: Arc::new(move |name| {
            let configs = configs.lock().expect("no panic");
            Ok(configs.get(name).cloned().unwrap_or_default())
        }),
        trust,
        day_limits: DayLimits::default(),
    })
    .await
    .expect("the store can be read");
    Parts {
        platform,
        plugins,
        logs,
    }
}

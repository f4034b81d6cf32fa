//! From the configuration to the options of each part. Units are converted
//! here and nowhere else.

use super::{CODE_CACHE_DIR, MIRRORS_DIR, SECRETS_DIR};
use crate::config::{Config, Loaded};
use crate::exit::{CliError, Exit};
use jiff::tz::TimeZone;
use sortie_engine::EngineLimits;
use sortie_gateway::llm::{Llm, LlmOptions};
use sortie_gateway::tools::{self, Detected, Machine, Preset};
use sortie_git::{Author, Git, GitOptions, SshKey, SshOptions};
use sortie_package::signature::TrustedKeys;
use sortie_people::Alarm;
use sortie_platform::{DayLimits, Trust};
use sortie_plugins::{LogSink, PluginOptions, Plugins};
use sortie_sandbox::{Endpoint, EngineOptions, Tls, WireKey};
use sortie_telegram::TelegramConfig;
use sortie_vault::Vault;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// The secrets: those of the configuration, and those that were handed over.
pub fn vault(loaded: &Loaded) -> Result<Vault, CliError> {
    let vault = Vault::new(loaded.config.secrets.clone())
        .map_err(|error| CliError::new(Exit::Usage, "configuration", error.to_string()))?;
    Ok(vault.with_kept(loaded.data_dir.join(SECRETS_DIR)))
}

/// What this machine's package managers are configured to use, where sandboxes
/// may use it too.
pub fn mirrors(config: &Config) -> Detected {
    // Without a look at the machine there is still what sandboxes are told of
    // the proxy.
    let machine = match config.egress.mirrors {
        true => Machine::this(),
        false => Machine::bare(),
    };
    let detected = tools::detect(&machine, &Preset::ALL);
    for mirror in &detected.mirrors {
        tracing::debug!(
            preset = %mirror.preset, host = %mirror.rule.host, said_in = mirror.said_in,
            "a mirror of this machine's package managers"
        );
    }
    for place in &detected.withheld {
        tracing::info!(
            place,
            "a mirror's address holds a credential, so sandboxes are not told of it"
        );
    }
    detected
}

/// The door to git.
pub fn git(loaded: &Loaded, vault: Vault) -> Git {
    let config = &loaded.config.git;
    let mut options = GitOptions::new(loaded.data_dir.join(MIRRORS_DIR));
    options.vault = vault;
    options.credentials.clone_from(&config.credentials);
    options.ssh = SshOptions {
        key: config.ssh_key_file.clone().map(SshKey::File),
        known_hosts: config.ssh_known_hosts.clone(),
        accept_new_hosts: config.ssh_accept_new_hosts,
    };
    options.author = author(&loaded.config);
    options.allow_submodules = config.allow_submodules;
    options.limits.max_bundle_bytes = config.max_bundle_mib.saturating_mul(MIB);
    options.limits.max_changed_paths = config.max_changed_paths;
    options.limits.network_wall = Duration::from_secs(config.network_timeout_seconds);
    options.limits.lock_wait = options.limits.network_wall + Duration::from_secs(60);
    Git::new(options)
}

/// The providers of models.
pub fn llm(config: &Config, vault: Vault) -> Result<Llm, CliError> {
    let mut providers = BTreeMap::new();
    for (name, provider) in &config.providers {
        let provider = provider.provider().map_err(|error| {
            let what = format!("use providers.{name}: {error}");
            CliError::new(Exit::Usage, "configuration", what)
        })?;
        providers.insert(name.clone(), provider);
    }
    let models = config.models.registry(&config.providers);
    Llm::new(LlmOptions::new(vault, providers, models)).map_err(CliError::failed)
}

/// Whom the host's commits name.
pub fn author(config: &Config) -> Author {
    Author {
        name: config.git.author_name.clone(),
        email: config.git.author_email.clone(),
    }
}

/// The container engine and what its containers may use.
pub fn engine(config: &Config, instance: &str, key: WireKey) -> Result<EngineOptions, CliError> {
    let mut options = EngineOptions::new(&config.engine.image, instance, key);
    options.endpoint = endpoint(config)?;
    options.runtime.clone_from(&config.engine.runtime);
    options.call_timeout = Duration::from_secs(config.engine.call_timeout_seconds);
    let sandbox = &config.sandbox;
    options.limits.memory_bytes = sandbox.memory_mib.saturating_mul(MIB);
    // The configuration was checked: finite, and at least a tenth of one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a finite, positive number saturates"
    )]
    {
        options.limits.cpu_milli = (sandbox.cpus * 1000.0).round() as u64;
    }
    options.limits.pids = sandbox.pids;
    options.limits.workspace_bytes = sandbox.workspace_mib.saturating_mul(MIB);
    options.limits.workspace_files = sandbox.workspace_files;
    options.limits.tmp_bytes = sandbox.tmp_mib.saturating_mul(MIB);
    Ok(options)
}

fn endpoint(config: &Config) -> Result<Endpoint, CliError> {
    let text = config.engine.endpoint.trim();
    if text == "auto" {
        return Ok(Endpoint::Auto);
    }
    Endpoint::parse(text, config.engine.tls_dir.as_deref().map(tls)).map_err(|error| {
        CliError::new(
            Exit::Usage,
            "configuration",
            format!("use engine.endpoint: {error}"),
        )
        .with_hint("\"auto\" takes DOCKER_HOST, then the usual sockets")
    })
}

fn tls(dir: &Path) -> Tls {
    Tls {
        key: dir.join("key.pem"),
        cert: dir.join("cert.pem"),
        ca: dir.join("ca.pem"),
    }
}

/// Whose plugins are taken.
pub fn trust(config: &Config) -> Result<Trust, CliError> {
    let wrong = |error: String| CliError::new(Exit::Usage, "configuration", error);
    let mut lines = config.platform.trusted_keys.join("\n");
    if let Some(path) = &config.platform.trusted_keys_file {
        let text = crate::config::read(path).map_err(|error| wrong(error.to_string()))?;
        lines.push('\n');
        lines.push_str(&text);
    }
    let keys = TrustedKeys::parse(&lines)
        .map_err(|error| wrong(format!("use platform.trusted_keys: {error}")))?;
    Ok(Trust {
        keys,
        require_signatures: config.platform.require_signatures,
    })
}

/// The plugin host of a data directory, with a parser for each of `agents` at
/// once.
pub fn plugins(data_dir: &Path, agents: u32) -> PluginOptions {
    let defaults = PluginOptions::default();
    PluginOptions {
        cache_dir: Some(data_dir.join(CODE_CACHE_DIR)),
        concurrent_parsers: defaults.concurrent_parsers.max(agents),
        ..defaults
    }
}

/// Plugins in this process, for a person's own commands. Never with a host's
/// code cache: they may run as anybody.
pub fn plugins_here(log_sink: Option<LogSink>) -> Result<Plugins, CliError> {
    let cache = crate::config::cache_home().map(|dir| dir.join("sortie").join(CODE_CACHE_DIR));
    let options = PluginOptions {
        cache_dir: cache.filter(|dir| std::fs::create_dir_all(dir).is_ok()),
        log_sink,
        ..PluginOptions::default()
    };
    Plugins::new(options.clone()).or_else(|error| {
        tracing::debug!(%error, "compiling without a cache");
        Plugins::new(PluginOptions {
            cache_dir: None,
            ..options
        })
        .map_err(CliError::failed)
    })
}

/// What a day may cost, as plugins are told.
pub fn day_limits(config: &Config) -> DayLimits {
    DayLimits {
        project: config.limits.project_day_usd.0,
        host: config.limits.host_day_usd.0,
    }
}

/// What the Telegram source is told.
pub fn telegram(config: &Config) -> TelegramConfig {
    let levels = config.projects.iter();
    TelegramConfig {
        plugin: config.telegram.plugin.clone(),
        mode: config.telegram.mode,
        api_url: config.telegram.api_url.clone(),
        webhook_url: config.telegram.webhook_url.clone(),
        levels: levels
            .filter_map(|(name, project)| Some((name.clone(), project.notify?)))
            .collect(),
    }
}

/// When people are told of the day; none for never.
pub fn digest(config: &Config) -> Result<Option<(u16, TimeZone)>, CliError> {
    let wrong = |what: String| CliError::new(Exit::Usage, "configuration", format!("use {what}"));
    let Some(minute) = config.digest.minute().map_err(wrong)? else {
        return Ok(None);
    };
    let zone = config.digest.zone().map_err(wrong)?;
    Ok(Some((minute, zone)))
}

/// When the host raises an alarm; none for never.
pub fn alarm(config: &Config) -> Option<Alarm> {
    let alarm = config.alarm;
    (alarm.halts_per_hour > 0).then_some(Alarm {
        halts_per_hour: alarm.halts_per_hour,
        pause: alarm.pause,
    })
}

/// The configuration of each plugin.
pub fn plugin_configs(config: &Config) -> BTreeMap<String, serde_json::Value> {
    config
        .plugins
        .iter()
        .map(|(name, table)| (name.clone(), serde_json::Value::Object(table.clone())))
        .collect()
}

/// What bounds the engine.
pub fn engine_limits(config: &Config) -> EngineLimits {
    EngineLimits {
        max_parallel: config.limits.parallel,
        max_parallel_per_project: config.limits.parallel_per_project,
        bundle_bytes: config.git.max_bundle_mib.saturating_mul(MIB),
        step_output_bytes: config.sandbox.output_mib.saturating_mul(MIB),
        diff_bytes: usize::try_from(config.host.diff_bytes).unwrap_or(usize::MAX),
        project_day: config.limits.project_day_usd.0,
        host_day: config.limits.host_day_usd.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_model::egress::EgressLimits;

    #[test]
    fn without_mirrors_maven_and_gradle_still_know_the_proxy() {
        let config: Config = toml::from_str("[egress]\nmirrors = false").expect("a configuration");
        let detected = mirrors(&config);
        assert!(detected.mirrors.is_empty(), "{detected:?}");
        let policy = tools::policy(&[Preset::Maven], &detected, &[], EgressLimits::default());
        assert_eq!(policy.files.len(), 2, "{:?}", policy.files);
    }
}

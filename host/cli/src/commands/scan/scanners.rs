//! Which scanners judge: those of the binary, those that the running host has
//! installed here, and components that nobody installed. Nothing is installed
//! or changed, and no package is run that does not have the host's digest.

use crate::client::Client;
use crate::config::Loaded;
use crate::exit::CliError;
use crate::host::options;
use crate::out::Out;
use crate::project::package;
use serde_json::Value;
use sortie_api::view::{PluginDetail, PluginList, PluginView};
use sortie_model::project::EVERY_SCANNER;
use sortie_model::surface::Surface;
use sortie_package::Digest;
use sortie_package::manifest::ConfigProblem;
use sortie_plugins::{Plugins, shipped};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The scanners that came inside of this binary.
const SHIPPED_SCANNERS: [&str; 1] = ["reward-hacking"];

/// The loaded scanners, and their names in the order in which they judge.
pub async fn load(
    loaded: &Loaded,
    names: &[String],
    files: &[PathBuf],
    out: &Out,
) -> Result<(Plugins, Vec<String>), CliError> {
    let plugins = options::plugins_here(None)?;
    let configs = options::plugin_configs(&loaded.config);
    let config = |name: &str| configs.get(name).cloned().unwrap_or(Value::Null);
    let mut order = Vec::new();
    for file in files {
        let bytes = package::read(file)?;
        let (manifest, _) = package::manifest(file, &bytes)?;
        let config = config(&manifest.name);
        manifest
            .check_config(&config)
            .map_err(|problems| misconfigured(&manifest.name, &problems))?;
        let name = manifest.name;
        plugins
            .load(&name, bytes, config)
            .await
            .map_err(CliError::failed)?;
        order.push(name);
    }
    // Naming scanners adds them to the files; those of the configuration judge
    // when there is nothing else.
    let names = match files.is_empty() && names.is_empty() {
        true => loaded.config.defaults.scanners.as_slice(),
        false => names,
    };
    let host = Host::of(loaded).await;
    for name in host.named(names) {
        if order.contains(&name) {
            continue;
        }
        let bytes = host.bytes(&name, out).await?;
        plugins
            .load(&name, bytes, config(&name))
            .await
            .map_err(CliError::failed)?;
        order.push(name);
    }
    Ok((plugins, order))
}

/// As the host says it of what it installs.
fn misconfigured(name: &str, problems: &[ConfigProblem]) -> CliError {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    CliError::usage(format!(
        "configure plugin `{name}`: {}; mend [plugins.{name}] in sortie.toml",
        problems.join("; ")
    ))
}

/// What is installed on this machine, as far as that can be known.
struct Host {
    packages: PathBuf,
    client: Option<Client>,
    installed: Vec<PluginView>,
}

impl Host {
    /// Asks the running host, when there can be anything installed here.
    async fn of(loaded: &Loaded) -> Self {
        let packages = loaded.data_dir.join("plugins");
        let client = match packages.is_dir() {
            true => Client::new(loaded).ok(),
            false => None,
        };
        let list = match &client {
            Some(client) => client.get::<PluginList>("/v1/plugins").await.ok(),
            None => None,
        };
        Self {
            packages,
            client: client.filter(|_| list.is_some()),
            installed: list.map(|list| list.plugins).unwrap_or_default(),
        }
    }

    /// The names, with those of all scanners there are in place of `*`.
    fn named(&self, names: &[String]) -> Vec<String> {
        let is_scanner = |surfaces: &[String]| {
            let scanner = Surface::Scanner.name();
            surfaces.iter().any(|surface| surface == scanner)
        };
        let installed = self
            .installed
            .iter()
            .filter(|p| p.enabled && is_scanner(&p.surfaces));
        let every: BTreeSet<&str> = match &self.client {
            Some(_) => installed.map(|plugin| plugin.name.as_str()).collect(),
            None => SHIPPED_SCANNERS.into(),
        };
        let mut named = Vec::new();
        for name in names {
            match name == EVERY_SCANNER {
                true => named.extend(every.iter().map(|name| (*name).to_owned())),
                false => named.push(name.clone()),
            }
        }
        named
    }

    async fn bytes(&self, name: &str, out: &Out) -> Result<Vec<u8>, CliError> {
        let installed = self.installed.iter().find(|plugin| plugin.name == name);
        if let (Some(client), Some(plugin)) = (&self.client, installed)
            && !plugin.shipped
        {
            return self.installed(client, plugin).await;
        }
        if let Some(own) = shipped().iter().find(|plugin| plugin.name == name) {
            if self.client.is_none() && self.packages.is_dir() {
                out.progress(format!(
                    "no host runs, so {name} is the one of this binary; what is installed is not \
                     looked at"
                ));
            }
            return Ok(own.wasm.to_vec());
        }
        let known = shipped().iter().map(|plugin| plugin.name.to_owned());
        let mut known: Vec<String> = known
            .chain(self.installed.iter().map(|plugin| plugin.name.clone()))
            .collect();
        known.sort();
        known.dedup();
        let hint = match self.client.is_some() {
            true => "name a component that is not installed with --plugin",
            false => {
                "start the host to scan with what is installed, or name a component with --plugin"
            }
        };
        Err(CliError::usage(format!(
            "use the scanner {name:?}: it is not installed; installed plugins: {}",
            known.join(", ")
        ))
        .with_hint(hint))
    }

    async fn installed(&self, client: &Client, plugin: &PluginView) -> Result<Vec<u8>, CliError> {
        let name = &plugin.name;
        if !plugin.enabled {
            let why = plugin
                .disabled_why
                .as_deref()
                .unwrap_or("no reason was given");
            return Err(CliError::usage(format!(
                "use the scanner {name:?}: it is disabled: {why}"
            )));
        }
        let detail: PluginDetail = client.get(&format!("/v1/plugins/{name}")).await?;
        let directories = detail.grant.map(|grant| grant["directories"].clone());
        if directories.is_some_and(|list| list.as_array().is_some_and(|list| !list.is_empty())) {
            return Err(CliError::failed(format!(
                "use the scanner {name:?}: it reads directories that only the host gives it"
            )));
        }
        let path = self.packages.join(format!("{}.wasm", plugin.digest));
        let bytes = read(&path)?;
        match Digest::of(&bytes).hex() == plugin.digest {
            true => Ok(bytes),
            false => Err(CliError::failed(format!(
                "use the scanner {name:?}: {} is not what was installed",
                path.display()
            ))),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    package::read(path).map_err(|error| {
        error.with_hint("scan as the user that the host runs as, or name a component with --plugin")
    })
}

//! `sortie plugin lock`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::{Out, Tone};
use crate::project;
use serde::Serialize;
use sortie_api::view::PluginDetail;
use sortie_package::lock::{FILE_NAME, Lock, LockedPlugin};
use std::path::{Path, PathBuf};

/// Write down what is installed, with digests, grants and what is disabled, for another host
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to
    #[arg(long, value_name = "FILE", default_value = FILE_NAME)]
    out: PathBuf,
}

#[derive(Serialize)]
struct Locked {
    file: PathBuf,
    plugins: Vec<String>,
}

/// Writes the file.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let plugins = super::all_installed(client).await?;
    let locked: Result<Vec<LockedPlugin>, CliError> = plugins.iter().map(locked).collect();
    let failed = |error: &dyn std::fmt::Display| CliError::failed(format!("lock: {error}"));
    let lock = Lock::new(locked?).map_err(|error| failed(&error))?;
    project::write(&args.out, lock.to_text().as_bytes())?;
    let locked = Locked {
        plugins: lock
            .plugins()
            .iter()
            .map(|plugin| plugin.name.clone())
            .collect(),
        file: args.out,
    };
    if out.is_json() {
        out.json(&locked)?;
    } else {
        let n = locked.plugins.len();
        let s = if n == 1 { "" } else { "s" };
        out.line(format!("{} holds {n} plugin{s}", locked.file.display()))?;
    }
    for plugin in lock.plugins() {
        if Path::new(&plugin.source).is_absolute() {
            let (name, file) = (&plugin.name, &plugin.source);
            out.progress(out.paint(
                Tone::Warn,
                &format!("{name} comes from {file}, which another host lacks; copy that file there, or install it from a registry or a URL"),
            ));
        }
    }
    Ok(Exit::Ok)
}

fn locked(plugin: &PluginDetail) -> Result<LockedPlugin, CliError> {
    let view = &plugin.plugin;
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::failed(format!("lock plugin `{}`: {error}", view.name))
    };
    let grant = match &plugin.grant {
        Some(grant) => serde_json::from_value(grant.clone()).map_err(|error| wrong(&error))?,
        None => sortie_package::Grant::default(),
    };
    Ok(LockedPlugin {
        name: view.name.clone(),
        version: view.version.parse().map_err(|error| wrong(&error))?,
        source: view.source.clone().unwrap_or_default(),
        digest: super::digest(&view.digest).map_err(|error| wrong(&error))?,
        // What only lacks a grant is no person's word; the grant says it.
        disabled: view.disabled_by.as_ref().and(view.disabled_why.clone()),
        grant,
    })
}

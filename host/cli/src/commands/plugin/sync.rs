//! `sortie plugin sync`.

use super::fetched;
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::{Out, Tone};
use crate::{project, render};
use serde::Serialize;
use sortie_api::view::{ConsentBody, DisableBody, GrantBody, PluginDetail};
use sortie_package::Grant;
use sortie_package::lock::{FILE_NAME, Lock, LockedPlugin, MAX_LOCK_BYTES};
use std::path::PathBuf;

/// Install what a lock file names, with the grants in it
///
/// Fetches by digest: other bytes are refused. What was disabled there is
/// disabled here. What is installed and not in the file stays, and so does what
/// was disabled on this host. Grants that change are shown. What fails keeps
/// nothing else from being done.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file
    #[arg(value_name = "FILE", default_value = FILE_NAME)]
    file: PathBuf,
    /// Let new ones take the place of the host's own plugins of their names
    #[arg(long)]
    replace_shipped: bool,
}

/// What was done for one plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Unchanged,
    Installed,
    Upgraded,
    Repaired,
    Granted,
    Disabled,
}

/// What could not be done for a plugin.
type Failure<'p> = (&'p String, CliError);

#[derive(Serialize)]
struct Synced {
    plugin: String,
    version: String,
    done: Done,
}

/// Brings the host to what the file says.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::usage(format!("read {}: {error}", args.file.display()))
    };
    let text = project::read_text(&args.file, MAX_LOCK_BYTES).map_err(|error| wrong(&error))?;
    let lock = Lock::parse(&text).map_err(|error| wrong(&error))?;
    let installed = super::all_installed(client).await?;
    let (mut all, mut failed) = (Vec::new(), Vec::new());
    for plugin in lock.plugins() {
        let there = installed
            .iter()
            .find(|there| there.plugin.name == plugin.name);
        let done = match one(plugin, there, args.replace_shipped, client, out).await {
            Ok(done) => done,
            Err(error) => {
                out.progress(out.paint(Tone::Bad, &format!("{} failed", plugin.name)));
                failed.push((&plugin.name, error));
                continue;
            }
        };
        if !out.is_json() {
            let word = match done {
                Done::Unchanged => out.paint(Tone::Dim, "unchanged"),
                Done::Installed => out.paint(Tone::Good, "installed"),
                Done::Upgraded => out.paint(Tone::Good, "upgraded"),
                Done::Repaired => out.paint(Tone::Good, "put back"),
                Done::Disabled => out.paint(Tone::Warn, "disabled"),
                Done::Granted => out.paint(Tone::Good, "its grant was changed"),
            };
            out.line(format!("{} {} {word}", plugin.name, plugin.version))?;
        }
        all.push(Synced {
            plugin: plugin.name.clone(),
            version: plugin.version.to_string(),
            done,
        });
    }
    for other in &installed {
        if lock
            .plugins()
            .iter()
            .all(|locked| locked.name != other.plugin.name)
        {
            out.progress(format!(
                "{} is not in the file and stays",
                other.plugin.name
            ));
        }
    }
    if out.is_json() {
        out.json(&all)?;
    }
    match failed.split_first() {
        None => Ok(Exit::Ok),
        Some((first, others)) => Err(together(first, others)),
    }
}

/// The first failure, which says how the command ends, and the others behind it.
fn together((plugin, first): &Failure<'_>, others: &[Failure<'_>]) -> CliError {
    let mut error = first.clone();
    error.message = format!("sync {plugin}: {}", first.message);
    for (plugin, other) in others {
        error
            .message
            .push_str(&format!("\n  sync {plugin}: {}", other.message));
    }
    error
}

async fn one(
    locked: &LockedPlugin,
    there: Option<&PluginDetail>,
    replace_shipped: bool,
    client: &Client,
    out: &Out,
) -> Result<Done, CliError> {
    let grant = serde_json::to_value(&locked.grant).map_err(CliError::failed)?;
    let consent = ConsentBody::Exactly(grant);
    let same_bytes =
        there.is_some_and(|there| super::digest(&there.plugin.digest).ok() == Some(locked.digest));
    let kept_off = match (there, &locked.disabled) {
        // Before anything else, so that it does not run meanwhile.
        (Some(there), Some(why)) if there.plugin.disabled_by.is_none() => {
            let path = super::path(&locked.name, "/disable")?;
            let why = Some(why.clone());
            let _: PluginDetail = client.post(&path, &DisableBody { why }).await?;
            true
        }
        (Some(there), None) if there.plugin.disabled_by.is_some() => {
            out.progress(format!(
                "{0} was disabled on this host and stays so; `sortie plugin enable {0}` undoes that",
                locked.name
            ));
            false
        }
        _ => false,
    };
    let granted: Option<Grant> = there
        .and_then(|there| there.grant.clone())
        .and_then(|grant| serde_json::from_value(grant).ok());
    let same_grant = granted.unwrap_or_default() == locked.grant;
    if let Some(there) = there
        && same_bytes
        && there.plugin.broken.is_none()
    {
        if same_grant {
            return Ok(match kept_off {
                true => Done::Disabled,
                false => Done::Unchanged,
            });
        }
        let path = super::path(&locked.name, "/grant")?;
        let now: PluginDetail = client.put(&path, &GrantBody { consent }).await?;
        out.progress(render::grant(out, &now));
        if kept_off {
            out.progress(format!("{} is disabled", locked.name));
        }
        return Ok(Done::Granted);
    }
    let package = fetched::get(&locked.source, Some(locked.digest), out).await?;
    let form = package.form(&fetched::Terms {
        consent,
        replace_shipped,
        disabled: locked.disabled.as_deref(),
    })?;
    let (path, done) = match there {
        None => ("/v1/plugins".to_owned(), Done::Installed),
        Some(_) if same_bytes => (super::path(&locked.name, "/upgrade")?, Done::Repaired),
        Some(_) => (super::path(&locked.name, "/upgrade")?, Done::Upgraded),
    };
    let now: PluginDetail = client.upload(&path, form).await?;
    if !same_grant {
        out.progress(render::grant(out, &now));
    }
    Ok(done)
}

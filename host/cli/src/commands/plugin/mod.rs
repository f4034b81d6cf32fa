//! `sortie plugin`: an author's commands, which need no host, and an
//! operator's, which ask the running one.

mod build;
mod consent;
mod deliveries;
mod disable;
mod enable;
mod events;
mod fetched;
mod grant;
mod grants;
mod inspect;
mod install;
mod keygen;
mod list;
mod lock;
mod logs;
mod new;
mod push;
mod remove;
mod rollback;
mod sign;
mod sync;
mod test;
mod upgrade;

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::{Out, Tone};
use crate::render::plain;
use sortie_api::view::{PluginDetail, PluginList};
use sortie_package::Digest;
use sortie_package::digest::DigestError;
use sortie_package::manifest::check_name;

/// Write, test, install and look after plugins
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    New(new::Args),
    Build(build::Args),
    Test(test::Args),
    Keygen(keygen::Args),
    Sign(sign::Args),
    Push(push::Args),
    Install(install::Args),
    Upgrade(upgrade::Args),
    Rollback(rollback::Args),
    Enable(enable::Args),
    Disable(disable::Args),
    Remove(remove::Args),
    List(list::Args),
    Inspect(inspect::Args),
    Logs(logs::Args),
    Grants(grants::Args),
    Grant(grant::Args),
    Events(events::Args),
    Deliveries(deliveries::Args),
    Lock(lock::Args),
    Sync(sync::Args),
}

/// Runs the subcommand; `client` finds the host for those that need it.
pub async fn run(
    args: Args,
    client: impl Fn() -> Result<Client, CliError>,
    out: &Out,
) -> Result<Exit, CliError> {
    match args.command {
        Command::New(args) => new::run(&args, out),
        Command::Build(args) => build::run(args, out).await,
        Command::Test(args) => test::run(args, out).await,
        Command::Keygen(args) => keygen::run(args, out),
        Command::Sign(args) => sign::run(&args, out),
        Command::Push(args) => push::run(&args, out).await,
        Command::Install(args) => install::run(args, &client()?, out).await,
        Command::Upgrade(args) => upgrade::run(args, &client()?, out).await,
        Command::Rollback(args) => rollback::run(args, &client()?, out).await,
        Command::Enable(args) => enable::run(args, &client()?, out).await,
        Command::Disable(args) => disable::run(args, &client()?, out).await,
        Command::Remove(args) => remove::run(args, &client()?, out).await,
        Command::List(args) => list::run(args, &client()?, out).await,
        Command::Inspect(args) => inspect::run(args, client, out).await,
        Command::Logs(args) => logs::run(args, &client()?, out).await,
        Command::Grants(args) => grants::run(args, &client()?, out).await,
        Command::Grant(args) => grant::run(args, &client()?, out).await,
        Command::Events(args) => events::run(args, &client()?, out).await,
        Command::Deliveries(args) => deliveries::run(args, &client()?, out).await,
        Command::Lock(args) => lock::run(args, &client()?, out).await,
        Command::Sync(args) => sync::run(args, &client()?, out).await,
    }
}

/// Installs a plugin that came with this program, unless it is installed; says
/// whether it is there now.
pub async fn ensure_extra(
    name: &str,
    yes: bool,
    client: &Client,
    out: &Out,
) -> Result<bool, CliError> {
    let list: PluginList = client.get("/v1/plugins").await?;
    if list.plugins.iter().any(|plugin| plugin.name == name) {
        return Ok(true);
    }
    let package = fetched::Package::extra(name)?;
    let change = install::Change::Install {
        replace_shipped: false,
    };
    let wishes = consent::Wishes::plain(yes);
    let Some(plugin) = install::bring(&package, &wishes, change, client, out).await? else {
        return Ok(false);
    };
    if !out.is_json() {
        installed(&plugin, "is installed", out)?;
    }
    Ok(true)
}

/// A name that can stand in a path of the API.
fn checked(name: &str) -> Result<(), CliError> {
    check_name(name).map_err(|reason| CliError::usage(format!("find the plugin: {reason}")))
}

/// The API's path of a plugin, and what follows it.
fn path(name: &str, rest: &str) -> Result<String, CliError> {
    checked(name)?;
    Ok(format!("/v1/plugins/{name}{rest}"))
}

/// All that is installed beside the host's own.
async fn all_installed(client: &Client) -> Result<Vec<PluginDetail>, CliError> {
    let list: PluginList = client.get("/v1/plugins").await?;
    let mut all = Vec::new();
    for plugin in list.plugins.iter().filter(|plugin| !plugin.shipped) {
        all.push(client.get(&path(&plugin.name, "")?).await?);
    }
    Ok(all)
}

/// A digest as the API writes it.
fn digest(hex: &str) -> Result<Digest, DigestError> {
    match hex.contains(':') {
        true => hex.parse(),
        false => format!("sha256:{hex}").parse(),
    }
}

/// How a command ends that put another version in place: what ran may no longer
/// stand still unnoticed.
fn stands(plugin: &PluginDetail) -> Exit {
    let view = &plugin.plugin;
    match view.broken.is_none() && (view.enabled || view.disabled_by.is_some()) {
        true => Exit::Ok,
        false => Exit::Negative,
    }
}

/// Says how a plugin stands after a change, and what is missing for it to run.
fn installed(plugin: &PluginDetail, done: &str, out: &Out) -> Result<Exit, CliError> {
    if out.is_json() {
        out.json(plugin)?;
        return Ok(Exit::Ok);
    }
    let view = &plugin.plugin;
    let state = match (&view.broken, view.enabled) {
        (Some(why), _) => out.paint(Tone::Bad, &format!("it does not run: {}", plain(why))),
        (None, true) => out.paint(Tone::Good, "it runs from now on"),
        (None, false) => {
            let why = view
                .disabled_why
                .as_deref()
                .unwrap_or("no reason was given");
            out.paint(Tone::Warn, &format!("it is disabled: {}", plain(why)))
        }
    };
    out.line(format!("{} {} {done}; {state}", view.name, view.version))?;
    if !plugin.beyond.is_empty() {
        out.line(format!("next: {}", consent::how_to_grant(plugin)))?;
    } else if view.disabled_by.is_some() {
        out.line(format!("next: sortie plugin enable {}", view.name))?;
    }
    Ok(Exit::Ok)
}

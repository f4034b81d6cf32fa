//! `sortie doctor`.

mod models;
mod telegram;

use crate::checks::{self, Check, Checks, Status};
use crate::client::{self, Client};
use crate::commands::intake;
use crate::config::{self, Loaded};
use crate::exit::{CliError, Exit};
use crate::host::options;
use crate::host::record::Record;
use crate::out::Out;
use serde::Serialize;
use sortie_api::view::{IntakeView, PluginList, PluginView};
use sortie_gateway::tools::Detected;
use sortie_git::{ErrorClass, Git, GitError, RemoteUrl};
use sortie_model::project::EVERY_SCANNER;
use sortie_plugins::Plugins;
use sortie_sandbox::{Sandbox, WireKey};
use std::path::Path;
use std::time::Duration;

/// Less free space than this is worth a word: a few images and workspaces.
const LOW_SPACE_MIB: u64 = 4096;

/// With less than this, runs fail.
const NO_SPACE_MIB: u64 = 256;

/// How long a repository may take to answer; a person waits for the slowest.
const REPOSITORY_LOOK: Duration = Duration::from_secs(10);

/// Say what is missing for missions to fly, and how to get it
///
/// Checks the configuration, the data directory, git, each project's
/// repository, the container engine and its image, the plugins, the providers of
/// models, the Telegram bot and the running host.
/// Exits with 1 when something is wrong.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ask each provider whether it takes its key and has the models
    #[arg(long)]
    models: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    /// How the host's containers are marked; once there was a host.
    instance: Option<String>,
    checks: Vec<Check>,
}

/// Checks everything, and shows what came of it.
pub async fn run(args: Args, config: Option<&Path>, out: &Out) -> Result<Exit, CliError> {
    let mut checks = Checks::default();
    let mut instance = None;
    match config::load(config) {
        Err(error) => checks.fail("configuration", error.to_string()),
        Ok(loaded) => {
            instance = Record::read(&loaded.data_dir).map(|record| record.instance);
            configuration(&loaded, &mut checks);
            data(&loaded, &mut checks);
            git(&loaded, &mut checks).await;
            engine(&loaded, instance.as_deref(), &mut checks).await;
            plugins(&loaded, &mut checks).await;
            models::check(&loaded, args.models, &mut checks).await;
            telegram::check(&loaded, &mut checks).await;
            host(&loaded, &mut checks).await;
        }
    }
    let ok = checks.passed();
    let report = Report {
        ok,
        instance,
        checks: checks.into(),
    };
    show(&report, out)?;
    Ok(if ok { Exit::Ok } else { Exit::Negative })
}

fn configuration(loaded: &Loaded, checks: &mut Checks) {
    let projects = loaded.config.projects.len();
    match &loaded.file {
        Some(file) => checks.ok(
            "configuration",
            match projects {
                1 => format!("{}, 1 project", file.display()),
                _ => format!("{}, {projects} projects", file.display()),
            },
        ),
        None => checks.warn(
            "configuration",
            format!(
                "no file in {}; the defaults hold. Write one with `sortie init`",
                config::SEARCH_HELP
            ),
        ),
    }
    if projects == 0 && loaded.config.intake.allow_repositories.is_empty() {
        checks.warn(
            "projects",
            "none is configured, so no job can be submitted; add [projects.NAME] with its repository",
        );
    }
    for (name, project) in &loaded.config.projects {
        if let Err(error) = RemoteUrl::parse(&project.repository) {
            checks.fail("projects", format!("{name}: failed to {error}"));
        }
    }
    match options::vault(loaded) {
        Err(error) => checks.fail("secrets", format!("failed to {}", error.message)),
        Ok(vault) => {
            for name in vault.names() {
                if let Err(error) = vault.get(name) {
                    checks.fail("secrets", format!("failed to {error}"));
                }
            }
        }
    }
}

fn data(loaded: &Loaded, checks: &mut Checks) {
    const NAME: &str = "data directory";
    let dir = &loaded.data_dir;
    let shown = dir.display();
    if !dir.exists() {
        // The nearest folder that is there decides whether it can be made.
        let parent = dir.ancestors().find(|dir| dir.exists());
        match parent.map(tempfile::NamedTempFile::new_in) {
            Some(Ok(_)) => checks.ok(NAME, format!("{shown}, made at the first start")),
            _ => checks.fail(
                NAME,
                format!("{shown} cannot be made; make it yourself or set host.data_dir"),
            ),
        }
    } else {
        match tempfile::NamedTempFile::new_in(dir) {
            Ok(_) => checks.ok(NAME, format!("{shown}, writable")),
            Err(error) => checks.fail(
                NAME,
                format!(
                    "{shown} cannot be written ({error}); give it to this user or set host.data_dir"
                ),
            ),
        }
    }
    let there = dir.ancestors().find(|dir| dir.exists());
    let Some(Ok(stats)) = there.map(nix::sys::statvfs::statvfs) else {
        return;
    };
    #[expect(
        clippy::useless_conversion,
        reason = "the types differ between platforms"
    )]
    let free_mib =
        u64::from(stats.blocks_available()).saturating_mul(u64::from(stats.fragment_size())) >> 20;
    let message = format!("{free_mib} MiB free");
    match free_mib {
        0..NO_SPACE_MIB => checks.fail("disk space", format!("{message}; make room")),
        NO_SPACE_MIB..LOW_SPACE_MIB => {
            checks.warn("disk space", format!("{message}; make room soon"))
        }
        _ => checks.ok("disk space", message),
    }
}

async fn git(loaded: &Loaded, checks: &mut Checks) {
    let Ok(vault) = options::vault(loaded) else {
        return;
    };
    let git = options::git(loaded, vault);
    match git.version().await {
        Ok(version) => {
            checks.ok("git", version);
            repositories(loaded, &git, checks).await;
        }
        Err(error) => checks.fail(
            "git",
            format!("failed to {error}; install git 2.36 or newer, for example with `apt-get install git`"),
        ),
    }
}

/// Asks for each project's repository, all at once, with the credentials that
/// jobs use.
async fn repositories(loaded: &Loaded, git: &Git, checks: &mut Checks) {
    const NAME: &str = "repositories";
    let looks = loaded.config.projects.iter().filter_map(|(name, project)| {
        // What is no address was named with the configuration.
        let url = RemoteUrl::parse(&project.repository).ok()?;
        Some(async move { (name, git.reach(&url, REPOSITORY_LOOK).await) })
    });
    for (name, found) in futures::future::join_all(looks).await {
        let Err(error) = found else {
            checks.ok(NAME, format!("{name} answers"));
            continue;
        };
        let mend = match error {
            GitError::TimedOut { .. } => "; check the network, or that server",
            _ => "",
        };
        // What may pass by itself keeps nobody from submitting.
        let status = match error.class() {
            ErrorClass::Transient => Status::Warn,
            _ => Status::Fail,
        };
        checks.add(NAME, status, format!("{name}: failed to {error}{mend}"));
    }
}

async fn engine(loaded: &Loaded, instance: Option<&str>, checks: &mut Checks) {
    const NAME: &str = "container engine";
    let sandbox = async {
        let key = WireKey::ephemeral().map_err(CliError::failed)?;
        let options = options::engine(&loaded.config, instance.unwrap_or("doctor"), key)?;
        Sandbox::connect(options).await.map_err(CliError::failed)
    };
    let report = match sandbox.await {
        Ok(sandbox) => sandbox.check().await,
        Err(error) => return checks.fail(NAME, format!("failed to {}", error.message)),
    };
    if let Some(version) = &report.version {
        let runtime = report.runtime.as_deref().unwrap_or("its own runtime");
        checks.ok(NAME, format!("{version} at {}, {runtime}", report.endpoint));
    }
    if let Some(image) = &report.image {
        checks.ok("image", format!("{} ({})", image.name, image.id));
    }
    for problem in &report.problems {
        let message = format!("{problem} ({})", report.endpoint);
        match problem.fatal {
            true => checks.fail(NAME, message),
            false => checks.warn(NAME, message),
        }
    }
}

async fn plugins(loaded: &Loaded, checks: &mut Checks) {
    // Without the host's cache: doctor may run as somebody else.
    let mut options = options::plugins(&loaded.data_dir, 0);
    options.cache_dir = None;
    let configs = options::plugin_configs(&loaded.config);
    let loading = async {
        let plugins = Plugins::new(options)?;
        plugins.load_shipped(&configs).await?;
        Ok::<_, sortie_plugins::PluginError>(plugins)
    };
    let mut installed: Vec<String> = match loading.await {
        Err(error) => return checks.fail("plugins", format!("failed to {error}")),
        Ok(plugins) => plugins.list().into_iter().map(|info| info.name).collect(),
    };
    checks.ok("plugins", installed.join(", "));
    let known = match installed_by_host(loaded).await {
        Some(list) => {
            for plugin in list.iter().filter(|plugin| !plugin.shipped) {
                standing(plugin, checks);
            }
            installed.extend(list.into_iter().map(|plugin| plugin.name));
            true
        }
        // Without a host nobody can say, but where there is no package nothing
        // is installed.
        None => !loaded.data_dir.join("plugins").is_dir(),
    };
    let status = if known { Status::Fail } else { Status::Warn };
    let missing = match known {
        true => "is not installed",
        false => "is none of the host's own; start the host to see whether it is installed",
    };
    for name in loaded.config.plugins.keys() {
        if !installed.contains(name) {
            checks.add(
                "plugins",
                status,
                format!(
                    "[plugins.{name}] configures a plugin that {missing}; install it or remove the \
                     table"
                ),
            );
        }
    }
    let nothing = Detected::default();
    let defaults = loaded.config.default_policy(&nothing);
    let policies = std::iter::once(("defaults".to_owned(), defaults)).chain(
        loaded
            .config
            .projects(&nothing)
            .into_iter()
            .map(|project| (format!("projects.{}", project.name), project.policy)),
    );
    for (place, policy) in policies {
        let named = [&policy.workflow, &policy.agent, &policy.budget_plugin];
        let scanners = policy.scanners.iter().filter(|name| *name != EVERY_SCANNER);
        for name in named.into_iter().chain(scanners) {
            if !installed.contains(name) {
                checks.add(
                    "plugins",
                    status,
                    format!("{place} names {name:?}, which {missing}; install it or name another"),
                );
            }
        }
    }
}

async fn installed_by_host(loaded: &Loaded) -> Option<Vec<PluginView>> {
    client::version_at(loaded).await?;
    let client = Client::new(loaded).ok()?;
    let list: PluginList = client.get("/v1/plugins").await.ok()?;
    Some(list.plugins)
}

/// Whether an installed plugin does what it is there for.
fn standing(plugin: &PluginView, checks: &mut Checks) {
    let name = &plugin.name;
    if let Some(why) = &plugin.broken {
        checks.fail("plugins", format!("{name} does not run: {why}"));
    } else if !plugin.enabled {
        let why = plugin
            .disabled_why
            .as_deref()
            .unwrap_or("no reason was given");
        checks.warn("plugins", format!("{name} is disabled: {why}"));
    } else {
        checks.ok("plugins", format!("{name} {}, installed", plugin.version));
    }
}

async fn host(loaded: &Loaded, checks: &mut Checks) {
    let seen = client::version_at(loaded).await;
    if seen.is_some()
        && let Ok(client) = Client::new(loaded)
        && let Ok(view) = client.get::<IntakeView>("/v1/intake").await
        && view.paused.is_some()
    {
        checks.warn("intake", intake::words(&view));
    }
    match seen {
        Some((base, version)) if version == env!("CARGO_PKG_VERSION") => {
            checks.ok("host", format!("runs at {base}, version {version}"));
        }
        Some((base, version)) => checks.warn(
            "host",
            format!(
                "runs at {base} as version {version}; restart it to be the same as this command"
            ),
        ),
        None => checks.warn("host", "does not run; start it with `sortie serve`"),
    }
}

fn show(report: &Report, out: &Out) -> Result<(), CliError> {
    if out.is_json() {
        return out.json(report);
    }
    checks::show(&report.checks, out)
}

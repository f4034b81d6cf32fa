//! `sortie plugin test`.

mod cases;
mod report;
mod scanner;
mod suites;

use crate::exit::{CliError, Exit};
use crate::host::options;
use crate::out::Out;
use crate::project::{self, Project, package};
use report::{Report, show};
use sortie_conformance::{Folder, Subject};
use sortie_model::surface::Surface;
use sortie_plugins::{LogLevel, Plugins};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Build a plugin and test it over its cases, without a host
///
/// A scanner's case is tests/NAME.diff with the findings expected in NAME.json
/// and, if there is one, a configuration in NAME.config.json. A connector's is
/// an event in tests/NAME.event.json, a notifier's a delivery in
/// tests/NAME.delivery.json, each with what must come of it in NAME.json.
///
/// Besides, a plugin has to pass what every plugin of its surfaces must, with
/// the configuration of tests/conformance.config.json and what
/// tests/conformance.grant.json grants beside the manifest. Exits with 1 when
/// something fails.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Take what the plugin does for right, and write it as expected
    #[arg(long)]
    update: bool,
    /// Test dist/NAME.wasm as it is
    #[arg(long)]
    no_build: bool,
}

/// What a plugin logged since somebody looked.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, level: LogLevel, message: &str) {
        let level = match level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("{level}: {message}"));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is tested, and how.
struct Bench {
    project: Project,
    plugins: Plugins,
    subject: Subject,
    folder: Folder,
    log: Log,
    update: bool,
}

/// Tests, and shows what came of it.
pub async fn run(args: Args, out: &Out) -> Result<Exit, CliError> {
    let project = Project::open(&args.dir)?;
    let bytes = if args.no_build {
        package::read(&project.package())?
    } else {
        let bytes = package::build(&project, out)?;
        project::write(&project.package(), &bytes)?;
        bytes
    };
    // What is tested is the package, so what counts is the manifest in it.
    let (manifest, _) = package::manifest(&project.package(), &bytes)?;
    let log = Log::default();
    let kept = log.clone();
    let plugins = options::plugins_here(Some(Arc::new(move |line| {
        kept.add(line.level, line.message);
    })))?;
    out.progress("checking it");
    package::examine(&plugins, &manifest, &bytes).await?;
    let folder = Folder::read(&project.dir.join("tests")).map_err(CliError::usage)?;
    let subject = suites::subject(manifest, bytes, &folder)?;
    let bench = Bench {
        project,
        plugins,
        subject,
        folder,
        log,
        update: args.update,
    };
    let mut tests = Vec::new();
    for surface in bench.subject.manifest.surfaces.clone() {
        tests.extend(match surface {
            Surface::Scanner => scanner::cases(&bench).await?,
            Surface::Connector => cases::events(&bench).await?,
            Surface::Notifier => cases::deliveries(&bench).await?,
            Surface::Budget | Surface::Agent | Surface::Workflow => Vec::new(),
        });
        tests.extend(suites::run(&bench, surface).await?);
    }
    let report = Report::new(bench.subject.manifest.name, tests);
    show(&report, out)?;
    Ok(if report.ok { Exit::Ok } else { Exit::Negative })
}

//! `sortie plugin test`.

use crate::exit::{CliError, Exit};
use crate::host::options;
use crate::out::{Out, Tone};
use crate::project::cases::{self, Case, Expected, Mismatch};
use crate::project::{self, Project, package};
use crate::render::plain;
use serde::Serialize;
use sortie_conformance::scanner;
use sortie_model::diff::DiffSource;
use sortie_model::finding::Side;
use sortie_model::surface::Surface;
use sortie_package::Manifest;
use sortie_plugins::{LogLevel, Plugins};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Build a plugin and test it over its cases, without a host
///
/// A case is tests/NAME.diff with the findings expected in NAME.json and, if
/// there is one, a configuration in NAME.config.json. Besides, a scanner has to
/// pass what every scanner must: empty, binary, renamed and huge changes, the
/// same answer twice. Exits with 1 when something fails.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Take what the plugin finds for right, and write it as expected
    #[arg(long)]
    update: bool,
    /// Test dist/NAME.wasm as it is
    #[arg(long)]
    no_build: bool,
}

/// How one test ended.
#[derive(Serialize)]
struct Outcome {
    /// `case` or `conformance`.
    kind: &'static str,
    name: String,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(flatten)]
    mismatch: Mismatch,
    findings: Vec<Expected>,
    log: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    plugin: String,
    ok: bool,
    tests: Vec<Outcome>,
}

type Log = Arc<Mutex<Vec<String>>>;

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
    let kept = Arc::clone(&log);
    let plugins = options::plugins_here(Some(Arc::new(move |line| {
        let level = match line.level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(format!("{level}: {}", line.message));
    })))?;
    out.progress("checking it");
    package::examine(&plugins, &manifest, &bytes).await?;
    if !manifest.surfaces.contains(&Surface::Scanner) {
        return Err(CliError::usage(format!(
            "test {}: it is no scanner, and other surfaces have no tests here",
            manifest.name
        ))
        .with_hint("`sortie plugin build` checks that a host would take it"));
    }
    let tests = scanner_tests(&project, &manifest, &bytes, &plugins, &log, args.update).await?;
    let ok = tests.iter().all(|test| test.passed);
    let report = Report {
        plugin: manifest.name,
        ok,
        tests,
    };
    show(&report, out)?;
    Ok(if ok { Exit::Ok } else { Exit::Negative })
}

async fn scanner_tests(
    project: &Project,
    manifest: &Manifest,
    bytes: &[u8],
    plugins: &Plugins,
    log: &Log,
    update: bool,
) -> Result<Vec<Outcome>, CliError> {
    let name = &manifest.name;
    let mut tests = Vec::new();
    for case in cases::all(project)? {
        plugins
            .load(name, bytes.to_vec(), case.config.clone())
            .await
            .map_err(CliError::failed)?;
        tests.push(judge(&case, plugins, name, log, update).await?);
    }
    plugins
        .load(name, bytes.to_vec(), serde_json::Value::Null)
        .await
        .map_err(CliError::failed)?;
    for check in scanner::check(plugins, name).await {
        tests.push(Outcome {
            kind: "conformance",
            passed: check.passed(),
            problem: check.problem().map(str::to_owned),
            name: check.name,
            mismatch: Mismatch::default(),
            findings: Vec::new(),
            log: Vec::new(),
        });
    }
    Ok(tests)
}

async fn judge(
    case: &Case,
    plugins: &Plugins,
    name: &str,
    log: &Log,
    update: bool,
) -> Result<Outcome, CliError> {
    let lines = || std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
    lines();
    let diff: Arc<dyn DiffSource> = Arc::clone(&case.diff) as Arc<dyn DiffSource>;
    let mut outcome = Outcome {
        kind: "case",
        name: case.name.clone(),
        passed: false,
        problem: None,
        mismatch: Mismatch::default(),
        findings: Vec::new(),
        log: Vec::new(),
    };
    match scanner::findings(plugins, name, diff).await {
        Err(problem) => outcome.problem = Some(problem),
        Ok(findings) => {
            outcome.findings = findings.into_iter().map(Into::into).collect();
            if update {
                case.accept(&outcome.findings)?;
            }
            match (&case.expected, update) {
                (_, true) => {}
                (Some(expected), _) => {
                    outcome.mismatch = Mismatch::of(expected, &outcome.findings);
                }
                (None, _) => {
                    outcome.problem = Some(format!(
                        "nothing says what to expect; `--update` writes tests/{}.json",
                        case.name
                    ));
                }
            }
        }
    }
    outcome.passed = outcome.problem.is_none() && outcome.mismatch.is_empty();
    outcome.log = lines();
    Ok(outcome)
}

fn show(report: &Report, out: &Out) -> Result<(), CliError> {
    if out.is_json() {
        return out.json(report);
    }
    for test in &report.tests {
        let (tone, word) = match test.passed {
            true => (Tone::Good, "ok  "),
            false => (Tone::Bad, "fail"),
        };
        let count = match (test.kind, test.findings.len()) {
            ("case", 1) => ": 1 finding".to_owned(),
            ("case", n) => format!(": {n} findings"),
            _ => String::new(),
        };
        out.line(format!("{}  {}{count}", out.paint(tone, word), test.name))?;
        if let Some(problem) = &test.problem {
            out.line(format!("        {}", plain(problem)))?;
        }
        if test.passed {
            for finding in &test.findings {
                out.line(format!("        {}", line(finding)))?;
            }
            continue;
        }
        for finding in &test.mismatch.missing {
            let text = format!("      - {}", line(finding));
            out.line(out.paint(Tone::Bad, &text))?;
        }
        for finding in &test.mismatch.unexpected {
            let text = format!("      + {}", line(finding));
            out.line(out.paint(Tone::Good, &text))?;
        }
        for said in &test.log {
            out.line(out.paint(Tone::Dim, &format!("        log {}", plain(said))))?;
        }
    }
    let failed = report.tests.iter().filter(|test| !test.passed).count();
    let passed = report.tests.len() - failed;
    let differs = report.tests.iter().any(|test| !test.mismatch.is_empty());
    out.line(format!(
        "{}: {passed} passed, {failed} failed",
        report.plugin
    ))?;
    if differs {
        out.progress("- was expected and + was found; `--update` takes what was found for right");
    }
    Ok(())
}

/// A finding in one line.
fn line(finding: &Expected) -> String {
    let place = match (&finding.path, finding.line, finding.side) {
        (Some(path), Some(line), Some(Side::Old)) => format!("{path}:{line} (before the change)"),
        (Some(path), Some(line), _) => format!("{path}:{line}"),
        _ => "the change as a whole".to_owned(),
    };
    let evidence = match finding.evidence.lines().next() {
        Some(first) => format!(" | {first}"),
        None => String::new(),
    };
    plain(&format!(
        "{:5} {place}  {}  {}{evidence}",
        finding.severity.as_str(),
        finding.rule,
        finding.message
    ))
    .into_owned()
}

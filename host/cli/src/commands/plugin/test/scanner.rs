//! A scanner's cases: diffs, and what must be found in them.

use super::Bench;
use super::report::Outcome;
use crate::exit::CliError;
use crate::project::cases::{self, Case, Mismatch};
use sortie_conformance::scanner;
use sortie_model::diff::DiffSource;
use sortie_model::surface::Surface;
use std::sync::Arc;

/// Scans every `tests/*.diff`.
pub(super) async fn cases(bench: &Bench) -> Result<Vec<Outcome>, CliError> {
    let mut tests = Vec::new();
    for case in cases::all(&bench.project)? {
        bench.load(case.config.clone()).await?;
        tests.push(judge(bench, &case).await?);
    }
    Ok(tests)
}

async fn judge(bench: &Bench, case: &Case) -> Result<Outcome, CliError> {
    bench.log.take();
    let diff: Arc<dyn DiffSource> = Arc::clone(&case.diff) as Arc<dyn DiffSource>;
    let mut outcome = Outcome::case(Surface::Scanner, &case.name);
    let name = &bench.subject.manifest.name;
    match scanner::findings(&bench.plugins, name, diff).await {
        Err(problem) => outcome.problem = Some(problem),
        Ok(findings) => {
            outcome.findings = findings.into_iter().map(Into::into).collect();
            if bench.update {
                case.accept(&outcome.findings)?;
                outcome.accepted(&case.answers);
            }
            match (&case.expected, bench.update) {
                (_, true) => {}
                (Some(expected), _) => {
                    outcome.mismatch = Mismatch::of(expected, &outcome.findings);
                }
                (None, _) => outcome.unsaid(),
            }
        }
    }
    outcome.log = bench.log.take();
    Ok(outcome.judged())
}

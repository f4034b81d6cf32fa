//! The cases of connectors and notifiers: events and deliveries, and what must
//! come of them.

use super::Bench;
use super::report::Outcome;
use crate::exit::CliError;
use crate::project;
use serde_json::Value;
use sortie_conformance::{Case, connector, notifier};
use sortie_model::surface::Surface;

/// Plays every `tests/*.event.json`.
pub(super) async fn events(bench: &Bench) -> Result<Vec<Outcome>, CliError> {
    let mut tests = Vec::new();
    for case in &bench.folder.events {
        bench.log.take();
        let came = connector::outcome(&bench.plugins, &bench.subject, &case.given).await;
        tests.push(judge(bench, Surface::Connector, case, came)?);
    }
    Ok(tests)
}

/// Plays every `tests/*.delivery.json`.
pub(super) async fn deliveries(bench: &Bench) -> Result<Vec<Outcome>, CliError> {
    let mut tests = Vec::new();
    for case in &bench.folder.deliveries {
        bench.log.take();
        let came = notifier::outcome(&bench.plugins, &bench.subject, &case.given).await;
        tests.push(judge(bench, Surface::Notifier, case, came)?);
    }
    Ok(tests)
}

fn judge<T>(
    bench: &Bench,
    surface: Surface,
    case: &Case<T>,
    came: Result<Value, String>,
) -> Result<Outcome, CliError> {
    let mut outcome = Outcome::case(surface, &case.name);
    outcome.log = bench.log.take();
    match came {
        Err(problem) => outcome.problem = Some(problem),
        Ok(came) => {
            if bench.update {
                let text = serde_json::to_string_pretty(&came).map_err(CliError::failed)?;
                project::write(&case.answers, format!("{text}\n").as_bytes())?;
                outcome.accepted(&case.answers);
            } else {
                match &case.expected {
                    Some(expected) if *expected == came => {}
                    Some(expected) => outcome.expected = Some(expected.clone()),
                    None => outcome.unsaid(),
                }
            }
            outcome.came = Some(came);
        }
    }
    Ok(outcome.judged())
}

//! The base commit's tests as judges of a change that touches tests.
//!
//! A native part of every scan, which no workflow can skip: where a change
//! touches tests or how they run, they are run three times in a second, clean
//! container (as the base commit has them, the base commit's against the
//! change's sources, and as the change has them), and the tests that each run
//! names are compared. Differences are findings of the scanner
//! [`SCANNER`].
//!
//! It never says that a change is good: an output is a claim made in a sandbox,
//! and agreement proves little. Where it cannot compare it says so. What fails
//! before any of the change's code has run is nobody's fault and worth
//! knowing; what fails afterwards may be the change's doing, and a person is to
//! look.

mod report;
mod runs;
mod touched;

use crate::drive::RunContext;
use crate::fault::Fault;
use crate::steps::time_left_ms;
use report::Report;
use runs::{Container, Deadline, Stopped};
use sortie_git::{CommitId, RepoDiff};
use sortie_model::finding::Finding;
use sortie_model::run::Step;
use sortie_sandbox::Part;
use sortie_store::persist;
use sortie_verify::inventory::{Inventory, Judged, compare};
use std::sync::Arc;
use std::time::{Duration, Instant};
use touched::Touched;

/// The name under which findings are known, and which the gate in front of a
/// publication asks for.
pub(crate) const SCANNER: &str = "base-tests";

/// The most time that it takes of the run's budget: three times a suite of
/// five minutes. A run that has less left and uses it up asks a person for more.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// What it said.
pub(crate) struct Judgement {
    /// Findings, in no order.
    pub(crate) findings: Vec<Finding>,
    /// What it took, in milliseconds.
    pub(crate) time_ms: u64,
}

/// Judges the change from the base commit to `head`.
pub(crate) async fn judge(
    context: &RunContext,
    step: &Step,
    head: &CommitId,
    diff: Arc<RepoDiff>,
) -> Result<Judgement, Fault> {
    let began = Instant::now();
    let touched = Touched::by(diff, &context.base).await?;
    if touched.paths.is_empty() {
        return Ok(Judgement {
            findings: Vec::new(),
            time_ms: 0,
        });
    }
    let _turn = context.check.lock().await;
    // What a host that is gone left of this check.
    let sandbox = &context.options.sandbox;
    let run = context.fence.run.0;
    sandbox.remove_part(run, Part::Check).await?;
    let report = look(context, step, head, &touched).await;
    if let Err(error) = sandbox.remove_part(run, Part::Check).await {
        tracing::warn!(%error, run, "a container is left; the run's end removes it");
    }
    let report = report?;
    let message = report.message();
    let now = context.options.clock.now();
    let said = format!("tests compared: {message}");
    // A line that cannot be written costs the line.
    let mut log = context.log.lock().await;
    let _ = log.say(now, &step.name, step.position, &said).await;
    drop(log);
    let data = serde_json::json!({ "step": step.name, "message": message });
    let store = &context.options.store;
    persist(|| store.emit(context.fence, "base-tests.compared", data.clone())).await?;
    Ok(Judgement {
        findings: report.findings(&touched),
        time_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Runs what there is to run and compares it.
async fn look(
    context: &RunContext,
    step: &Step,
    head: &CommitId,
    touched: &Touched,
) -> Result<Report, Fault> {
    let probes = context.verification.probes();
    if probes.is_empty() {
        return Ok(Report::nothing_to_run());
    }
    let with_base = match touched.overlay.is_empty() {
        true => None,
        false => Some(with_base_tests(context, head, touched).await?),
    };
    let left = Duration::from_millis(time_left_ms(context).await?);
    let deadline = Deadline::new(LIMIT, left);
    let newest = with_base.as_ref().unwrap_or(head);
    let container = match Container::open(context, newest, deadline).await {
        Ok(container) => container,
        Err(stopped) => return stopped.before_the_change(),
    };
    let before = match container
        .tests(context, step, "before", &context.base, probes)
        .await
    {
        Ok(ran) if ran.tests.is_empty() => return Ok(Report::no_names(ran.why)),
        Ok(ran) => ran.tests,
        Err(stopped) => return stopped.before_the_change(),
    };
    // From here on the change's own code has run: what fails may be its doing.
    let mut base_tests: Option<Inventory> = None;
    if let Some(commit) = &with_base {
        match container
            .tests(context, step, "base-tests", commit, probes)
            .await
        {
            Ok(ran) => base_tests = Some(ran.tests),
            Err(stopped) => return stopped.after_the_change(&before),
        }
    }
    let after = match container.tests(context, step, "after", head, probes).await {
        Ok(ran) => ran.tests,
        Err(stopped) => return stopped.after_the_change(&before),
    };
    let differences = compare(Judged {
        before: &before,
        base_tests: base_tests.as_ref(),
        after: &after,
    });
    Ok(Report::compared(
        &before,
        base_tests.as_ref(),
        &after,
        differences,
    ))
}

/// A commit with the change's sources and the base commit's tests.
async fn with_base_tests(
    context: &RunContext,
    head: &CommitId,
    touched: &Touched,
) -> Result<CommitId, Fault> {
    let keep_as = format!("refs/sortie/runs/{}/base-tests", context.fence.run.0);
    let at_s = context.run.started_at.0.div_euclid(1000);
    let message = "The base commit's tests on the sources of this change\n";
    Ok(context
        .mirror
        .overlay(head, &touched.overlay, message, at_s, &keep_as)
        .await?)
}

impl Stopped {
    /// Nothing of the change has run: it is not to blame.
    fn before_the_change(self) -> Result<Report, Fault> {
        match self {
            Self::Fault(fault) => Err(fault),
            Self::Because(why) => Ok(Report::not_run(why)),
        }
    }

    /// The change's code may have had a hand in it.
    fn after_the_change(self, before: &Inventory) -> Result<Report, Fault> {
        match self {
            Self::Fault(fault) => Err(fault),
            Self::Because(why) => Ok(Report::broken_off(why, before)),
        }
    }
}

//! The judgement of the change: by the scanners a workflow names and by those
//! the project demands. A scanner that cannot judge halts the job.

use super::StepEnd;
use crate::drive::RunContext;
use crate::fault::Fault;
use crate::scan::scan_with;
use sortie_git::CommitId;
use sortie_model::finding::Severity;
use sortie_plugins::surfaces::workflow::{Outcome, ScanOutcome, ScanStep};
use sortie_store::ScanReport;
use std::sync::Arc;

pub(super) async fn perform(context: &RunContext, asked: ScanStep) -> Result<StepEnd, Fault> {
    let mut scanners = context.job.policy.scanners.clone();
    for name in asked.scanners {
        if !scanners.contains(&name) {
            scanners.push(name);
        }
    }
    let state = context.options.store.run_state(context.fence.run).await?;
    let head = match &state.run.head_commit {
        Some(head) => head.parse::<CommitId>()?,
        None => context.base.clone(),
    };
    let diff = context.mirror.diff(&context.base, &head).await?;
    let findings = scan_with(&context.options.plugins, &scanners, Arc::new(diff)).await?;
    let count = |severity: Severity| {
        let n = findings.iter().filter(|f| f.severity == severity).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    };
    let outcome = Outcome::Scan(ScanOutcome {
        info: count(Severity::Info),
        warn: count(Severity::Warn),
        block: count(Severity::Block),
    });
    Ok(StepEnd {
        scan: Some(ScanReport {
            commit: head.as_str().to_owned(),
            scanners,
            findings,
        }),
        ..StepEnd::of(outcome, 0)
    })
}

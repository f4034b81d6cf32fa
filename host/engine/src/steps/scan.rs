//! The judgement of the change: by the scanners a workflow names, by those the
//! project demands, and by the base commit's tests. What cannot judge halts the
//! job, or says so in a finding.

use super::StepEnd;
use crate::base_tests::{self, Judgement, SCANNER};
use crate::drive::RunContext;
use crate::fault::Fault;
use crate::scan::{scan_with, worst_first};
use sortie_git::CommitId;
use sortie_model::finding::Severity;
use sortie_model::run::Step;
use sortie_plugins::surfaces::workflow::{Outcome, ScanOutcome, ScanStep};
use sortie_store::ScanReport;
use std::sync::Arc;

pub(super) async fn perform(
    context: &RunContext,
    step: &Step,
    asked: ScanStep,
) -> Result<StepEnd, Fault> {
    context.verification.tell(context).await?;
    let mut scanners = context.job.policy.scanners.clone();
    for name in asked.scanners {
        if !scanners.contains(&name) {
            scanners.push(name);
        }
    }
    // No plugin goes by the name of the host's own.
    scanners.retain(|name| name != SCANNER);
    let state = context.options.store.run_state(context.fence.run).await?;
    let head = match &state.run.head_commit {
        Some(head) => head.parse::<CommitId>()?,
        None => context.base.clone(),
    };
    let diff = Arc::new(context.mirror.diff(&context.base, &head).await?);
    // Scanners come first: a gate that cannot judge costs no tests.
    let mut findings = scan_with(&context.options.plugins, &scanners, diff.clone()).await?;
    let mut time_ms = 0;
    if context.job.policy.base_tests {
        let judged: Judgement = base_tests::judge(context, step, &head, diff).await?;
        findings.extend(judged.findings);
        worst_first(&mut findings);
        time_ms = judged.time_ms;
        scanners.push(SCANNER.to_owned());
    }
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
        time_ms,
        ..StepEnd::of(outcome)
    })
}

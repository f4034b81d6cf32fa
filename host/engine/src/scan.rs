//! Lets scanners judge a change and turns what they say into findings.

use sortie_model::diff::DiffSource;
use sortie_model::finding::{Finding, fingerprint};
use sortie_plugins::{PluginError, Plugins};
use std::sync::Arc;

/// Runs `scanners` one after the other over `diff`. The first that cannot
/// judge ends it: half a judgement is none.
pub async fn scan_with(
    plugins: &Plugins,
    scanners: &[String],
    diff: Arc<dyn DiffSource>,
) -> Result<Vec<Finding>, PluginError> {
    let mut findings = Vec::new();
    for scanner in scanners {
        for raw in plugins.scan(scanner, diff.clone()).await? {
            findings.push(Finding {
                fingerprint: fingerprint(scanner, &raw.rule, raw.place.as_ref(), &raw.evidence),
                scanner: scanner.clone(),
                rule: raw.rule,
                severity: raw.severity,
                place: raw.place,
                message: raw.message,
                evidence: raw.evidence,
            });
        }
    }
    worst_first(&mut findings);
    Ok(findings)
}

/// Orders findings as people read them.
pub(crate) fn worst_first(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| f.place.as_ref().map(|p| (p.path.clone(), p.line));
        b.severity
            .cmp(&a.severity)
            .then_with(|| key(a).cmp(&key(b)))
            .then_with(|| a.rule.cmp(&b.rule))
    });
}

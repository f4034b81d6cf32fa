//! What a question shows the one who has to answer: findings, the diff, what is
//! used up. Bounded, because it is sent to every listener and into chats.

use crate::drive::{RunContext, outcome_of};
use crate::fault::Fault;
use serde_json::{Map, Value, json};
use sortie_model::approval::Subject;
use sortie_model::diff::{DiffSource as _, FileChange};
use sortie_model::finding::Finding;
use sortie_plugins::surfaces::workflow::Outcome;
use sortie_store::NewApproval;
use std::time::Duration;

/// The findings that are shown; the number says how many there are.
const FINDINGS: usize = 20;

/// The largest part of a diff that is shown, in bytes; a chat shows less.
const DIFF_BYTES: usize = 12_000;

/// The characters of a finding's message that are shown.
const MESSAGE_CHARS: usize = 500;

/// The characters of a summary that are shown.
const SUMMARY_CHARS: usize = 2_000;

/// Puts a question about what the run made so far to a person: the run is
/// parked, and its sandbox has to be gone. What cannot be shown does not keep
/// anybody from asking.
pub(crate) async fn ask(
    context: &RunContext,
    step: String,
    subject: Subject,
    question: String,
    head: Option<String>,
) -> Result<(), Fault> {
    let evidence = match of(context, &subject, head.as_deref()).await {
        Ok(evidence) => Some(evidence),
        Err(Fault::Stale) => return Err(Fault::Stale),
        Err(error) => {
            tracing::warn!(?error, job = %context.job.id, "a question goes out without what was found");
            None
        }
    };
    let wait_ms = context.job.policy.approval_expires_ms;
    let now = context.options.clock.now();
    let after = |ms| now.plus(Duration::from_millis(ms));
    let approval = NewApproval {
        step,
        subject,
        question,
        commit: head,
        expires_at: after(wait_ms),
        remind_at: remind_after_ms(wait_ms).map(after),
        evidence,
    };
    let store = &context.options.store;
    sortie_store::persist(|| store.park(context.fence, approval.clone())).await?;
    Ok(())
}

/// When to remind of a question that waits so long: after three quarters of the
/// time, and never where that is a matter of seconds.
fn remind_after_ms(wait_ms: u64) -> Option<u64> {
    const LEAST_MS: u64 = 120_000;
    (wait_ms >= LEAST_MS).then_some(wait_ms / 4 * 3)
}

/// The evidence of a question about what the run made so far.
async fn of(context: &RunContext, subject: &Subject, head: Option<&str>) -> Result<Value, Fault> {
    let store = &context.options.store;
    let redactor = &context.options.redactor;
    let mut evidence = Map::new();
    if let Some(summary) = summary(context).await? {
        let summary: String = summary.chars().take(SUMMARY_CHARS).collect();
        evidence.insert("summary".into(), redactor.redact(&summary).into());
    }
    let findings = store.findings(context.job.id).await?;
    let shown = findings.iter().take(FINDINGS);
    let shown: Vec<Value> = shown
        .map(|finding| shown_finding(context, finding))
        .collect();
    evidence.insert("findings".into(), shown.into());
    evidence.insert("findings_total".into(), findings.len().into());
    if let Some(head) = head.filter(|head| *head != context.base.as_str()) {
        let diff = context.mirror.diff(&context.base, &head.parse()?).await?;
        let count = |of: fn(&FileChange) -> u32| -> u64 {
            diff.files().iter().map(|file| u64::from(of(file))).sum()
        };
        let (text, cut) = match diff.patch().len() > DIFF_BYTES {
            true => beginning(&flagged_first(diff.files(), &findings, |index| {
                diff.file_patch(index)
            })),
            false => beginning(diff.patch()),
        };
        evidence.insert(
            "diff".into(),
            json!({
                "text": redactor.redact(&text),
                "bytes": diff.patch().len(),
                "files": diff.files().len(),
                "added": count(|file| file.additions),
                "removed": count(|file| file.deletions),
                "cut": cut,
            }),
        );
    }
    if let Subject::Budget { exhausted, raise } = subject {
        let usage = store.used(context.fence.run).await?;
        evidence.insert(
            "budget".into(),
            json!({
                "exhausted": exhausted,
                "raise": raise,
                "limits": context.limits,
                "usage": usage,
            }),
        );
    }
    Ok(Value::Object(evidence))
}

/// What the last agent of the run said.
async fn summary(context: &RunContext) -> Result<Option<String>, Fault> {
    let mut last = None;
    for step in context.options.store.steps(context.fence.run).await? {
        if let Some(Outcome::Agent(agent)) = outcome_of(&step)? {
            last = Some(agent.summary);
        }
    }
    Ok(last.filter(|summary| !summary.is_empty()))
}

fn shown_finding(context: &RunContext, finding: &Finding) -> Value {
    let message: String = finding.message.chars().take(MESSAGE_CHARS).collect();
    let mut shown = json!({
        "severity": finding.severity.as_str(),
        "rule": finding.rule,
        "message": context.options.redactor.redact(&message),
    });
    if let Some(place) = &finding.place {
        shown["path"] = place.path.as_str().into();
        shown["line"] = place.line.into();
    }
    shown
}

/// The patch, those files first that findings are about, as far as it is shown:
/// what is cut off is what nothing was found in.
fn flagged_first<'a>(
    files: &[FileChange],
    findings: &[Finding],
    patch_of: impl Fn(usize) -> Option<&'a [u8]>,
) -> Vec<u8> {
    let places = || findings.iter().filter_map(|finding| finding.place.as_ref());
    let is_flagged = |file: &FileChange| {
        let paths = [file.old_path.as_deref(), file.new_path.as_deref()];
        places().any(|place| paths.contains(&Some(place.path.as_str())))
    };
    let (first, rest): (Vec<usize>, Vec<usize>) =
        (0..files.len()).partition(|&index| is_flagged(&files[index]));
    let mut patch = Vec::new();
    for index in first.into_iter().chain(rest) {
        if patch.len() > DIFF_BYTES {
            break;
        }
        patch.extend_from_slice(patch_of(index).unwrap_or_default());
    }
    patch
}

/// The beginning of a patch, cut at the end of a line, and whether it was cut.
fn beginning(patch: &[u8]) -> (String, bool) {
    let Some(kept) = patch.get(..DIFF_BYTES).filter(|_| patch.len() > DIFF_BYTES) else {
        return (String::from_utf8_lossy(patch).into_owned(), false);
    };
    let end = kept.iter().rposition(|byte| *byte == b'\n');
    let kept = &kept[..end.map_or(0, |end| end + 1)];
    (String::from_utf8_lossy(kept).into_owned(), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_model::diff::ChangeKind;
    use sortie_model::finding::{Place, Severity, Side};

    #[test]
    fn files_that_something_was_found_in_come_first() {
        let file = |path: &str| FileChange {
            old_path: None,
            new_path: Some(path.into()),
            kind: ChangeKind::Added,
            binary: false,
            old_mode: 0,
            new_mode: 0o100_644,
            additions: 1,
            deletions: 0,
        };
        let finding = Finding {
            scanner: "reward-hacking".into(),
            rule: "skipped-test".into(),
            severity: Severity::Block,
            place: Some(Place {
                path: "b".into(),
                line: 1,
                side: Side::New,
            }),
            message: String::new(),
            evidence: String::new(),
            fingerprint: String::new(),
        };
        let files = ["a", "b", "c"].map(file);
        let texts = ["1\n", "2\n", "3\n"];
        let patch_of = |index: usize| texts.get(index).map(|text| text.as_bytes());
        assert_eq!(flagged_first(&files, &[finding], patch_of), b"2\n1\n3\n");
        assert_eq!(flagged_first(&files, &[], patch_of), b"1\n2\n3\n");
    }

    #[test]
    fn a_long_patch_is_cut_at_a_line() {
        assert_eq!(beginning(b"a\nb"), ("a\nb".to_owned(), false));
        let long = "0123456789\n".repeat(2_000);
        let (text, cut) = beginning(long.as_bytes());
        assert!(cut && text.len() <= DIFF_BYTES && text.ends_with("9\n"));
    }

    #[test]
    fn short_waits_are_not_reminded_of() {
        assert_eq!(remind_after_ms(119_999), None);
        assert_eq!(remind_after_ms(400_000), Some(300_000));
    }
}

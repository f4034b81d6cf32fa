//! Jobs as tables and pages.

use super::{plain, short, state, title};
use crate::out::{Out, Tone};
use comfy_table::{ContentArrangement, Table, presets};
use sortie_api::view::{ArtifactView, JobDetail, JobView, StepView};
use sortie_model::clock::{Clock, SystemClock, Timestamp};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Jobs as a table.
pub fn jobs(out: &Out, jobs: &[JobView]) -> String {
    let now = SystemClock.now();
    let mut table = table(&["JOB", "STATE", "PROJECT", "TASK", "AGE", "USED", "RESULT"]);
    for job in jobs {
        table.add_row(vec![
            format!("#{}", job.id),
            state(out, &job.state),
            plain(&job.project).into_owned(),
            title(&job.task),
            age(now, &job.created_at),
            format!("{}, {}", job.usage.time(), job.usage.cost()),
            result(job),
        ]);
    }
    table.trim_fmt()
}

fn result(job: &JobView) -> String {
    match (&job.published, &job.halt) {
        (Some(published), _) => plain(&published.branch).into_owned(),
        (None, Some(halt)) => halt.reason.clone(),
        (None, None) => "-".to_owned(),
    }
}

/// A table with this head.
pub(super) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head.to_vec());
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
    }
    table
}

/// A job with everything that belongs to it.
pub fn job(out: &Out, detail: &JobDetail) -> String {
    let job = &detail.job;
    let mut page = format!(
        "{} {}  {}\n",
        out.paint(Tone::Strong, &format!("#{}", job.id)),
        state(out, &job.state),
        title(&job.task)
    );
    let mut fact = |name: &str, value: &str| {
        let name = out.paint(Tone::Dim, &format!("{name:<10}"));
        // Values of several lines stay in their column.
        let value = plain(value.trim_end()).replace('\n', "\n             ");
        page.push_str(&format!("  {name} {value}\n"));
    };
    fact("project", &format!("{} ({})", job.project, job.repository));
    if let Some(before) = job.follows {
        fact("continues", &format!("#{before}"));
    }
    if let Some(halt) = &job.halt {
        fact("halted", &format!("{}: {}", halt.reason, halt.detail));
    }
    let is_told = |error: &str| job.halt.as_ref().is_some_and(|halt| halt.detail == error);
    if let Some(error) = job.error.as_deref().filter(|error| !is_told(error)) {
        fact("error", error);
    }
    if let Some(not_before) = &job.not_before {
        fact("next try", &format!("not before {not_before}"));
    }
    if let Some(summary) = &job.summary {
        fact("summary", summary);
    }
    if let Some(published) = &job.published {
        fact(
            "published",
            &format!("{} at {}", published.branch, short(&published.commit)),
        );
    } else if let Some(branch) = &job.branch {
        fact("branch", &format!("{branch} (not pushed)"));
    }
    if let Some(approval) = &detail.approval {
        match &approval.decision {
            None => {
                fact(
                    "asks",
                    &format!("{} (until {})", approval.question, approval.expires_at),
                );
                if let Some(commit) = &approval.commit {
                    fact("about", &format!("commit {commit}"));
                }
            }
            Some(decision) => {
                let by = approval
                    .decided_by
                    .as_deref()
                    .map_or("nobody", |who| called(detail, who));
                let comment = match &approval.comment {
                    Some(comment) => format!(": {comment}"),
                    None => String::new(),
                };
                fact("decision", &format!("{decision} by {by}{comment}"));
            }
        }
    }
    if detail.findings > 0 {
        fact(
            "findings",
            &format!(
                "{}; `sortie findings {}` shows them",
                detail.findings, job.id
            ),
        );
    }
    if let Some(found) = &detail.verification {
        let commands: Vec<String> = found
            .iter()
            .map(|found| format!("{} ({}, {})", found.command, found.purpose, found.because))
            .collect();
        match commands.as_slice() {
            [] => fact(
                "verifies",
                "nothing: no command was found in the base commit",
            ),
            commands => fact("verifies", &commands.join("\n")),
        }
    }
    let calls = job.usage.calls;
    fact(
        "used",
        &format!(
            "{}, {calls} call{}, {}",
            job.usage.time(),
            if calls == 1 { "" } else { "s" },
            job.usage.cost()
        ),
    );
    fact(
        "asked",
        &format!(
            "by {} via {}, {}",
            called(detail, &job.requested_by),
            // A plugin is known by its name, as a door of the host's own is.
            job.via.strip_prefix("plugin:").unwrap_or(&job.via),
            job.created_at
        ),
    );
    if let Some(run) = detail.runs.last() {
        let attempt = format!("attempt {} is {}", run.attempt, run.phase);
        fact("run", &attempt);
        for step in &run.steps {
            page.push_str(&format!("    {}\n", self::step(out, step)));
        }
    }
    if let Some(hint) = &job.hint {
        page.push_str(&format!("{} {hint}\n", out.paint(Tone::Busy, "next:")));
    }
    page
}

/// What a person is called, or else the account.
fn called<'d>(detail: &'d JobDetail, who: &'d str) -> &'d str {
    detail.known_as.get(who).map_or(who, String::as_str)
}

fn step(out: &Out, step: &StepView) -> String {
    let name = plain(&step.name);
    match step.duration_ms {
        Some(ms) => format!(
            "{} {name} ({}.{:01} s)",
            out.paint(Tone::Good, "done"),
            ms / 1000,
            ms % 1000 / 100
        ),
        None => format!("{} {name}", out.paint(Tone::Busy, "now ")),
    }
}

/// The files of a job as a table.
pub fn artifacts(files: &[ArtifactView]) -> String {
    let mut table = table(&["FILE", "RUN", "WHAT", "SIZE", "WRITTEN"]);
    for file in files {
        table.add_row(vec![
            file.id.to_string(),
            file.run.to_string(),
            plain(&file.name).into_owned(),
            format!("{} B", file.size_bytes),
            file.created_at.clone(),
        ]);
    }
    table.trim_fmt()
}

fn age(now: Timestamp, since: &str) -> String {
    let Ok(since) = OffsetDateTime::parse(since, &Rfc3339) else {
        return "-".to_owned();
    };
    let since = Timestamp(i64::try_from(since.unix_timestamp_nanos() / 1_000_000).unwrap_or(0));
    match now.since(since).as_secs() {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3600 => format!("{}m", s / 60),
        s @ 3600..86_400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::Color;

    #[test]
    fn a_page_names_people_and_the_job_that_it_continues() {
        let json = serde_json::json!({
            "id": 9, "thread": 1, "follows": 1, "state": "rejected", "is_final": true,
            "project": "shop", "repository": "/r", "task": "x", "attempts": 1,
            "policy": {
                "workflow": "w", "agent": "a", "budget_plugin": "b",
                "ceiling": { "calls": 1, "cost_micro_usd": 1, "time_ms": 1 },
                "verify": [], "scanners": [], "review_from": "warn", "publish": "none",
                "max_attempts": 1, "approval_expires_ms": 1,
            },
            "usage": { "calls": 0, "cost_micro_usd": 0, "time_ms": 0 },
            "requested_by": "telegram/telegram:11", "via": "plugin:telegram",
            "created_at": "2026-01-02T03:04:05.678Z", "updated_at": "2026-01-02T03:04:05.678Z",
            "runs": [], "findings": 0,
            "approval": {
                "id": 1, "step": "scan", "about": "review", "question": "?",
                "decision": "rejected", "decided_by": "telegram/telegram:12",
                "asked_at": "2026-01-02T03:04:05.678Z", "expires_at": "2026-01-02T03:04:05.678Z",
            },
            "known_as": { "telegram/telegram:11": "Ana", "telegram/telegram:12": "Ben" },
        });
        let detail: JobDetail = serde_json::from_value(json).expect("a job");
        let page = job(&Out::new(false, Color::Never), &detail);
        for line in [
            "  continues  #1\n",
            "  asked      by Ana via telegram, 2026-01-02",
            "  decision   rejected by Ben\n",
        ] {
            assert!(page.contains(line), "{line} in {page}");
        }
    }

    #[test]
    fn ages_are_short() {
        let now = Timestamp(100_000_000);
        assert_eq!(age(now, "1970-01-02T03:46:39.500Z"), "0s");
        assert_eq!(age(now, "1970-01-02T03:00:00Z"), "46m");
        assert_eq!(age(now, "1970-01-01T00:00:00Z"), "1d");
        assert_eq!(age(now, "yesterday"), "-");
    }
}

//! Rows to the model's words. A value that this host does not know is an
//! error that names the table, never a guess.

use crate::db::unsigned;
use crate::error::{Result, StoreError};
use crate::types::{Artifact, InstalledPlugin, Job, PluginVersion, Published};
use rusqlite::Row;
use serde::de::DeserializeOwned;
use sortie_model::approval::{Approval, Decision, Subject};
use sortie_model::budget::{Limits, MicroUsd, Usage};
use sortie_model::clock::Timestamp;
use sortie_model::finding::{Finding, Place, Severity, Side};
use sortie_model::halt::HaltReason;
use sortie_model::id::{ApprovalId, JobId, RunId, ThreadId, Token};
use sortie_model::job::{JobPhase, JobState};
use sortie_model::run::{Run, RunPhase, Step, StepPhase};
use sortie_model::start::{Start, StartMode, Work};

/// Parses stored JSON.
pub(super) fn parse<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| StoreError::row(table, e))
}

pub(super) fn small(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A job's number, or none.
pub(super) fn maybe_job(row: &Row<'_>, column: usize) -> Result<Option<JobId>> {
    let id = row.get::<_, Option<i64>>(column)?;
    Ok(id.map(|id| JobId(unsigned(id))))
}

fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    Ok(Timestamp(row.get(column)?))
}

fn maybe_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp))
}

/// The value of a stored name, by the enum's own parser.
pub(super) fn named<T>(
    table: &'static str,
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T> {
    let name = row
        .get_ref(column)?
        .as_str()
        .map_err(rusqlite::Error::from)?;
    parse(name).ok_or_else(|| StoreError::row(table, format!("{name:?} is unknown")))
}

pub(super) fn job_phase(row: &Row<'_>, column: usize) -> Result<JobPhase> {
    named("jobs", row, column, JobPhase::parse)
}

/// The state from its four columns, which follow each other: `phase,
/// not_before, halt_reason, detail`.
pub(super) fn job_state(row: &Row<'_>, column: usize) -> Result<JobState> {
    let detail = || {
        Ok::<_, StoreError>(
            row.get::<_, Option<String>>(column + 3)?
                .unwrap_or_default(),
        )
    };
    Ok(match job_phase(row, column)? {
        JobPhase::Queued => JobState::Queued {
            not_before: maybe_time(row, column + 1)?,
        },
        JobPhase::Running => JobState::Running,
        JobPhase::AwaitingApproval => JobState::AwaitingApproval,
        JobPhase::NeedsReview => JobState::NeedsReview,
        JobPhase::Approved => JobState::Approved,
        JobPhase::Rejected => JobState::Rejected,
        JobPhase::Succeeded => JobState::Succeeded,
        JobPhase::Cancelled => JobState::Cancelled,
        JobPhase::Failed => JobState::Failed { error: detail()? },
        JobPhase::Halted => JobState::Halted {
            reason: named("jobs", row, column + 2, halt_reason)?,
            detail: detail()?,
        },
    })
}

/// Three columns that follow each other: `start, start_base, start_commit`.
fn start(row: &Row<'_>, column: usize) -> Result<Start> {
    let base: Option<String> = row.get(column + 1)?;
    let commit: Option<String> = row.get(column + 2)?;
    Ok(Start {
        mode: named("jobs", row, column, StartMode::parse)?,
        work: base.zip(commit).map(|(base, commit)| Work { base, commit }),
    })
}

pub(super) fn halt_reason(name: &str) -> Option<HaltReason> {
    HaltReason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == name)
}

/// Three columns that follow each other: calls, cost, time.
pub(super) fn usage(row: &Row<'_>, column: usize) -> Result<Usage> {
    Ok(Usage {
        calls: small(row.get(column)?),
        cost_micro_usd: MicroUsd(unsigned(row.get(column + 1)?)),
        time_ms: unsigned(row.get(column + 2)?),
    })
}

/// Three columns that follow each other: calls, cost, time; none unless set.
pub(super) fn limits(row: &Row<'_>, column: usize) -> Result<Option<Limits>> {
    if row.get::<_, Option<i64>>(column)?.is_none() {
        return Ok(None);
    }
    let limits = usage(row, column)?;
    Ok(Some(Limits {
        calls: limits.calls,
        cost_micro_usd: limits.cost_micro_usd,
        time_ms: limits.time_ms,
    }))
}

/// Selects what [`job`] reads; the rest of the statement follows.
macro_rules! select_job {
    ($rest:literal) => {
        concat!(
            "SELECT j.id, j.thread_id, p.name, r.repository, r.base_branch, r.task, r.policy,
                 j.phase, j.not_before, j.halt_reason, j.detail,
                 j.attempts, j.attempts_before_retry, r.requested_by, r.via,
                 j.branch, j.head_commit, j.published_branch, j.published_commit,
                 j.summary, j.error, j.created_at, j.updated_at, j.finished_at,
                 j.used_calls, j.used_cost_micro_usd, j.used_time_ms,
                 j.start, j.start_base, j.start_commit, j.follows, j.behind
             FROM jobs j JOIN requests r ON r.job_id = j.id JOIN projects p ON p.id = j.project_id ",
            $rest
        )
    };
}
pub(super) use select_job;

pub(super) fn job(row: &Row<'_>) -> Result<Job> {
    let branch: Option<String> = row.get(17)?;
    let commit: Option<String> = row.get(18)?;
    Ok(Job {
        id: JobId(unsigned(row.get(0)?)),
        thread: ThreadId(unsigned(row.get(1)?)),
        follows: maybe_job(row, 30)?,
        behind: maybe_job(row, 31)?,
        project: row.get(2)?,
        repository: row.get(3)?,
        base_branch: row.get(4)?,
        task: row.get(5)?,
        policy: parse(
            "requests",
            row.get_ref(6)?.as_str().map_err(rusqlite::Error::from)?,
        )?,
        state: job_state(row, 7)?,
        attempts: small(row.get(11)?),
        attempts_before_retry: small(row.get(12)?),
        start: start(row, 27)?,
        requested_by: row.get(13)?,
        via: row.get(14)?,
        branch: row.get(15)?,
        head_commit: row.get(16)?,
        published: branch
            .zip(commit)
            .map(|(branch, commit)| Published { branch, commit }),
        summary: row.get(19)?,
        error: row.get(20)?,
        created_at: time(row, 21)?,
        updated_at: time(row, 22)?,
        finished_at: maybe_time(row, 23)?,
        usage: usage(row, 24)?,
    })
}

/// Selects what [`run`] reads; the rest of the statement follows.
macro_rules! select_run {
    ($rest:literal) => {
        concat!(
            "SELECT id, job_id, attempt, phase, token, base_commit, head_commit,
                 started_at, finished_at, error, branch,
                 limit_calls, limit_cost_micro_usd, limit_time_ms,
                 used_calls, used_cost_micro_usd, used_time_ms, stop
             FROM runs ",
            $rest
        )
    };
}
pub(super) use select_run;

pub(super) fn run(row: &Row<'_>) -> Result<Run> {
    Ok(Run {
        id: RunId(unsigned(row.get(0)?)),
        job: JobId(unsigned(row.get(1)?)),
        attempt: small(row.get(2)?),
        phase: named("runs", row, 3, RunPhase::parse)?,
        token: Token(unsigned(row.get(4)?)),
        base_commit: row.get(5)?,
        head_commit: row.get(6)?,
        started_at: time(row, 7)?,
        finished_at: maybe_time(row, 8)?,
        error: row.get(9)?,
    })
}

/// Selects what [`step`] reads; the rest of the statement follows.
macro_rules! select_step {
    ($rest:literal) => {
        concat!(
            "SELECT run_id, position, decision, name, phase, action, outcome,
                 started_at, finished_at
             FROM steps ",
            $rest
        )
    };
}
pub(super) use select_step;

pub(super) fn step(row: &Row<'_>) -> Result<Step> {
    let outcome: Option<String> = row.get(6)?;
    Ok(Step {
        run: RunId(unsigned(row.get(0)?)),
        position: small(row.get(1)?),
        decision: small(row.get(2)?),
        name: row.get(3)?,
        phase: named("steps", row, 4, |name| match name {
            "pending" => Some(StepPhase::Pending),
            "done" => Some(StepPhase::Done),
            _ => None,
        })?,
        action: parse("steps", &row.get::<_, String>(5)?)?,
        outcome: outcome.map(|text| parse("steps", &text)).transpose()?,
        started_at: time(row, 7)?,
        finished_at: maybe_time(row, 8)?,
    })
}

/// Reads `scanner, rule, severity, path, line, side, message, evidence,
/// fingerprint`.
pub(super) fn finding(row: &Row<'_>) -> Result<Finding> {
    let path: Option<String> = row.get(3)?;
    let place = match path {
        None => None,
        Some(path) => Some(Place {
            path,
            line: small(row.get(4)?),
            side: named("findings", row, 5, |name| match name {
                "old" => Some(Side::Old),
                "new" => Some(Side::New),
                _ => None,
            })?,
        }),
    };
    Ok(Finding {
        scanner: row.get(0)?,
        rule: row.get(1)?,
        severity: named("findings", row, 2, Severity::parse)?,
        place,
        message: row.get(6)?,
        evidence: row.get(7)?,
        fingerprint: row.get(8)?,
    })
}

/// Selects what [`approval`] reads; the rest of the statement follows.
macro_rules! select_approval {
    ($rest:literal) => {
        concat!(
            "SELECT id, job_id, run_id, step, question, commit_id, decision,
                 decided_by, decided_via, comment, asked_at, expires_at, decided_at,
                 subject, budget_raise
             FROM approvals ",
            $rest
        )
    };
}
pub(super) use select_approval;

pub(super) fn approval(row: &Row<'_>) -> Result<Approval> {
    let decided = row.get::<_, Option<i64>>(12)?.is_some();
    let decision = |name: &str| {
        Decision::ALL
            .into_iter()
            .find(|decision| decision.as_str() == name)
    };
    Ok(Approval {
        id: ApprovalId(unsigned(row.get(0)?)),
        job: JobId(unsigned(row.get(1)?)),
        run: RunId(unsigned(row.get(2)?)),
        step: row.get(3)?,
        subject: subject(row, 13)?,
        question: row.get(4)?,
        commit: row.get(5)?,
        decision: match decided {
            true => Some(named("approvals", row, 6, decision)?),
            false => None,
        },
        decided_by: row.get(7)?,
        decided_via: row.get(8)?,
        comment: row.get(9)?,
        asked_at: time(row, 10)?,
        expires_at: time(row, 11)?,
        decided_at: maybe_time(row, 12)?,
    })
}

/// Two columns that follow each other: `subject, budget_raise`.
fn subject(row: &Row<'_>, column: usize) -> Result<Subject> {
    let raise: Option<String> = row.get(column + 1)?;
    match raise {
        Some(budget) => parse("approvals", &budget),
        None => named("approvals", row, column, |name| {
            [Subject::Gate, Subject::Review]
                .into_iter()
                .find(|subject| subject.as_str() == name)
        }),
    }
}

/// Reads `id, run_id, position, kind, name, path, size_bytes, created_at`.
pub(super) fn artifact(row: &Row<'_>) -> Result<Artifact> {
    Ok(Artifact {
        id: unsigned(row.get(0)?),
        run: RunId(unsigned(row.get(1)?)),
        position: small(row.get(2)?),
        kind: row.get(3)?,
        name: row.get(4)?,
        path: row.get(5)?,
        size_bytes: unsigned(row.get(6)?),
        created_at: time(row, 7)?,
    })
}

/// Selects what [`plugin`] reads; the rest of the statement follows.
macro_rules! select_plugin {
    ($rest:literal) => {
        concat!(
            "SELECT name, version, digest, source, signed_by, manifest, granted, enabled,
                 disabled_why, installed_at, changed_at, previous_version, previous_digest,
                 previous_source, previous_signed_by, previous_manifest, disabled_by,
                 signature, previous_signature
             FROM plugins ",
            $rest
        )
    };
}
pub(super) use select_plugin;

pub(super) fn plugin(row: &Row<'_>) -> Result<InstalledPlugin> {
    let previous = match row.get::<_, Option<String>>(15)? {
        None => None,
        Some(manifest) => Some(PluginVersion {
            version: row.get(11)?,
            digest: row.get(12)?,
            source: row.get(13)?,
            signature: row.get(18)?,
            signed_by: row.get(14)?,
            manifest: parse("plugins", &manifest)?,
        }),
    };
    Ok(InstalledPlugin {
        name: row.get(0)?,
        version: row.get(1)?,
        digest: row.get(2)?,
        source: row.get(3)?,
        signature: row.get(17)?,
        signed_by: row.get(4)?,
        manifest: parse("plugins", &row.get::<_, String>(5)?)?,
        grant: parse("plugins", &row.get::<_, String>(6)?)?,
        enabled: row.get(7)?,
        disabled_why: row.get(8)?,
        disabled_by: row.get(16)?,
        installed_at: time(row, 9)?,
        changed_at: time(row, 10)?,
        previous,
    })
}

//! Decisions and steps of a run: what makes a crash resume where it was.

use super::lease::hold;
use super::rows::{self, select_run, select_step, small};
use super::state::data;
use super::{ledger, run as runs, timeline};
use crate::db::{all, first, insert, json, run, signed};
use crate::error::{Result, StoreError};
use crate::limits::{MAX_STATE_BYTES, MAX_STEPS_PER_DECISION};
use crate::store::Store;
use crate::types::{NewDecision, RunState, ScanRecord, ScanReport, StepRecord};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use serde_json::Value;
use sortie_model::finding::{Finding, Severity, Side};
use sortie_model::id::{Fence, RunId};
use sortie_model::run::{Step, StepPhase};

/// An outcome up to this size goes into the event that tells of it; a larger
/// one is only with the step. Events are sent to every listener.
const OUTCOME_IN_EVENT_BYTES: usize = 4096;

impl Store {
    /// Stores a decision of the run's workflow, its state and the steps that
    /// it asks for, before anything acts on them. Their positions follow those
    /// of the decision before.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; [`StoreError::OutOfOrder`] when it is not the
    /// next decision or a step of the last one is not finished;
    /// [`StoreError::Invalid`] when something is too large.
    pub async fn decide_steps(&self, fence: Fence, decision: NewDecision) -> Result<Vec<Step>> {
        check(&decision)?;
        self.write(move |tx| decide(tx, fence, &decision)).await
    }

    /// Stores how a step ended and what it left. The same outcome again is no
    /// error and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; [`StoreError::NotFound`] for no such step;
    /// [`StoreError::OutOfOrder`] when it ended otherwise before.
    pub async fn finish_step(
        &self,
        fence: Fence,
        position: u32,
        outcome: Value,
        record: StepRecord,
    ) -> Result<()> {
        let text = json("the step's outcome", &outcome)?;
        self.write(move |tx| finish(tx, fence, position, &outcome, &text, &record))
            .await
    }

    /// The run's newest scan; none when it was not scanned.
    pub async fn scanned(&self, run: RunId) -> Result<Option<ScanRecord>> {
        self.read(move |conn| scanned(conn, run)).await
    }

    /// How far the run got.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn run_state(&self, run: RunId) -> Result<RunState> {
        self.read(move |conn| state(conn, run)).await
    }
}

fn check(decision: &NewDecision) -> Result<()> {
    if decision.state.len() > MAX_STATE_BYTES {
        return Err(StoreError::Invalid {
            what: "the workflow's state",
            detail: format!(
                "it has {} bytes, {MAX_STATE_BYTES} are allowed",
                decision.state.len()
            ),
        });
    }
    if decision.steps.len() > MAX_STEPS_PER_DECISION {
        return Err(StoreError::Invalid {
            what: "the decision",
            detail: format!(
                "it asks for {} steps, {MAX_STEPS_PER_DECISION} are allowed",
                decision.steps.len()
            ),
        });
    }
    Ok(())
}

fn decide(tx: &mut Tx<'_>, fence: Fence, new: &NewDecision) -> Result<Vec<Step>> {
    hold(tx, fence)?;
    in_order(tx, fence.run, new.index)?;
    run(
        tx.conn,
        "INSERT INTO decisions (run_id, number, decision, state, decided_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            signed(fence.run.0),
            new.index,
            json("the decision", &new.decision)?,
            new.state,
            tx.now.0
        ],
    )?;
    let next = first(
        tx.conn,
        "SELECT coalesce(max(position) + 1, 0) FROM steps WHERE run_id = ?1",
        [signed(fence.run.0)],
        |row| Ok(small(row.get(0)?)),
    )?
    .unwrap_or(0);
    let mut steps = Vec::with_capacity(new.steps.len());
    for (position, step) in (next..).zip(&new.steps) {
        run(
            tx.conn,
            "INSERT INTO steps (run_id, position, decision, name, phase, action, started_at)
             VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6)",
            params![
                signed(fence.run.0),
                position,
                new.index,
                step.name,
                json("the step's action", &step.action)?,
                tx.now.0,
            ],
        )?;
        let data = data! { "run": fence.run.0, "position": position, "step": step.name };
        timeline::append(tx, fence.job, "step.started", &Value::Object(data))?;
        steps.push(Step {
            run: fence.run,
            position,
            decision: new.index,
            name: step.name.clone(),
            phase: StepPhase::Pending,
            action: step.action.clone(),
            outcome: None,
            started_at: tx.now,
            finished_at: None,
        });
    }
    Ok(steps)
}

/// Decisions follow each other, and each sees how the steps of the last ended.
fn in_order(tx: &Tx<'_>, id: RunId, index: u32) -> Result<()> {
    let out_of_order = |detail: String| {
        Err(StoreError::OutOfOrder {
            run: id,
            what: format!("decision {index}"),
            detail,
        })
    };
    let next = first(
        tx.conn,
        "SELECT coalesce(max(number) + 1, 0) FROM decisions WHERE run_id = ?1",
        [signed(id.0)],
        |row| Ok(small(row.get(0)?)),
    )?
    .unwrap_or(0);
    if index != next {
        return out_of_order(format!("decision {next} is next"));
    }
    let pending: Option<String> = first(
        tx.conn,
        "SELECT name FROM steps WHERE run_id = ?1 AND phase = 'pending' ORDER BY position LIMIT 1",
        [signed(id.0)],
        |row| Ok(row.get(0)?),
    )?;
    match pending {
        Some(step) => out_of_order(format!("step {step:?} is not finished")),
        None => Ok(()),
    }
}

fn finish(
    tx: &mut Tx<'_>,
    fence: Fence,
    position: u32,
    outcome: &Value,
    text: &str,
    record: &StepRecord,
) -> Result<()> {
    hold(tx, fence)?;
    let step = step_at(tx.conn, fence.run, position)?;
    if step.phase == StepPhase::Done {
        return match step.outcome.as_ref() == Some(outcome) {
            true => Ok(()),
            false => Err(StoreError::OutOfOrder {
                run: fence.run,
                what: format!("the end of step {:?}", step.name),
                detail: "it ended otherwise before".into(),
            }),
        };
    }
    run(
        tx.conn,
        "UPDATE steps SET phase = 'done', outcome = ?3, finished_at = ?4
         WHERE run_id = ?1 AND position = ?2",
        params![signed(fence.run.0), position, text, tx.now.0],
    )?;
    if let Some(report) = &record.findings {
        write_scan(tx, fence.run, report)?;
    }
    if let Some(commit) = &record.head {
        runs::write_head(tx, fence, commit)?;
    }
    ledger::book(tx, fence, record.usage)?;
    let mut data = data! {
        "run": fence.run.0,
        "position": position,
        "step": step.name,
        "duration_ms": tx.now.0.saturating_sub(step.started_at.0).max(0),
    };
    if text.len() <= OUTCOME_IN_EVENT_BYTES {
        data.insert("outcome".into(), outcome.clone());
    }
    timeline::append(tx, fence.job, "step.finished", &Value::Object(data))?;
    Ok(())
}

pub(super) fn step_at(conn: &Connection, id: RunId, position: u32) -> Result<Step> {
    let step = first(
        conn,
        select_step!("WHERE run_id = ?1 AND position = ?2"),
        params![signed(id.0), position],
        rows::step,
    )?;
    step.ok_or_else(|| StoreError::not_found(format_args!("step {position} of {id}")))
}

fn write_scan(tx: &Tx<'_>, id: RunId, report: &ScanReport) -> Result<()> {
    let worst = report.findings.iter().map(|finding| finding.severity).max();
    let scan = insert(
        tx.conn,
        "INSERT INTO scans (run_id, commit_id, worst, scanners, scanned_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            signed(id.0),
            report.commit,
            worst.map(Severity::as_str),
            json("the scanners' names", &report.scanners)?,
            tx.now.0,
        ],
    )?;
    for finding in &report.findings {
        write_finding(tx, scan, finding)?;
    }
    Ok(())
}

fn write_finding(tx: &Tx<'_>, scan: u64, finding: &Finding) -> Result<()> {
    let place = finding.place.as_ref();
    insert(
        tx.conn,
        "INSERT INTO findings (scan_id, scanner, rule, severity, path, line, side, message,
             evidence, fingerprint)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            signed(scan),
            finding.scanner,
            finding.rule,
            finding.severity.as_str(),
            place.map(|place| &place.path),
            place.map(|place| place.line),
            place.map(|place| match place.side {
                Side::Old => "old",
                Side::New => "new",
            }),
            finding.message,
            finding.evidence,
            finding.fingerprint,
        ],
    )?;
    Ok(())
}

fn scanned(conn: &Connection, id: RunId) -> Result<Option<ScanRecord>> {
    first(
        conn,
        "SELECT commit_id, worst, scanners FROM scans WHERE run_id = ?1 ORDER BY id DESC LIMIT 1",
        [signed(id.0)],
        |row| {
            let worst = row
                .get::<_, Option<String>>(1)?
                .map(|name| {
                    Severity::parse(&name)
                        .ok_or_else(|| StoreError::row("scans", format!("{name:?} is unknown")))
                })
                .transpose()?;
            Ok(ScanRecord {
                commit: row.get(0)?,
                worst,
                scanners: rows::parse("scans", &row.get::<_, String>(2)?)?,
            })
        },
    )
}

fn state(conn: &Connection, id: RunId) -> Result<RunState> {
    let mut state = first(conn, select_run!("WHERE id = ?1"), [signed(id.0)], |row| {
        Ok(RunState {
            run: rows::run(row)?,
            limits: rows::limits(row, 11)?,
            usage: rows::usage(row, 14)?,
            branch: row.get(10)?,
            stop: row
                .get::<_, Option<String>>(17)?
                .map(|text| rows::parse("runs", &text))
                .transpose()?,
            decision_index: None,
            state: Vec::new(),
            decision: None,
            steps: Vec::new(),
        })
    })?
    .ok_or_else(|| StoreError::not_found(id))?;
    let last = first(
        conn,
        "SELECT number, state, decision FROM decisions
         WHERE run_id = ?1 ORDER BY number DESC LIMIT 1",
        [signed(id.0)],
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, Vec<u8>>(1)?,
                rows::parse::<Value>("decisions", &row.get::<_, String>(2)?)?,
            ))
        },
    )?;
    if let Some((number, bytes, decision)) = last {
        state.decision_index = Some(small(number));
        state.state = bytes;
        state.decision = Some(decision);
        state.steps = all(
            conn,
            select_step!("WHERE run_id = ?1 AND decision = ?2 ORDER BY position"),
            params![signed(id.0), number],
            rows::step,
        )?;
    }
    Ok(state)
}

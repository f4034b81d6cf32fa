//! A run's budget: what a question about it is about, and what a person adds.

use super::rows::{self, select_run};
use super::{jobs, timeline};
use crate::db::{first, run, signed};
use crate::error::{Result, StoreError};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sortie_model::approval::Subject;
use sortie_model::budget::{Limits, Usage};
use sortie_model::id::{JobId, RunId};

/// What a question about a budget is about, for the events that tell of it: which
/// limit is used up, what a yes adds, what holds until then and what was used.
/// None for a question about anything else.
pub(super) fn asked(conn: &Connection, id: RunId, subject: &Subject) -> Result<Option<Value>> {
    let Subject::Budget { exhausted, raise } = subject else {
        return Ok(None);
    };
    let (limits, usage) = stands(conn, id)?;
    Ok(Some(json!({
        "exhausted": exhausted,
        "raise": raise,
        "limits": limits,
        "usage": usage,
    })))
}

/// What a yes that names so much adds to a run's limits: as far as the ceiling of
/// its job lets it.
pub(super) fn added(conn: &Connection, job: JobId, id: RunId, by: Limits) -> Result<Limits> {
    let ceiling = jobs::get(conn, job)?.policy.ceiling;
    // What was above a ceiling that came later stays.
    Ok(by.tightened_by(limits(conn, id)?.missing_to(ceiling)))
}

/// Adds to a run's limits.
pub(super) fn raise(tx: &mut Tx<'_>, job: JobId, id: RunId, added: Limits) -> Result<()> {
    let before = limits(tx.conn, id)?;
    let after = before.raised_by(added);
    run(
        tx.conn,
        "UPDATE runs SET limit_calls = ?2, limit_cost_micro_usd = ?3, limit_time_ms = ?4
         WHERE id = ?1",
        params![
            signed(id.0),
            after.calls,
            signed(after.cost_micro_usd.0),
            signed(after.time_ms),
        ],
    )?;
    let data = json!({ "run": id.0, "before": before, "after": after });
    timeline::append(tx, job, "budget.raised", &data)?;
    Ok(())
}

fn limits(conn: &Connection, id: RunId) -> Result<Limits> {
    let limits = stands(conn, id)?.0;
    limits.ok_or_else(|| StoreError::row("runs", format_args!("{id} has no budget to raise")))
}

/// What the run may use, and what it used.
fn stands(conn: &Connection, id: RunId) -> Result<(Option<Limits>, Usage)> {
    let found = first(conn, select_run!("WHERE id = ?1"), [signed(id.0)], |row| {
        Ok((rows::limits(row, 11)?, rows::usage(row, 14)?))
    })?;
    found.ok_or_else(|| StoreError::not_found(id))
}

//! A run's budget that a person raised.

use super::rows::{self, select_run};
use super::{jobs, timeline};
use crate::db::{first, run, signed};
use crate::error::{Result, StoreError};
use crate::writer::Tx;
use rusqlite::params;
use serde_json::json;
use sortie_model::budget::Limits;
use sortie_model::id::{JobId, RunId};

/// Adds to a run's limits, as far as the ceiling of its job lets it.
pub(super) fn raise(tx: &mut Tx<'_>, job: JobId, id: RunId, by: Limits) -> Result<()> {
    let ceiling = jobs::get(tx.conn, job)?.policy.ceiling;
    let before = first(
        tx.conn,
        select_run!("WHERE id = ?1"),
        [signed(id.0)],
        |row| rows::limits(row, 11),
    )?
    .flatten()
    .ok_or_else(|| StoreError::row("runs", format_args!("{id} has no budget to raise")))?;
    // What was above a ceiling that came later stays.
    let room = before.missing_to(ceiling);
    let after = before.raised_by(by.tightened_by(room));
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

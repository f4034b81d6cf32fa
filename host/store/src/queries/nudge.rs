//! That an agent which fell silent is told to go on: decided once for a step,
//! and before it is stopped, so that whoever takes the run up does the same.

use super::lease::hold;
use super::timeline::append;
use crate::db::{cut_to, first, run, signed};
use crate::error::{Result, StoreError};
use crate::limits::MAX_FAILURE_BYTES;
use crate::queries::step::step_at;
use crate::store::Store;
use rusqlite::params;
use serde_json::json;
use sortie_model::id::{Fence, RunId};

impl Store {
    /// Decides that a step's agent is stopped and told to go on, for that reason,
    /// and tells of it. False, and nothing changes, when that was decided before.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; [`StoreError::NotFound`] for no such step;
    /// [`StoreError::Invalid`] for an empty reason.
    pub async fn nudge_step(&self, fence: Fence, position: u32, why: &str) -> Result<bool> {
        let why = cut_to(why, MAX_FAILURE_BYTES).to_owned();
        if why.is_empty() {
            return Err(StoreError::Invalid {
                what: "why the agent is told to go on",
                detail: "it is empty; say why".into(),
            });
        }
        self.write(move |tx| {
            hold(tx, fence)?;
            let step = step_at(tx.conn, fence.run, position)?;
            let decided = run(
                tx.conn,
                "UPDATE steps SET nudged = ?3
                 WHERE run_id = ?1 AND position = ?2 AND nudged IS NULL",
                params![signed(fence.run.0), position, why],
            )?;
            if decided > 0 {
                let data = json!({ "step": step.name, "detail": why });
                append(tx, fence.job, "agent.nudged", &data)?;
            }
            Ok(decided > 0)
        })
        .await
    }

    /// Why a step's agent was to be told to go on; none when it was not.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for no such step.
    pub async fn nudged(&self, id: RunId, position: u32) -> Result<Option<String>> {
        self.look(move |conn| {
            let found = first(
                conn,
                "SELECT nudged FROM steps WHERE run_id = ?1 AND position = ?2",
                params![signed(id.0), position],
                |row| Ok(row.get(0)?),
            )?;
            found.ok_or_else(|| StoreError::not_found(format_args!("step {position} of {id}")))
        })
        .await
    }
}

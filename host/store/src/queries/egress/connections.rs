//! The connections of runs to the outside, written down while they go on and
//! when they are over, and what they add up to.

use crate::db::{all, cut_to, first, insert, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::{MAX_EGRESS_DETAIL_BYTES, MAX_NAME_BYTES, MAX_PAGE};
use crate::store::Store;
use crate::types::{EgressConnection, EgressUsed, NewEgressConnection};
use crate::writer::Tx;
use rusqlite::{Row, params};
use sortie_model::clock::Timestamp;
use sortie_model::id::{JobId, RunId};

/// What a run used.
pub(in crate::queries) const USED: &str = "SELECT count(*), coalesce(sum(up_bytes), 0),
         coalesce(sum(down_bytes), 0)
     FROM egress_connections WHERE run_id = ?1";

/// A page of a job's connections.
pub(in crate::queries) const CONNECTIONS: &str =
    "SELECT id, job_id, run_id, method, host, port, address,
         outcome, reason, detail, up_bytes, down_bytes, elapsed_ms, ended_at
     FROM egress_connections WHERE job_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";

impl Store {
    /// Writes down a connection that is over, or that was made and is to end by
    /// [`Store::end_egress`]. Gives its number.
    pub async fn record_egress(&self, new: NewEgressConnection) -> Result<u64> {
        self.write(move |tx| record(tx, &new)).await
    }

    /// Writes how a connection of that number ended, or what it carried so far.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when its run has none of that number.
    pub async fn end_egress(&self, id: u64, new: NewEgressConnection) -> Result<()> {
        self.write(move |tx| end(tx, id, &new)).await
    }

    /// What a run used of the outside so far.
    pub async fn egress_used(&self, run: RunId) -> Result<EgressUsed> {
        self.read(move |conn| {
            let found = first(conn, USED, [signed(run.0)], |row| {
                Ok(EgressUsed {
                    connections: unsigned(row.get(0)?),
                    up_bytes: unsigned(row.get(1)?),
                    down_bytes: unsigned(row.get(2)?),
                })
            })?;
            Ok(found.unwrap_or_default())
        })
        .await
    }

    /// A page of a job's connections, newest first.
    pub async fn egress_connections(
        &self,
        job: JobId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<EgressConnection>> {
        let before = before.map_or(i64::MAX, signed);
        self.read(move |conn| {
            let limit = limit.min(MAX_PAGE);
            all(
                conn,
                CONNECTIONS,
                params![signed(job.0), before, limit],
                connection,
            )
        })
        .await
    }
}

fn record(tx: &mut Tx<'_>, new: &NewEgressConnection) -> Result<u64> {
    let short = |text: &str| cut_to(text, MAX_NAME_BYTES).to_owned();
    let detail = new.detail.as_ref();
    insert(
        tx.conn,
        "INSERT INTO egress_connections (job_id, run_id, method, host, port, address, outcome,
             reason, detail, up_bytes, down_bytes, elapsed_ms, ended_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            signed(new.job.0),
            signed(new.run.0),
            short(&new.method),
            short(&new.host),
            new.port,
            new.address,
            new.outcome,
            new.reason,
            detail.map(|text| cut_to(text, MAX_EGRESS_DETAIL_BYTES)),
            signed(new.up_bytes),
            signed(new.down_bytes),
            signed(new.elapsed_ms),
            tx.now.0
        ],
    )
}

fn end(tx: &mut Tx<'_>, id: u64, new: &NewEgressConnection) -> Result<()> {
    let detail = new.detail.as_ref();
    let changed = run(
        tx.conn,
        "UPDATE egress_connections SET outcome = ?3, reason = ?4, detail = ?5, up_bytes = ?6,
             down_bytes = ?7, elapsed_ms = ?8, ended_at = ?9
         WHERE id = ?1 AND run_id = ?2",
        params![
            signed(id),
            signed(new.run.0),
            new.outcome,
            new.reason,
            detail.map(|text| cut_to(text, MAX_EGRESS_DETAIL_BYTES)),
            signed(new.up_bytes),
            signed(new.down_bytes),
            signed(new.elapsed_ms),
            tx.now.0
        ],
    )?;
    match changed {
        0 => Err(StoreError::not_found(format!("connection {id}"))),
        _ => Ok(()),
    }
}

fn connection(row: &Row<'_>) -> Result<EgressConnection> {
    Ok(EgressConnection {
        id: unsigned(row.get(0)?),
        connection: NewEgressConnection {
            job: JobId(unsigned(row.get(1)?)),
            run: RunId(unsigned(row.get(2)?)),
            method: row.get(3)?,
            host: row.get(4)?,
            port: row.get(5)?,
            address: row.get(6)?,
            outcome: row.get(7)?,
            reason: row.get(8)?,
            detail: row.get(9)?,
            up_bytes: unsigned(row.get(10)?),
            down_bytes: unsigned(row.get(11)?),
            elapsed_ms: unsigned(row.get(12)?),
        },
        ended_at: Timestamp(row.get(13)?),
    })
}

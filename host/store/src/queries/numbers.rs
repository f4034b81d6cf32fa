//! The marks under which numbers are given out; see [`crate::numbers`].

use crate::db::{first, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::numbers::{BLOCK, Numbers, Series};
use crate::store::Store;
use crate::writer::Tx;
use rusqlite::{Connection, params};
use sortie_model::id::{ChatNumber, JobId, PluginEventId};

impl Store {
    /// A number for a job that is going to be submitted by
    /// [`Store::commit_call`]. Given to nobody else, whatever happens; a job
    /// that never comes leaves a gap.
    pub async fn reserve_job_id(&self) -> Result<JobId> {
        self.reserve(Series::Jobs).await.map(JobId)
    }

    /// A number for an event that is going to be accepted or handled. The
    /// events of a source are handled in the order of their numbers.
    pub async fn reserve_event_id(&self) -> Result<PluginEventId> {
        self.reserve(Series::Events).await.map(PluginEventId)
    }

    /// A number for a message that is going to be sent.
    pub async fn reserve_chat_number(&self) -> Result<ChatNumber> {
        self.reserve(Series::Chat).await.map(ChatNumber)
    }

    async fn reserve(&self, series: Series) -> Result<u64> {
        let (number, covered) = self.numbers().take(series);
        if !covered {
            self.write(move |tx| raise(tx, series, number)).await?;
        }
        Ok(number)
    }

    /// Lowers the marks to what was given out, so that a restart leaves no gap.
    pub(crate) async fn give_numbers_back(&self) -> Result<()> {
        self.numbers().stop();
        let numbers = self.numbers().clone();
        self.write(move |tx| {
            // A number taken after this one looked waits for a mark of its own,
            // because the counters were stopped before.
            Series::ALL
                .into_iter()
                .try_for_each(|series| put(tx.conn, series, numbers.taken(series)))
        })
        .await
    }
}

/// The numbers that a store which is being opened gives out.
pub(crate) fn read(conn: &Connection) -> Result<Numbers> {
    let greatest = first(
        conn,
        "SELECT (SELECT max(id) FROM jobs), (SELECT max(id) FROM plugin_events),
             (SELECT max(number) FROM chat_messages)",
        [],
        |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]),
    )?;
    let greatest: [Option<i64>; 3] = greatest.unwrap_or_default();
    let mut used = [0; 3];
    for series in Series::ALL {
        let row = unsigned(greatest[series as usize].unwrap_or(0));
        used[series as usize] = mark(conn, series)?.max(row);
    }
    Ok(Numbers::after(used))
}

fn mark(conn: &Connection, series: Series) -> Result<u64> {
    let mark = first(
        conn,
        "SELECT value FROM meta WHERE key = ?1",
        [series.key()],
        |row| Ok(unsigned(row.get(0)?)),
    )?;
    mark.ok_or_else(|| StoreError::row("meta", format!("{} is gone", series.key())))
}

fn put(conn: &Connection, series: Series, mark: u64) -> Result<()> {
    run(
        conn,
        "UPDATE meta SET value = ?2 WHERE key = ?1",
        params![series.key(), signed(mark)],
    )?;
    Ok(())
}

/// Has the mark cover `number` and a block after it, unless it covers that
/// number already.
fn raise(tx: &mut Tx<'_>, series: Series, number: u64) -> Result<()> {
    let mut covers = mark(tx.conn, series)?;
    if covers < number {
        covers = number + BLOCK;
        put(tx.conn, series, covers)?;
    }
    tx.signals.reserved.raise(series, covers);
    Ok(())
}

/// Raises, in a transaction that is made anyway, the marks that will be needed
/// soon.
pub(super) fn top_up(tx: &mut Tx<'_>, numbers: &Numbers) -> Result<()> {
    for series in Series::ALL {
        if numbers.runs_short(series) {
            raise(tx, series, numbers.taken(series) + BLOCK / 2)?;
        }
    }
    Ok(())
}

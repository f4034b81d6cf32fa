//! Where the money went: sums over the calls to models, and the calls of a run.

use super::rows::{named, small};
use crate::db::{all, signed, unsigned};
use crate::error::Result;
use crate::limits::MAX_PAGE;
use crate::store::Store;
use crate::types::{CallState, ModelCall, UsageBy, UsageFilter, UsageSum};
use rusqlite::{Connection, Row, params};
use sortie_model::budget::MicroUsd;
use sortie_model::clock::Timestamp;
use sortie_model::id::{CallId, JobId, RunId};
use sortie_model::llm::{ModelApi, TokenUsage};

/// One grouping: the columns that name a sum, NULL where it is not by them, in
/// the order that [`sum`] reads them; then how rows are put together.
macro_rules! sums {
    ($keys:literal, $group:literal) => {
        concat!(
            "SELECT ",
            $keys,
            ", count(*), total(c.state = 'open'),
                 total(c.input_tokens), total(c.output_tokens), total(c.cache_read_tokens),
                 total(c.cache_write_tokens), total(c.cost_micro_usd),
                 total(iif(c.state = 'open', c.reserved_micro_usd, 0))
             FROM model_calls c JOIN runs r ON r.id = c.run_id JOIN jobs j ON j.id = r.job_id
             JOIN projects p ON p.id = j.project_id
             LEFT JOIN steps s ON s.run_id = c.run_id AND s.position = c.position
             WHERE c.reserved_at >= ?1 AND (?2 IS NULL OR r.job_id = ?2)
                 AND (?3 IS NULL OR p.name = ?3) GROUP BY ",
            $group,
            " LIMIT ?4"
        )
    };
}

/// The sums of a run's calls; a job's calls are searched by its runs.
pub(super) const BY_JOB: &str = sums!(
    "r.job_id, p.name, NULL, NULL, NULL, NULL, NULL, NULL",
    "r.job_id ORDER BY r.job_id DESC"
);
const BY_PROJECT: &str = sums!(
    "NULL, p.name, NULL, NULL, NULL, NULL, NULL, NULL",
    "p.id ORDER BY total(c.cost_micro_usd) DESC, p.name"
);
const BY_MODEL: &str = sums!(
    "NULL, NULL, NULL, NULL, NULL, c.provider, c.model, NULL",
    "c.provider, c.model ORDER BY total(c.cost_micro_usd) DESC, c.provider, c.model"
);
const BY_DAY: &str = sums!(
    "NULL, NULL, NULL, NULL, NULL, NULL, NULL, c.day",
    "c.day ORDER BY c.day DESC"
);
const BY_STEP: &str = sums!(
    "r.job_id, p.name, c.run_id, c.position, s.name, NULL, NULL, NULL",
    "c.run_id, c.position ORDER BY c.run_id DESC, c.position"
);

impl Store {
    /// What calls to models add up to: the newest jobs, steps and days first,
    /// the dearest projects and models first.
    pub async fn usage(&self, filter: UsageFilter) -> Result<Vec<UsageSum>> {
        self.read(move |conn| sums(conn, &filter)).await
    }

    /// The calls of a run, in the order in which they were made.
    pub async fn model_calls(&self, run: RunId) -> Result<Vec<ModelCall>> {
        self.read(move |conn| {
            all(
                conn,
                "SELECT id, run_id, position, provider, model, api, role, state, flag,
                     reserved_micro_usd, cost_micro_usd, input_tokens, output_tokens,
                     cache_read_tokens, cache_write_tokens, status, error, first_byte_ms,
                     duration_ms, reserved_at
                 FROM model_calls WHERE run_id = ?1 ORDER BY id",
                [signed(run.0)],
                call,
            )
        })
        .await
    }
}

fn sums(conn: &Connection, filter: &UsageFilter) -> Result<Vec<UsageSum>> {
    let limit = match filter.limit {
        0 => MAX_PAGE,
        limit => limit.min(MAX_PAGE),
    };
    let sql = match filter.by {
        UsageBy::Job => BY_JOB,
        UsageBy::Project => BY_PROJECT,
        UsageBy::Model => BY_MODEL,
        UsageBy::Day => BY_DAY,
        UsageBy::Step => BY_STEP,
    };
    let since = filter.since.map_or(i64::MIN, |since| since.0);
    let job = filter.job.map(|job| signed(job.0));
    all(conn, sql, params![since, job, filter.project, limit], sum)
}

fn sum(row: &Row<'_>) -> Result<UsageSum> {
    Ok(UsageSum {
        job: row.get::<_, Option<i64>>(0)?.map(|id| JobId(unsigned(id))),
        project: row.get(1)?,
        run: row.get::<_, Option<i64>>(2)?.map(|id| RunId(unsigned(id))),
        position: row.get::<_, Option<i64>>(3)?.map(small),
        step: row.get(4)?,
        provider: row.get(5)?,
        model: row.get(6)?,
        day: row.get(7)?,
        calls: unsigned(row.get(8)?),
        open: whole(row, 9)?,
        usage: TokenUsage {
            input: whole(row, 10)?,
            output: whole(row, 11)?,
            cache_read: whole(row, 12)?,
            cache_write: whole(row, 13)?,
            cache_write_long: 0,
        },
        cost: MicroUsd(whole(row, 14)?),
        reserved: MicroUsd(whole(row, 15)?),
    })
}

/// A sum of integers. `total` adds as a float, which unlike `sum` cannot end a
/// listing with an overflow; up to nine billion dollars it is exact.
fn whole(row: &Row<'_>, column: usize) -> Result<u64> {
    let sum: f64 = row.get(column)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float saturates, and no part of the sum is negative"
    )]
    let whole = sum as u64;
    Ok(whole)
}

fn call(row: &Row<'_>) -> Result<ModelCall> {
    const TABLE: &str = "model_calls";
    let count =
        |column: usize| Ok::<_, crate::error::StoreError>(row.get::<_, Option<i64>>(column)?);
    let usage = match count(11)? {
        None => None,
        Some(input) => Some(TokenUsage {
            input: unsigned(input),
            output: unsigned(row.get(12)?),
            cache_read: unsigned(row.get(13)?),
            cache_write: unsigned(row.get(14)?),
            cache_write_long: 0,
        }),
    };
    Ok(ModelCall {
        id: CallId(unsigned(row.get(0)?)),
        run: RunId(unsigned(row.get(1)?)),
        position: count(2)?.map(small),
        provider: row.get(3)?,
        model: row.get(4)?,
        api: named(TABLE, row, 5, ModelApi::parse)?,
        role: row.get(6)?,
        state: named(TABLE, row, 7, CallState::parse)?,
        flag: row.get(8)?,
        reserved: MicroUsd(unsigned(row.get(9)?)),
        cost: MicroUsd(unsigned(row.get(10)?)),
        usage,
        status: row.get(15)?,
        error: row.get(16)?,
        first_byte_ms: count(17)?.map(unsigned),
        duration_ms: count(18)?.map(unsigned),
        reserved_at: Timestamp(row.get(19)?),
    })
}

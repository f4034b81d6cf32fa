//! Calls to models: the worst case is reserved before a call is made, and what
//! it came to is settled afterwards. Both are one write each, so that however
//! many calls are made at once, their reservations and what was spent never
//! exceed a limit together.

use super::lease::hold;
use super::ledger;
use crate::db::{all, cut_to, first, insert, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_FAILURE_BYTES;
use crate::store::Store;
use crate::types::CallLimits;
use crate::writer::Tx;
use rusqlite::{Connection, params};
use sortie_model::budget::{MicroUsd, Usage};
use sortie_model::clock::Timestamp;
use sortie_model::id::{CallId, Fence, JobId, RunId, Token};
use sortie_model::llm::{CallEnd, CallLimit, CallRecord, CallRefused, NewCall};

const MS_PER_DAY: i64 = 86_400_000;

/// What the run's calls under way may still cost.
pub(super) const OPEN_OF_RUN: &str = "SELECT coalesce(sum(reserved_micro_usd), 0) FROM model_calls WHERE run_id = ?1 AND state = 'open'";

/// What all projects spent and may still spend on a day.
pub(super) const OF_DAY: &str =
    "SELECT project_id, cost_micro_usd, reserved_micro_usd FROM model_days WHERE day = ?1";

/// The calls under way.
pub(super) const ALL_OPEN: &str = "SELECT id FROM model_calls INDEXED BY model_calls_open
     WHERE state = 'open'";

impl Store {
    /// Reserves the worst case of a call and counts the call, if the run, its
    /// project's day and the host's day have room for it; otherwise nothing is
    /// written and the answer says what stands in the way.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the lease is over.
    pub async fn reserve_call(
        &self,
        fence: Fence,
        call: NewCall,
        limits: CallLimits,
    ) -> Result<std::result::Result<CallId, CallRefused>> {
        self.write(move |tx| reserve(tx, fence, &call, &limits))
            .await
    }

    /// Settles a call that was reserved under this fence, and books what it
    /// cost. It may do so after the lease has ended, because the money was
    /// spent all the same. False, and nothing changes, when it is settled
    /// already.
    ///
    /// # Errors
    /// [`StoreError::Stale`] for another lease than the one that reserved;
    /// [`StoreError::NotFound`].
    pub async fn settle_call(
        &self,
        fence: Fence,
        call: CallId,
        record: CallRecord,
    ) -> Result<bool> {
        self.write(settlement(fence, call, record)).await
    }

    /// As [`Store::settle_call`], without waiting for the disk.
    pub(crate) async fn hand_in_settlement(
        &self,
        fence: Fence,
        call: CallId,
        record: CallRecord,
    ) -> Result<impl Future<Output = Result<bool>> + Send + use<>> {
        self.hand_in(settlement(fence, call, record)).await
    }

    /// Whether a run's lease still holds; for what is neither counted nor paid
    /// for and still belongs to runs under way alone.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it does not; [`StoreError::NotFound`].
    pub async fn check_lease(&self, fence: Fence) -> Result<()> {
        self.read(move |conn| {
            let current = first(
                conn,
                "SELECT token FROM runs WHERE id = ?1 AND job_id = ?2",
                [signed(fence.run.0), signed(fence.job.0)],
                |row| Ok(Token(unsigned(row.get(0)?))),
            )?;
            match current {
                Some(token) if token == fence.token => Ok(()),
                Some(current) => Err(StoreError::Stale {
                    run: fence.run,
                    shown: fence.token,
                    current,
                }),
                None => Err(StoreError::not_found(fence.run)),
            }
        })
        .await
    }
}

/// The write that settles a call for whoever reserved it.
fn settlement(
    fence: Fence,
    call: CallId,
    record: CallRecord,
) -> impl Fn(&mut Tx<'_>) -> Result<bool> + Send + 'static {
    move |tx| {
        let open = open_call(tx.conn, call)?;
        if open.run != fence.run || open.job != fence.job {
            return Err(StoreError::not_found(format_args!(
                "{call} of {}",
                fence.run
            )));
        }
        if open.token != fence.token {
            return Err(StoreError::Stale {
                run: fence.run,
                shown: fence.token,
                current: open.token,
            });
        }
        settle(tx, &open, &record)
    }
}

/// Books every call that is under way as its reservation: whoever made them is
/// gone, and with them what the providers said. For the start of a host.
pub(super) fn settle_abandoned(tx: &Tx<'_>) -> Result<()> {
    let open = all(tx.conn, ALL_OPEN, [], |row| {
        Ok(CallId(unsigned(row.get(0)?)))
    })?;
    let record = CallRecord {
        end: CallEnd::Assumed { unusable: false },
        status: None,
        error: Some("the host ended while the call was under way".into()),
        first_byte_ms: None,
        duration_ms: 0,
    };
    for call in open {
        let call = open_call(tx.conn, call)?;
        settle(tx, &call, &record)?;
    }
    Ok(())
}

fn reserve(
    tx: &Tx<'_>,
    fence: Fence,
    call: &NewCall,
    limits: &CallLimits,
) -> Result<std::result::Result<CallId, CallRefused>> {
    hold(tx, fence)?;
    let used = ledger::used(tx.conn, fence.run)?;
    if used.calls >= limits.run.calls {
        return Ok(Err(CallRefused {
            limit: CallLimit::RunCalls,
            left: MicroUsd(0),
            may_pass: false,
        }));
    }
    let project = project_of(tx.conn, fence.job)?;
    let day = day_of(tx.now);
    let open = first(tx.conn, OPEN_OF_RUN, [signed(fence.run.0)], |row| {
        Ok(unsigned(row.get(0)?))
    })?;
    let mut days = [Spent::default(); 2];
    for (of, spent) in all(tx.conn, OF_DAY, [day], |row| {
        let spent = Spent {
            cost: unsigned(row.get(1)?),
            open: unsigned(row.get(2)?),
        };
        Ok((row.get::<_, i64>(0)?, spent))
    })? {
        if of == project {
            days[0] = spent;
        }
        days[1] = days[1].plus(spent);
    }
    let run_spent = Spent {
        cost: used.cost_micro_usd.0,
        open: open.unwrap_or(0),
    };
    for (spent, cap, limit) in [
        (run_spent, limits.run.cost_micro_usd, CallLimit::RunCost),
        (days[0], limits.project_day, CallLimit::ProjectDay),
        (days[1], limits.host_day, CallLimit::HostDay),
    ] {
        if let Some(refused) = spent.refuses(call.worst, cap, limit) {
            return Ok(Err(refused));
        }
    }
    let reserved = signed(call.worst.0);
    let id = insert(
        tx.conn,
        "INSERT INTO model_calls (run_id, token, position, provider, model, api, role, state,
             day, reserved_micro_usd, reserved_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open', ?8, ?9, ?10)",
        params![
            signed(fence.run.0),
            signed(fence.token.0),
            call.position,
            call.provider,
            call.model,
            call.api.as_str(),
            call.role,
            day,
            reserved,
            tx.now.0,
        ],
    )?;
    // The cap that was just checked keeps both sums within the type.
    run(
        tx.conn,
        "INSERT INTO model_days (day, project_id, reserved_micro_usd) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET reserved_micro_usd = reserved_micro_usd
             + min(?3, 9223372036854775807 - reserved_micro_usd)",
        params![day, project, reserved],
    )?;
    let one = Usage {
        calls: 1,
        ..Usage::default()
    };
    ledger::book(tx, fence, one)?;
    Ok(Ok(CallId(id)))
}

#[derive(Clone, Copy, Default)]
struct Spent {
    cost: u64,
    open: u64,
}

impl Spent {
    fn plus(self, other: Self) -> Self {
        Self {
            cost: self.cost.saturating_add(other.cost),
            open: self.open.saturating_add(other.open),
        }
    }

    fn refuses(self, worst: MicroUsd, cap: MicroUsd, limit: CallLimit) -> Option<CallRefused> {
        let settled = cap.0.saturating_sub(self.cost);
        let left = settled.saturating_sub(self.open);
        // What costs nothing needs no room, also where a late report went over.
        if worst.0 <= left {
            return None;
        }
        Some(CallRefused {
            limit,
            left: MicroUsd(left),
            may_pass: worst.0 <= settled,
        })
    }
}

struct OpenCall {
    id: CallId,
    job: JobId,
    run: RunId,
    token: Token,
    project: i64,
    is_open: bool,
    day: i64,
    reserved: u64,
}

fn open_call(conn: &Connection, id: CallId) -> Result<OpenCall> {
    let found = first(
        conn,
        "SELECT r.job_id, c.run_id, c.token, j.project_id, c.state = 'open', c.day,
             c.reserved_micro_usd
         FROM model_calls c JOIN runs r ON r.id = c.run_id JOIN jobs j ON j.id = r.job_id
         WHERE c.id = ?1",
        [signed(id.0)],
        |row| {
            Ok(OpenCall {
                id,
                job: JobId(unsigned(row.get(0)?)),
                run: RunId(unsigned(row.get(1)?)),
                token: Token(unsigned(row.get(2)?)),
                project: row.get(3)?,
                is_open: row.get(4)?,
                day: row.get(5)?,
                reserved: unsigned(row.get(6)?),
            })
        },
    )?;
    found.ok_or_else(|| StoreError::not_found(id))
}

fn settle(tx: &Tx<'_>, call: &OpenCall, record: &CallRecord) -> Result<bool> {
    if !call.is_open {
        return Ok(false);
    }
    let (state, flag, usage, cost) = match &record.end {
        CallEnd::Reported { usage, cost, over } => {
            ("settled", over.then_some("over"), Some(*usage), cost.0)
        }
        CallEnd::Assumed { unusable } => {
            let flag = unusable.then_some("unusable");
            ("assumed", flag, None, call.reserved)
        }
        CallEnd::Released => ("released", None, None, 0),
    };
    run(
        tx.conn,
        "UPDATE model_calls SET state = ?2, flag = ?3, cost_micro_usd = ?4, input_tokens = ?5,
             output_tokens = ?6, cache_read_tokens = ?7, cache_write_tokens = ?8, status = ?9,
             error = ?10, first_byte_ms = ?11, duration_ms = ?12, settled_at = ?13
         WHERE id = ?1",
        params![
            signed(call.id.0),
            state,
            flag,
            signed(cost),
            usage.map(|usage| signed(usage.input)),
            usage.map(|usage| signed(usage.output)),
            usage.map(|usage| signed(usage.cache_read)),
            usage.map(|usage| signed(usage.cache_write)),
            record.status,
            record
                .error
                .as_deref()
                .map(|e| cut_to(e, MAX_FAILURE_BYTES)),
            record.first_byte_ms.map(signed),
            signed(record.duration_ms),
            tx.now.0,
        ],
    )?;
    run(
        tx.conn,
        "UPDATE model_days SET reserved_micro_usd = max(0, reserved_micro_usd - ?3),
             cost_micro_usd = cost_micro_usd + min(?4, 9223372036854775807 - cost_micro_usd)
         WHERE day = ?1 AND project_id = ?2",
        params![call.day, call.project, signed(call.reserved), signed(cost)],
    )?;
    let fence = Fence {
        job: call.job,
        run: call.run,
        token: call.token,
    };
    let spent = Usage {
        cost_micro_usd: MicroUsd(cost),
        ..Usage::default()
    };
    ledger::book(tx, fence, spent)?;
    Ok(true)
}

fn project_of(conn: &Connection, job: JobId) -> Result<i64> {
    first(
        conn,
        "SELECT project_id FROM jobs WHERE id = ?1",
        [signed(job.0)],
        |row| Ok(row.get(0)?),
    )?
    .ok_or_else(|| StoreError::not_found(job))
}

/// Days since 1970-01-01 in UTC.
pub(super) fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(MS_PER_DAY)
}

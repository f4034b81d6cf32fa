//! What runs wanted of the outside: refused hosts, people's answers, and every
//! connection. Whether an answer fits a host is the model's to say.

use super::audit::note;
use super::lease::hold;
use super::people::Person;
use super::state::open_run;
use super::{members, timeline};
use crate::db::{all, cut_to, first, insert, name, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::{
    MAX_EGRESS_ASKS, MAX_EGRESS_DETAIL_BYTES, MAX_EGRESS_RULINGS, MAX_NAME_BYTES, MAX_PAGE,
};
use crate::store::Store;
use crate::types::{
    EgressAsk, EgressConnection, EgressUsed, NewEgressConnection, NewEgressRefusal, NewRuling,
};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde_json::json;
use sortie_model::clock::Timestamp;
use sortie_model::egress::{Ruling, RulingScope};
use sortie_model::host::HostName;
use sortie_model::id::{Fence, JobId, RunId};

/// The answers that count for a job and a run of it, newest first. Of those
/// that say the same of the same, only the newest; the columns beside `max(id)`
/// are that row's. A yes does not stand for an older no: without a port it is
/// about fewer.
pub(super) const RULINGS: &str = "SELECT max(id) AS id, job_id, run_id, scope, allowed, host, port,
         decided_by, decided_via, decided_at
     FROM egress_rulings WHERE job_id = ?1 AND scope <> 'project'
     GROUP BY scope, run_id, host, port, allowed
     UNION ALL
     SELECT max(id), job_id, run_id, scope, allowed, host, port, decided_by, decided_via,
         decided_at
     FROM egress_rulings WHERE project_id = ?2 AND scope = 'project'
     GROUP BY host, port, allowed
     ORDER BY id DESC LIMIT ?3";

/// The most different answers of one job, and of one project. Both count for a
/// run, so that a new one never pushes an old one out.
const MAX_EACH: u32 = MAX_EGRESS_RULINGS / 2;

/// How many different answers a job has beside one.
const OTHERS_OF_JOB: &str = "SELECT count(*) FROM (
         SELECT 1 FROM egress_rulings WHERE job_id = ?1 AND scope <> 'project'
             AND NOT (scope = ?2 AND run_id IS ?3 AND host = ?4 AND port IS ?5 AND allowed = ?6)
         GROUP BY scope, run_id, host, port, allowed)";

/// How many different answers a project has beside one.
const OTHERS_OF_PROJECT: &str = "SELECT count(*) FROM (
         SELECT 1 FROM egress_rulings WHERE project_id = ?1 AND scope = 'project'
             AND NOT (host = ?2 AND port IS ?3 AND allowed = ?4)
         GROUP BY host, port, allowed)";

/// What a run used.
pub(super) const USED: &str = "SELECT count(*), coalesce(sum(up_bytes), 0),
         coalesce(sum(down_bytes), 0)
     FROM egress_connections WHERE run_id = ?1";

/// A page of a job's connections.
pub(super) const CONNECTIONS: &str = "SELECT id, job_id, run_id, method, host, port, address,
         outcome, reason, detail, up_bytes, down_bytes, elapsed_ms, ended_at
     FROM egress_connections WHERE job_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";

/// What a job asked.
pub(super) const ASKS_OF_JOB: &str = "SELECT job_id, run_id, host, port, reason, asked_at, id
     FROM egress_asks WHERE job_id = ?1 ORDER BY id";

/// What the jobs that are not over asked, newest first.
pub(super) const ASKS_OPEN: &str = "SELECT a.job_id, a.run_id, a.host, a.port, a.reason,
         a.asked_at, a.id
     FROM jobs j INDEXED BY jobs_place CROSS JOIN egress_asks a ON a.job_id = j.id
     WHERE j.phase IN ('queued', 'running', 'awaiting_approval', 'needs_review', 'approved')
     ORDER BY a.id DESC LIMIT ?1";

impl Store {
    /// Puts a refused request on the timeline, and a question beside it when a
    /// person can let the next one out. A question that was asked before, or
    /// that is one too many of its job, is not asked again.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the lease is over.
    pub async fn egress_refused(&self, fence: Fence, refusal: NewEgressRefusal) -> Result<()> {
        name("the host", &refusal.host)?;
        name("the reason", &refusal.reason)?;
        self.write(move |tx| {
            hold(tx, fence)?;
            refused(tx, fence, &refusal)
        })
        .await
    }

    /// Answers for a host, for as far as the answer goes. It counts from the
    /// next connection on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such job;
    /// [`StoreError::Invalid`] when the answer is for a run and none is under
    /// way, or when there are as many answers as count.
    pub async fn rule_egress(&self, job: JobId, new: NewRuling) -> Result<Ruling> {
        let person = Person::of(&new.by, &new.via)?;
        self.write(move |tx| rule(tx, job, &new, &person)).await
    }

    /// The answers that count for a run, newest first; of a job when no run is
    /// named, those for single runs among them.
    pub async fn egress_rulings(&self, job: JobId, of: Option<RunId>) -> Result<Vec<Ruling>> {
        self.read(move |conn| {
            let mut rulings = rulings(conn, job)?;
            if let Some(of) = of {
                for_run(&mut rulings, Some(of));
            }
            Ok(rulings)
        })
        .await
    }

    /// Changes whenever an answer was given.
    pub fn egress_signal(&self) -> tokio::sync::watch::Receiver<u64> {
        self.listeners().egress.subscribe()
    }

    /// What a job asked, in order, each with the answer that counts now.
    pub async fn egress_asks(&self, job: JobId) -> Result<Vec<EgressAsk>> {
        self.read(move |conn| {
            project_of(conn, job)?;
            let asks = all(conn, ASKS_OF_JOB, [signed(job.0)], ask)?;
            answered(conn, asks)
        })
        .await
    }

    /// What was asked under that number, with the answer that counts now.
    pub async fn egress_ask(&self, id: u64) -> Result<Option<EgressAsk>> {
        self.read(move |conn| {
            let asks = asked(conn, id)?.into_iter().collect();
            Ok(answered(conn, asks)?.pop())
        })
        .await
    }

    /// What the jobs that are not over asked and nobody answered, newest first.
    pub async fn egress_questions(&self, limit: u32) -> Result<Vec<EgressAsk>> {
        self.read(move |conn| {
            let asks = all(conn, ASKS_OPEN, [MAX_PAGE], ask)?;
            let mut asks = answered(conn, asks)?;
            asks.retain(|ask| ask.ruling.is_none());
            asks.truncate(limit.min(MAX_PAGE) as usize);
            Ok(asks)
        })
        .await
    }

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

fn refused(tx: &mut Tx<'_>, fence: Fence, new: &NewEgressRefusal) -> Result<()> {
    let (ask, is_new) = match new.question {
        true => put_ask(tx, fence, new)?,
        false => (None, false),
    };
    let data = json!({
        "run": fence.run.0,
        "method": new.method,
        "target": format!("{}:{}", new.host, new.port),
        "host": new.host,
        "port": new.port,
        "reason": new.reason,
        "question": new.question,
        "ask": ask,
        "new": is_new,
    });
    timeline::append(tx, fence.job, "egress.refused", &data)?;
    Ok(())
}

/// The number of the question, none when it is one too many, and whether it was
/// not asked before.
fn put_ask(tx: &Tx<'_>, fence: Fence, new: &NewEgressRefusal) -> Result<(Option<u64>, bool)> {
    let asked = run(
        tx.conn,
        "INSERT INTO egress_asks (job_id, run_id, host, port, reason, asked_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6
         WHERE (SELECT count(*) FROM egress_asks WHERE job_id = ?1) < ?7
         ON CONFLICT DO NOTHING",
        params![
            signed(fence.job.0),
            signed(fence.run.0),
            new.host,
            new.port,
            new.reason,
            tx.now.0,
            MAX_EGRESS_ASKS
        ],
    )?;
    let id = first(
        tx.conn,
        "SELECT id FROM egress_asks WHERE job_id = ?1 AND host = ?2 AND port = ?3",
        params![signed(fence.job.0), new.host, new.port],
        |row| Ok(unsigned(row.get(0)?)),
    )?;
    Ok((id, asked > 0))
}

fn asked(conn: &Connection, id: u64) -> Result<Option<EgressAsk>> {
    first(
        conn,
        "SELECT job_id, run_id, host, port, reason, asked_at, id FROM egress_asks WHERE id = ?1",
        [signed(id)],
        ask,
    )
}

/// Answers for the host that was asked for under that number, at its port.
pub(super) fn admit(
    tx: &mut Tx<'_>,
    id: u64,
    allow: bool,
    scope: RulingScope,
    person: &Person,
) -> Result<()> {
    let ask = asked(tx.conn, id)?
        .ok_or_else(|| StoreError::not_found(format_args!("question {id} about a host")))?;
    let host = HostName::parse(&ask.host)
        .ok_or_else(|| StoreError::row("egress_asks", "the host is none"))?;
    let new = NewRuling {
        host: host.into(),
        port: Some(ask.port),
        allow,
        scope,
        by: person.by.clone(),
        via: person.via.clone(),
    };
    rule(tx, ask.job, &new, person)?;
    Ok(())
}

fn rule(tx: &mut Tx<'_>, job: JobId, new: &NewRuling, person: &Person) -> Result<Ruling> {
    let project = project_of(tx.conn, job)?;
    let of = match new.scope {
        RulingScope::Run => {
            let under_way = open_run(tx.conn, job)?;
            Some(under_way.ok_or_else(|| StoreError::Invalid {
                what: "the answer",
                detail: format!("no run of job {} is under way; answer for the job", job.0),
            })?)
        }
        RulingScope::Job | RulingScope::Project => None,
    };
    has_room(tx.conn, project, job, of, new)?;
    let id = insert(
        tx.conn,
        "INSERT INTO egress_rulings (project_id, job_id, run_id, scope, allowed, host, port,
             decided_by, decided_via, decided_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            project,
            signed(job.0),
            of.map(|run| signed(run.0)),
            new.scope.as_str(),
            new.allow,
            new.host.to_string(),
            new.port,
            person.by,
            person.via,
            tx.now.0
        ],
    )?;
    let kind = match new.allow {
        true => "egress.allowed",
        false => "egress.denied",
    };
    let data = json!({
        "host": new.host,
        "port": new.port,
        "scope": new.scope,
        "by": person.by,
        "name": members::known_as(tx.conn, &person.by)?,
        "via": person.via,
    });
    timeline::append(tx, job, kind, &data)?;
    let mut detail = data;
    detail["job"] = job.0.into();
    note(tx, &person.by, kind, &new.host.to_string(), &detail)?;
    tx.signals.egress = true;
    Ok(Ruling {
        id,
        host: new.host.clone(),
        port: new.port,
        allow: new.allow,
        scope: new.scope,
        job,
        run: of,
        by: person.by.clone(),
        via: person.via.clone(),
        at: tx.now,
    })
}

/// Refuses an answer that would push another one out.
fn has_room(
    conn: &Connection,
    project: i64,
    job: JobId,
    of: Option<RunId>,
    new: &NewRuling,
) -> Result<()> {
    fn count(row: &Row<'_>) -> Result<u32> {
        Ok(row.get(0)?)
    }
    let host = new.host.to_string();
    let (others, detail) = match new.scope {
        RulingScope::Project => (
            first(
                conn,
                OTHERS_OF_PROJECT,
                params![project, host, new.port, new.allow],
                count,
            )?,
            format!(
                "its project has {MAX_EACH} others already; answer for the job, or write the host \
                 under [egress] in the configuration"
            ),
        ),
        RulingScope::Run | RulingScope::Job => (
            first(
                conn,
                OTHERS_OF_JOB,
                params![
                    signed(job.0),
                    new.scope.as_str(),
                    of.map(|run| signed(run.0)),
                    host,
                    new.port,
                    new.allow
                ],
                count,
            )?,
            format!(
                "job {} has {MAX_EACH} others already; answer for the project, or write the host \
                 under [egress] in the configuration",
                job.0
            ),
        ),
    };
    if others.unwrap_or_default() < MAX_EACH {
        return Ok(());
    }
    Err(StoreError::Invalid {
        what: "the answer",
        detail,
    })
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

fn project_of(conn: &Connection, job: JobId) -> Result<i64> {
    let found = first(
        conn,
        "SELECT project_id FROM jobs WHERE id = ?1",
        [signed(job.0)],
        |row| Ok(row.get(0)?),
    )?;
    found.ok_or_else(|| StoreError::not_found(job))
}

fn rulings(conn: &Connection, job: JobId) -> Result<Vec<Ruling>> {
    let project = project_of(conn, job)?;
    all(
        conn,
        RULINGS,
        params![signed(job.0), project, MAX_EGRESS_RULINGS],
        ruling,
    )
}

/// Leaves out what was answered for other runs alone.
fn for_run(rulings: &mut Vec<Ruling>, run: Option<RunId>) {
    rulings.retain(|ruling| ruling.run.is_none() || ruling.run == run);
}

/// Puts the answers that count beside what was asked.
fn answered(conn: &Connection, mut asks: Vec<EgressAsk>) -> Result<Vec<EgressAsk>> {
    let mut known: Option<(JobId, Vec<Ruling>)> = None;
    for ask in &mut asks {
        if known.as_ref().is_none_or(|(job, _)| *job != ask.job) {
            let mut rulings = rulings(conn, ask.job)?;
            for_run(&mut rulings, open_run(conn, ask.job)?);
            known = Some((ask.job, rulings));
        }
        let host = HostName::parse(&ask.host)
            .ok_or_else(|| StoreError::row("egress_asks", "the host is none"))?;
        let rulings = known.as_ref().map_or(&[][..], |(_, rulings)| rulings);
        ask.ruling = rulings
            .iter()
            .find(|ruling| ruling.speaks_for(&host, ask.port))
            .cloned();
    }
    Ok(asks)
}

fn ask(row: &Row<'_>) -> Result<EgressAsk> {
    Ok(EgressAsk {
        id: unsigned(row.get(6)?),
        job: JobId(unsigned(row.get(0)?)),
        run: RunId(unsigned(row.get(1)?)),
        host: row.get(2)?,
        port: row.get(3)?,
        reason: row.get(4)?,
        asked_at: Timestamp(row.get(5)?),
        ruling: None,
    })
}

fn ruling(row: &Row<'_>) -> Result<Ruling> {
    let broken = |error: String| StoreError::row("egress_rulings", error);
    let scope: String = row.get(3)?;
    let host: String = row.get(5)?;
    Ok(Ruling {
        id: unsigned(row.get(0)?),
        job: JobId(unsigned(row.get(1)?)),
        run: row
            .get::<_, Option<i64>>(2)?
            .map(|run| RunId(unsigned(run))),
        scope: scope.parse().map_err(broken)?,
        allow: row.get(4)?,
        host: host.parse().map_err(|e| broken(format!("{e}")))?,
        port: row.get(6)?,
        by: row.get(7)?,
        via: row.get(8)?,
        at: Timestamp(row.get(9)?),
    })
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

//! What happened in the last hours, in numbers and in lines; and how projects
//! stand.

use super::rows::{self, select_approval};
use super::{DEFAULT_TENANT, host};
use crate::db::{all, first, signed, unsigned};
use crate::error::Result;
use crate::limits::{MAX_QUEUED_COUNTED, MAX_STATS_HOURS, MAX_STATS_LINES};
use crate::store::Store;
use crate::types::{
    JobLine, PauseLine, ProjectTally, QueueCounts, Stats, TaskCounts, Tokens, WaitingLine,
};
use rusqlite::{Connection, params};
use sortie_model::budget::MicroUsd;
use sortie_model::clock::Timestamp;
use sortie_model::id::JobId;
use sortie_model::job::JobPhase;

/// The jobs that ended since a moment, by how.
pub(super) const ENDED: &str = "SELECT phase, count(*) FROM jobs INDEXED BY jobs_finished
     WHERE finished_at IS NOT NULL AND finished_at >= ?1 GROUP BY phase";

/// What calls to models since a moment cost and moved; the second sum is of
/// jobs that stand without success.
pub(super) const SPENT: &str = "SELECT coalesce(sum(c.cost_micro_usd), 0),
         coalesce(sum(iif(j.phase IN ('failed', 'halted', 'rejected', 'cancelled'),
             c.cost_micro_usd, 0)), 0),
         coalesce(sum(c.input_tokens + c.cache_read_tokens + c.cache_write_tokens), 0),
         coalesce(sum(c.output_tokens), 0)
     FROM model_calls c JOIN runs r ON r.id = c.run_id JOIN jobs j ON j.id = r.job_id
     WHERE c.reserved_at >= ?1";

/// The newest jobs that ended.
pub(super) const ENDED_LINES: &str = "SELECT j.id, p.name, j.phase, r.task, j.used_cost_micro_usd
     FROM jobs j JOIN projects p ON p.id = j.project_id JOIN requests r ON r.job_id = j.id
     WHERE j.finished_at IS NOT NULL AND j.finished_at >= ?1
     ORDER BY j.finished_at DESC LIMIT ?2";

/// The characters of a task that a line shows.
const TITLE_CHARS: usize = 80;

/// The characters of a question that a line shows.
const QUESTION_CHARS: usize = 200;

const HOUR_MS: i64 = 3_600_000;

const DAY_MS: i64 = 24 * HOUR_MS;

impl Store {
    /// What happened in the last hours, from one to [`MAX_STATS_HOURS`]; with
    /// lines of jobs and open questions if those are wanted.
    pub async fn stats(&self, hours: u32, lines: bool) -> Result<Stats> {
        let now = self.clock().now();
        let hours = hours.clamp(1, MAX_STATS_HOURS);
        self.read(move |conn| stats(conn, now, hours, lines)).await
    }

    /// How the configured projects stand, by name.
    pub async fn project_tallies(&self) -> Result<Vec<ProjectTally>> {
        let day = self.clock().now().0.div_euclid(DAY_MS);
        self.look(move |conn| tallies(conn, day)).await
    }
}

fn stats(conn: &Connection, now: Timestamp, hours: u32, lines: bool) -> Result<Stats> {
    let since = Timestamp(now.0.saturating_sub(i64::from(hours) * HOUR_MS));
    let mut tasks = TaskCounts::default();
    for (phase, count) in all(conn, ENDED, [since.0], |row| {
        Ok((rows::job_phase(row, 0)?, unsigned(row.get(1)?)))
    })? {
        tasks.add(phase, count);
    }
    let sums = first(conn, SPENT, [since.0], |row| {
        Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
    })?;
    let [cost, unsuccessful, input, output] = sums.unwrap_or_default().map(unsigned);
    let (jobs, waiting) = match lines {
        true => (Some(job_lines(conn, since)?), Some(waiting_lines(conn)?)),
        false => (None, None),
    };
    let shown = jobs.as_ref().map_or(0, Vec::len) as u64;
    let more = tasks.total.saturating_sub(shown);
    Ok(Stats {
        hours,
        since,
        until: now,
        success_percent: tasks.success_percent(),
        tokens: Tokens { input, output },
        cost_micro_usd: MicroUsd(cost),
        unsuccessful_cost_micro_usd: MicroUsd(unsuccessful),
        queue: queue(conn)?,
        paused: host::paused(conn)?.map(|pause| PauseLine {
            by: pause.by,
            why: pause.why,
            at: pause.at,
        }),
        more: (lines && more > 0).then_some(more),
        tasks,
        jobs,
        waiting,
    })
}

pub(super) fn queue(conn: &Connection) -> Result<QueueCounts> {
    let mut queue = QueueCounts::default();
    let counts = all(
        conn,
        "SELECT phase, count(*) FROM jobs
         WHERE phase IN ('queued', 'running', 'awaiting_approval', 'needs_review', 'approved')
         GROUP BY phase",
        [],
        |row| Ok((rows::job_phase(row, 0)?, unsigned(row.get(1)?))),
    )?;
    for (phase, count) in counts {
        match phase {
            JobPhase::Queued => queue.queued = count,
            JobPhase::Running => queue.running = count,
            JobPhase::Approved => queue.approved = count,
            _ => queue.waiting += count,
        }
    }
    Ok(queue)
}

fn job_lines(conn: &Connection, since: Timestamp) -> Result<Vec<JobLine>> {
    all(
        conn,
        ENDED_LINES,
        params![since.0, MAX_STATS_LINES],
        |row| {
            let task: String = row.get(3)?;
            let title = task.lines().find(|line| !line.trim().is_empty());
            Ok(JobLine {
                job: JobId(unsigned(row.get(0)?)),
                project: row.get(1)?,
                state: rows::job_phase(row, 2)?,
                title: title
                    .unwrap_or_default()
                    .trim()
                    .chars()
                    .take(TITLE_CHARS)
                    .collect(),
                cost_micro_usd: MicroUsd(unsigned(row.get(4)?)),
            })
        },
    )
}

fn waiting_lines(conn: &Connection) -> Result<Vec<WaitingLine>> {
    all(
        conn,
        select_approval!("WHERE decision IS NULL ORDER BY expires_at LIMIT ?1"),
        [MAX_STATS_LINES],
        |row| Ok(WaitingLine::of(&rows::approval(row)?, QUESTION_CHARS)),
    )
}

fn tallies(conn: &Connection, day: i64) -> Result<Vec<ProjectTally>> {
    all(
        conn,
        "SELECT p.name,
             (SELECT count(*) FROM jobs j WHERE j.phase = 'running' AND j.project_id = p.id),
             (SELECT count(*) FROM (SELECT 1 FROM jobs j
                 WHERE j.phase = 'queued' AND j.project_id = p.id LIMIT ?3)),
             coalesce(d.cost_micro_usd, 0), coalesce(d.reserved_micro_usd, 0)
         FROM projects p LEFT JOIN model_days d ON d.day = ?1 AND d.project_id = p.id
         WHERE p.tenant_id = ?2 AND p.retired_at IS NULL ORDER BY p.name",
        params![day, DEFAULT_TENANT, signed(MAX_QUEUED_COUNTED)],
        |row| {
            Ok(ProjectTally {
                name: row.get(0)?,
                running: unsigned(row.get(1)?),
                queued: unsigned(row.get(2)?),
                spent_today: MicroUsd(unsigned(row.get(3)?)),
                reserved_today: MicroUsd(unsigned(row.get(4)?)),
            })
        },
    )
}

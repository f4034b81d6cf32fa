//! What the model knows of jobs, runs and leases, and what it foretells.

use super::LIMITS;
use sortie_model::approval::Decision;
use sortie_model::id::{Fence, JobId, RunId};
use sortie_model::job::{JobEventKind, JobPhase, next_phase};
use sortie_model::run::RunPhase;
use sortie_store::{Result, StoreError};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(super) struct ModelRun {
    pub(super) id: RunId,
    pub(super) phase: RunPhase,
    pub(super) calls: u32,
}

#[derive(Clone, Debug)]
pub(super) struct ModelJob {
    pub(super) beta: bool,
    pub(super) phase: JobPhase,
    pub(super) due: i64,
    pub(super) attempts: u32,
    /// The newest run.
    pub(super) run: Option<ModelRun>,
    /// The newest question: its run, answer and expiry.
    pub(super) question: Option<(RunId, Option<Decision>, i64)>,
}

/// What an operation led to, as far as the model foretells it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    Done,
    Unchanged,
    Claimed(Vec<JobId>),
    Exhausted,
    Stale,
    IllegalPhase,
    Illegal(JobPhase, JobEventKind),
}

pub(super) fn seen(error: StoreError) -> Seen {
    match error {
        StoreError::Stale { shown, current, .. } => {
            assert!(shown < current, "a stale token is an older one");
            Seen::Stale
        }
        StoreError::IllegalPhase { .. } => Seen::IllegalPhase,
        StoreError::Illegal(illegal) => Seen::Illegal(illegal.phase, illegal.event),
        other => panic!("{other}"),
    }
}

pub(super) fn done<T>(result: Result<T>) -> Seen {
    result.map_or_else(seen, |_| Seen::Done)
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) jobs: BTreeMap<JobId, ModelJob>,
    /// Every fence that was ever handed out, and the job's newest.
    pub(super) fences: Vec<Fence>,
    pub(super) newest: BTreeMap<RunId, Fence>,
}

impl Model {
    pub(super) fn holds(&self, fence: Fence) -> bool {
        self.newest.get(&fence.run) == Some(&fence)
    }

    pub(super) fn move_job(&mut self, job: JobId, event: JobEventKind) -> Result<JobPhase, Seen> {
        let state = self.jobs.get_mut(&job).unwrap();
        let next = next_phase(state.phase, event)
            .map_err(|illegal| Seen::Illegal(illegal.phase, illegal.event))?;
        state.phase = next;
        state.due = self.now;
        Ok(next)
    }

    pub(super) fn end_run(&mut self, job: JobId) {
        if let Some(run) = &mut self.jobs.get_mut(&job).unwrap().run {
            run.phase = RunPhase::Finished;
            self.newest.remove(&run.id);
        }
    }

    /// The job that a claim takes.
    pub(super) fn next(&self) -> Option<JobId> {
        let running = |beta: Option<bool>| {
            let jobs = self.jobs.values();
            jobs.filter(|job| job.phase == JobPhase::Running)
                .filter(|job| beta.is_none_or(|beta| job.beta == beta))
                .count() as u32
        };
        if running(None) >= LIMITS.max_running_total {
            return None;
        }
        let first = |phase| {
            self.jobs
                .iter()
                .filter(|(_, job)| job.phase == phase && job.due <= self.now)
                .filter(|(_, job)| running(Some(job.beta)) < LIMITS.max_running_per_project)
                .min_by_key(|(id, job)| (job.due, **id))
                .map(|(id, _)| *id)
        };
        first(JobPhase::Approved).or_else(|| first(JobPhase::Queued))
    }

    pub(super) fn expire(&mut self, job: JobId) {
        let state = self.jobs.get_mut(&job).unwrap();
        state.question.as_mut().unwrap().1 = Some(Decision::Expired);
        self.move_job(job, JobEventKind::Halted).unwrap();
        self.end_run(job);
    }
}

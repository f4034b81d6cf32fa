//! Operations of people, and what happens when nobody answers.

use super::Pair;
use super::state::{Seen, done, seen};
use crate::support::answer;
use sortie_model::approval::Decision;
use sortie_model::id::JobId;
use sortie_model::job::{JobEventKind, JobPhase};
use sortie_store::NewRetry;

impl Pair {
    pub(super) async fn decide(&mut self, job: JobId, approve: bool) -> (Seen, Seen) {
        let (decision, event) = match approve {
            true => (Decision::Approved, JobEventKind::Approve),
            false => (Decision::Rejected, JobEventKind::Reject),
        };
        let got = match self.store.decide(job, answer(decision, "ann")).await {
            Ok(decided) if decided.changed => Seen::Done,
            Ok(decided) => {
                assert_eq!(decided.approval.decision, Some(decision));
                Seen::Unchanged
            }
            Err(error) => seen(error),
        };
        let state = self.model.jobs[&job].clone();
        if state.phase.waits_for_person() {
            let (_, answer, expires) = state.question.unwrap();
            assert_eq!(answer, None);
            if expires <= self.model.now {
                self.model.expire(job);
                return (got, Seen::Illegal(JobPhase::Halted, event));
            }
            let open = self.model.jobs.get_mut(&job).unwrap();
            open.question.as_mut().unwrap().1 = Some(decision);
            self.model.move_job(job, event).unwrap();
            if !approve {
                self.model.end_run(job);
            }
            return (got, Seen::Done);
        }
        let about = state.run.as_ref().map(|run| run.id);
        let same = state.phase != JobPhase::Queued
            && state
                .question
                .is_some_and(|(run, answer, _)| Some(run) == about && answer == Some(decision));
        match same {
            true => (got, Seen::Unchanged),
            false => (got, Seen::Illegal(state.phase, event)),
        }
    }

    pub(super) async fn cancel(&mut self, job: JobId) -> (Seen, Seen) {
        let got = match self.store.cancel(job, "ann", "cli").await {
            Ok(cancelled) if cancelled.changed => Seen::Done,
            Ok(_) => Seen::Unchanged,
            Err(error) => seen(error),
        };
        if self.model.jobs[&job].phase == JobPhase::Cancelled {
            return (got, Seen::Unchanged);
        }
        let expected = match self.model.move_job(job, JobEventKind::Cancel) {
            Ok(_) => {
                self.model.end_run(job);
                let state = self.model.jobs.get_mut(&job).unwrap();
                if let Some((_, open @ None, _)) = &mut state.question {
                    *open = Some(Decision::Withdrawn);
                }
                Seen::Done
            }
            Err(seen) => seen,
        };
        (got, expected)
    }

    pub(super) async fn expire(&mut self) -> (Seen, Seen) {
        let mut due: Vec<JobId> = self
            .model
            .jobs
            .iter()
            .filter(|(_, job)| job.phase.waits_for_person())
            .filter(|(_, job)| job.question.unwrap().2 <= self.model.now)
            .map(|(id, _)| *id)
            .collect();
        for job in &due {
            self.model.expire(*job);
        }
        let mut got = self.store.expire_approvals().await.unwrap();
        got.sort_unstable();
        due.sort_unstable();
        (Seen::Claimed(got), Seen::Claimed(due))
    }

    pub(super) async fn retry(&mut self, job: JobId) -> (Seen, Seen) {
        let got = done(self.store.retry(job, NewRetry::of("ann", "cli")).await);
        let expected = self.model.move_job(job, JobEventKind::Retry);
        (got, expected.map_or_else(|seen| seen, |_| Seen::Done))
    }
}

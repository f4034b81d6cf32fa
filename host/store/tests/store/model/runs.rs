//! Operations of those who work on jobs, also of those whose lease is over.

use super::state::{ModelJob, ModelRun, Seen, done, seen};
use super::{CAP, LIMITS, Pair};
use crate::support::{new_job, policy};
use sortie_model::approval::Subject;
use sortie_model::budget::Usage;
use sortie_model::clock::Timestamp;
use sortie_model::halt::HaltReason;
use sortie_model::id::{Fence, JobId, RunId};
use sortie_model::job::{JobEvent, JobEventKind, JobPhase};
use sortie_model::run::RunPhase;
use sortie_store::{NewApproval, NewJob, RunEnd};

impl Pair {
    pub(super) async fn submit(&mut self, beta: bool) -> (Seen, Seen) {
        let name = if beta { "beta" } else { "alpha" };
        let new = NewJob {
            policy: policy(),
            ..new_job(name, "x")
        };
        let made = self.store.submit(new).await.unwrap();
        self.model.jobs.insert(
            made.job.id,
            ModelJob {
                beta,
                phase: JobPhase::Queued,
                due: self.model.now,
                attempts: 0,
                run: None,
                question: None,
            },
        );
        (Seen::Done, Seen::Done)
    }

    pub(super) async fn claim(&mut self) -> (Seen, Seen) {
        let expected: Vec<JobId> = self.model.next().into_iter().collect();
        let claim = self.store.claim(LIMITS).await.unwrap();
        let got = claim.iter().map(|claim| claim.job.id).collect();
        if let Some(claim) = claim {
            let id = claim.job.id;
            let resumed = self.model.jobs[&id].phase == JobPhase::Approved;
            assert_eq!(claim.resumed, resumed);
            self.model.move_job(id, JobEventKind::Leased).unwrap();
            let job = self.model.jobs.get_mut(&id).unwrap();
            if resumed {
                let run = job.run.as_mut().unwrap();
                assert_eq!(run.id, claim.run.id, "an approved job keeps its run");
                run.phase = RunPhase::Leased;
            } else {
                job.attempts += 1;
                job.run = Some(ModelRun {
                    id: claim.run.id,
                    phase: RunPhase::Leased,
                    calls: 0,
                });
            }
            assert_eq!(claim.run.attempt, job.attempts);
            self.lease(claim.fence);
        }
        (Seen::Claimed(got), Seen::Claimed(expected))
    }

    pub(super) fn lease(&mut self, fence: Fence) {
        let newer = self.model.fences.iter().all(|old| old.token < fence.token);
        assert!(newer, "tokens only grow");
        self.model.fences.push(fence);
        self.model.newest.insert(fence.run, fence);
    }

    pub(super) async fn reclaim(&mut self) -> (Seen, Seen) {
        let mut expected: Vec<(RunId, JobId)> = self
            .model
            .jobs
            .iter()
            .filter(|(_, job)| job.phase == JobPhase::Running)
            .map(|(id, job)| (job.run.as_ref().unwrap().id, *id))
            .collect();
        expected.sort_unstable();
        let claims = self.store.reclaim().await.unwrap();
        let got = claims.iter().map(|claim| claim.job.id).collect();
        for claim in claims {
            let job = self.model.jobs.get_mut(&claim.job.id).unwrap();
            job.run.as_mut().unwrap().phase = RunPhase::Leased;
            self.lease(claim.fence);
        }
        let expected = expected.into_iter().map(|(_, job)| job).collect();
        (Seen::Claimed(got), Seen::Claimed(expected))
    }

    pub(super) async fn phase(&mut self, fence: Fence, to: RunPhase) -> (Seen, Seen) {
        let got = done(self.store.set_run_phase(fence, to).await);
        if !self.model.holds(fence) {
            return (got, Seen::Stale);
        }
        let run = self
            .model
            .jobs
            .get_mut(&fence.job)
            .unwrap()
            .run
            .as_mut()
            .unwrap();
        let by_itself = !matches!(to, RunPhase::Leased | RunPhase::Parked | RunPhase::Finished);
        if run.phase != to && !(by_itself && run.phase.may_become(to)) {
            return (got, Seen::IllegalPhase);
        }
        run.phase = to;
        (got, Seen::Done)
    }

    pub(super) async fn park(
        &mut self,
        fence: Fence,
        flagged: bool,
        expires_in: i64,
    ) -> (Seen, Seen) {
        let (subject, event) = match flagged {
            true => (Subject::Review, JobEventKind::Flagged),
            false => (Subject::Gate, JobEventKind::Gated),
        };
        let expires = self.model.now + expires_in;
        let approval = NewApproval {
            step: "gate".into(),
            subject,
            question: "go on?".into(),
            commit: None,
            expires_at: Timestamp(expires),
            remind_at: None,
            evidence: None,
        };
        let got = done(self.store.park(fence, approval).await);
        if !self.model.holds(fence) {
            return (got, Seen::Stale);
        }
        let job = self.model.jobs.get_mut(&fence.job).unwrap();
        let run = job.run.as_mut().unwrap();
        if !run.phase.may_become(RunPhase::Parked) {
            return (got, Seen::IllegalPhase);
        }
        run.phase = RunPhase::Parked;
        job.question = Some((fence.run, None, expires));
        self.model.newest.remove(&fence.run);
        self.model.move_job(fence.job, event).unwrap();
        (got, Seen::Done)
    }

    pub(super) async fn finish(&mut self, fence: Fence, event: usize) -> (Seen, Seen) {
        let not_before = Timestamp(self.model.now + 15);
        let event = match event {
            0 => JobEvent::Finished,
            1 => JobEvent::Failed { error: "e".into() },
            2 => JobEvent::Halted {
                reason: HaltReason::NoChanges,
                detail: "d".into(),
            },
            3 => JobEvent::Postponed { not_before },
            _ => JobEvent::Reject,
        };
        let got = done(
            self.store
                .finish(fence, event.clone(), RunEnd::default())
                .await,
        );
        if !self.model.holds(fence) {
            return (got, Seen::Stale);
        }
        self.model.move_job(fence.job, event.kind()).unwrap();
        if event.kind() == JobEventKind::Postponed {
            self.model.jobs.get_mut(&fence.job).unwrap().due = not_before.0;
        }
        self.model.end_run(fence.job);
        (got, Seen::Done)
    }

    pub(super) async fn book(&mut self, fence: Fence, calls: u32) -> (Seen, Seen) {
        let delta = Usage {
            calls,
            ..Usage::default()
        };
        // Each for a step of its own: a step is charged once.
        self.charges += 1;
        let charged = self.store.charge_step(fence, self.charges, delta, CAP);
        let got = match charged.await {
            Ok(Ok(_)) => Seen::Done,
            Ok(Err(_)) => Seen::Exhausted,
            Err(error) => seen(error),
        };
        if !self.model.holds(fence) {
            return (got, Seen::Stale);
        }
        let run = self
            .model
            .jobs
            .get_mut(&fence.job)
            .unwrap()
            .run
            .as_mut()
            .unwrap();
        if run.calls + calls > CAP.calls {
            return (got, Seen::Exhausted);
        }
        run.calls += calls;
        (got, Seen::Done)
    }
}

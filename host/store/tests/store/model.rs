//! Random operations on a real store beside a model of it in a few lines: what
//! the store answers and what it holds must be what the model says, whatever
//! is tried in whichever order, also by those whose lease is over.

use crate::support::{TestClock, answer, open, policy, project};
use proptest::prelude::*;
use sortie_model::approval::Decision;
use sortie_model::budget::{Limits, MicroUsd, Usage};
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::halt::HaltReason;
use sortie_model::id::{Fence, JobId, RunId};
use sortie_model::job::{JobEvent, JobEventKind, JobPhase, TRANSITIONS, next_phase};
use sortie_model::run::RunPhase;
use sortie_store::{
    ClaimLimits, JobFilter, NewApproval, NewJob, Result, RunEnd, Store, StoreError,
};
use std::collections::BTreeMap;

const LIMITS: ClaimLimits = ClaimLimits {
    max_running_total: 3,
    max_running_per_project: 2,
};

const CAP: Limits = Limits {
    calls: 5,
    cost_micro_usd: MicroUsd(100),
    time_ms: 100,
};

#[derive(Clone, Debug)]
enum Op {
    Submit {
        beta: bool,
    },
    Claim,
    Reclaim,
    Phase {
        fence: usize,
        to: usize,
    },
    Park {
        fence: usize,
        flagged: bool,
        expires_in: i64,
    },
    Finish {
        fence: usize,
        event: usize,
    },
    Use {
        fence: usize,
        calls: u32,
    },
    Emit {
        fence: usize,
    },
    Decide {
        job: usize,
        approve: bool,
    },
    Cancel {
        job: usize,
    },
    Retry {
        job: usize,
    },
    Expire,
    Wait {
        ms: i64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let index = 0..64_usize;
    prop_oneof![
        3 => any::<bool>().prop_map(|beta| Op::Submit { beta }),
        5 => Just(Op::Claim),
        1 => Just(Op::Reclaim),
        6 => (index.clone(), 0..6_usize).prop_map(|(fence, to)| Op::Phase { fence, to }),
        4 => (index.clone(), any::<bool>(), 1..40_i64)
            .prop_map(|(fence, flagged, expires_in)| Op::Park { fence, flagged, expires_in }),
        4 => (index.clone(), 0..5_usize).prop_map(|(fence, event)| Op::Finish { fence, event }),
        2 => (index.clone(), 0..4_u32).prop_map(|(fence, calls)| Op::Use { fence, calls }),
        1 => index.clone().prop_map(|fence| Op::Emit { fence }),
        5 => (index.clone(), any::<bool>()).prop_map(|(job, approve)| Op::Decide { job, approve }),
        2 => index.clone().prop_map(|job| Op::Cancel { job }),
        3 => index.prop_map(|job| Op::Retry { job }),
        1 => Just(Op::Expire),
        3 => (1..30_i64).prop_map(|ms| Op::Wait { ms }),
    ]
}

#[derive(Clone, Debug)]
struct ModelRun {
    id: RunId,
    phase: RunPhase,
    calls: u32,
}

#[derive(Clone, Debug)]
struct ModelJob {
    beta: bool,
    phase: JobPhase,
    due: i64,
    attempts: u32,
    /// The newest run.
    run: Option<ModelRun>,
    /// The newest question: its run, answer and expiry.
    question: Option<(RunId, Option<Decision>, i64)>,
}

/// What an operation led to, as far as the model foretells it.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Done,
    Unchanged,
    Claimed(Vec<JobId>),
    Exhausted,
    Stale,
    IllegalPhase,
    Illegal(JobPhase, JobEventKind),
}

fn seen(error: StoreError) -> Seen {
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

fn done<T>(result: Result<T>) -> Seen {
    result.map_or_else(seen, |_| Seen::Done)
}

#[derive(Default)]
struct Model {
    now: i64,
    jobs: BTreeMap<JobId, ModelJob>,
    /// Every fence that was ever handed out, and the job's newest.
    fences: Vec<Fence>,
    newest: BTreeMap<RunId, Fence>,
}

impl Model {
    fn holds(&self, fence: Fence) -> bool {
        self.newest.get(&fence.run) == Some(&fence)
    }

    fn move_job(&mut self, job: JobId, event: JobEventKind) -> Result<JobPhase, Seen> {
        let state = self.jobs.get_mut(&job).unwrap();
        let next = next_phase(state.phase, event)
            .map_err(|illegal| Seen::Illegal(illegal.phase, illegal.event))?;
        state.phase = next;
        state.due = self.now;
        Ok(next)
    }

    fn end_run(&mut self, job: JobId) {
        if let Some(run) = &mut self.jobs.get_mut(&job).unwrap().run {
            run.phase = RunPhase::Finished;
            self.newest.remove(&run.id);
        }
    }

    /// The job that a claim takes.
    fn next(&self) -> Option<JobId> {
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

    fn expire(&mut self, job: JobId) {
        let state = self.jobs.get_mut(&job).unwrap();
        state.question.as_mut().unwrap().1 = Some(Decision::Expired);
        self.move_job(job, JobEventKind::Halted).unwrap();
        self.end_run(job);
    }
}

struct Pair {
    model: Model,
    store: Store,
    clock: std::sync::Arc<TestClock>,
}

impl Pair {
    /// Carries the operation out on the store; what it led to, and what the
    /// model says it should.
    async fn apply(&mut self, op: &Op) -> (Seen, Seen) {
        let jobs: Vec<JobId> = self.model.jobs.keys().copied().collect();
        let job = |i: usize| (!jobs.is_empty()).then(|| jobs[i % jobs.len()]);
        let fences = self.model.fences.clone();
        let fence =
            |i: usize| (!fences.is_empty()).then(|| fences[fences.len() - 1 - i % fences.len()]);
        let nothing = (Seen::Done, Seen::Done);
        match op {
            Op::Submit { beta } => self.submit(*beta).await,
            Op::Claim => self.claim().await,
            Op::Reclaim => self.reclaim().await,
            Op::Wait { ms } => {
                self.clock.advance(*ms);
                self.model.now += ms;
                nothing
            }
            Op::Expire => self.expire().await,
            Op::Phase { fence: i, to } => match fence(*i) {
                Some(fence) => self.phase(fence, RunPhase::ALL[*to]).await,
                None => nothing,
            },
            Op::Park {
                fence: i,
                flagged,
                expires_in,
            } => match fence(*i) {
                Some(fence) => self.park(fence, *flagged, *expires_in).await,
                None => nothing,
            },
            Op::Finish { fence: i, event } => match fence(*i) {
                Some(fence) => self.finish(fence, *event).await,
                None => nothing,
            },
            Op::Use { fence: i, calls } => match fence(*i) {
                Some(fence) => self.book(fence, *calls).await,
                None => nothing,
            },
            Op::Emit { fence: i } => match fence(*i) {
                Some(fence) => {
                    let got = done(self.store.emit(fence, "test", serde_json::json!(1)).await);
                    let stale = !self.model.holds(fence);
                    (got, if stale { Seen::Stale } else { Seen::Done })
                }
                None => nothing,
            },
            Op::Decide { job: i, approve } => match job(*i) {
                Some(job) => self.decide(job, *approve).await,
                None => nothing,
            },
            Op::Cancel { job: i } => match job(*i) {
                Some(job) => self.cancel(job).await,
                None => nothing,
            },
            Op::Retry { job: i } => match job(*i) {
                Some(job) => {
                    let got = done(self.store.retry(job, "ann", "cli").await);
                    let expected = self.model.move_job(job, JobEventKind::Retry);
                    (got, expected.map_or_else(|seen| seen, |_| Seen::Done))
                }
                None => nothing,
            },
        }
    }

    async fn submit(&mut self, beta: bool) -> (Seen, Seen) {
        let name = if beta { "beta" } else { "alpha" };
        let new = NewJob {
            policy: policy(),
            ..crate::support::new_job(name, "x")
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

    async fn claim(&mut self) -> (Seen, Seen) {
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

    fn lease(&mut self, fence: Fence) {
        let newer = self.model.fences.iter().all(|old| old.token < fence.token);
        assert!(newer, "tokens only grow");
        self.model.fences.push(fence);
        self.model.newest.insert(fence.run, fence);
    }

    async fn reclaim(&mut self) -> (Seen, Seen) {
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

    async fn phase(&mut self, fence: Fence, to: RunPhase) -> (Seen, Seen) {
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

    async fn park(&mut self, fence: Fence, flagged: bool, expires_in: i64) -> (Seen, Seen) {
        let event = if flagged {
            JobEvent::Flagged
        } else {
            JobEvent::Gated
        };
        let expires = self.model.now + expires_in;
        let approval = NewApproval {
            step: "gate".into(),
            question: "go on?".into(),
            commit: None,
            expires_at: Timestamp(expires),
        };
        let got = done(self.store.park(fence, event.clone(), approval).await);
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
        self.model.move_job(fence.job, event.kind()).unwrap();
        (got, Seen::Done)
    }

    async fn finish(&mut self, fence: Fence, event: usize) -> (Seen, Seen) {
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

    async fn book(&mut self, fence: Fence, calls: u32) -> (Seen, Seen) {
        let delta = Usage {
            calls,
            ..Usage::default()
        };
        let got = match self.store.add_usage(fence, delta, CAP).await {
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

    async fn decide(&mut self, job: JobId, approve: bool) -> (Seen, Seen) {
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

    async fn cancel(&mut self, job: JobId) -> (Seen, Seen) {
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
                Seen::Done
            }
            Err(seen) => seen,
        };
        (got, expected)
    }

    async fn expire(&mut self) -> (Seen, Seen) {
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

    /// Everything the store holds is what the model holds.
    async fn compare(&self) {
        let jobs = self.store.jobs(JobFilter::default()).await.unwrap();
        assert_eq!(jobs.len(), self.model.jobs.len());
        for job in jobs {
            let state = &self.model.jobs[&job.id];
            assert_eq!(job.state.phase(), state.phase, "{}", job.id);
            assert_eq!(job.attempts, state.attempts);
            assert_eq!(job.finished_at.is_some(), state.phase.is_final());
            let runs = self.store.runs(job.id).await.unwrap();
            let newest = runs.last().map(|run| (run.id, run.phase));
            assert_eq!(newest, state.run.as_ref().map(|run| (run.id, run.phase)));
            let open = runs.iter().filter(|run| run.finished_at.is_none()).count();
            let under_way = matches!(
                state.phase,
                JobPhase::Running
                    | JobPhase::AwaitingApproval
                    | JobPhase::NeedsReview
                    | JobPhase::Approved
            );
            assert_eq!(open, usize::from(under_way), "{} {}", job.id, state.phase);
            self.replay(job.id, state.phase).await;
        }
        let running = self
            .model
            .newest
            .values()
            .map(|fence| fence.run)
            .collect::<std::collections::BTreeSet<_>>();
        let leased = self.store.unfinished_runs().await.unwrap();
        assert_eq!(leased, running.into_iter().collect::<Vec<_>>());
    }

    /// The timeline alone tells a legal life that ends where the job stands.
    async fn replay(&self, job: JobId, stands: JobPhase) {
        let events = self
            .store
            .events_after(Default::default(), Some(job), 0xffff);
        let mut phases = Vec::new();
        for event in events.await.unwrap() {
            if let Some(name) = event.kind.strip_prefix("job.") {
                phases.push(JobPhase::parse(name).unwrap());
            }
        }
        assert_eq!(phases.first(), Some(&JobPhase::Queued));
        assert_eq!(phases.last(), Some(&stands));
        for pair in phases.windows(2) {
            let legal = TRANSITIONS
                .iter()
                .any(|(from, _, to)| [*from, *to] == [pair[0], pair[1]]);
            assert!(legal, "{job} went from {} to {}", pair[0], pair[1]);
        }
    }
}

async fn check(ops: Vec<Op>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let store = open(dir.path(), &clock);
    store
        .put_projects(vec![project("alpha"), project("beta")])
        .await
        .unwrap();
    let mut pair = Pair {
        model: Model {
            now: clock.now().0,
            ..Model::default()
        },
        store,
        clock,
    };
    for (i, op) in ops.iter().enumerate() {
        let (got, expected) = pair.apply(op).await;
        assert_eq!(got, expected, "operation {i}, {op:?}");
    }
    pair.compare().await;
    // A restart changes nothing.
    pair.store.close().await;
    pair.store = open(dir.path(), &pair.clock);
    pair.compare().await;
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_does_what_its_model_does(ops in prop::collection::vec(op(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(ops));
    }
}

//! The clockwork over a real store, on a clock that is moved.

use super::*;
use serde_json::{Value, json};
use sortie_model::approval::Subject;
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::finding::Severity;
use sortie_model::halt::HaltReason;
use sortie_model::id::Fence;
use sortie_model::job::JobEvent;
use sortie_model::people::minute_of_day;
use sortie_model::project::{Policy, Project, PublishMode};
use sortie_model::run::RunPhase;
use sortie_store::{ClaimLimits, NewApproval, NewJob, RunEnd, StoreOptions};
use std::sync::atomic::{AtomicI64, Ordering};

struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// 2026-05-01T12:00:00Z.
const NOON: i64 = 1_777_636_800_000;
const HOUR: i64 = 60 * 60 * 1_000;

async fn kinds(store: &Store) -> Vec<String> {
    let events = store
        .events_after(sortie_model::id::EventSeq(0), None, 100)
        .await
        .expect("events");
    events.into_iter().map(|event| event.kind).collect()
}

fn people(store: &Store, clock: &Arc<Moved>, dir: &std::path::Path) -> People {
    People::new(PeopleOptions {
        store: store.clone(),
        clock: clock.clone(),
        data_dir: dir.to_owned(),
        digest: Some((20 * 60, TimeZone::UTC)),
        alarm: Some(Alarm {
            halts_per_hour: 10,
            pause: true,
        }),
    })
}

#[tokio::test]
async fn the_digest_is_told_once_across_restarts_and_the_heart_beats() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(Moved(AtomicI64::new(NOON)));
    let options = StoreOptions::new(dir.path()).with_clock(clock.clone());
    let store = Store::open(options).expect("a store");

    let mut first = people(&store, &clock, dir.path());
    assert_eq!(first.look().await, LOOK_EVERY);
    assert_eq!(kinds(&store).await, Vec::<String>::new());
    let beat = || std::fs::read_to_string(dir.path().join("heartbeat")).expect("a beat");
    assert_eq!(beat(), format!("{NOON}\n"));

    clock.0.store(NOON + 8 * HOUR + 1, Ordering::SeqCst);
    first.look().await;
    first.look().await;
    let mut second = people(&store, &clock, dir.path());
    second.look().await;
    assert_eq!(kinds(&store).await, ["host.digest"]);
    assert_eq!(beat(), format!("{}\n", NOON + 8 * HOUR + 1));
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(Moved(AtomicI64::new(NOON)));
    let options = StoreOptions::new(dir.path()).with_clock(clock.clone());
    let store = Store::open(options).expect("a store");
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(people(&store, &clock, dir.path()).run(shutdown.clone()));
    shutdown.cancel();
    running.await.expect("it ends");
}

/// A host: its directory outlives its clockwork.
struct Host {
    dir: tempfile::TempDir,
    clock: Arc<Moved>,
    store: Store,
}

impl Host {
    async fn at(now: i64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Arc::new(Moved(AtomicI64::new(now)));
        let options = StoreOptions::new(dir.path()).with_clock(clock.clone());
        let store = Store::open(options).expect("a store");
        let project = Project {
            name: "shop".to_owned(),
            repository: "file:///srv/shop.git".to_owned(),
            base_branch: None,
            policy: policy(),
        };
        store.put_projects(vec![project]).await.expect("a project");
        Self { dir, clock, store }
    }

    /// Its clockwork, as after a start.
    fn started(&self, digest: Option<(&str, &str)>, alarm: Option<Alarm>) -> People {
        let zone = |name| sortie_package::manifest::zone(name).expect("a zone");
        let digest = digest.map(|(at, name)| (minute_of_day(at).expect("a time"), zone(name)));
        People::new(PeopleOptions {
            store: self.store.clone(),
            clock: self.clock.clone(),
            data_dir: self.dir.path().to_owned(),
            digest,
            alarm,
        })
    }

    fn move_to(&self, now: i64) {
        self.clock.0.store(now, Ordering::SeqCst);
    }

    /// What it told of itself: kind and when.
    async fn told(&self) -> Vec<(String, i64)> {
        let told = self.events().await.into_iter();
        told.map(|(kind, at, _)| (kind, at)).collect()
    }

    async fn events(&self) -> Vec<(String, i64, Value)> {
        let events = self
            .store
            .events_after(sortie_model::id::EventSeq(0), None, 1_000)
            .await
            .expect("events");
        let own = events
            .into_iter()
            .filter(|event| event.kind.starts_with("host."));
        own.map(|event| (event.kind, event.at.0, event.data))
            .collect()
    }

    /// A job that runs.
    async fn running(&self) -> Fence {
        let job = NewJob {
            project: "shop".to_owned(),
            repository: "file:///srv/shop.git".to_owned(),
            base_branch: None,
            task: "nothing".to_owned(),
            policy: policy(),
            follows: None,
            requested_by: "ann".to_owned(),
            via: "cli".to_owned(),
            idempotency: None,
        };
        self.store.submit(job).await.expect("a job");
        let one = ClaimLimits {
            max_running_total: 1,
            max_running_per_project: 1,
        };
        let claim = self.store.claim(one).await.expect("the store");
        claim.expect("a job to take").fence
    }

    /// So many jobs halt now.
    async fn halts(&self, jobs: u32) {
        for _ in 0..jobs {
            let fence = self.running().await;
            let halted = JobEvent::Halted {
                reason: HaltReason::NoChanges,
                detail: "nothing changed".to_owned(),
            };
            let ended = self.store.finish(fence, halted, RunEnd::default()).await;
            ended.expect("it halts");
        }
    }

    /// A job asks whether it may be published, and waits a day for the answer.
    async fn asks(&self) {
        let fence = self.running().await;
        let phase = RunPhase::Executing;
        let executes = self.store.set_run_phase(fence, phase).await;
        executes.expect("it executes");
        let question = NewApproval {
            step: "review".to_owned(),
            subject: Subject::Review,
            question: "publish it?".to_owned(),
            commit: Some("c0ffee".to_owned()),
            expires_at: Timestamp(self.clock.now().0 + 24 * HOUR),
            remind_at: None,
            evidence: None,
        };
        let parked = self.store.park(fence, question).await;
        parked.expect("it asks");
    }
}

fn policy() -> Policy {
    Policy {
        workflow: "workflow-task".to_owned(),
        agent: "agent-shell".to_owned(),
        budget_plugin: "budget-profiles".to_owned(),
        budget_profile: None,
        ceiling: Limits {
            calls: 10,
            cost_micro_usd: MicroUsd(1_000),
            time_ms: 60_000,
        },
        verify: Vec::new(),
        scanners: Vec::new(),
        review_from: Severity::Warn,
        publish: PublishMode::Branch,
        branch_prefix: "sortie".to_owned(),
        max_attempts: 1,
        detect: false,
        base_tests: false,
        approval_expires_ms: 60_000,
        guard: Default::default(),
        image: None,
        egress: Default::default(),
        models: Default::default(),
    }
}

/// The milliseconds of a moment.
fn moment(text: &str) -> i64 {
    let moment: jiff::Timestamp = text.parse().expect("a moment");
    moment.as_millisecond()
}

const STEP: i64 = HOUR / 4;

#[tokio::test]
async fn the_clocks_change_and_the_digest_comes_once_a_day() {
    // Berlin's clock jumps from 2:00 to 3:00 on 29 March 2026, and shows the
    // time between them twice on 25 October.
    for (from, told_at) in [
        (
            "2026-03-28T00:00:00Z",
            [
                "2026-03-28T01:30:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-30T00:30:00Z",
            ],
        ),
        (
            "2026-10-24T00:00:00Z",
            [
                "2026-10-24T00:30:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z",
            ],
        ),
    ] {
        let from = moment(from);
        let host = Host::at(from).await;
        let mut people = host.started(Some(("2:30", "Europe/Berlin")), None);
        // It looks every quarter of an hour, three days long.
        for step in 0..=3 * 24 * 4 {
            host.move_to(from + step * STEP);
            people.look().await;
        }
        let told = told_at.map(|at| ("host.digest".to_owned(), moment(at)));
        assert_eq!(host.told().await, told);
    }
}

#[tokio::test]
async fn a_host_that_was_down_over_a_change_of_the_clocks_tells_one() {
    for back in [
        // Between both times that the clock shows 2:30, right at the second one
        // and long after it.
        "2026-10-25T00:45:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-25T09:00:00Z",
    ] {
        let host = Host::at(moment("2026-10-23T12:00:00Z")).await;
        let daily = Some(("2:30", "Europe/Berlin"));
        let mut before = host.started(daily, None);
        host.move_to(moment("2026-10-24T00:30:00Z"));
        before.look().await;
        assert_eq!(host.told().await.len(), 1);
        drop(before);

        let back = moment(back);
        host.move_to(back);
        let mut people = host.started(daily, None);
        people.look().await;
        assert_eq!(host.told().await.len(), 2, "it was missed and is told");
        for step in 1..=4 {
            host.move_to(back + step * STEP);
            people.look().await;
        }
        assert_eq!(host.told().await.len(), 2, "and not told again");
        host.move_to(moment("2026-10-26T01:30:00Z"));
        people.look().await;
        assert_eq!(host.told().await.len(), 3, "the next day has its own");
    }
}

#[tokio::test]
async fn many_days_down_are_one_digest_and_an_old_one_is_none() {
    let daily = Some(("20:00", "UTC"));
    // Down from the evening of the first of May on.
    for (back, digests) in [
        // An hour late; a night late; too late; after five days.
        (NOON + 33 * HOUR, 2),
        (NOON + 44 * HOUR - 1_000, 2),
        (NOON + 44 * HOUR + 1_000, 1),
        (NOON + (5 * 24 + 9) * HOUR, 2),
    ] {
        let host = Host::at(NOON).await;
        let mut before = host.started(daily, None);
        host.move_to(NOON + 8 * HOUR);
        before.look().await;
        drop(before);
        host.move_to(back);
        for _ in 0..2 {
            let mut people = host.started(daily, None);
            people.look().await;
            people.look().await;
        }
        assert_eq!(host.told().await.len(), digests, "back at {back}");
    }
}

#[tokio::test]
async fn a_host_that_was_down_at_its_first_time_tells_it_too() {
    let daily = Some(("20:00", "UTC"));
    let host = Host::at(NOON).await;
    host.started(daily, None).look().await;
    host.move_to(NOON + 9 * HOUR);
    let mut people = host.started(daily, None);
    people.look().await;
    people.look().await;
    let told = [("host.digest".to_owned(), NOON + 9 * HOUR)];
    assert_eq!(host.told().await, told);
}

#[tokio::test]
async fn a_digest_tells_of_each_job_and_of_what_waits() {
    let host = Host::at(NOON).await;
    let mut people = host.started(Some(("20:00", "UTC")), None);
    people.look().await;
    host.halts(2).await;
    host.asks().await;
    host.move_to(NOON + 8 * HOUR);
    people.look().await;
    let told = host.events().await;
    assert_eq!(told.len(), 1);
    let (kind, _, data) = &told[0];
    assert_eq!(kind, "host.digest");
    assert_eq!(data["hours"], 24);
    assert_eq!(data["until"], NOON + 8 * HOUR);
    assert_eq!(data["tasks"]["total"], 2);
    assert_eq!(data["tasks"]["halted"], 2);
    assert_eq!(data["queue"]["waiting"], 1);
    let line = |job: u64| json!({ "job": job, "project": "shop", "state": "halted", "title": "nothing", "cost_micro_usd": 0 });
    let mut jobs = data["jobs"].as_array().expect("a list").clone();
    jobs.sort_by_key(|job| job["job"].as_u64());
    assert_eq!(jobs, [line(1), line(2)]);
    assert!(data["more"].is_null(), "each has a line");
    let waiting = json!([{
        "job": 3, "approval": 1, "about": "review", "question": "publish it?",
        "expires_at": NOON + 24 * HOUR,
    }]);
    assert_eq!(data["waiting"], waiting);
}

#[tokio::test]
async fn the_alarm_is_raised_at_its_number_and_pauses_until_somebody_resumes() {
    let host = Host::at(NOON).await;
    let alarm = Alarm {
        halts_per_hour: 3,
        pause: true,
    };
    let mut people = host.started(None, Some(alarm));
    host.halts(2).await;
    people.look().await;
    assert!(host.told().await.is_empty());
    host.halts(1).await;
    people.look().await;
    people.look().await;
    // A host that starts again does not forget that it raised it.
    host.started(None, Some(alarm)).look().await;
    let told = host.events().await;
    let kinds: Vec<&str> = told.iter().map(|(kind, ..)| &**kind).collect();
    assert_eq!(kinds, ["host.alarm", "host.paused"]);
    let data = &told[0].2;
    assert_eq!(data["halts"], 3);
    assert_eq!(data["threshold"], 3);
    assert_eq!(data["reasons"]["no-changes"], 3);
    assert_eq!(data["paused"], true);
    assert_eq!(data["resume"], "sortie intake resume");
    assert!(host.store.intake_pause().await.expect("it reads").is_some());

    host.move_to(NOON + 1_000);
    let resumed = host.store.resume_intake("ann", "cli").await;
    assert!(resumed.expect("it resumes"));
    host.move_to(NOON + 2_000);
    people.look().await;
    host.halts(2).await;
    people.look().await;
    assert_eq!(host.told().await.len(), 3, "what was before counts no more");
    host.halts(1).await;
    people.look().await;
    let kinds: Vec<String> = host
        .told()
        .await
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds[3..], ["host.alarm", "host.paused"]);
}

#[tokio::test]
async fn a_halt_counts_for_an_hour_to_the_millisecond() {
    for (later, alarms) in [(HOUR, 1), (HOUR + 1, 0)] {
        let host = Host::at(NOON).await;
        let alarm = Alarm {
            halts_per_hour: 3,
            pause: false,
        };
        let mut people = host.started(None, Some(alarm));
        host.halts(2).await;
        host.move_to(NOON + later);
        host.halts(1).await;
        people.look().await;
        assert_eq!(host.told().await.len(), alarms, "{later} ms later");
        let paused = host.store.intake_pause().await.expect("it reads");
        assert_eq!(paused, None, "nobody wanted that");
    }
}

#[tokio::test]
async fn who_wants_neither_digest_nor_alarm_is_left_in_peace() {
    let host = Host::at(NOON).await;
    let mut people = host.started(None, None);
    host.halts(12).await;
    people.look().await;
    host.move_to(NOON + 30 * HOUR);
    assert_eq!(people.look().await, LOOK_EVERY);
    assert!(host.told().await.is_empty());
    let beat = std::fs::read_to_string(host.dir.path().join("heartbeat")).expect("a beat");
    let now = NOON + 30 * HOUR;
    assert_eq!(beat, format!("{now}\n"));
}

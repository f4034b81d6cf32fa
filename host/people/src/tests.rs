//! The clockwork over a real store, on a clock that is moved.

use super::*;
use sortie_store::StoreOptions;
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
        digest: Some(("20:00".to_owned(), TimeZone::UTC)),
        alarm: Some(Alarm {
            halts_per_hour: 10,
            pause: true,
        }),
    })
    .expect("a time")
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

//! What notifiers are told: at least once, under the same key, and parked when
//! it does not work.

use crate::rig::{Rig, package, until};
use crate::worker::{ASKS, manifest, packed, teller, worker};
use sortie_platform::lifecycle::Consent;
use sortie_store::{Delivery, MessageState};
use std::time::Duration;

const NAME: &str = "teller";

fn told(version: &str, delivers: bool) -> Vec<u8> {
    let manifest = format!(
        "name = \"{NAME}\"\nversion = \"{version}\"\nsurfaces = [\"notifier\"]\n\
         [notify]\nkinds = [\"job.queued\"]\n"
    );
    packed(&teller(delivers), &manifest)
}

async fn rig(delivers: bool) -> Rig {
    let rig = Rig::new().await;
    rig.install(told("1.0.0", delivers)).await;
    rig.install(packed(&worker(), &manifest("worker", "1.0.0", ASKS)))
        .await;
    rig
}

async fn deliveries(rig: &Rig, state: MessageState) -> Vec<Delivery> {
    rig.store
        .deliveries(NAME, Some(state), None, 10)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_told_with_a_receipt() {
    let mut rig = rig(true).await;
    rig.run();
    rig.hook("worker", "1", "j").await.unwrap();
    until("it is told", async || {
        !deliveries(&rig, MessageState::Done).await.is_empty()
    })
    .await;
    rig.halt().await;
    let done = deliveries(&rig, MessageState::Done).await;
    assert_eq!(done[0].kind, "job.queued");
    assert_eq!(done[0].receipt.as_deref(), Some("told"));
    assert_eq!((done.len(), rig.logs.of(NAME).len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_try_has_the_same_key_and_the_tenth_parks_it() {
    let mut rig = rig(false).await;
    rig.run();
    rig.hook("worker", "1", "j").await.unwrap();
    for tries in 1..10 {
        until("another try", async || {
            let pending = deliveries(&rig, MessageState::Pending).await;
            pending.first().is_some_and(|d| d.attempts == tries)
        })
        .await;
        rig.clock.advance(Duration::from_secs(15 * 60));
        rig.wake().await;
    }
    until("it is parked", async || {
        !deliveries(&rig, MessageState::Parked).await.is_empty()
    })
    .await;
    let parked = deliveries(&rig, MessageState::Parked).await.remove(0);
    assert_eq!(parked.attempts, 10);
    assert_eq!(parked.error.as_deref(), Some("severe"));

    rig.platform
        .upgrade(package(told("1.1.0", true)), Consent::Before, "ann")
        .await
        .unwrap();
    rig.store
        .retry_delivery(NAME, parked.seq, "ann")
        .await
        .unwrap();
    until("it is told", async || {
        !deliveries(&rig, MessageState::Done).await.is_empty()
    })
    .await;
    rig.halt().await;
    let keys = rig.logs.of(NAME);
    assert_eq!(keys.len(), 11);
    assert!(
        keys.iter().all(|key| key.message == keys[0].message),
        "{keys:?}"
    );
}

//! Ticks: each once, over restarts, and those that were missed as one.

use crate::rig::{Rig, until};
use crate::worker::{manifest, packed, worker};
use sortie_store::MessageState;
use std::time::Duration;

const NAME: &str = "ticker";
const HOUR: Duration = Duration::from_secs(60 * 60);

async fn rig(missed: &str) -> Rig {
    let asks = format!(
        "[[sources]]\nname = \"hourly\"\nkind = \"timer\"\nevery = \"1h\"\nmissed = \"{missed}\"\n\
         [jobs]\nallow = [\"submit\"]\n"
    );
    let rig = Rig::new().await;
    rig.install(packed(&worker(), &manifest(NAME, "1.0.0", &asks)))
        .await;
    rig
}

async fn ticked(rig: &Rig, times: u8) {
    until("a tick is handled", async || {
        rig.counted(NAME).await == times
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_is_not_repeated_after_a_restart() {
    let mut rig = rig("once").await;
    rig.run();
    rig.clock.advance(HOUR);
    rig.wake().await;
    ticked(&rig, 1).await;
    let mut rig = rig.reopen().await;
    rig.run();
    rig.wake().await;
    // What is due next is known to have been looked at once a later tick is
    // there.
    rig.clock.advance(HOUR);
    rig.wake().await;
    ticked(&rig, 2).await;
    rig.halt().await;
    assert_eq!(rig.events(MessageState::Done).await.len(), 2);
    assert_eq!(rig.jobs().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_that_were_missed_come_as_one() {
    let rig = rig("once").await;
    rig.clock.advance(5 * HOUR);
    let mut rig = rig.reopen().await;
    rig.run();
    ticked(&rig, 1).await;
    rig.clock.advance(HOUR);
    rig.wake().await;
    ticked(&rig, 2).await;
    rig.halt().await;
    assert_eq!(rig.events(MessageState::Done).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_skips_forgets_what_it_missed() {
    let rig = rig("skip").await;
    // Half an hour beyond any tick, so that the latest is long gone.
    let now = rig.clock.now_ms();
    let hour = HOUR.as_millis() as u64;
    let to_half = hour / 2 + hour - now % hour;
    rig.clock.advance(Duration::from_millis(to_half) + 4 * HOUR);
    let mut rig = rig.reopen().await;
    rig.run();
    rig.wake().await;
    rig.clock.advance(HOUR / 2);
    rig.wake().await;
    ticked(&rig, 1).await;
    rig.halt().await;
    assert_eq!(rig.events(MessageState::Done).await.len(), 1);
}

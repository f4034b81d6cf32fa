//! A plugin that is replaced while it is called: clients hand in jobs through a
//! connector, an operator upgrades it to and fro between two versions, and no
//! call may fail. What calls last meanwhile is held against the same clients
//! with nobody upgrading, by turns.

use super::Setting;
use super::hooked::{self, Requests};
use crate::host::Host;
use crate::http::Connection;
use crate::measure::{Plan, millis, paired};
use crate::report::{Bar, Figure, Row, Unit};
use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// Swaps in a turn.
const SWAPS: u32 = 10;

/// Calls in a turn; more when the swaps last longer.
const CALLS: u64 = 1_000;

const PLAN: Plan = Plan {
    warm_up: 1,
    turns: 10,
    at_most: std::time::Duration::from_secs(600),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let sortie = setting.sortie().await?;
    let home = hooked::home(setting, "swap")?;
    let host = home.start(&sortie).await?;
    let versions = [
        hooked::connector(setting, "1.0.0")?,
        hooked::connector(setting, "1.1.0")?,
    ];
    hooked::install(&host, &versions[0]).await?;
    let clients = Clients {
        requests: Requests::new()?,
        failed: Arc::default(),
    };
    let (mut swaps, mut calls) = (0, 0);
    let both = paired(
        PLAN.shortened(setting.quick),
        async || {
            let swapped = AtomicBool::new(false);
            let (_, taken) = tokio::try_join!(
                async {
                    swap(&host, &versions).await?;
                    swapped.store(true, Ordering::Relaxed);
                    anyhow::Ok(())
                },
                clients.call(&host, &swapped),
            )?;
            swaps += SWAPS;
            calls += taken.len();
            Ok(taken)
        },
        async || clients.call(&host, &AtomicBool::new(true)).await,
    )
    .await?;
    host.end().await?;
    let handled = clients.requests.made() - clients.failed();
    ensure!(
        hooked::kept(&home.data())? == (handled, handled),
        "find every job that was taken on disk"
    );

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let failed = clients.failed() as f64;
    Ok(vec![
        Row::alone(
            "swap",
            format!("failed calls of {calls} in the time of {swaps} swaps"),
            Unit::Count,
            Figure::once(failed),
        )
        .under(Bar::at_most(failed, 0.0, Unit::Count)),
        Row::paired(
            "swap",
            format!(
                "a job through a connector that is being replaced, {} clients",
                hooked::CLIENTS
            ),
            Unit::Millis,
            &both,
            "nobody replaces it",
        ),
    ])
}

/// Puts one version in place of the other, and that one back, one time after
/// the other.
async fn swap(host: &Host, versions: &[Vec<u8>; 2]) -> Result<()> {
    let mut operator = Connection::open(host.address).await?;
    for (_, version) in (0..SWAPS).zip([&versions[1], &versions[0]].into_iter().cycle()) {
        host.upload(&mut operator, "/v1/plugins/webhook/upgrade", version)
            .await
            .context("replace the connector")?;
    }
    Ok(())
}

struct Clients {
    requests: Requests,
    failed: Arc<AtomicU64>,
}

impl Clients {
    /// Hands in jobs until there are enough and `done`; how long each took.
    async fn call(&self, host: &Host, done: &AtomicBool) -> Result<Vec<f64>> {
        let begun = self.requests.made();
        let clients = hooked::connect(host.address).await?.into_iter();
        let clients = clients.map(|mut connection| async move {
            let mut taken = Vec::new();
            while self.requests.made() < begun + CALLS || !done.load(Ordering::Relaxed) {
                let request = self.requests.next()?;
                let sent = Instant::now();
                let answer = connection.send(request).await?;
                taken.push(millis(sent.elapsed()));
                if hooked::check(&answer).is_err() {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            anyhow::Ok(taken)
        });
        Ok(try_join_all(clients).await?.concat())
    }

    fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

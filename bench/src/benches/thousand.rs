//! A thousand installed plugins that nobody calls: what each of them costs in
//! memory, and how fast the host is ready when all were compiled before. The
//! same host with none is what both are counted from.

use super::{Setting, hooked};
use crate::host::Home;
use crate::http::Connection;
use crate::measure::{Plan, Samples, kibibytes, millis, paired};
use crate::report::{Bar, Row, Unit};
use anyhow::Result;
use std::time::Duration;

/// How many. Each is the shipped webhook plugin under another name: a connector
/// and notifier in Rust with a JSON parser inside, larger than a scan rule and
/// much smaller than a language runtime.
const PLUGINS: u32 = 1_000;

const PLAN: Plan = Plan {
    // The first start without plugins compiles the shipped ones.
    warm_up: 1,
    turns: 10,
    at_most: Duration::from_secs(120),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let sortie = setting.sortie().await?;
    let (full, empty) = (
        Home::new(setting, "thousand", "")?,
        Home::new(setting, "none", "")?,
    );
    let host = full.start(&sortie).await?;
    let mut connection = Connection::open(host.address).await?;
    for number in 0..PLUGINS {
        // A package and a digest of its own, as every plugin has.
        let package = hooked::package(setting, |manifest| {
            manifest.name = format!("webhook-{number}");
        })?;
        host.upload(&mut connection, "/v1/plugins", &package)
            .await?;
    }
    host.end().await?;

    let (mut with, mut without) = (Vec::new(), Vec::new());
    let starts = paired(
        PLAN.shortened(setting.quick),
        async || start(&full, &sortie, &mut with).await,
        async || start(&empty, &sortie, &mut without).await,
    )
    .await?;
    let none = Samples::new(without.split_off(1))?.median();
    let each = with.drain(1..).map(|all| (all - none) / f64::from(PLUGINS));
    let each = Samples::new(each.collect())?;
    Ok(vec![
        Row::paired(
            "thousand",
            format!("start to ready, {PLUGINS} installed plugins, warm code cache"),
            Unit::Millis,
            &starts,
            "none installed",
        )
        .under(Bar::at_most(starts.ours.median(), 2_000.0, Unit::Millis)),
        Row::alone(
            "thousand",
            "resident memory (RSS) of each of them, idle",
            Unit::Kibibytes,
            &each,
        )
        .under(Bar::at_most(each.median(), 300.0, Unit::Kibibytes)),
    ])
}

/// Starts a host and ends it again; adds its memory in KiB to `resident`.
async fn start(home: &Home, sortie: &std::path::Path, resident: &mut Vec<f64>) -> Result<f64> {
    let host = home.start(sortie).await?;
    resident.push(kibibytes(host.resident()?.0));
    let ready = host.ready;
    host.end().await?;
    Ok(millis(ready))
}

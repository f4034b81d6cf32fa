//! A host with nothing to do: how fast it is ready when its plugins were
//! compiled before, and what it keeps in memory then.

use super::Setting;
use crate::host::Home;
use crate::measure::{Plan, Samples, alone, mebibytes, millis};
use crate::report::{Bar, Row, Unit};
use anyhow::Result;
use std::time::Duration;

const PLAN: Plan = Plan {
    // The first start compiles the plugins.
    warm_up: 1,
    turns: 20,
    at_most: Duration::from_secs(120),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let sortie = setting.sortie().await?;
    let home = Home::new(setting, "idle", "")?;
    let (mut resident, mut share) = (Vec::new(), Vec::new());
    let starts = alone(PLAN.shortened(setting.quick), async || {
        let host = home.start(&sortie).await?;
        let (all, fair) = host.resident()?;
        resident.push(mebibytes(all));
        share.push(mebibytes(fair));
        let ready = host.ready;
        host.end().await?;
        Ok(millis(ready))
    })
    .await?;
    // The first start is the one that compiles.
    let warm = |all: Vec<f64>| Samples::new(all.into_iter().skip(1).collect());
    let (resident, share) = (warm(resident)?, warm(share)?);
    Ok(vec![
        Row::alone(
            "idle",
            "start to ready, warm code cache",
            Unit::Millis,
            &starts,
        )
        .under(Bar::at_most(starts.median(), 300.0, Unit::Millis)),
        Row::alone(
            "idle",
            "resident memory (RSS) when ready",
            Unit::Mebibytes,
            &resident,
        )
        .under(Bar::at_most(resident.median(), 80.0, Unit::Mebibytes)),
        Row::alone(
            "idle",
            "proportional share of it (PSS)",
            Unit::Mebibytes,
            &share,
        ),
    ])
}

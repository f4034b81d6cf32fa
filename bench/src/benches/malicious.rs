//! Plugins that misbehave: how long after its limit of time each ends, what a
//! neighbour that behaves feels of them, and what of the host's memory they
//! keep. The corpus is the one that the tests run.

use super::Setting;
use crate::measure::{Plan, Samples, mebibytes, micros, millis, paired};
use crate::program;
use crate::report::{Bar, Row, Unit};
use anyhow::{Context, Result, bail, ensure};
use nix::time::{ClockId, clock_gettime};
use sortie_malicious::{Act, Case, End, Setting as Ground, cases};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A call that ends by a limit of time may take this much longer.
const LATE_MS: f64 = 100.0;

/// Rounds through the whole corpus that are not counted: what they take stays,
/// such as pools, threads and the allocator's own.
const WARM_UP: usize = 2;

/// Rounds that must give back what they take.
const ROUNDS: usize = 6;

/// What those may add to the memory of the host, in MiB: an allocator gives
/// back in pieces.
const KEPT_MIB: f64 = 4.0;

/// Scans of the neighbour in a turn: a call that waits for long must not
/// stand for all.
const SCANS: usize = 50;

const NEIGHBOUR: Plan = Plan {
    warm_up: 10,
    turns: 200,
    at_most: Duration::from_secs(120),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let bench = Arc::new(sortie_malicious::Bench::new().await?);
    let all = cases::all().into_iter().flat_map(|(_, cases)| cases);
    let all: Vec<Arc<Case>> = all.map(Arc::new).collect();
    let mut callable = Vec::new();
    for case in all.iter().filter(|case| case.act != Act::Load) {
        // Some are refused here and never run.
        if bench.load(case).await.is_ok() {
            callable.push(Arc::clone(case));
        }
    }
    let mut rows = late(&bench, &callable).await?;
    rows.push(neighbour(&bench, &callable, setting).await?);
    rows.push(memory(&bench, &all, setting).await?);
    Ok(rows)
}

/// How long a call took.
struct Taken {
    wall: Duration,
    /// Processor time of this process, which does nothing else meanwhile.
    cpu: Duration,
}

/// One call of a loaded case, which must end as it says.
async fn call(bench: &sortie_malicious::Bench, case: &Case) -> Result<Taken> {
    let cpu = || clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from);
    let (begun, used) = (Instant::now(), cpu()?);
    let ended = bench.call(case).await;
    let taken = Taken {
        wall: begun.elapsed(),
        cpu: cpu()?.saturating_sub(used),
    };
    let end = ended.unwrap_or_else(|error| End::of(&error));
    ensure!(
        end == case.ends,
        "end {} as it should: {} and not {end}",
        case.name,
        case.ends
    );
    Ok(taken)
}

async fn late(bench: &sortie_malicious::Bench, callable: &[Arc<Case>]) -> Result<Vec<Row>> {
    let (mut counted, mut walls, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for case in callable {
        let taken = call(bench, case).await?;
        let Some(limit) = case.deadline_ms() else {
            others.push(millis(taken.wall));
            continue;
        };
        let limit = millis(Duration::from_millis(limit));
        let own = match case.ends {
            End::Error("CpuTimeout") => taken.cpu,
            _ => taken.wall,
        };
        counted.push(millis(own) - limit);
        walls.push(millis(taken.wall) - limit);
    }
    let (counted, walls) = (Samples::new(counted)?, Samples::new(walls)?);
    let most = counted.percentile(100);
    let row = |what: &str, samples: &Samples| Row::alone("malicious", what, Unit::Millis, samples);
    Ok(vec![
        row(
            "end of a call after its limit of time, in the time that the limit counts",
            &counted,
        )
        .under(Bar::at_most(most, LATE_MS, Unit::Millis)),
        row("the same on the clock of the wall", &walls),
        row("a whole call of the other cases", &Samples::new(others)?),
    ])
}

/// A scan of the neighbour while one hostile call after the other runs, beside
/// one while none does.
async fn neighbour(
    bench: &Arc<sortie_malicious::Bench>,
    callable: &[Arc<Case>],
    setting: &Setting,
) -> Result<Row> {
    // The one that swaps directories keeps a core busy that is not a guest's.
    let swapped = |case: &&Arc<Case>| case.setting != Ground::Swapped;
    let hostile: Vec<&Arc<Case>> = callable.iter().filter(swapped).collect();
    let mut turn = 0;
    let both = paired(
        NEIGHBOUR.shortened(setting.quick),
        async || {
            let case = Arc::clone(hostile.get(turn % hostile.len()).context("load a case")?);
            turn += 1;
            let (host, name) = (Arc::clone(bench), Arc::clone(&case));
            let call = tokio::spawn(async move { call(&host, &name).await });
            // One begins beside each, however short it is.
            let mut scans = vec![scan(bench).await?];
            while !call.is_finished() && scans.len() < SCANS {
                scans.push(scan(bench).await?);
            }
            call.await??;
            Ok(scans)
        },
        async || {
            let mut scans = Vec::new();
            for _ in 0..SCANS {
                scans.push(scan(bench).await?);
            }
            Ok(scans)
        },
    )
    .await?;
    let ratio = both.ratio();
    Ok(Row::paired(
        "malicious",
        "a scan of the neighbour beside a hostile call",
        Unit::Micros,
        &both,
        "the same with nobody beside it",
    )
    .under(Bar::ratio_at_most(ratio, 1.5)))
}

/// One scan of the neighbour.
async fn scan(bench: &sortie_malicious::Bench) -> Result<f64> {
    let begun = Instant::now();
    let found = bench.neighbour().await?;
    ensure!(found == 1, "scan with the neighbour: it found {found}");
    Ok(micros(begun.elapsed()))
}

async fn memory(
    bench: &sortie_malicious::Bench,
    all: &[Arc<Case>],
    setting: &Setting,
) -> Result<Row> {
    let mut after = Vec::new();
    let rounds = if setting.quick { 1 } else { ROUNDS };
    for _ in 0..WARM_UP + rounds {
        for case in all {
            let end = bench.run(case).await;
            if end != case.ends {
                bail!("end {} as it should: {end}", case.name);
            }
        }
        let slots = bench.fill().await?;
        ensure!(slots == 4, "fill all slots: {slots} of 4 are free");
        after.push(mebibytes(program::resident(std::process::id())?.0));
    }
    let (Some(first), Some(last)) = (after.get(WARM_UP - 1), after.last()) else {
        bail!("measure memory: there was no round");
    };
    let grown = last - first;
    Ok(Row::alone(
        "malicious",
        format!(
            "memory (RSS) that {rounds} more rounds of {} cases keep",
            all.len()
        ),
        Unit::Mebibytes,
        crate::report::Figure::once(grown),
    )
    .under(Bar::at_most(grown, KEPT_MIB, Unit::Mebibytes)))
}

//! A plugin call as a job makes it: a fresh store and a fresh instance scan a
//! change of ten lines. The peer is wasmtime with its defaults and the same
//! component, which builds its linker for each call.
//!
//! A tiny scanner shows what the host itself costs, the shipped one what a job
//! waits for.

use super::bare::{Bare, Offer};
use super::{Setting, tiny};
use crate::measure::{Paired, Plan, micros, paired};
use crate::report::{Bar, Row, Unit};
use anyhow::{Context, Result, ensure};
use sortie_git::UnifiedDiff;
use sortie_model::diff::DiffSource;
use sortie_plugins::{PluginOptions, Plugins, shipped};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SHIPPED: &str = "reward-hacking";

/// Ten lines of a hunk: a test that gets one more assertion.
const TEN_LINES: &str = "\
diff --git a/tests/price.rs b/tests/price.rs
index 3b18e51..1f2a9c4 100644
--- a/tests/price.rs
+++ b/tests/price.rs
@@ -10,8 +10,9 @@ fn cart(items: &[u32]) -> Cart {
 #[test]
 fn totals_are_rounded() {
     let cart = cart(&[1, 2, 3]);
-    assert_eq!(cart.total(), 6);
+    assert_eq!(cart.total().cents(), 600);
+    assert_eq!(cart.total().currency(), \"EUR\");
     assert!(!cart.is_empty());
 }

 #[test]
";

/// Calls in a turn, so that either side works with its own caches.
const CALLS: u32 = 50;

const PLAN: Plan = Plan {
    warm_up: 4,
    turns: 60,
    at_most: Duration::from_secs(60),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let component = shipped().iter().find(|plugin| plugin.name == SHIPPED);
    let component = component.context("find the shipped plugin reward-hacking")?;
    let tiny = tiny::component(&setting.workspace)?;
    let plugins = Plugins::new(PluginOptions::default())?;
    let mut rows = Vec::new();
    for (name, wasm) in [(tiny::NAME, tiny.as_slice()), (SHIPPED, component.wasm)] {
        let config = serde_json::Value::Null;
        plugins.load(name, wasm.to_vec(), config).await?;
        let bare = Arc::new(Bare::new(wasm)?);
        let what = format!("fresh store + instance + scan of a 10-line diff, {name}");
        let row =
            |both: &Paired, peer| Row::paired("plugin", what.as_str(), Unit::Micros, both, peer);

        let both = compare(setting, &plugins, name, &bare, Offer::All).await?;
        let all = row(&both, "wasmtime bare, relinking what the host offers");
        rows.push(
            all.under(Bar::at_most(both.ours.median(), 60.0, Unit::Micros))
                .under(Bar::ratio_at_most(both.ratio(), 0.5)),
        );
        let both = compare(setting, &plugins, name, &bare, Offer::Scanner).await?;
        rows.push(row(&both, "wasmtime bare, relinking a scanner's imports"));
    }
    Ok(rows)
}

/// Samples the host and the bare component by turns.
async fn compare(
    setting: &Setting,
    plugins: &Plugins,
    name: &'static str,
    bare: &Arc<Bare>,
    offer: Offer,
) -> Result<Paired> {
    let diff = UnifiedDiff::parse(TEN_LINES.as_bytes().to_vec())?;
    let diff: Arc<dyn DiffSource> = Arc::new(diff);
    let expected = plugins.scan(name, Arc::clone(&diff)).await?.len();
    // In tasks, as the engine calls plugins, and not on the thread that waits
    // for all of them.
    paired(
        PLAN.shortened(setting.quick),
        async || {
            let (plugins, diff) = (plugins.clone(), Arc::clone(&diff));
            tokio::spawn(ours(plugins, name, diff, expected)).await?
        },
        async || {
            let (bare, diff) = (Arc::clone(bare), Arc::clone(&diff));
            tokio::spawn(async move { peer(&bare, offer, &diff, expected) }).await?
        },
    )
    .await
}

/// A turn of ours.
async fn ours(
    plugins: Plugins,
    name: &str,
    diff: Arc<dyn DiffSource>,
    expected: usize,
) -> Result<Vec<f64>> {
    let mut taken = Vec::new();
    for _ in 0..CALLS {
        let begun = Instant::now();
        let found = plugins.scan(name, Arc::clone(&diff)).await?;
        taken.push(micros(begun.elapsed()));
        ensure!(found.len() == expected, "scan the same change twice alike");
    }
    Ok(taken)
}

/// A turn of the peer.
fn peer(
    bare: &Bare,
    offer: Offer,
    diff: &Arc<dyn DiffSource>,
    expected: usize,
) -> Result<Vec<f64>> {
    let mut taken = Vec::new();
    for _ in 0..CALLS {
        let begun = Instant::now();
        let found = bare.scan(offer, diff)?;
        taken.push(micros(begun.elapsed()));
        ensure!(found == expected, "scan the change as the host does");
    }
    Ok(taken)
}

//! A plugin call as a job makes it: a fresh store and a fresh instance scan a
//! change of ten lines. The peer is wasmtime with its defaults and the same
//! component, which builds its linker for each call.

use super::Setting;
use super::bare::{Bare, Offer};
use crate::measure::{Plan, micros, paired};
use crate::report::{Bar, Row, Unit};
use anyhow::{Context, Result, ensure};
use sortie_git::UnifiedDiff;
use sortie_model::diff::DiffSource;
use sortie_plugins::{PluginOptions, Plugins, shipped};
use std::sync::Arc;
use std::time::{Duration, Instant};

const NAME: &str = "reward-hacking";

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
    let component = shipped().iter().find(|plugin| plugin.name == NAME);
    let component = component.context("find the shipped plugin reward-hacking")?;
    let diff = UnifiedDiff::parse(TEN_LINES.as_bytes().to_vec())?;
    let diff: Arc<dyn DiffSource> = Arc::new(diff);

    let plugins = Plugins::new(PluginOptions::default())?;
    plugins
        .load(NAME, component.wasm, serde_json::Value::Null)
        .await?;
    let bare = Arc::new(Bare::new(component.wasm)?);
    let expected = plugins.scan(NAME, Arc::clone(&diff)).await?.len();

    let mut rows = Vec::new();
    let peers = [
        (Offer::All, "wasmtime bare, relinking what the host offers"),
        (
            Offer::Scanner,
            "wasmtime bare, relinking the scanner's own imports",
        ),
    ];
    for (offer, name) in peers {
        let plan = PLAN.shortened(setting.quick);
        // In tasks, as the engine calls plugins, and not on the thread that
        // waits for all of them.
        let both = paired(
            plan,
            async || {
                let (plugins, diff) = (plugins.clone(), Arc::clone(&diff));
                tokio::spawn(ours(plugins, diff, expected)).await?
            },
            async || {
                let (bare, diff) = (Arc::clone(&bare), Arc::clone(&diff));
                tokio::spawn(async move { peer(&bare, offer, &diff, expected) }).await?
            },
        )
        .await?;
        let row = Row::paired(
            "plugin",
            "fresh store + instance + scan of a 10-line diff",
            Unit::Micros,
            &both,
            name,
        );
        rows.push(match offer {
            Offer::All => row
                .under(Bar::at_most(both.ours.median(), 60.0, Unit::Micros))
                .under(Bar::ratio_at_most(both.ratio(), 0.5)),
            Offer::Scanner => row,
        });
    }
    Ok(rows)
}

/// A turn of ours.
async fn ours(plugins: Plugins, diff: Arc<dyn DiffSource>, expected: usize) -> Result<Vec<f64>> {
    let mut taken = Vec::new();
    for _ in 0..CALLS {
        let begun = Instant::now();
        let found = plugins.scan(NAME, Arc::clone(&diff)).await?;
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

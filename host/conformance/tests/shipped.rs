//! The suites against what is shipped.

use sortie_conformance::{Check, agent, budget, scanner, workflow};
use sortie_model::surface::Surface;
use sortie_plugins::{PluginOptions, Plugins, shipped};

fn failed(checks: &[Check]) -> Vec<String> {
    let failed = checks.iter().filter(|check| !check.passed());
    failed.map(ToString::to_string).collect()
}

async fn asked(plugins: &Plugins, surface: Surface, name: &str) -> Vec<Check> {
    match surface {
        Surface::Scanner => scanner::check(plugins, name).await,
        Surface::Budget => budget::check(plugins, name).await,
        Surface::Agent => agent::check(plugins, name).await,
        Surface::Workflow => workflow::check(plugins, name).await,
        Surface::Connector | Surface::Notifier => panic!("none is shipped"),
    }
}

#[tokio::test]
async fn every_shipped_plugin_conforms() {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    let mut seen = Vec::new();
    for plugin in shipped() {
        let info = plugins
            .load(plugin.name, plugin.wasm, serde_json::Value::Null)
            .await
            .expect("it loads");
        for found in info.surfaces {
            let checks = asked(&plugins, found.surface, plugin.name).await;
            assert_eq!(failed(&checks), [""; 0], "{}", plugin.name);
            assert!(checks.len() > 5, "{checks:#?}");
            seen.push(found.surface);
        }
    }
    seen.sort();
    seen.dedup();
    let pure = [
        Surface::Scanner,
        Surface::Budget,
        Surface::Agent,
        Surface::Workflow,
    ];
    assert!(
        pure.iter().all(|surface| seen.contains(surface)),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_plugin_of_another_surface_passes_nothing() {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    let load = |name: &str| shipped().iter().find(|plugin| plugin.name == name);
    for (name, surface) in [
        ("workflow-task", Surface::Scanner),
        ("workflow-task", Surface::Budget),
        ("workflow-task", Surface::Agent),
        ("agent-shell", Surface::Workflow),
    ] {
        let plugin = load(name).expect("it is shipped");
        plugins
            .load(plugin.name, plugin.wasm, serde_json::Value::Null)
            .await
            .expect("it loads");
        let checks = asked(&plugins, surface, name).await;
        let passed: Vec<&Check> = checks.iter().filter(|check| check.passed()).collect();
        // What was never reached is not held against it again.
        let reached = passed
            .iter()
            .all(|check| ["A3", "W2", "W3", "W5"].contains(&&check.name[..2]));
        assert!(reached, "{surface}: {passed:#?}");
    }
}

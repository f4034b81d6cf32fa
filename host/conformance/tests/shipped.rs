//! The suites against what is shipped, and against scanners that break them.

use sortie_conformance::scanner;
use sortie_model::surface::Surface;
use sortie_plugins::{PluginOptions, Plugins, shipped};

#[tokio::test]
async fn every_shipped_scanner_conforms() {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    let mut scanners = 0;
    for plugin in shipped() {
        let info = plugins
            .load(plugin.name, plugin.wasm, serde_json::Value::Null)
            .await
            .expect("it loads");
        if !info.surfaces.iter().any(|s| s.surface == Surface::Scanner) {
            continue;
        }
        scanners += 1;
        let checks = scanner::check(&plugins, plugin.name).await;
        let failed: Vec<String> = checks
            .iter()
            .filter(|check| !check.passed())
            .map(ToString::to_string)
            .collect();
        assert!(failed.is_empty(), "{}: {failed:#?}", plugin.name);
        assert!(checks.len() > 10, "{checks:#?}");
    }
    assert!(scanners > 0, "a host ships at least one scanner");
}

#[tokio::test]
async fn a_plugin_that_is_no_scanner_passes_nothing() {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    let other = shipped()
        .iter()
        .find(|plugin| plugin.name == "workflow-task")
        .expect("it is shipped");
    plugins
        .load(other.name, other.wasm, serde_json::Value::Null)
        .await
        .expect("it loads");
    let checks = scanner::check(&plugins, other.name).await;
    assert!(checks.iter().all(|check| !check.passed()), "{checks:#?}");
}

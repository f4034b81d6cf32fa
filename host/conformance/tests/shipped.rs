//! The suites against what is shipped.

use sortie_conformance::{
    Check, Folder, Subject, Verdict, agent, budget, connector, notifier, scanner, workflow,
};
use sortie_model::surface::Surface;
use sortie_package::section;
use sortie_plugins::{PluginOptions, Plugins, shipped};
use std::path::{Path, PathBuf};

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

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The plugins to install.
const TO_INSTALL: [&str; 4] = ["discord", "slack", "telegram", "webhook"];

/// A plugin to install, with its author's cases.
fn optional(name: &str) -> (Subject, Folder) {
    let path = repository()
        .join("dist/optional")
        .join(format!("{name}.wasm"));
    let wasm = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", path.display()));
    let manifest = section::read(&wasm)
        .expect("a section")
        .expect("a manifest");
    let folder = Folder::read(&repository().join("plugins").join(name).join("tests"))
        .expect("its cases are readable");
    let subject = Subject {
        manifest,
        wasm,
        config: folder.config.clone(),
        grant: folder.grant.clone(),
        events: folder
            .events
            .iter()
            .map(|case| case.given.clone())
            .collect(),
        deliveries: folder
            .deliveries
            .iter()
            .map(|case| case.given.clone())
            .collect(),
    };
    (subject, folder)
}

#[tokio::test]
async fn every_plugin_to_install_conforms() {
    for name in TO_INSTALL {
        let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
        let (subject, _) = optional(name);
        for (surface, checks) in [
            ("connector", connector::check(&plugins, &subject).await),
            ("notifier", notifier::check(&plugins, &subject).await),
        ] {
            assert_eq!(failed(&checks), [""; 0], "{name} as a {surface}");
            let tried = |check: &&Check| check.verdict == Verdict::Holds;
            assert!(checks.iter().filter(tried).count() > 8, "{checks:#?}");
        }
    }
}

#[tokio::test]
async fn every_plugin_to_install_does_what_its_cases_say() {
    for name in TO_INSTALL {
        let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
        let (subject, folder) = optional(name);
        for case in &folder.events {
            let came = connector::outcome(&plugins, &subject, &case.given).await;
            assert_eq!(came.ok(), case.expected, "{name}: {}", case.name);
        }
        for case in &folder.deliveries {
            let came = notifier::outcome(&plugins, &subject, &case.given).await;
            assert_eq!(came.ok(), case.expected, "{name}: {}", case.name);
        }
        assert!(folder.events.len() > 3 && folder.deliveries.len() > 1);
    }
}

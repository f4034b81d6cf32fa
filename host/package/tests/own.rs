//! The manifests of this repository's own plugins, as `cargo xtask plugins`
//! puts them into components, and the grants that their pages show.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sortie_package::{Grant, Manifest};

/// The folders of `plugins/` with a manifest.
fn projects() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let mut found: Vec<PathBuf> = fs::read_dir(all)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|dir| dir.join("sortie-plugin.toml").is_file())
        .collect();
    found.sort();
    found
}

fn manifest(project: &Path) -> Manifest {
    let text = fs::read_to_string(project.join("sortie-plugin.toml")).unwrap();
    Manifest::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", project.display()))
}

#[test]
fn each_manifest_is_right() {
    let names: Vec<String> = projects().iter().map(|dir| manifest(dir).name).collect();
    assert_eq!(names, ["discord", "slack", "telegram", "webhook"]);
}

/// What is between the first fence of that language and its end.
fn fenced<'t>(page: &'t str, language: &str) -> &'t str {
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("\n```").unwrap().0
}

#[test]
fn the_grant_that_the_webhook_page_shows_is_enough_and_signs() {
    let projects = projects();
    let project = projects.last().unwrap();
    let page = fs::read_to_string(project.join("README.md")).unwrap();
    let (_, shown) = page.split_once("The same as a whole grant").unwrap();
    let consent: BTreeMap<String, Grant> = serde_json::from_str(fenced(shown, "json")).unwrap();
    let grant = &consent["exactly"];
    let manifest = manifest(project);
    assert_eq!(manifest.requests().beyond(grant), []);

    // The one rule on the command line is the grant's one rule beyond what is asked for.
    let (_, rest) = page.split_once("--egress '").unwrap();
    let (rule, _) = rest.split_once('\'').unwrap();
    let written: toml::Table = format!("egress = [{rule}]").parse().unwrap();
    let asking = Manifest::from_toml(&format!(
        "name = \"p\"\nversion = \"1.0.0\"\nsurfaces = [\"notifier\"]\n{written}"
    ))
    .unwrap();
    assert_eq!(asking.egress, grant.egress);
    assert!(grant.egress[0].credential.as_ref().unwrap().sign.is_some());
}

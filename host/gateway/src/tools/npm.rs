//! npm, and those that read its configuration (pnpm, yarn): a registry in place
//! of the public one, and registries of scopes.

use super::{Detected, Machine, Preset};
use configparser::ini::{Ini, IniDefault};
use sortie_wire::place;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Where the registries of scopes are said, in the home of a sandbox; a
/// variable's name cannot hold them in a shell.
const FILE: &str = ".npmrc";

pub(super) fn detect(machine: &Machine, found: &mut Detected) {
    let mut registry: Option<(String, String)> = None;
    let mut scopes: BTreeMap<String, (String, String)> = BTreeMap::new();
    for name in [
        "npm_config_registry",
        "NPM_CONFIG_REGISTRY",
        "YARN_NPM_REGISTRY_SERVER",
    ] {
        if let (Some(url), None) = (machine.var(name), &registry) {
            registry = Some((url.to_owned(), name.to_owned()));
        }
    }
    let named = machine
        .var("NPM_CONFIG_USERCONFIG")
        .or_else(|| machine.var("npm_config_userconfig"));
    let user = match named {
        Some(path) => Some(path.into()),
        None => machine.at_home(".npmrc"),
    };
    let system = ["/usr/local/etc/npmrc", "/usr/etc/npmrc", "/etc/npmrc"];
    let system = system.map(|path| machine.at_root(path));
    for path in user.into_iter().chain(system) {
        let Some(text) = machine.read(&path) else {
            continue;
        };
        let said_in = path.display().to_string();
        for (key, url) in settings(&text) {
            if key == "registry" {
                registry.get_or_insert((url, said_in.clone()));
            } else if let Some(scope) = key.strip_suffix(":registry")
                && scope.starts_with('@')
            {
                scopes
                    .entry(scope.to_owned())
                    .or_insert((url, said_in.clone()));
            }
        }
    }
    if let Some((url, said_in)) = registry
        && found.mirror(Preset::Npm, &url, &said_in)
    {
        for name in [
            "npm_config_registry",
            "YARN_NPM_REGISTRY_SERVER",
            "YARN_REGISTRY",
        ] {
            found.set(Preset::Npm, name, &url);
        }
    }
    let mut file = String::new();
    for (scope, (url, said_in)) in scopes {
        if found.mirror(Preset::Npm, &url, &said_in) {
            // Writing to a string cannot fail.
            let _ = writeln!(file, "{scope}:registry={url}");
        }
    }
    if !file.is_empty() {
        found.put(Preset::Npm, &format!("{}/{FILE}", place::HOME), file);
    }
}

/// The keys that name registries; tokens and passwords are not looked at.
fn settings(text: &str) -> Vec<(String, String)> {
    let mut shape = IniDefault::default();
    shape.delimiters = vec!['='];
    shape.comment_symbols = vec![';', '#'];
    shape.case_sensitive = true;
    shape.default_section = "npm".to_owned();
    let mut ini = Ini::new_from_defaults(shape);
    let Ok(sections) = ini.read(text.to_owned()) else {
        return Vec::new();
    };
    let all = sections.get("npm").cloned().unwrap_or_default();
    all.into_iter()
        .filter(|(key, _)| key == "registry" || key.ends_with(":registry"))
        .filter_map(|(key, value)| Some((key, value?.trim().trim_matches('"').to_owned())))
        .collect()
}

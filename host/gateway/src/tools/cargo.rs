//! Cargo: sources in place of the public one, and further registries. No
//! variable says that, so sandboxes get a file.

use super::{Detected, Machine, Preset};
use sortie_wire::place;
use std::path::PathBuf;
use toml::{Table, Value};

/// In the folder above the repository, where Cargo looks whatever `CARGO_HOME`
/// is.
const FILE: &str = ".cargo/config.toml";

/// The longest chain of replacements that is followed.
const MAX_CHAIN: usize = 8;

pub(super) fn detect(machine: &Machine, found: &mut Detected) {
    let home = match machine.var("CARGO_HOME") {
        Some(dir) => Some(PathBuf::from(dir)),
        None => machine.at_home(".cargo"),
    };
    let files = ["config.toml", "config"].map(|name| home.as_ref().map(|dir| dir.join(name)));
    let mut written = Table::new();
    for path in files.into_iter().flatten() {
        let Some(text) = machine.read(&path) else {
            continue;
        };
        if let Ok(table) = text.parse::<Table>() {
            let said_in = path.display().to_string();
            sources(&table, &said_in, found, &mut written);
            registries(&table, &said_in, found, &mut written);
        }
        // Cargo itself reads one of them.
        break;
    }
    for (name, url) in &machine.env {
        let Some(registry) = name
            .strip_prefix("CARGO_REGISTRIES_")
            .and_then(|rest| rest.strip_suffix("_INDEX"))
        else {
            continue;
        };
        if found.mirror(Preset::Cargo, url, name) {
            let name = format!("CARGO_REGISTRIES_{registry}_INDEX");
            found.set(Preset::Cargo, &name, url);
        }
    }
    if !written.is_empty() {
        let path = format!("{}/{FILE}", place::WORK);
        found.put(Preset::Cargo, &path, written.to_string());
    }
}

/// Follows what replaces crates.io.
fn sources(table: &Table, said_in: &str, found: &mut Detected, written: &mut Table) {
    let Some(all) = table.get("source").and_then(Value::as_table) else {
        return;
    };
    let text = |source: &Value, key: &str| Some(source.get(key)?.as_str()?.to_owned());
    let mut kept = Table::new();
    let mut name = "crates-io".to_owned();
    for _ in 0..MAX_CHAIN {
        let Some(source) = all.get(&name) else {
            break;
        };
        let mut own = Table::new();
        let registry = text(source, "registry");
        if let Some(url) = &registry {
            if !found.mirror(Preset::Cargo, url, said_in) {
                return;
            }
            own.insert("registry".to_owned(), url.clone().into());
        }
        let next = text(source, "replace-with");
        if let Some(next) = &next {
            own.insert("replace-with".to_owned(), next.clone().into());
        }
        kept.insert(name, own.into());
        match (next, registry) {
            (Some(next), _) => name = next,
            // The end of the chain is a place that sandboxes can reach.
            (None, Some(_)) => {
                written.insert("source".to_owned(), kept.into());
                return;
            }
            // A directory of this machine, or nothing.
            (None, None) => return,
        }
    }
    // A chain may also end at one of the registries, if that is passed on: a
    // source that names one which is not there fails every call.
    if let Some(url) = registry_index(table, &name)
        && kept.contains_key("crates-io")
        && found.mirror(Preset::Cargo, &url, said_in)
    {
        written.insert("source".to_owned(), kept.into());
    }
}

fn registry_index(table: &Table, name: &str) -> Option<String> {
    let index = table.get("registries")?.get(name)?.get("index")?;
    Some(index.as_str()?.to_owned())
}

fn registries(table: &Table, said_in: &str, found: &mut Detected, written: &mut Table) {
    let Some(all) = table.get("registries").and_then(Value::as_table) else {
        return;
    };
    let mut kept = Table::new();
    for name in all.keys() {
        if let Some(url) = registry_index(table, name)
            && found.mirror(Preset::Cargo, &url, said_in)
        {
            let index = Table::from_iter([("index".to_owned(), url.into())]);
            kept.insert(name.clone(), index.into());
        }
    }
    if !kept.is_empty() {
        written.insert("registries".to_owned(), kept.into());
    }
}

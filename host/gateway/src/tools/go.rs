//! Go: proxies of modules and of their checksums, in variables or in the file
//! that `go env -w` writes.

use super::{Detected, Machine, Preset};

/// Variables that belong together: where modules come from, and whose
/// checksums are not asked for.
const PASSED: [&str; 4] = ["GOSUMDB", "GONOSUMDB", "GONOPROXY", "GONOSUMCHECK"];

pub(super) fn detect(machine: &Machine, found: &mut Detected) {
    let path = match machine.var("GOENV") {
        Some("off") => None,
        Some(path) => Some(path.into()),
        None => machine.at_config("go/env"),
    };
    let text = path
        .and_then(|path| machine.read(&path))
        .unwrap_or_default();
    let value = |name: &str| -> Option<String> {
        machine.var(name).map(str::to_owned).or_else(|| {
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
            line.map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        })
    };
    let Some(proxies) = value("GOPROXY") else {
        return;
    };
    let mut clean = true;
    for url in proxies.split([',', '|']) {
        let url = url.trim();
        if url.contains("://") {
            clean &= found.mirror(Preset::Go, url, "GOPROXY");
        }
    }
    if let Some(sums) = value("GOSUMDB") {
        // A name, a key, and perhaps where to ask.
        let mut words = sums.split_whitespace();
        let name = words.next().unwrap_or("off");
        let name = name.split('+').next().unwrap_or(name);
        if name != "off" {
            let asked = words
                .next()
                .map_or_else(|| format!("https://{name}"), str::to_owned);
            clean &= found.mirror(Preset::Go, &asked, "GOSUMDB");
        }
    }
    if clean {
        found.set(Preset::Go, "GOPROXY", &proxies);
        for name in PASSED {
            if let Some(value) = value(name) {
                found.set(Preset::Go, name, &value);
            }
        }
    }
}

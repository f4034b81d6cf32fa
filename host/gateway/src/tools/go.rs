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
    for entry in proxies.split([',', '|']) {
        clean &= match entry.trim() {
            "" | "direct" | "off" => true,
            // A directory of this machine, which no sandbox has.
            path if path.starts_with('/') => false,
            url if url.contains(":/") => found.mirror(Preset::Go, url, "GOPROXY"),
            // What Go itself makes of one without a scheme.
            bare => found.mirror(Preset::Go, &format!("https://{bare}"), "GOPROXY"),
        };
    }
    if let Some(sums) = value("GOSUMDB") {
        // A name, a key, and perhaps where to ask.
        let mut words = sums.split_whitespace();
        let name = words.next().unwrap_or("off");
        let name = name.split('+').next().unwrap_or(name);
        if sums != "off" {
            let asked = words
                .next()
                .map_or_else(|| format!("https://{name}"), str::to_owned);
            clean &= found.mirror(Preset::Go, &asked, "GOSUMDB");
            // More than Go reads was not looked at.
            clean &= words.next().is_none();
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

//! apt: where the system's packages come from, in either format of its lists.
//! Nothing is passed on: a sandbox has its packages from its image.

use super::{Detected, Machine, Preset};

pub(super) fn detect(machine: &Machine, found: &mut Detected) {
    let mut files = vec![machine.at_root("/etc/apt/sources.list")];
    let dir = machine.at_root("/etc/apt/sources.list.d");
    files.extend(machine.list(&dir, &["list", "sources"]));
    for path in files {
        let Some(text) = machine.read(&path) else {
            continue;
        };
        let said_in = path.display().to_string();
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.starts_with('#')) {
            let is_entry = ["deb ", "deb-src ", "deb\t"]
                .iter()
                .any(|kind| line.starts_with(kind));
            let is_field = line.to_ascii_lowercase().starts_with("uris:");
            if !is_entry && !is_field {
                continue;
            }
            for word in line.split_whitespace() {
                let url = word.strip_prefix("URIs:").unwrap_or(word);
                if url.contains("://") {
                    found.mirror(Preset::Apt, url, &said_in);
                }
            }
        }
    }
}

//! Go modules and workspaces.

use super::{Folder, Found, Purpose, quoted};

/// The most modules of a workspace that one command names.
const MAX_MODULES: usize = 32;

pub(super) fn look(folder: Folder<'_>) -> Vec<Found> {
    let (because, packages) = if let Some(text) = folder.read("go.work") {
        // A workspace's root is no module, so `./...` would match nothing.
        let modules: Vec<String> = modules(text)
            .into_iter()
            .take(MAX_MODULES)
            .map(|module| format!("{}/...", dotted(module)))
            .collect();
        if modules.is_empty() {
            return Vec::new();
        }
        ("go.work", modules.join(" "))
    } else if folder.has("go.mod") {
        ("go.mod", "./...".to_owned())
    } else {
        return Vec::new();
    };
    // Packages without tests are compiled by the first only.
    vec![
        folder.found(Purpose::Build, &format!("go build {packages}"), because),
        folder.found(Purpose::Test, &format!("go test {packages}"), because),
    ]
}

/// The modules that a `go.work` uses.
fn modules(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut modules = Vec::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if inside {
            match line {
                ")" => inside = false,
                "" => {}
                module => modules.push(module.trim_matches('"')),
            }
        } else if let Some(rest) = line.strip_prefix("use") {
            match rest.trim() {
                "(" => inside = true,
                module if rest.starts_with([' ', '\t']) => modules.push(module.trim_matches('"')),
                _ => {}
            }
        }
    }
    modules
}

fn dotted(module: &str) -> String {
    let module = module.trim_end_matches('/');
    match module {
        "." | "./." => ".".to_owned(),
        module if module.starts_with("./") => format!("./{}", quoted(&module[2..])),
        module => format!("./{}", quoted(module)),
    }
}

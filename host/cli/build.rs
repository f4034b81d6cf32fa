//! Embeds the templates of `sortie plugin new`: writes a table of what a fresh
//! project of each language holds, put together as the READMEs under `sdk/`
//! say. Embeds the plugins that setup commands install: writes a table of
//! `dist/optional/*.wasm`. It builds and changes none of them.

use std::error::Error;
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where a project's files come from and go to; whether the plugin's name is
/// put into them.
type Part = (&'static str, &'static str, bool);

/// Later parts over earlier ones.
const LANGUAGES: [(&str, &[Part]); 6] = [
    (
        "rust",
        &[
            ("sdk/rust/template", "", true),
            // A crate of its own with a name of its own.
            ("sdk/rust/Cargo.toml", "sdk/Cargo.toml", false),
            ("sdk/rust/src", "sdk/src", false),
        ],
    ),
    (
        "js",
        &[
            ("sdk/js/template-common", "", true),
            ("sdk/js/template-js", "", true),
        ],
    ),
    (
        "ts",
        &[
            ("sdk/js/template-common", "", true),
            ("sdk/js/template-ts", "", true),
        ],
    ),
    ("python", &[("sdk/python/template", "", true)]),
    ("go", &[("sdk/go/template", "", true)]),
    ("c", &[("sdk/c/template", "", true)]),
];

/// What every scanner's project has.
const SCANNER: [Part; 3] = [
    ("sdk/fixtures/scanner", "tests", false),
    ("wit/scanner", "wit", false),
    ("wit/host", "wit/deps/host", false),
];

/// Folders that a build in a template leaves at its root.
const LEFT_BY_BUILDS: [&str; 5] = ["build", "dist", "node_modules", "target", "__pycache__"];

struct Entry {
    path: String,
    from: PathBuf,
    named: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let root = root.canonicalize()?;
    let mut table = String::from("static TEMPLATES: &[(&str, &[File])] = &[\n");
    for (language, parts) in LANGUAGES {
        let mut entries: Vec<Entry> = Vec::new();
        for (from, to, named) in parts.iter().chain(&SCANNER) {
            println!("cargo::rerun-if-changed={}", root.join(from).display());
            let mut found = Vec::new();
            walk(&root.join(from), Path::new(to), *named, 0, &mut found)?;
            entries.retain(|old| found.iter().all(|new| new.path != old.path));
            entries.extend(found);
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        writeln!(table, "    ({language:?}, &[")?;
        for Entry { path, from, named } in entries {
            let executable = fs::metadata(&from)?.permissions().mode() & 0o100 != 0;
            writeln!(
                table,
                "        File {{ path: {path:?}, bytes: include_bytes!({from:?}), \
                 executable: {executable}, named: {named} }},"
            )?;
        }
        table.push_str("    ]),\n");
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("templates.rs");
    fs::write(out, table)?;
    extras(&root)
}

/// A host that was built before the plugins has none of them, and its setup
/// commands say so.
fn extras(root: &Path) -> Result<(), Box<dyn Error>> {
    let dir = root.join("dist/optional");
    println!("cargo::rerun-if-changed={}", dir.display());
    let mut found: Vec<PathBuf> = match fs::read_dir(&dir) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?,
        Err(_) => Vec::new(),
    };
    found.retain(|path| path.extension().is_some_and(|kind| kind == "wasm"));
    found.sort();
    let mut table = String::from("static EXTRAS: &[(&str, &[u8])] = &[\n");
    for path in found {
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.ok_or("a plugin has a name that is not UTF-8")?;
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("extras.rs");
    fs::write(out, table)?;
    Ok(())
}

fn walk(
    from: &Path,
    to: &Path,
    named: bool,
    depth: u32,
    found: &mut Vec<Entry>,
) -> Result<(), Box<dyn Error>> {
    let name = from.file_name().and_then(|name| name.to_str());
    let name = name.ok_or("a template has a name that is not UTF-8")?;
    if (depth == 1 && LEFT_BY_BUILDS.contains(&name)) || name == "__pycache__" {
        return Ok(());
    }
    if fs::metadata(from)?.is_file() {
        let path = to
            .to_str()
            .ok_or("a template has a name that is not UTF-8")?;
        found.push(Entry {
            path: path.to_owned(),
            from: from.to_owned(),
            named,
        });
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        walk(
            &entry.path(),
            &to.join(entry.file_name()),
            named,
            depth + 1,
            found,
        )?;
    }
    Ok(())
}

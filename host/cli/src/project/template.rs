//! The projects that `sortie plugin new` begins with, embedded. Each is the
//! example that is built and tested with the host, under another name.

use crate::exit::CliError;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The name that stands in templates, as words are divided in file names and
/// in identifiers.
const PLACEHOLDER: &str = "my-rule";

/// A file of a fresh project.
struct File {
    path: &'static str,
    bytes: &'static [u8],
    executable: bool,
    /// Whether the plugin's name is put into its contents.
    named: bool,
}

include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// Writes a project of `language` for the plugin `name` into `dir`, which
/// holds nothing yet. Gives the paths it wrote, relative to it.
pub fn write(language: &str, name: &str, dir: &Path) -> Result<Vec<String>, CliError> {
    let files = TEMPLATES.iter().find(|(known, _)| *known == language);
    let (_, files) = files.expect("each language on the command line has a template");
    let mut written = Vec::new();
    for file in *files {
        let path = renamed(file.path, name);
        let to = dir.join(&path);
        let failed =
            |error: std::io::Error| CliError::failed(format!("write {}: {error}", to.display()));
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let bytes = match std::str::from_utf8(file.bytes) {
            Ok(text) if file.named => renamed(text, name).into_bytes(),
            _ => file.bytes.to_vec(),
        };
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(if file.executable { 0o777 } else { 0o666 })
            .open(&to)
            .and_then(|mut open| open.write_all(&bytes))
            .map_err(failed)?;
        written.push(path);
    }
    Ok(written)
}

fn renamed(text: &str, name: &str) -> String {
    text.replace(PLACEHOLDER, name)
        .replace(&identifier(PLACEHOLDER), &identifier(name))
}

/// A plugin's name as the name of a file of code.
fn identifier(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_whole() {
        for (language, files) in TEMPLATES {
            let has = |path: &str| files.iter().any(|file| file.path == path);
            for path in [
                ".gitignore",
                "sortie-plugin.toml",
                "tests/todo-added.diff",
                "tests/todo-added.json",
                "wit/scanner.wit",
                "wit/deps/host/host.wit",
            ] {
                assert!(has(path), "{language} has no {path}");
            }
            for file in *files {
                let built = ["target/", "node_modules/", "dist/", "build/"];
                assert!(
                    !built.iter().any(|folder| file.path.starts_with(folder)),
                    "{language} has {}",
                    file.path
                );
            }
        }
    }

    #[test]
    fn the_name_goes_everywhere_but_into_the_sdk() {
        let dir = tempfile::tempdir().expect("a folder");
        let written = write("rust", "no-tabs", dir.path()).expect("it is written");
        let read = |path: &str| std::fs::read_to_string(dir.path().join(path)).expect(path);
        assert!(read("Cargo.toml").contains("name = \"no-tabs\""));
        assert!(read("sortie-plugin.toml").contains("release/no_tabs.wasm"));
        assert!(read("sdk/Cargo.toml").contains("name = \"sortie-sdk\""));
        for path in written.iter().filter(|path| !path.starts_with("sdk/")) {
            let text = read(path);
            assert!(
                !text.contains("my-rule") && !text.contains("my_rule"),
                "{path}"
            );
        }
    }

    #[test]
    fn scripts_stay_executable_and_files_are_renamed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a folder");
        write("c", "no-tabs", dir.path()).expect("it is written");
        let mode = |path: &str| {
            let meta = std::fs::metadata(dir.path().join(path)).expect(path);
            meta.permissions().mode() & 0o111
        };
        assert_ne!(mode("build.sh"), 0);
        assert_eq!(mode("no_tabs.c"), 0);
    }
}

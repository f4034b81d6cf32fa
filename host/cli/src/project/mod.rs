//! A plugin's project on this machine: its manifest, how it is built, and its
//! cases. What runs here runs for the author alone, without a host.

pub mod cases;
pub mod package;
pub mod program;
pub mod template;
mod toolchain;

use crate::exit::CliError;
use sortie_package::Manifest;
use sortie_package::manifest::MAX_MANIFEST_BYTES;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a project's manifest is called.
pub const MANIFEST: &str = "sortie-plugin.toml";

/// A folder with a manifest.
pub struct Project {
    pub dir: PathBuf,
    pub manifest: Manifest,
}

impl Project {
    /// Reads the manifest of `dir`.
    pub fn open(dir: &Path) -> Result<Self, CliError> {
        let path = dir.join(MANIFEST);
        let text = read_text(&path, MAX_MANIFEST_BYTES).map_err(|error| {
            CliError::usage(format!("read {}: {error}", path.display())).with_hint(
                "name the folder of a plugin's project, or begin one with `sortie plugin new`",
            )
        })?;
        let manifest = Manifest::from_toml(&text)
            .map_err(|error| CliError::usage(format!("use {}: {error}", path.display())))?;
        let dir = dir
            .canonicalize()
            .map_err(|error| CliError::failed(format!("enter {}: {error}", dir.display())))?;
        Ok(Self { dir, manifest })
    }

    /// Where the finished package is.
    pub fn package(&self) -> PathBuf {
        let name = format!("{}.wasm", self.manifest.name);
        self.dir.join("dist").join(name)
    }
}

/// A text file of at most `limit` bytes.
pub fn read_text(path: &Path, limit: usize) -> std::io::Result<String> {
    let mut text = String::new();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let file = std::fs::File::open(path)?;
    let read = file
        .take(limit.saturating_add(1))
        .read_to_string(&mut text)?;
    match read as u64 > limit {
        true => Err(std::io::Error::other(format!(
            "it has more than {limit} bytes"
        ))),
        false => Ok(text),
    }
}

/// Writes a file so that nobody ever reads half of it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    let failed =
        |error: std::io::Error| CliError::failed(format!("write {}: {error}", path.display()));
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

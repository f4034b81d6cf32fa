//! The machine whose configuration is read: its variables, a home and a root.
//! Reads whole small files and nothing else; a missing one is no error.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most bytes of one file; configurations of package managers have a few
/// hundred.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// The most files of one directory.
const MAX_FILES: usize = 64;

/// A machine's configuration.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Variables by name.
    pub env: BTreeMap<String, String>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// What stands for `/`.
    pub root: PathBuf,
}

impl Machine {
    /// This process's.
    pub fn this() -> Self {
        let env: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            home: env.get("HOME").map(PathBuf::from),
            env,
            root: PathBuf::from("/"),
        }
    }

    /// One that has no configuration.
    pub fn bare() -> Self {
        Self {
            // A file: nothing is below it.
            root: PathBuf::from("/dev/null"),
            ..Self::default()
        }
    }

    /// A variable that is not empty.
    pub(super) fn var(&self, name: &str) -> Option<&str> {
        let value = self.env.get(name)?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// A path in the home.
    pub(super) fn at_home(&self, path: &str) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join(path))
    }

    /// A path in the user's configuration.
    pub(super) fn at_config(&self, path: &str) -> Option<PathBuf> {
        match self.var("XDG_CONFIG_HOME") {
            Some(dir) => Some(PathBuf::from(dir).join(path)),
            None => self.at_home(".config").map(|dir| dir.join(path)),
        }
    }

    /// An absolute path of the system.
    pub(super) fn at_root(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file's text, if it is a small file of text.
    pub(super) fn read(&self, path: &Path) -> Option<String> {
        // Looked at before it is opened: to open a pipe could wait for ever.
        let meta = std::fs::metadata(path).ok()?;
        if !meta.is_file() || meta.len() > MAX_FILE_BYTES {
            return None;
        }
        let mut text = String::new();
        let file = File::open(path).ok()?;
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// The files of a directory with one of these endings, in the order of
    /// names.
    pub(super) fn list(&self, dir: &Path, endings: &[&str]) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(dir) else {
            return Vec::new();
        };
        let ends = |path: &PathBuf| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            ending.is_some_and(|ending| endings.contains(&ending))
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut paths: Vec<PathBuf> = paths.filter(ends).take(MAX_FILES).collect();
        paths.sort();
        paths
    }
}

//! A folder of generated files: written, or held against what is committed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// All files of one generated folder. A file in the folder that is not in here is stale.
pub struct Output {
    /// Relative to `sdk/`.
    folder: PathBuf,
    /// Relative to the folder.
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Output {
    /// An output without files.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            files: BTreeMap::new(),
        }
    }

    /// Adds one file.
    pub fn add(&mut self, path: impl Into<PathBuf>, contents: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), contents.into());
    }

    /// Replaces the folder.
    ///
    /// # Errors
    /// When a file cannot be written or removed.
    pub fn write(&self, sdk: &Path) -> anyhow::Result<()> {
        let root = sdk.join(&self.folder);
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("remove {}", root.display()))?;
        }
        for (path, contents) in &self.files {
            let path = root.join(path);
            let parent = path.parent().unwrap_or(&root);
            fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
            fs::write(&path, contents).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(())
    }

    /// The paths, relative to `sdk/`, at which the folder is not what it should be.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn differences(&self, sdk: &Path) -> anyhow::Result<Vec<String>> {
        let root = sdk.join(&self.folder);
        let mut found = BTreeMap::new();
        if root.exists() {
            read_all(&root, &root, &mut found)?;
        }
        Ok(self
            .files
            .keys()
            .chain(found.keys().filter(|path| !self.files.contains_key(*path)))
            .filter(|path| found.get(*path) != self.files.get(*path))
            .map(|path| self.folder.join(path).display().to_string())
            .collect())
    }
}

fn read_all(
    root: &Path,
    folder: &Path,
    found: &mut BTreeMap<PathBuf, Vec<u8>>,
) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("list {}", folder.display()))?
            .path();
        if path.is_dir() {
            read_all(root, &path, found)?;
        } else {
            let contents = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            let name = path.strip_prefix(root).unwrap_or(&path).to_owned();
            found.insert(name, contents);
        }
    }
    Ok(())
}

//! `sortie scan` as the benchmarks call it: with the default configuration and
//! a code cache of its own, so that nothing of the user's plays a part.

use super::Setting;
use crate::program;
use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How long a scan may take. The first one compiles the plugin.
pub const LIMIT: Duration = Duration::from_secs(300);

/// The program with its places.
pub struct Scan {
    sortie: PathBuf,
    place: TempDir,
}

impl Scan {
    /// Builds `sortie` if need be, and has it compile its scanner.
    pub async fn prepare(setting: &Setting) -> Result<Self> {
        let sortie = setting.sortie().await?;
        let place = setting.directory("scan")?;
        std::fs::write(place.path().join("sortie.toml"), "")?;
        let scan = Self { sortie, place };
        let nothing = scan.path("nothing.diff");
        std::fs::write(&nothing, "")?;
        let done = program::finish(program::program(&scan.argv([&nothing]))?, LIMIT).await?;
        ensure_scanned(done.status.code()).with_context(|| done.stderr.trim().to_owned())?;
        Ok(scan)
    }

    /// A path in a directory that goes away with this.
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The command line that scans these changes.
    pub fn argv<P: AsRef<Path>>(&self, changes: impl IntoIterator<Item = P>) -> Vec<OsString> {
        let cache = self.place.path().join("cache");
        let mut own_cache = OsString::from("XDG_CACHE_HOME=");
        own_cache.push(&cache);
        let mut argv = vec![
            "env".into(),
            own_cache,
            self.sortie.clone().into(),
            "--config".into(),
            self.path("sortie.toml").into(),
            "scan".into(),
            "--json".into(),
            "--diff".into(),
        ];
        argv.extend(changes.into_iter().map(|path| path.as_ref().into()));
        argv
    }
}

/// Whether a scan came to an end: clean, or with findings.
pub fn ensure_scanned(code: Option<i32>) -> Result<()> {
    ensure!(
        matches!(code, Some(0 | 1)),
        "scan a change: it ended with {code:?}"
    );
    Ok(())
}

//! A file whose time says that the host is alive and that its store takes
//! writes. Whoever watches the host needs no network for it.

use crate::PeopleError;
use sortie_model::clock::Timestamp;
use sortie_store::Store;
use std::path::{Path, PathBuf};

/// Its name in the data directory.
const FILE: &str = "heartbeat";

/// Beats once: asks the store, then puts the time into the file, in
/// milliseconds since 1970.
pub(crate) async fn beat(store: &Store, dir: &Path, now: Timestamp) -> Result<(), PeopleError> {
    store.health().await?;
    let path = dir.join(FILE);
    let failed = |path: PathBuf, source| PeopleError::File { path, source };
    let at = path.clone();
    let written = tokio::task::spawn_blocking(move || write(&at, now)).await;
    match written {
        Ok(written) => written.map_err(|source| failed(path, source)),
        Err(error) => Err(failed(path, std::io::Error::other(error))),
    }
}

/// Beside it first, so that nobody reads half a time.
fn write(path: &Path, now: Timestamp) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, format!("{}\n", now.0))?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_replaces_the_one_before() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(FILE);
        for at in [1, 1_700_000_000_000] {
            write(&path, Timestamp(at)).expect("it is written");
            let text = std::fs::read_to_string(&path).expect("it is there");
            assert_eq!(text, format!("{at}\n"));
        }
        assert_eq!(
            std::fs::read_dir(dir.path()).expect("a directory").count(),
            1
        );
    }
}

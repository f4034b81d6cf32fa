//! What a change does to tests, and how that is taken back.

use crate::fault::Fault;
use sortie_git::{CommitId, Overlay, RepoDiff};
use sortie_model::diff::{DiffError, DiffSource, FileChange};
use sortie_verify::touched::{self, Restored};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most files that are put back. A change that touches more tests than
/// this is compared by its inventory alone.
const MAX_RESTORED: usize = 10_000;

/// The tests that a change touches.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// The files that count as tests or say how they run, as the change names
    /// them; one that it deleted as it was named before.
    pub(super) paths: Vec<TouchedPath>,
    /// What is put back for the base commit's tests.
    pub(super) overlay: BTreeMap<String, Overlay>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct TouchedPath {
    pub(super) path: String,
    /// It is not there any more.
    pub(super) gone: bool,
}

impl Touched {
    /// By this change. Reads files, so it runs beside the loop.
    pub(super) async fn by(diff: Arc<RepoDiff>, base: &CommitId) -> Result<Self, Fault> {
        let base = base.clone();
        let work = tokio::task::spawn_blocking(move || Self::read(&*diff, &base));
        match work.await {
            Ok(touched) => touched
                .map_err(|error| Fault::halt(sortie_model::halt::HaltReason::ResultRefused, error)),
            Err(error) => Err(Fault::Passing(format!(
                "look at the changed tests: {error}"
            ))),
        }
    }

    fn read(diff: &dyn DiffSource, base: &CommitId) -> Result<Self, DiffError> {
        let mut found = Self::default();
        for (index, file) in diff.files().iter().enumerate() {
            // A copy leaves its source alone.
            let old = match file.kind {
                sortie_model::diff::ChangeKind::Copied => None,
                _ => file.old_path.as_deref(),
            };
            let names = [old, file.new_path.as_deref()];
            let needed = names.into_iter().flatten().any(touched::needs_contents);
            let contents = match needed {
                true => contents(diff, index)?,
                false => Some((None, None)),
            };
            // What cannot be looked into counts as touched.
            let Some((before, after)) = contents else {
                found.paths.push(TouchedPath {
                    path: file.path().to_owned(),
                    gone: file.new_path.is_none(),
                });
                continue;
            };
            let moved = file.old_path != file.new_path;
            for (path, is_old) in [(old, true), (file.new_path.as_deref(), false)] {
                let Some(path) = path else { continue };
                // The same path on both sides is looked at once.
                if is_old && !moved {
                    continue;
                }
                let (was, is) = match (moved, is_old) {
                    (false, _) => (before.as_deref(), after.as_deref()),
                    (true, true) => (before.as_deref(), None),
                    (true, false) => (None, after.as_deref()),
                };
                found.take(file, path, was, is, base);
            }
        }
        if found.overlay.len() > MAX_RESTORED {
            found.overlay.clear();
        }
        Ok(found)
    }

    fn take(
        &mut self,
        file: &FileChange,
        path: &str,
        was: Option<&[u8]>,
        is: Option<&[u8]>,
        base: &CommitId,
    ) {
        if !touched::touches(path, was, is) {
            return;
        }
        self.paths.push(TouchedPath {
            path: path.to_owned(),
            gone: file.new_path.as_deref() != Some(path),
        });
        let put_back = match touched::restored(path, was, is) {
            Restored::Kept => return,
            Restored::Before => Overlay::As(base.clone()),
            Restored::Mixed(contents) => Overlay::Contents(contents),
        };
        self.overlay.insert(path.to_owned(), put_back);
    }

    /// The touched file that a test of this name is most likely in.
    pub(super) fn file_of(&self, test: &str) -> Option<&TouchedPath> {
        let stem = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or(path);
            name.split('.').next().unwrap_or(name).to_owned()
        };
        let mut files = self.paths.iter();
        let by_path = files.find(|file| test.contains(&file.path));
        by_path
            .or_else(|| {
                self.paths.iter().find(|file| {
                    test.split(['.', ':', '/'])
                        .any(|part| part == stem(&file.path))
                })
            })
            .or(match self.paths.as_slice() {
                [only] => Some(only),
                _ => None,
            })
    }
}

/// The contents before and after a change.
type Contents = (Option<Vec<u8>>, Option<Vec<u8>>);

/// What a file holds before and after; none when that is more than is read.
fn contents(diff: &dyn DiffSource, index: usize) -> Result<Option<Contents>, DiffError> {
    let read = || Ok((diff.before(index)?, diff.after(index)?));
    match read() {
        Err(DiffError::TooLarge { .. }) => Ok(None),
        other => other.map(Some),
    }
}

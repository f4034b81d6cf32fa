//! What a change does to tests, and how that is taken back.

use crate::fault::Fault;
use sortie_git::{CommitId, Overlay, RepoDiff};
use sortie_model::diff::{DiffError, DiffSource, FileChange};
use sortie_verify::touched::{self, Kind, Restored};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most files that are put back. A change that touches more tests than
/// this is compared by its inventory alone.
const MAX_RESTORED: usize = 10_000;
/// What is held of files that are put back in part, in bytes: as much as of a
/// diff.
const MAX_MIXED_BYTES: usize = 64 * 1024 * 1024;

/// The tests that a change touches.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// The files that count as tests or say how they run, as the change names
    /// them; one that it deleted as it was named before.
    pub(super) paths: Vec<TouchedPath>,
    /// What is put back for the base commit's tests.
    pub(super) overlay: BTreeMap<String, Overlay>,
    /// How many bytes are held for that.
    pub(super) mixed_bytes: usize,
    /// What is not put back, although the base commit has other tests in it.
    pub(super) left: Vec<String>,
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
                found.left.extend(old.map(str::to_owned));
                found.paths.push(TouchedPath {
                    path: file.path().to_owned(),
                    gone: file.new_path.is_none(),
                });
                continue;
            };
            let is_source = |path: &str| touched::kind(path) == Some(Kind::Source);
            if let (Some(old), Some(new)) = (old, file.new_path.as_deref())
                && is_source(old)
                && is_source(new)
            {
                // One that moved took its tests along.
                found.take(file, new, before.as_deref(), after.as_deref(), base);
                continue;
            }
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
            let overlay = std::mem::take(&mut found.overlay);
            found.left.extend(overlay.into_keys());
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
            Restored::Mixed(contents) if self.mixed_bytes + contents.len() <= MAX_MIXED_BYTES => {
                self.mixed_bytes += contents.len();
                Overlay::Contents(contents)
            }
            Restored::Mixed(_) | Restored::Left => {
                self.left.push(path.to_owned());
                return;
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_git::UnifiedDiff;
    use sortie_model::diff::{ChangeKind, Hunk};

    const CHANGE: &str = "\
diff --git a/cart.go b/cart.go
index 1111111..2222222 100644
--- a/cart.go
+++ b/cart.go
@@ -1 +1 @@
-a
+b
diff --git a/cart_test.go b/cart_test.go
deleted file mode 100644
index 1111111..0000000
--- a/cart_test.go
+++ /dev/null
@@ -1 +0,0 @@
-a
diff --git a/tests/new.json b/tests/new.json
new file mode 100644
index 0000000..2222222
--- /dev/null
+++ b/tests/new.json
@@ -0,0 +1 @@
+a
diff --git a/a_test.go b/b_test.go
similarity index 100%
rename from a_test.go
rename to b_test.go
";

    fn base() -> CommitId {
        "0123456789012345678901234567890123456789"
            .parse()
            .expect("an id")
    }

    #[test]
    fn tests_are_put_back_as_they_were_and_new_ones_go() {
        let diff = UnifiedDiff::parse(CHANGE.into()).expect("a diff");
        let found = Touched::read(&diff, &base()).expect("it is read");
        let paths: Vec<_> = found
            .paths
            .iter()
            .map(|file| (file.path.as_str(), file.gone))
            .collect();
        assert_eq!(
            paths,
            [
                ("cart_test.go", true),
                ("tests/new.json", false),
                ("a_test.go", true),
                ("b_test.go", false),
            ]
        );
        // Each is as in the base commit, which does not have the new ones.
        assert_eq!(found.overlay.len(), 4);
        let as_before = Overlay::As(base());
        assert!(found.overlay.values().all(|put| *put == as_before));
    }

    #[test]
    fn a_test_is_looked_for_in_the_file_of_its_name() {
        let files = |paths: &[&str]| Touched {
            paths: paths
                .iter()
                .map(|path| TouchedPath {
                    path: (*path).to_owned(),
                    gone: false,
                })
                .collect(),
            ..Touched::default()
        };
        let found = files(&["conftest.py", "tests/test_cart.py", "web/a.test.ts"]);
        let file = |test: &str| found.file_of(test).map(|file| file.path.as_str());
        assert_eq!(
            file("tests/test_cart.py::Cart::test_a"),
            Some("tests/test_cart.py")
        );
        assert_eq!(file("test_cart.Cart.test_a"), Some("tests/test_cart.py"));
        assert_eq!(file("web/a.test.ts: adds"), Some("web/a.test.ts"));
        assert_eq!(file("adds"), None);
        let one = files(&["cart_test.go"]);
        assert!(one.file_of("example.com/shop.TestAdd").is_some());
    }

    /// Files with their contents before and after; none where it is not there.
    #[derive(Default)]
    struct Files {
        files: Vec<FileChange>,
        contents: Vec<[Option<&'static str>; 2]>,
        too_large: bool,
    }

    impl Files {
        fn add(&mut self, paths: [Option<&str>; 2], contents: [Option<&'static str>; 2]) {
            let [old, new] = paths.map(|path| path.map(str::to_owned));
            self.files.push(FileChange {
                kind: match (&old, &new) {
                    (None, _) => ChangeKind::Added,
                    (_, None) => ChangeKind::Deleted,
                    (old, new) if old == new => ChangeKind::Modified,
                    _ => ChangeKind::Renamed,
                },
                old_path: old,
                new_path: new,
                binary: false,
                old_mode: 0o100_644,
                new_mode: 0o100_644,
                additions: 1,
                deletions: 1,
            });
            self.contents.push(contents);
        }

        fn side(&self, index: usize, side: usize) -> Result<Option<Vec<u8>>, DiffError> {
            if self.too_large {
                return Err(DiffError::TooLarge {
                    what: self.files[index].path().to_owned(),
                    bytes: 2,
                    limit: 1,
                });
            }
            Ok(self.contents[index][side].map(|text| text.as_bytes().to_vec()))
        }
    }

    impl DiffSource for Files {
        fn files(&self) -> &[FileChange] {
            &self.files
        }

        fn page(&self, _: usize, _: u32, _: usize) -> Result<Vec<Hunk>, DiffError> {
            Ok(Vec::new())
        }

        fn before(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError> {
            self.side(index, 0)
        }

        fn after(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError> {
            self.side(index, 1)
        }
    }

    const BEFORE: &str = "fn a() {}\n#[cfg(test)]\nmod tests { fn t() {} }\n";
    const AFTER: &str = "fn b() {}\n#[cfg(test)]\nmod tests {}\n";

    #[test]
    fn unit_tests_are_put_back_where_their_source_is_now() {
        let mut files = Files::default();
        files.add([Some("a.rs"), Some("a.rs")], [Some(BEFORE), Some(AFTER)]);
        files.add([Some("b.rs"), Some("c.rs")], [Some(BEFORE), Some(AFTER)]);
        let found = Touched::read(&files, &base()).expect("it is read");
        let mixed = "fn b() {}\n#[cfg(test)]\nmod tests { fn t() {} }\n";
        let mixed = Overlay::Contents(mixed.as_bytes().to_vec());
        let put_back = [("a.rs", &mixed), ("c.rs", &mixed)];
        let overlay = found.overlay.iter();
        assert!(
            overlay.map(|(path, put)| (path.as_str(), put)).eq(put_back),
            "{:?}",
            found.overlay
        );
        assert_eq!(found.left, Vec::<String>::new());
    }

    #[test]
    fn what_is_not_put_back_is_known() {
        let mut files = Files::default();
        files.add([Some("a.rs"), None], [Some(BEFORE), None]);
        files.add([None, Some("b.rs")], [None, Some("fn b() {}\n")]);
        let found = Touched::read(&files, &base()).expect("it is read");
        assert_eq!(found.left, ["a.rs"]);

        // What is too large to be looked into may be anything.
        files.too_large = true;
        let found = Touched::read(&files, &base()).expect("it is read");
        assert_eq!(found.left, ["a.rs"]);
        assert_eq!(found.paths.len(), 2);

        let mut many = Files::default();
        for number in 0..=MAX_RESTORED {
            let path = format!("tests/{number}.json");
            many.add([Some(&path), Some(&path)], [None, None]);
        }
        let found = Touched::read(&many, &base()).expect("it is read");
        assert!(found.overlay.is_empty());
        assert_eq!(found.left.len(), MAX_RESTORED + 1);
    }
}

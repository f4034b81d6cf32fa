//! The way out of a sandbox: a bundle, treated as hostile.
//!
//! The order matters, cheap checks first: size, header, the one expected ref,
//! known prerequisites; then git's own strict reading of the objects into a
//! quarantine directory; then ancestry, completeness, sizes, and every path
//! of every new commit. Only when all of it holds do the objects move into
//! the mirror, and the ref is set. A refused bundle leaves nothing behind.
//!
//! Nothing is ever checked out, and nothing of what comes in is executed.

mod content;
mod fault;
mod header;
mod paths;
mod tree;

use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

pub use fault::BundleFault;
use header::Header;

use crate::command::GitCommand;
use crate::refs::check_keep;
use crate::scratch::Scratch;
use crate::{CommitId, GitError, Limits, Mirror};

/// What the host expects of a bundle.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The one ref it must hold, such as `refs/heads/sortie/out`.
    pub ref_name: &'a str,
    /// The commit the work started from.
    pub base: &'a CommitId,
    /// Where the result is kept, below `refs/sortie/`.
    pub keep_as: &'a str,
}

/// A result that was taken into the mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its last commit.
    pub head: CommitId,
    /// Whether its files differ from those of the base at all.
    pub changed: bool,
    /// New commits.
    pub commits: u32,
    /// Changed paths, counted once per commit.
    pub changed_paths: u32,
    /// Objects in the bundle.
    pub objects: u32,
    /// Size of the bundle.
    pub bytes: u64,
}

impl Mirror {
    /// Takes the result of a run out of a bundle that a sandbox made.
    pub async fn accept_bundle(
        &self,
        bundle: &Path,
        expected: Expected<'_>,
    ) -> Result<Accepted, GitError> {
        check_keep(expected.keep_as)?;
        let limits = &self.inner.options.limits;
        // Opened once: what is checked is what is read, even if someone
        // exchanges the file meanwhile.
        let mut file = File::open(bundle).map_err(GitError::io("open the bundle", bundle))?;
        let header = Header::read(&mut file, expected.ref_name, limits)
            .map_err(|e| e.into_git_error(bundle))?;
        self.check_prerequisites(&header, expected.base).await?;
        let quarantine = Quarantine::new(self)?;
        let bytes = header.bytes;
        if header.objects > 0 {
            file.seek(SeekFrom::Start(header.pack_offset))
                .map_err(GitError::io("read the bundle", bundle))?;
            quarantine.index(file).await?;
        }
        let (commits, changed_paths) = quarantine.check(&header.head, expected.base).await?;
        let changed = quarantine.differs(expected.base, &header.head).await?;
        let _lock = self.lock().await?;
        quarantine.release()?;
        self.set_ref(expected.keep_as, &header.head).await?;
        Ok(Accepted {
            head: header.head,
            changed,
            commits,
            changed_paths,
            objects: header.objects,
            bytes,
        })
    }

    /// What the bundle builds upon must be what the sandbox was given.
    async fn check_prerequisites(&self, header: &Header, base: &CommitId) -> Result<(), GitError> {
        for needed in &header.prerequisites {
            if needed == base {
                continue;
            }
            let unknown = || BundleFault::UnknownPrerequisite(needed.clone());
            if !self.has_commit(needed).await? {
                return Err(unknown().into());
            }
            let done = self
                .git("compare a bundle's prerequisite with the base")
                .args([
                    "merge-base",
                    "--is-ancestor",
                    needed.as_str(),
                    base.as_str(),
                ])
                .run()
                .await?;
            match done.code {
                Some(0) => {}
                Some(1) => return Err(unknown().into()),
                _ => return Err(done.into_error()),
            }
        }
        Ok(())
    }
}

/// An object directory of its own that borrows from the mirror's. What is in
/// it is in no repository until it is released.
struct Quarantine<'m> {
    mirror: &'m Mirror,
    scratch: Scratch,
}

impl<'m> Quarantine<'m> {
    fn new(mirror: &'m Mirror) -> Result<Self, GitError> {
        let scratch = mirror.inner.scratch()?;
        let objects = scratch.join("objects");
        let borrowed = mirror.dir.join("objects");
        let borrowed = fs::canonicalize(&borrowed).map_err(GitError::io("find", borrowed))?;
        let mut line = borrowed.into_os_string();
        line.push("\n");
        fs::create_dir_all(objects.join("info"))
            .and_then(|()| fs::create_dir_all(objects.join("pack")))
            .and_then(|()| {
                use std::os::unix::ffi::OsStrExt;
                fs::write(objects.join("info/alternates"), line.as_bytes())
            })
            .map_err(GitError::io("make a quarantine in", &objects))?;
        Ok(Self { mirror, scratch })
    }

    fn limits(&self) -> &Limits {
        &self.mirror.inner.options.limits
    }

    fn objects(&self) -> PathBuf {
        self.scratch.join("objects")
    }

    /// A command that sees the quarantine and the mirror, and can change no
    /// ref.
    fn git(&self, what: &str) -> GitCommand<'_> {
        self.mirror
            .git(what)
            .env("GIT_OBJECT_DIRECTORY", self.objects())
            .env("GIT_QUARANTINE_PATH", self.objects())
    }

    /// Lets git read the pack, check every object and write its index.
    async fn index(&self, pack: File) -> Result<(), GitError> {
        let limits = self.limits();
        // No single allocation may be larger than the largest object that is
        // allowed, with room for the table of objects.
        let allocation = limits
            .max_blob_bytes
            .saturating_mul(2)
            .max(64 * 1024 * 1024);
        let done = self
            .git("read the objects of a bundle")
            .args([
                "index-pack",
                "--stdin",
                "--fix-thin",
                "--strict",
                "--threads=1",
            ])
            .args([format!("--max-input-size={}", limits.max_bundle_bytes)])
            .env("GIT_ALLOC_LIMIT", allocation.to_string())
            .input_file(pack)
            .run()
            .await;
        match done {
            Ok(done) if done.code == Some(0) => Ok(()),
            Ok(done) => Err(match done.into_error() {
                GitError::Command { detail, .. } => BundleFault::BadObjects(detail).into(),
                other => other,
            }),
            Err(GitError::TimedOut { after, .. }) => Err(BundleFault::TooSlow(after).into()),
            Err(other) => Err(other),
        }
    }

    /// Moves the objects into the mirror. The index goes last: a pack without
    /// one does not exist for git.
    fn release(self) -> Result<(), GitError> {
        let from = self.objects().join("pack");
        let to = self.mirror.dir.join("objects/pack");
        let mut names: Vec<PathBuf> = fs::read_dir(&from)
            .and_then(|entries| entries.map(|e| e.map(|e| e.file_name().into())).collect())
            .map_err(GitError::io("list", &from))?;
        names.retain(|name| {
            name.extension()
                .is_some_and(|x| x == "pack" || x == "rev" || x == "idx")
        });
        names.sort_by_key(|name| name.extension().is_some_and(|x| x == "idx"));
        fs::create_dir_all(&to).map_err(GitError::io("make", &to))?;
        for name in &names {
            fs::rename(from.join(name), to.join(name))
                .map_err(GitError::io("keep the objects in", &to))?;
        }
        // The names must be on disk before a ref relies on them.
        File::open(&to)
            .and_then(|dir| dir.sync_all())
            .map_err(GitError::io("write", &to))
    }
}

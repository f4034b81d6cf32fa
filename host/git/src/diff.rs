//! The diff between two commits, computed by the host from its own mirror.
//!
//! Nothing in the repository has a say: no attribute hides a file, no driver
//! converts one. The text is git's patch; contents before and after are read
//! from the object store when someone asks.

use std::path::Path;
use std::sync::Arc;

use sortie_model::diff::{ChangeKind, DiffError, DiffSource, FileChange, Hunk};
use tempfile::TempDir;

use crate::blobs::Blobs;
use crate::id::is_object_id;
use crate::mirror::Inner;
use crate::unified::UnifiedDiff;
use crate::unified::path::unquote;
use crate::{CommitId, GitError, Mirror};

/// How many files are compared with each other to find renames; the work
/// grows with the square.
const RENAME_LIMIT: u32 = 1000;

/// A submodule: its "contents" are a commit of another repository.
const GITLINK: u32 = 0o160_000;

/// A change between two commits.
pub struct RepoDiff {
    text: UnifiedDiff,
    /// Object ids before and after, per file.
    ids: Vec<(String, String)>,
    patch_start: usize,
    blobs: Blobs,
    /// A repository that exists for this diff alone.
    _keep: Option<Arc<TempDir>>,
}

impl Mirror {
    /// The change from `base` to `head`, both in the mirror.
    pub async fn diff(&self, base: &CommitId, head: &CommitId) -> Result<RepoDiff, GitError> {
        for commit in [base, head] {
            if !self.has_commit(commit).await? {
                return Err(GitError::NoSuchCommit(commit.clone()));
            }
        }
        compute(&self.inner, &self.dir, base, head).await
    }
}

/// The change between two commits in the repository `git_dir`, which must be
/// one that this crate made.
pub(crate) async fn compute(
    inner: &Inner,
    git_dir: &Path,
    base: &CommitId,
    head: &CommitId,
) -> Result<RepoDiff, GitError> {
    let limits = &inner.options.limits;
    let done = inner
        .local("compute a diff", Some(git_dir))
        .args([
            "diff-tree",
            "-r",
            "--raw",
            "--patch",
            "--full-index",
            "--no-abbrev",
        ])
        .args([
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--ignore-submodules=none",
        ])
        .args(["--submodule=short", "--unified=3", "--inter-hunk-context=0"])
        .args([
            "--src-prefix=a/",
            "--dst-prefix=b/",
            "--no-relative",
            "--find-renames=50%",
        ])
        .args([format!("-l{RENAME_LIMIT}")])
        .args([base.as_str(), head.as_str(), "--"])
        // A file over this size would count as binary and show no lines.
        .setting("core.bigFileThreshold", "2g")
        .max_output(limits.max_diff_bytes)
        .run()
        .await;
    let mut output = match done {
        Err(GitError::OutputTooLarge { limit, .. }) => {
            return Err(GitError::DiffTooLarge { limit });
        }
        other => other?.ok()?,
    };
    output.shrink_to_fit();
    let blobs = Blobs::new(
        inner.options.program.clone(),
        git_dir,
        limits.max_blob_read_bytes,
        limits.local_wall,
    );
    Ok(RepoDiff::parse(output, blobs)?)
}

impl RepoDiff {
    /// Git writes one raw line per file, an empty line, and the patch; the
    /// raw lines are the authority on names, modes and ids.
    fn parse(output: Vec<u8>, blobs: Blobs) -> Result<Self, DiffError> {
        let mut raw = Vec::new();
        let mut offset = 0;
        let mut line_number = 1;
        while let Some(rest) = output.get(offset..).filter(|r| r.first() == Some(&b':')) {
            let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            let entry = RawEntry::parse(&rest[..end]).ok_or_else(|| DiffError::Malformed {
                line: line_number,
                reason: "a raw line cannot be read".into(),
            })?;
            raw.push(entry);
            offset = (offset + end + 1).min(output.len());
            line_number += 1;
        }
        let mut text = UnifiedDiff::parse_from(output, offset, line_number)?;
        let files = text.files_mut();
        if files.len() != raw.len() {
            return Err(DiffError::Source(format!(
                "git listed {} changed files and printed {}",
                raw.len(),
                files.len()
            )));
        }
        let mut ids = Vec::with_capacity(raw.len());
        for (file, entry) in files.iter_mut().zip(raw) {
            entry.apply(file);
            ids.push((entry.old_id, entry.new_id));
        }
        Ok(Self {
            text,
            ids,
            patch_start: offset,
            blobs,
            _keep: None,
        })
    }

    /// Keeps the repository that the contents are read from.
    pub(crate) fn keeping(mut self, scratch: Arc<TempDir>) -> Self {
        self._keep = Some(scratch);
        self
    }

    /// The patch as git wrote it.
    pub fn patch(&self) -> &[u8] {
        let patch = self.text.text().get(self.patch_start..).unwrap_or_default();
        patch.strip_prefix(b"\n").unwrap_or(patch)
    }

    /// The patch of one file.
    pub fn file_patch(&self, index: usize) -> Option<&[u8]> {
        self.text.file_text(index)
    }

    fn contents(&self, index: usize, after: bool) -> Result<Option<Vec<u8>>, DiffError> {
        let file = self.text.files().get(index).ok_or(DiffError::NoSuchFile {
            index,
            files: self.text.files().len(),
        })?;
        let (old, new) = &self.ids[index];
        let (id, mode) = if after {
            (new, file.new_mode)
        } else {
            (old, file.old_mode)
        };
        if mode == 0 || mode == GITLINK {
            return Ok(None);
        }
        self.blobs.read(id, file.path()).map(Some)
    }
}

impl DiffSource for RepoDiff {
    fn files(&self) -> &[FileChange] {
        self.text.files()
    }

    fn in_memory(&self) -> bool {
        self.text.in_memory()
    }

    fn page(&self, index: usize, start: u32, limit: usize) -> Result<Vec<Hunk>, DiffError> {
        self.text.page(index, start, limit)
    }

    fn before(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError> {
        self.contents(index, false)
    }

    fn after(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError> {
        self.contents(index, true)
    }
}

/// `:100644 100755 <id> <id> R90<tab>old<tab>new`.
struct RawEntry {
    old_mode: u32,
    new_mode: u32,
    old_id: String,
    new_id: String,
    kind: ChangeKind,
    old_path: String,
    new_path: String,
}

impl RawEntry {
    fn parse(line: &[u8]) -> Option<Self> {
        let mut parts = line.strip_prefix(b":")?.split(|b| *b == b'\t');
        let meta = std::str::from_utf8(parts.next()?).ok()?;
        let mut words = meta.split(' ');
        let mut mode = || u32::from_str_radix(words.next()?, 8).ok();
        let (old_mode, new_mode) = (mode()?, mode()?);
        let mut id = || {
            words
                .next()
                .filter(|id| is_object_id(id))
                .map(str::to_owned)
        };
        let (old_id, new_id) = (id()?, id()?);
        let kind = match words.next()?.as_bytes().first()? {
            b'A' => ChangeKind::Added,
            b'D' => ChangeKind::Deleted,
            b'M' => ChangeKind::Modified,
            b'R' => ChangeKind::Renamed,
            b'C' => ChangeKind::Copied,
            b'T' => ChangeKind::TypeChanged,
            _ => return None,
        };
        let name = |text: &[u8]| -> Option<String> {
            let name = match text.first()? {
                b'"' => unquote(text)?.0,
                _ => text.to_vec(),
            };
            Some(String::from_utf8_lossy(&name).into_owned())
        };
        let old_path = name(parts.next()?)?;
        let new_path = match parts.next() {
            Some(text) => name(text)?,
            None => old_path.clone(),
        };
        Some(Self {
            old_mode,
            new_mode,
            old_id,
            new_id,
            kind,
            old_path,
            new_path,
        })
    }

    fn apply(&self, file: &mut FileChange) {
        file.kind = self.kind;
        file.old_mode = self.old_mode;
        file.new_mode = self.new_mode;
        file.old_path = (self.old_mode != 0).then(|| self.old_path.clone());
        file.new_path = (self.new_mode != 0).then(|| self.new_path.clone());
    }
}

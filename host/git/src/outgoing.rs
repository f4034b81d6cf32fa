//! The way into a sandbox: one commit with its history, as a bundle.
//!
//! The bundle is written by hand around `git pack-objects`, because
//! `git bundle` can only name refs that exist, and a ref per run would be one
//! more thing to clean up.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::{CommitId, GitError, Mirror};

/// The one ref in a bundle for a sandbox.
pub const BASE_REF: &str = "refs/heads/sortie/base";

/// The deepest history that can be asked for by number; each level is one
/// more process. Whoever needs more takes all of it.
const MAX_DEPTH: u32 = 256;

/// A bundle that was written for a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingBundle {
    /// Its size.
    pub bytes: u64,
    /// Commits whose parents were left out. When there are any, the receiver
    /// must write them, one per line, into `.git/shallow` before it fetches
    /// from the bundle.
    pub shallow: Vec<CommitId>,
}

impl Mirror {
    /// Writes a bundle that holds exactly [`BASE_REF`] at `commit`, and the
    /// last `depth` levels of its history (all of it when none is given).
    /// `out` appears whole or not at all.
    pub async fn bundle_for_sandbox(
        &self,
        commit: &CommitId,
        out: &Path,
        depth: Option<u32>,
    ) -> Result<OutgoingBundle, GitError> {
        if !self.has_commit(commit).await? {
            return Err(GitError::NoSuchCommit(commit.clone()));
        }
        let shallow = match depth {
            Some(depth) => self.shallow_boundary(commit, depth).await?,
            None => Vec::new(),
        };
        let parent = out.parent().filter(|p| !p.as_os_str().is_empty());
        let temporary = tempfile::Builder::new()
            .prefix(".bundle-")
            .tempfile_in(parent.unwrap_or(Path::new(".")))
            .map_err(GitError::io("write a bundle beside", out))?;
        let mut file = temporary.as_file();
        file.write_all(header(commit).as_bytes())
            .map_err(GitError::io("write", out))?;
        let pack_out: File = file.try_clone().map_err(GitError::io("write", out))?;
        let mut revisions = String::new();
        for boundary in &shallow {
            revisions.push_str(&format!("--shallow {boundary}\n"));
        }
        revisions.push_str(&format!("{commit}\n"));
        let mut pack = self.git("pack a commit for the sandbox");
        pack = pack.args([
            "pack-objects",
            "--revs",
            "--stdout",
            "-q",
            "--delta-base-offset",
        ]);
        if !shallow.is_empty() {
            pack = pack.args(["--shallow"]);
        }
        pack.input(revisions.into_bytes())
            .output_file(pack_out)
            .run()
            .await?
            .ok()?;
        let bytes = file.metadata().map_err(GitError::io("measure", out))?.len();
        temporary
            .persist(out)
            .map_err(|e| GitError::io("write", out)(e.error))?;
        Ok(OutgoingBundle { bytes, shallow })
    }

    /// The commits `depth` levels down whose parents are cut off.
    async fn shallow_boundary(
        &self,
        commit: &CommitId,
        depth: u32,
    ) -> Result<Vec<CommitId>, GitError> {
        let mut level = vec![commit.clone()];
        let mut seen: HashSet<CommitId> = level.iter().cloned().collect();
        for _ in 1..depth.clamp(1, MAX_DEPTH) {
            let parents = self.parents(&level).await?;
            level = parents
                .into_iter()
                .flat_map(|(_, parents)| parents)
                .filter(|p| seen.insert(p.clone()))
                .collect();
            if level.is_empty() {
                return Ok(Vec::new());
            }
        }
        let last = self.parents(&level).await?;
        let cut = last
            .into_iter()
            .filter(|(_, parents)| parents.iter().any(|p| !seen.contains(p)));
        Ok(cut.map(|(commit, _)| commit).collect())
    }

    async fn parents(
        &self,
        commits: &[CommitId],
    ) -> Result<Vec<(CommitId, Vec<CommitId>)>, GitError> {
        let mut input = String::new();
        for commit in commits {
            input.push_str(commit.as_str());
            input.push('\n');
        }
        let text = self
            .git("list the parents of commits")
            .args(["rev-list", "--no-walk=unsorted", "--parents", "--stdin"])
            .input(input.into_bytes())
            .run()
            .await?
            .text()?;
        text.lines()
            .map(|line| {
                let mut ids = line.split(' ').map(str::parse);
                let commit = ids.next().unwrap_or_else(|| line.parse())?;
                Ok((commit, ids.collect::<Result<_, _>>()?))
            })
            .collect()
    }
}

/// The head of a bundle; version 3 only where the object format needs it.
fn header(commit: &CommitId) -> String {
    match commit.as_str().len() {
        40 => format!("# v2 git bundle\n{commit} {BASE_REF}\n\n"),
        _ => format!("# v3 git bundle\n@object-format=sha256\n{commit} {BASE_REF}\n\n"),
    }
}

//! The files of a commit: listed, read one by one, and put together anew.
//! Nothing is ever checked out.

use std::collections::BTreeMap;

use crate::id::is_object_id;
use crate::refs::check_keep;
use crate::{CommitId, GitError, Mirror};

/// Modes of files with contents: plain and executable.
const FILES: [&str; 2] = ["100644", "100755"];

/// What becomes of one path in [`Mirror::overlay`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// As it is in that commit, or gone if it is not there.
    As(CommitId),
    /// These contents; executable if it was.
    Contents(Vec<u8>),
}

/// One entry of a tree.
struct Entry {
    mode: String,
    id: String,
}

impl Mirror {
    /// The paths of all files with contents in a commit, in git's order, at
    /// most `most` of them. Links and submodules are left out, and so are
    /// names that are not UTF-8.
    pub async fn files(&self, commit: &CommitId, most: usize) -> Result<Vec<String>, GitError> {
        let listed = self.listed(commit).await?;
        let files = entries(&listed).filter(|(_, entry)| FILES.contains(&entry.mode.as_str()));
        Ok(files.map(|(path, _)| path.to_owned()).take(most).collect())
    }

    /// The contents of a file of a commit; none when there is no such file, or
    /// it is larger than `most` bytes.
    pub async fn file(
        &self,
        commit: &CommitId,
        path: &str,
        most: u64,
    ) -> Result<Option<Vec<u8>>, GitError> {
        // `commit:path` is no expression beyond the first colon.
        let done = self
            .git("read a file of a commit")
            .args(["cat-file", "blob"])
            .args([format!("{commit}:{path}")])
            .max_output(most)
            .run()
            .await;
        match done {
            Err(GitError::OutputTooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
            Ok(done) if done.code == Some(0) => Ok(Some(done.stdout)),
            // No such path, or a folder.
            Ok(done) if done.code == Some(128) => Ok(None),
            Ok(done) => Err(done.into_error()),
        }
    }

    /// Makes a commit on top of `head` with some of its paths changed, and
    /// keeps it under `keep_as`. The same arguments make the same commit.
    pub async fn overlay(
        &self,
        head: &CommitId,
        changes: &BTreeMap<String, Overlay>,
        message: &str,
        at_s: i64,
        keep_as: &str,
    ) -> Result<CommitId, GitError> {
        check_keep(keep_as)?;
        let scratch = self.inner.scratch()?;
        let index = scratch.join("index");
        self.git("read a commit's tree")
            .args(["read-tree", head.as_str()])
            .env("GIT_INDEX_FILE", &index)
            .run()
            .await?
            .ok()?;
        let lines = self.index_lines(head, changes).await?;
        self.git("change a tree")
            .args(["update-index", "-z", "--index-info"])
            .env("GIT_INDEX_FILE", &index)
            .input(lines)
            .run()
            .await?
            .ok()?;
        let tree = self
            .git("write a tree")
            .args(["write-tree"])
            .env("GIT_INDEX_FILE", &index)
            .run()
            .await?
            .text()?;
        let author = &self.inner.options.author;
        let date = format!("{at_s} +0000");
        let _lock = self.lock().await?;
        let made = self
            .git("make a commit")
            .args(["commit-tree", "-p", head.as_str(), "-F", "-", tree.trim()])
            .env("GIT_AUTHOR_NAME", &author.name)
            .env("GIT_AUTHOR_EMAIL", &author.email)
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_NAME", &author.name)
            .env("GIT_COMMITTER_EMAIL", &author.email)
            .env("GIT_COMMITTER_DATE", &date)
            .input(message.as_bytes().to_vec())
            .run()
            .await?
            .text()?;
        let made: CommitId = made.trim().parse()?;
        self.set_ref(keep_as, &made).await?;
        Ok(made)
    }

    /// What `update-index --index-info -z` takes.
    async fn index_lines(
        &self,
        head: &CommitId,
        changes: &BTreeMap<String, Overlay>,
    ) -> Result<Vec<u8>, GitError> {
        let mut known: BTreeMap<CommitId, Vec<u8>> = BTreeMap::new();
        let sources = changes.values().filter_map(|change| match change {
            Overlay::As(commit) => Some(commit),
            Overlay::Contents(_) => None,
        });
        for commit in sources.chain([head]) {
            if !known.contains_key(commit) {
                known.insert(commit.clone(), self.listed(commit).await?);
            }
        }
        let known: BTreeMap<&CommitId, BTreeMap<&str, Entry>> = known
            .iter()
            .map(|(commit, listed)| (commit, entries(listed).collect()))
            .collect();
        let entry = |commit: &CommitId, path: &str| known.get(commit)?.get(path);
        let mut lines = Vec::new();
        for (path, change) in changes {
            let (mode, id) = match change {
                Overlay::As(commit) => match entry(commit, path) {
                    Some(entry) => (entry.mode.clone(), entry.id.clone()),
                    None => ("0".to_owned(), "0".repeat(head.as_str().len())),
                },
                Overlay::Contents(contents) => {
                    let mode = entry(head, path).map_or("100644", |entry| entry.mode.as_str());
                    (mode.to_owned(), self.stored(contents).await?)
                }
            };
            lines.extend_from_slice(format!("{mode} {id}\t{path}\0").as_bytes());
        }
        Ok(lines)
    }

    async fn stored(&self, contents: &[u8]) -> Result<String, GitError> {
        let id = self
            .git("store a file")
            .args(["hash-object", "-w", "--stdin"])
            .input(contents.to_vec())
            .run()
            .await?
            .text()?;
        Ok(id.trim().to_owned())
    }

    async fn listed(&self, commit: &CommitId) -> Result<Vec<u8>, GitError> {
        self.git("list the files of a commit")
            .args(["ls-tree", "-r", "-z", "--full-tree", commit.as_str()])
            .run()
            .await?
            .ok()
    }
}

/// The entries of `ls-tree -r -z`: `mode type id<tab>path`.
fn entries(listed: &[u8]) -> impl Iterator<Item = (&str, Entry)> {
    listed.split(|byte| *byte == 0).filter_map(|line| {
        let (meta, path) = std::str::from_utf8(line).ok()?.split_once('\t')?;
        let mut words = meta.split(' ');
        let mode = words.next()?.to_owned();
        let id = words.nth(1)?.to_owned();
        is_object_id(&id).then_some((path, Entry { mode, id }))
    })
}

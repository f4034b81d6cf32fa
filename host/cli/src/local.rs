//! A change in a repository of the person's own, for `sortie scan`.
//!
//! The repository says what a revision means and where its objects are; the
//! diff is computed beside it, in an empty repository that borrows those
//! objects. So nothing in it, neither an attribute nor a configured driver,
//! can hide a file from the scanners. It is never written to and nothing in it
//! is run.

use crate::exit::{CliError, Exit};
use sortie_git::UnifiedDiff;
use sortie_model::diff::{ChangeKind, DiffError, DiffSource, FileChange, Hunk};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

/// The largest diff that is scanned: as much as a host takes.
pub const MAX_DIFF_BYTES: u64 = 64 * 1024 * 1024;

/// The largest file whose contents a scanner gets.
const MAX_BLOB_BYTES: u64 = 16 * 1024 * 1024;

/// The most that a question about a revision may be answered with.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Overrides every attribute that a repository could set for itself.
const NO_ATTRIBUTES: &str = "* !diff !text !eol !crlf !ident !filter !merge !whitespace !encoding \
                             !working-tree-encoding !conflict-marker-size\n";

/// The change between two commits of a repository.
pub struct LocalDiff {
    text: UnifiedDiff,
    repository: Borrowed,
    base: String,
    head: String,
}

/// A repository without anything of its own.
struct Borrowed {
    dir: tempfile::TempDir,
}

/// The repository that a person works in.
struct Own<'r> {
    dir: Option<&'r Path>,
}

impl LocalDiff {
    /// Computes the change that `range` names: `BASE..HEAD`, `BASE...HEAD`
    /// from where they parted, or `BASE` alone for up to `HEAD`. Without one,
    /// what a push would send: from where `HEAD` parted from its upstream.
    pub fn open(dir: Option<&Path>, range: Option<&str>) -> Result<Self, CliError> {
        let own = Own { dir };
        let (base, head) = own.range(range)?;
        let repository = Borrowed::new(&own)?;
        let patch = repository
            .git([
                "diff-tree",
                "-r",
                "--patch",
                "--full-index",
                "--no-color",
                "--no-ext-diff",
                "--no-textconv",
                "--ignore-submodules=none",
                "--submodule=short",
                "--unified=3",
                "--src-prefix=a/",
                "--dst-prefix=b/",
                "--find-renames=50%",
                &base,
                &head,
                "--",
            ])
            .output("compute the diff", MAX_DIFF_BYTES)?;
        let text = UnifiedDiff::parse(patch)
            .map_err(|error| CliError::usage(format!("compute the diff: {error}")))?;
        Ok(Self {
            text,
            repository,
            base,
            head,
        })
    }

    fn contents(&self, commit: &str, path: Option<&str>) -> Result<Option<Vec<u8>>, DiffError> {
        let Some(path) = path else {
            return Ok(None);
        };
        let name = format!("{commit}:{path}");
        self.repository
            .git(["cat-file", "blob", &name])
            .output("read a file", MAX_BLOB_BYTES)
            .map(Some)
            .map_err(|error| DiffError::Source(error.message))
    }
}

impl DiffSource for LocalDiff {
    fn files(&self) -> &[FileChange] {
        self.text.files()
    }

    fn page(&self, index: usize, start: u32, limit: usize) -> Result<Vec<Hunk>, DiffError> {
        self.text.page(index, start, limit)
    }

    fn before(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError> {
        match self.file(index)? {
            file if file.kind == ChangeKind::Added || is_submodule(file.old_mode) => Ok(None),
            file => self.contents(&self.base, file.old_path.as_deref()),
        }
    }

    fn after(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError> {
        match self.file(index)? {
            file if file.kind == ChangeKind::Deleted || is_submodule(file.new_mode) => Ok(None),
            file => self.contents(&self.head, file.new_path.as_deref()),
        }
    }
}

impl LocalDiff {
    fn file(&self, index: usize) -> Result<&FileChange, DiffError> {
        self.files().get(index).ok_or(DiffError::NoSuchFile {
            index,
            files: self.files().len(),
        })
    }
}

/// A submodule's contents are a commit of another repository.
fn is_submodule(mode: u32) -> bool {
    mode == 0o160_000
}

impl Own<'_> {
    /// Git as the person runs it, with their environment: inside a hook that
    /// says which repository is meant.
    fn git<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Git {
        let mut git = Git::new();
        if let Some(dir) = self.dir {
            for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
                git.command.env_remove(name);
            }
            git.command.arg("-C").arg(dir);
        }
        git.command.args(args);
        git
    }

    fn range(&self, range: Option<&str>) -> Result<(String, String), CliError> {
        let or_head = |name: &str| if name.is_empty() { "HEAD" } else { name }.to_owned();
        let parted = |base: &str, head: &str| -> Result<(String, String), CliError> {
            let (base, head) = (self.commit(base)?, self.commit(head)?);
            let from = self
                .git(["merge-base", &base, &head])
                .line("find where the two parted")
                .map_err(|error| error.with_hint("fetch more history, or use BASE..HEAD"))?;
            Ok((from, head))
        };
        match range {
            None => {
                let upstream = self.commit("@{upstream}").map_err(|_| {
                    CliError::usage("find what to scan: the branch has no upstream")
                        .with_hint("name a range such as main..HEAD, or a file with --diff")
                })?;
                parted(&upstream, "HEAD")
            }
            Some(range) => match (range.split_once("..."), range.split_once("..")) {
                (Some((base, head)), _) => parted(&or_head(base), &or_head(head)),
                (None, Some((base, head))) => {
                    Ok((self.commit(&or_head(base))?, self.commit(&or_head(head))?))
                }
                (None, None) => Ok((self.commit(range)?, self.commit("HEAD")?)),
            },
        }
    }

    fn commit(&self, name: &str) -> Result<String, CliError> {
        let wanted = format!("{name}^{{commit}}");
        self.git([
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &wanted,
        ])
        .line(&format!("find the commit {name:?}"))
        .map_err(|error| {
            if error.kind == NOT_STARTED {
                return error;
            }
            let what = match self.dir {
                Some(dir) => format!("find the commit {name:?} in {}", dir.display()),
                None => format!("find the commit {name:?} here"),
            };
            CliError::usage(format!("{what}: git knows none of that name"))
                .with_hint("check the name, and that --repo is a git repository")
        })
    }
}

impl Borrowed {
    fn new(own: &Own<'_>) -> Result<Self, CliError> {
        let objects = own
            .git([
                "rev-parse",
                "--path-format=absolute",
                "--git-path",
                "objects",
            ])
            .line("find the repository's objects")?;
        let format = own
            .git(["rev-parse", "--show-object-format"])
            .line("find the repository's object format")?;
        let failed = |error: std::io::Error| {
            CliError::failed(format!("make a place to compare in: {error}"))
        };
        let dir = tempfile::tempdir().map_err(failed)?;
        let at = |path: &str| dir.path().join(path);
        for path in ["objects/info", "objects/pack", "refs", "info"] {
            std::fs::create_dir_all(at(path)).map_err(failed)?;
        }
        let config = if format == "sha1" {
            "[core]\n\trepositoryformatversion = 0\n\tbare = true\n".to_owned()
        } else {
            format!(
                "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = {format}\n"
            )
        };
        std::fs::write(at("HEAD"), "ref: refs/heads/none\n").map_err(failed)?;
        std::fs::write(at("config"), config).map_err(failed)?;
        std::fs::write(at("info/attributes"), NO_ATTRIBUTES).map_err(failed)?;
        // Inside a receiving hook the new objects stand apart from the old.
        let others = std::env::var("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
        let mut alternates = format!("{objects}\n");
        for other in others.split(':').filter(|path| path.starts_with('/')) {
            alternates.push_str(other);
            alternates.push('\n');
        }
        std::fs::write(at("objects/info/alternates"), alternates).map_err(failed)?;
        Ok(Self { dir })
    }

    fn git<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Git {
        let mut git = Git::new();
        let path = std::env::var_os("PATH").unwrap_or_default();
        git.command
            .env_clear()
            .env("PATH", path)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .arg("--git-dir")
            .arg(self.dir.path())
            .args(["-c", "core.attributesFile=/dev/null"])
            .args(["-c", "core.bigFileThreshold=2g"])
            .args(["-c", "diff.renameLimit=1000"])
            .args(args);
        git
    }
}

/// The kind of error when there is no git at all.
const NOT_STARTED: &str = "no-git";

/// One git process. A person waits for it and can end it; what it prints is
/// bounded.
struct Git {
    command: Command,
}

impl Git {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one door to the person's own git"
    )]
    fn new() -> Self {
        let mut command = Command::new("git");
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self { command }
    }

    fn line(self, what: &str) -> Result<String, CliError> {
        let bytes = self.output(what, MAX_ANSWER_BYTES)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    fn output(mut self, what: &str, limit: u64) -> Result<Vec<u8>, CliError> {
        let failed = |error: std::io::Error| CliError::failed(format!("{what}: {error}"));
        let mut child = self.command.spawn().map_err(|error| {
            CliError::new(
                Exit::Failed,
                NOT_STARTED,
                format!("{what}: start git: {error}"),
            )
            .with_hint("install git")
        })?;
        let stderr = child.stderr.take();
        // Both pipes are read at once, or a talkative git would stand still.
        let complaints = std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr
                    .by_ref()
                    .take(MAX_ANSWER_BYTES)
                    .read_to_end(&mut text);
                let _ = std::io::copy(&mut stderr, &mut std::io::sink());
            }
            String::from_utf8_lossy(&text).trim().to_owned()
        });
        let mut bytes = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout
                .take(limit + 1)
                .read_to_end(&mut bytes)
                .map_err(failed)?;
        }
        if bytes.len() as u64 > limit {
            let _ = child.kill();
            let _ = child.wait();
            return Err(CliError::failed(format!(
                "{what}: it is over {limit} bytes; scan a smaller range"
            )));
        }
        let status = child.wait().map_err(failed)?;
        let complaints = complaints.join().unwrap_or_default();
        if status.success() {
            Ok(bytes)
        } else {
            Err(CliError::failed(format!("{what}: {complaints}")))
        }
    }
}

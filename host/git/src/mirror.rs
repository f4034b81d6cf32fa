//! The mirrors: one bare repository per remote, made at first use, fetched
//! into afterwards. There is never a work tree, never a hook, and never a
//! half-made mirror: a clone grows in a scratch directory and is renamed into
//! place when it is whole.
//!
//! The remote's branches stand under `refs/remotes/origin/`, results of runs
//! under `refs/sortie/`; nothing else writes refs. Those of runs stay for as long
//! as the mirror: a job is kept for good, and the diff of any of its runs can be
//! asked for, gone on with or published.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::GitError;
use crate::access::Access;
use crate::command::{Done, GitCommand, Input, Runner};
use crate::environment::Environment;
use crate::lock::{WriteLock, remove_stale};
use crate::options::GitOptions;
use crate::remote::remote_error;
use crate::scratch::Scratch;
use crate::url::RemoteUrl;

/// Packs in a mirror before they are put together: git looks through all of
/// them for each object.
const MAX_PACKS: usize = 50;

/// Overrides every attribute a repository could set for itself: a file that
/// hides from a diff would hide from the scanners.
const NO_ATTRIBUTES: &str = "* !diff !text !eol !crlf !ident !filter !merge !whitespace !encoding !working-tree-encoding !conflict-marker-size\n";

/// The host's only door to git. Cloning is cheap and shares everything.
#[derive(Clone)]
pub struct Git {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: GitOptions,
    pub(crate) runner: Runner,
    /// One lock per mirror; as many as there are configured repositories.
    pub(crate) locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// The mirror of one remote.
#[derive(Clone)]
pub struct Mirror {
    pub(crate) inner: Arc<Inner>,
    pub(crate) url: RemoteUrl,
    pub(crate) dir: PathBuf,
}

impl Git {
    /// A door with these options. Nothing is touched before the first use.
    pub fn new(options: GitOptions) -> Self {
        let runner = Runner {
            program: options.program.clone(),
            redactor: options.vault.redactor(),
            slots: Semaphore::new(options.limits.processes.max(1)),
        };
        Self {
            inner: Arc::new(Inner {
                options,
                runner,
                locks: Mutex::default(),
            }),
        }
    }

    /// The version of the git program, if it can be used at all.
    pub async fn version(&self) -> Result<String, GitError> {
        let command = self.inner.local("ask git for its version", None);
        let text = command.args(["version"]).run().await?.text()?;
        let version = text.trim().trim_start_matches("git version ").to_owned();
        let mut numbers = version.split('.').map_while(|n| n.parse::<u32>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(major), Some(minor)) if (major, minor) >= (2, 36) => Ok(version),
            _ => Err(GitError::TooOld { found: version }),
        }
    }

    /// The mirror of a remote, brought up to date. It is made at first use.
    /// Calls for one remote take turns; calls for others do not wait.
    pub async fn mirror(&self, url: &RemoteUrl) -> Result<Mirror, GitError> {
        let inner = &self.inner;
        let dir = inner.mirror_dir(url);
        let lock = inner.lock(url).await?;
        inner.sweep();
        if dir.exists() {
            remove_stale(&dir).map_err(GitError::io("clean the mirror", &dir))?;
            inner.fetch(url, &dir, &lock).await?;
        } else {
            inner.create(url, &dir, &lock).await?;
        }
        let mirror = Mirror {
            inner: Arc::clone(inner),
            url: url.clone(),
            dir,
        };
        mirror.tidy(&lock).await?;
        Ok(mirror)
    }

    /// The mirror as it is, without asking the remote.
    pub fn open(&self, url: &RemoteUrl) -> Result<Mirror, GitError> {
        let dir = self.inner.mirror_dir(url);
        if !dir.exists() {
            return Err(GitError::NoMirror {
                url: url.to_string(),
            });
        }
        Ok(Mirror {
            inner: Arc::clone(&self.inner),
            url: url.clone(),
            dir,
        })
    }
}

impl Mirror {
    /// The remote it mirrors.
    pub fn url(&self) -> &RemoteUrl {
        &self.url
    }

    /// A command in this mirror that stays on this machine.
    pub(crate) fn git(&self, what: &str) -> GitCommand<'_> {
        self.inner.local(what, Some(&self.dir))
    }

    /// A command in this mirror that may reach its remote, and what must live
    /// until it ended.
    pub(crate) fn git_network(&self, what: &str) -> Result<(GitCommand<'_>, Access), GitError> {
        self.inner.network(what, &self.url, Some(&self.dir))
    }

    pub(crate) async fn lock(&self) -> Result<WriteLock, GitError> {
        self.inner.lock(&self.url).await
    }

    /// Puts packs together when there are many.
    async fn tidy(&self, lock: &WriteLock) -> Result<(), GitError> {
        let packs = self.dir.join("objects/pack");
        let count = fs::read_dir(&packs)
            .map_err(GitError::io("list", &packs))?
            .filter_map(Result::ok)
            .filter(|e| e.path().extension().is_some_and(|x| x == "pack"))
            .count();
        if count <= MAX_PACKS {
            return Ok(());
        }
        let shared = lock
            .share()
            .map_err(GitError::io("share the lock of", &self.dir))?;
        let mut repack = self.git("put the packs of a mirror together");
        repack.wall = self.inner.options.limits.network_wall;
        let done = repack
            .args(["repack", "-d", "-q", "--geometric=2"])
            .input_file(shared)
            .run()
            .await?;
        if let Err(error) = done.ok() {
            // The mirror works without; it is only slower.
            tracing::warn!(%error, mirror = %self.url, "a mirror could not be tidied");
        }
        Ok(())
    }
}

impl Inner {
    pub(crate) fn local(&self, what: &str, git_dir: Option<&Path>) -> GitCommand<'_> {
        let limits = &self.options.limits;
        self.command(what, Environment::local(git_dir), limits.local_wall)
    }

    pub(crate) fn network(
        &self,
        what: &str,
        url: &RemoteUrl,
        git_dir: Option<&Path>,
    ) -> Result<(GitCommand<'_>, Access), GitError> {
        let access = Access::new(&self.options, url, git_dir)?;
        let wall = self.options.limits.network_wall;
        let command = self.command(&format!("{what} {url}"), access.environment.clone(), wall);
        Ok((command, access))
    }

    fn command(&self, what: &str, environment: Environment, wall: Duration) -> GitCommand<'_> {
        GitCommand {
            runner: &self.runner,
            what: what.to_owned(),
            args: Vec::new(),
            environment,
            input: Input::Null,
            output: None,
            wall,
            max_output: self.options.limits.max_output_bytes,
        }
    }

    pub(crate) fn mirror_dir(&self, url: &RemoteUrl) -> PathBuf {
        self.options.mirrors_dir.join(format!("{}.git", url.key()))
    }

    pub(crate) fn scratch(&self) -> Result<Scratch, GitError> {
        let root = self.scratch_root();
        Scratch::new(&root).map_err(GitError::io("make a scratch directory in", root))
    }

    fn scratch_root(&self) -> PathBuf {
        self.options.mirrors_dir.join("scratch")
    }

    fn sweep(&self) {
        if let Err(error) = Scratch::sweep(&self.scratch_root()) {
            // It costs disk space, not correctness.
            tracing::warn!(%error, "old scratch directories could not be removed");
        }
    }

    /// Makes the mirror. Git cannot change the object format of a repository
    /// later, and only the remote knows it: SHA-1 is tried first.
    async fn create(&self, url: &RemoteUrl, dir: &Path, lock: &WriteLock) -> Result<(), GitError> {
        match self.create_as(url, dir, lock, "sha1").await {
            Err(GitError::Command { detail, .. }) if detail.contains("mismatched algorithms") => {
                self.create_as(url, dir, lock, "sha256").await
            }
            other => other,
        }
    }

    async fn create_as(
        &self,
        url: &RemoteUrl,
        dir: &Path,
        lock: &WriteLock,
        format: &str,
    ) -> Result<(), GitError> {
        let scratch = self.scratch()?;
        let made = scratch.join("mirror.git");
        self.init_bare(&made, format).await?;
        fs::write(made.join("description"), format!("{url}\n"))
            .map_err(GitError::io("write into the new mirror", &made))?;
        self.fetch(url, &made, lock).await?;
        self.local("pack the refs of a new mirror", Some(&made))
            .args(["pack-refs", "--all"])
            .run()
            .await?
            .ok()?;
        fs::rename(&made, dir).map_err(GitError::io("move the new mirror to", dir))
    }

    /// Makes a repository that no template, hook or attribute has a part in.
    pub(crate) async fn init_bare(&self, dir: &Path, format: &str) -> Result<(), GitError> {
        self.local("make a repository", None)
            .args(["init", "--quiet", "--bare", "--template="])
            .args(["--initial-branch=none"])
            .args([format!("--object-format={format}")])
            .args(["--"])
            .args([dir.as_os_str()])
            .run()
            .await?
            .ok()?;
        let info = dir.join("info");
        fs::create_dir_all(&info)
            .and_then(|()| fs::write(info.join("attributes"), NO_ATTRIBUTES))
            .map_err(GitError::io("write into", info))
    }

    async fn fetch(&self, url: &RemoteUrl, dir: &Path, lock: &WriteLock) -> Result<(), GitError> {
        let (command, _access) = self.network("fetch", url, Some(dir))?;
        let shared = lock
            .share()
            .map_err(GitError::io("share the lock of", dir))?;
        let done: Done = command
            .args([
                "fetch",
                "--quiet",
                "--no-tags",
                "--prune",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
                "--no-recurse-submodules",
                "--",
                url.for_git(),
                "+refs/heads/*:refs/remotes/origin/*",
            ])
            .input_file(shared)
            .run()
            .await?;
        if done.code == Some(0) {
            Ok(())
        } else {
            Err(remote_error(url, done))
        }
    }
}

/// Makes a directory that only the host's user can look into.
pub(crate) fn make_private(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

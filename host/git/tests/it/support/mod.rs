//! Repositories to play with. Every git command here runs with a configuration
//! of its own, so that the machine's has no part in a test.

pub mod http;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sortie_git::{Accepted, CommitId, Expected, Git, GitError, GitOptions, Mirror, RemoteUrl};
use tempfile::TempDir;

/// Where an agent leaves its result.
pub const OUT_REF: &str = "refs/heads/sortie/out";

/// Where the host keeps it.
pub const KEEP: &str = "refs/sortie/runs/7/out";

/// A git command for the test's own side.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ann")
        .env("GIT_AUTHOR_EMAIL", "ann@example.org")
        .env("GIT_COMMITTER_NAME", "Ann")
        .env("GIT_COMMITTER_EMAIL", "ann@example.org")
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000")
        .stdin(Stdio::null());
    command
}

/// Runs git and returns what it printed, trimmed.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let output = command(dir).args(args).output().expect("git runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?} in {dir:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs git with input.
pub fn git_in(dir: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut child = command(dir)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("git ends");
    writer.join().expect("no panic").expect("git reads it all");
    assert!(output.status.success(), "git {args:?}");
    output.stdout
}

/// A repository with a work tree.
pub struct Repo {
    pub path: PathBuf,
}

impl Repo {
    pub fn init(path: PathBuf) -> Self {
        std::fs::create_dir_all(&path).expect("a directory");
        git(&path, &["init", "-q", "-b", "main"]);
        Self { path }
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, content).expect("a file");
        self
    }

    pub fn commit(&self, message: &str) -> CommitId {
        git(&self.path, &["add", "-A"]);
        git(
            &self.path,
            &["commit", "-q", "--allow-empty", "-m", message],
        );
        self.head()
    }

    pub fn head(&self) -> CommitId {
        git(&self.path, &["rev-parse", "HEAD"])
            .parse()
            .expect("an id")
    }
}

/// A source repository with one commit, its bare remote, and a host's git.
pub struct World {
    pub dir: TempDir,
    pub source: Repo,
    pub remote: PathBuf,
    pub git: Git,
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut GitOptions)) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let source = Repo::init(dir.path().join("source"));
        source.write("src/a.txt", "one\ntwo\nthree\n");
        source.write("README.md", "# Sample\n");
        source.commit("first");
        source.write("src/b.txt", "b\n");
        source.commit("second");
        let remote = dir.path().join("remote.git");
        git(
            dir.path(),
            &["init", "-q", "--bare", "-b", "main", "remote.git"],
        );
        let at = remote.to_str().expect("text").to_owned();
        git(&source.path, &["push", "-q", &at, "main"]);
        let mut options = GitOptions::new(dir.path().join("mirrors"));
        change(&mut options);
        let git = Git::new(options);
        Self {
            dir,
            source,
            remote,
            git,
        }
    }

    pub fn url(&self) -> RemoteUrl {
        RemoteUrl::parse(self.remote.to_str().expect("text")).expect("a path")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub async fn mirror(&self) -> Mirror {
        self.git.mirror(&self.url()).await.expect("it is there")
    }

    /// The directory of the one mirror.
    pub fn mirror_dir(&self) -> PathBuf {
        let mirrors = std::fs::read_dir(self.path("mirrors")).expect("a directory");
        let mut dirs = mirrors
            .map(|e| e.expect("an entry").path())
            .filter(|p| p.extension().is_some_and(|x| x == "git"));
        let first = dirs.next().expect("a mirror");
        assert!(dirs.next().is_none(), "there should be one mirror");
        first
    }

    /// What a sandbox does: a clone of the bundle with the base checked out.
    pub async fn sandbox(&self, mirror: &Mirror) -> (Repo, CommitId) {
        let base = mirror.resolve_branch("main").await.expect("it is there");
        let bundle = self.path("in.bundle");
        mirror
            .bundle_for_sandbox(&base, &bundle, None)
            .await
            .expect("a bundle");
        let path = self.path("sandbox");
        let _ = std::fs::remove_dir_all(&path);
        let bundle = bundle.to_str().expect("text").to_owned();
        git(
            self.dir.path(),
            &["clone", "-q", "-b", "sortie/base", &bundle, "sandbox"],
        );
        (Repo { path }, base)
    }

    /// What a sandbox does at the end: a bundle of what came on top of the base.
    pub fn bundle(&self, sandbox: &Repo, base: &CommitId) -> PathBuf {
        let out = self.path("out.bundle");
        let to = out.to_str().expect("text").to_owned();
        git(&sandbox.path, &["update-ref", OUT_REF, "HEAD"]);
        let range = format!("{base}..{OUT_REF}");
        git(&sandbox.path, &["bundle", "create", "-q", &to, &range]);
        out
    }

    /// A commit on top of `base` with a root tree made of `git mktree` lines,
    /// bundled by hand, so that it may break git's own rules.
    pub fn forged(&self, sandbox: &Repo, base: &CommitId, tree: &[u8]) -> PathBuf {
        let literally = ["hash-object", "-w", "-t", "tree", "--literally", "--stdin"];
        let tree = text(&git_in(&sandbox.path, &literally, tree));
        let commit = ["commit-tree", "-m", "x", "-p", base.as_str(), tree.as_str()];
        let commit = git(&sandbox.path, &commit);
        self.forged_commit(sandbox, base, &commit)
    }

    /// A bundle of a commit, made without any of git's checks.
    pub fn forged_commit(&self, sandbox: &Repo, base: &CommitId, commit: &str) -> PathBuf {
        let mut bytes = format!("# v2 git bundle\n-{base} x\n{commit} {OUT_REF}\n\n").into_bytes();
        let pack = ["pack-objects", "--revs", "--stdout", "-q", "--thin"];
        let revisions = format!("{commit}\n^{base}\n");
        bytes.extend(git_in(&sandbox.path, &pack, revisions.as_bytes()));
        let out = self.path("out.bundle");
        std::fs::write(&out, bytes).expect("a file");
        out
    }
}

/// Output of git as trimmed text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// One entry of a tree object.
pub fn entry(mode: &str, name: &str, id: &str) -> Vec<u8> {
    let mut bytes = format!("{mode} {name}\0").into_bytes();
    for pair in id.as_bytes().chunks(2) {
        let pair = std::str::from_utf8(pair).expect("hex");
        bytes.push(u8::from_str_radix(pair, 16).expect("hex"));
    }
    bytes
}

/// A blob in a repository.
pub fn blob(repo: &Repo, content: &[u8]) -> String {
    text(&git_in(
        &repo.path,
        &["hash-object", "-w", "--stdin"],
        content,
    ))
}

pub async fn accept(mirror: &Mirror, bundle: &Path, base: &CommitId) -> Result<Accepted, GitError> {
    let expected = Expected {
        ref_name: OUT_REF,
        base,
        keep_as: KEEP,
    };
    mirror.accept_bundle(bundle, expected).await
}

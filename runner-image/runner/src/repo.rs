//! The repository in the workspace: made from a bundle, committed and packed
//! into one, put back.
//!
//! The agent owns `/work/repo/.git` and may have written anything into it, so
//! collecting and resetting go through a repository of the runner's own that
//! borrows only its objects: no setting, hook, exclusion or index entry of the
//! agent's decides which files are taken up or restored. What lies in the work
//! tree is what is committed.

use crate::daemon::{Holder, Runner};
use crate::git::Git;
use crate::limits::GIT_LIMIT;
use crate::strays;
use sortie_wire::message::{CollectSpec, Collected, RunnerError};
use sortie_wire::place::{HOME, OWN, REPO, WORK};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tokio::time::Instant;

const THEIRS: &str = "/work/repo/.git";
const OURS: &str = "/work/.sortie/git";
const REF: &str = "refs/heads/sortie/out";
const BRANCH: &str = "refs/heads/sortie/work";

/// Where the bundle of a `put` is received.
pub fn incoming() -> PathBuf {
    Path::new(OWN).join("in.bundle")
}

/// Where the bundle of a collection is made.
pub fn outgoing() -> PathBuf {
    Path::new(OWN).join("out.bundle")
}

fn system(action: &str) -> impl Fn(io::Error) -> RunnerError {
    move |e| RunnerError::System {
        action: action.into(),
        detail: e.to_string(),
    }
}

fn checked(commit: &str) -> Result<&str, RunnerError> {
    let hex = commit
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match commit.len() {
        40 | 64 if hex => Ok(commit),
        _ => Err(RunnerError::Invalid {
            reason: format!("{commit:?} is no full commit id"),
        }),
    }
}

fn deadline() -> Instant {
    Instant::now() + GIT_LIMIT
}

/// Makes the repository anew from the received bundle. The caller holds the
/// workspace.
pub async fn put(runner: &Rc<Runner>, base: &str) -> Result<(), RunnerError> {
    let base = checked(base)?;
    runner.base.replace(None);
    for path in [REPO, OURS] {
        remove(path)
            .await
            .map_err(system("make room for the repository"))?;
    }
    let git = Git::new(runner, THEIRS, REPO, deadline());
    let format = if base.len() == 64 { "sha256" } else { "sha1" };
    fs::create_dir_all(REPO).map_err(system("make the repository"))?;
    git.run(
        "make the repository",
        &[
            "init",
            "-q",
            "--template=",
            "--initial-branch=sortie/work",
            &format!("--object-format={format}"),
        ],
    )
    .await?;
    let bundle = incoming();
    let bundle = bundle.to_string_lossy();
    let fetch = [
        "fetch",
        "-q",
        "--no-tags",
        "--no-write-fetch-head",
        &bundle,
        "refs/heads/sortie/base:refs/sortie/base",
    ];
    let unpacked = git.run("unpack the repository", &fetch).await;
    // The space is the agent's from now on.
    fs::remove_file(incoming()).map_err(system("remove the bundle"))?;
    unpacked?;
    let found = git
        .run(
            "unpack the repository",
            &["rev-parse", "refs/sortie/base^{commit}"],
        )
        .await?;
    if found != base {
        return Err(RunnerError::WrongBase {
            expected: base.into(),
            found,
        });
    }
    git.run(
        "check the repository out",
        &["checkout", "-q", "-B", "sortie/work", base],
    )
    .await?;
    for (name, value) in [
        ("user.name", "Sortie"),
        ("user.email", "sortie@localhost"),
        ("gc.auto", "0"),
    ] {
        git.run("configure the repository", &["config", name, value])
            .await?;
    }
    runner.base.replace(Some(base.into()));
    Ok(())
}

/// Commits what is in the work tree and packs it; the bundle is then at
/// [`outgoing`].
pub async fn collect(runner: &Rc<Runner>, spec: &CollectSpec) -> Result<Collected, RunnerError> {
    let _hold = runner.hold(Holder::Repository).await?;
    let collected = try_collect(runner, spec).await;
    // Whatever git was made to start ends here.
    let _ = strays::kill_all(runner.wires.bridge()).await;
    collected
}

async fn try_collect(runner: &Rc<Runner>, spec: &CollectSpec) -> Result<Collected, RunnerError> {
    const ACTION: &str = "collect the changes";
    let base = checked(&spec.base)?;
    let ours = borrow(runner, base)?;
    let parent = parent(runner, &ours, base).await?;
    ours.run(ACTION, &["read-tree", &parent]).await?;
    ours.run(ACTION, &["add", "-A", "--", "."]).await?;
    let tree = ours.run(ACTION, &["write-tree"]).await?;
    let base_tree = ours
        .run(ACTION, &["rev-parse", &format!("{base}^{{tree}}")])
        .await?;
    if tree == base_tree {
        return Ok(Collected::Unchanged);
    }
    let parent_tree = ours
        .run(ACTION, &["rev-parse", &format!("{parent}^{{tree}}")])
        .await?;
    let commit = if tree == parent_tree {
        parent
    } else {
        let names = ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"]
            .map(|name| (name.into(), spec.author_name.clone()));
        let emails = ["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"]
            .map(|name| (name.into(), spec.author_email.clone()));
        let author = ours.with(names.into_iter().chain(emails).collect());
        author
            .run(
                ACTION,
                &["commit-tree", &tree, "-p", &parent, "-m", &spec.message],
            )
            .await?
    };
    ours.run(ACTION, &["update-ref", REF, &commit]).await?;
    let bundle = outgoing();
    ours.run(
        "pack the changes",
        &[
            "bundle",
            "create",
            "-q",
            &bundle.to_string_lossy(),
            REF,
            &format!("^{base}"),
        ],
    )
    .await?;
    let size = fs::metadata(&bundle)
        .map_err(system("pack the changes"))?
        .len();
    if size > spec.max_bytes {
        fs::remove_file(&bundle).map_err(system("pack the changes"))?;
        return Err(RunnerError::TooLarge {
            action: "pack the changes".into(),
            limit_bytes: spec.max_bytes,
        });
    }
    Ok(Collected::Bundle { commit })
}

/// Puts the work tree and the agent's branch back to a commit.
pub async fn reset(runner: &Rc<Runner>, commit: &str, ignored: bool) -> Result<(), RunnerError> {
    let _hold = runner.hold(Holder::Repository).await?;
    let reset = try_reset(runner, checked(commit)?, ignored).await;
    let _ = strays::kill_all(runner.wires.bridge()).await;
    reset
}

async fn try_reset(runner: &Rc<Runner>, commit: &str, ignored: bool) -> Result<(), RunnerError> {
    const ACTION: &str = "put the workspace back";
    // What reads the agent's own configuration comes first, and whatever it
    // may have started is gone before the files are put in order.
    let ours = borrow(runner, commit)?;
    ours.run(ACTION, &["update-ref", REF, commit]).await?;
    let theirs = Git::new(runner, THEIRS, REPO, deadline());
    if !theirs
        .holds(ACTION, &["cat-file", "-e", &format!("{commit}^{{commit}}")])
        .await?
    {
        theirs
            .run(
                ACTION,
                &[
                    "fetch",
                    "-q",
                    "--no-tags",
                    "--no-write-fetch-head",
                    OURS,
                    REF,
                ],
            )
            .await?;
    }
    theirs.run(ACTION, &["update-ref", BRANCH, commit]).await?;
    theirs
        .run(ACTION, &["symbolic-ref", "HEAD", BRANCH])
        .await?;
    let _ = strays::kill_all(runner.wires.bridge()).await;
    ours.run(ACTION, &["reset", "-q", "--hard", commit]).await?;
    // Twice forced: repositories inside the repository go as well.
    ours.run(
        ACTION,
        &[
            "clean",
            "-q",
            "-d",
            "-ff",
            if ignored { "-x" } else { "--" },
        ],
    )
    .await?;
    if ignored {
        clear_around().map_err(system(ACTION))?;
    }
    let index = Path::new(THEIRS).join("index");
    match fs::remove_file(&index) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(system(ACTION)(e)),
        _ => {}
    }
    fs::copy(Path::new(OURS).join("index"), index).map_err(system(ACTION))?;
    Ok(())
}

/// Removes what lies around the repository: settings and tools that were left
/// in the steps' home, beside the repository or in the temporary directory
/// would have a say in what runs next.
fn clear_around() -> io::Result<()> {
    for directory in [WORK, HOME, "/tmp"] {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let path = entry.path();
            if [REPO, OWN, HOME].iter().any(|kept| path == Path::new(kept)) {
                continue;
            }
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(path)?,
                false => fs::remove_file(path)?,
            }
        }
    }
    Ok(())
}

/// The commit that the work tree goes on top of: the agent's own, if it builds
/// on the base, so that its history is kept; otherwise the base.
async fn parent(runner: &Rc<Runner>, ours: &Git, base: &str) -> Result<String, RunnerError> {
    const ACTION: &str = "look at the agent's commits";
    let theirs = Git::new(runner, THEIRS, REPO, deadline());
    let head = theirs
        .run(ACTION, &["rev-parse", "--verify", "-q", "HEAD^{commit}"])
        .await;
    if let Ok(head) = head
        && let Ok(head) = checked(&head)
        && ours
            .holds(ACTION, &["merge-base", "--is-ancestor", base, head])
            .await?
    {
        return Ok(head.to_owned());
    }
    Ok(base.to_owned())
}

/// A repository of the runner's own over the agent's work tree and objects.
/// Everything but objects is written anew each time.
fn borrow(runner: &Rc<Runner>, commit: &str) -> Result<Git, RunnerError> {
    let repository = fs::symlink_metadata(THEIRS)
        .ok()
        .filter(fs::Metadata::is_dir);
    if runner.base.borrow().is_none() {
        return Err(RunnerError::NoWorkspace);
    }
    if repository.is_none() {
        return Err(RunnerError::Git {
            action: "open the repository".into(),
            detail: format!("{THEIRS} is no directory any more"),
        });
    }
    renew(commit.len() == 64).map_err(system("open the repository"))?;
    Ok(Git::new(runner, OURS, REPO, deadline()))
}

fn renew(sha256: bool) -> io::Result<()> {
    let ours = Path::new(OURS);
    if fs::symlink_metadata(ours).is_ok_and(|there| !there.is_dir()) {
        fs::remove_file(ours)?;
    }
    fs::create_dir_all(ours)?;
    for entry in fs::read_dir(ours)? {
        let entry = entry?;
        match entry.file_type()? {
            _ if entry.file_name() == "objects" => {}
            kind if kind.is_dir() => fs::remove_dir_all(entry.path())?,
            _ => fs::remove_file(entry.path())?,
        }
    }
    let format = if sha256 {
        "\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"
    } else {
        "\trepositoryformatversion = 0\n"
    };
    fs::create_dir_all(ours.join("refs/heads"))?;
    fs::create_dir_all(ours.join("objects/info"))?;
    fs::write(
        ours.join("config"),
        format!("[core]\n\tbare = false\n{format}"),
    )?;
    fs::write(ours.join("HEAD"), format!("ref: {REF}\n"))?;
    fs::write(
        ours.join("objects/info/alternates"),
        format!("{THEIRS}/objects\n"),
    )
}

/// Removes a tree, also where directories were made unwritable.
async fn remove(path: &'static str) -> io::Result<()> {
    let removing = tokio::task::spawn_blocking(move || match fs::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            open_up(Path::new(path))?;
            fs::remove_dir_all(path)
        }
        other => other,
    });
    removing.await.map_err(io::Error::other)?
}

fn open_up(root: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    Ok(())
}

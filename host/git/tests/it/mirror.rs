//! Mirrors: made, brought up to date, broken off and taken up again.

use std::fs::{self, File};
use std::io::Read;
use std::time::Duration;

use sortie_git::{ErrorClass, Git, GitError, GitOptions, RemoteUrl};

use crate::support::{Repo, World, git};

#[tokio::test]
async fn a_mirror_is_bare_follows_its_remote_and_holds_no_hook() {
    let world = World::new();
    let mirror = world.mirror().await;
    let first = mirror.resolve_branch("main").await.expect("there");
    assert_eq!(first, world.source.head());
    let dir = world.mirror_dir();
    assert!(!dir.join("hooks").exists());
    assert!(!dir.join("FETCH_HEAD").exists());
    assert_eq!(git(&dir, &["config", "core.bare"]), "true");

    world.source.write("c", "c");
    let second = world.source.commit("third");
    let remote = world.remote.to_str().expect("text");
    git(
        &world.source.path,
        &["push", "-q", remote, "main", "main:side"],
    );
    let mirror = world.mirror().await;
    assert_eq!(mirror.resolve_branch("main").await.expect("there"), second);
    assert_eq!(mirror.resolve_branch("side").await.expect("there"), second);
    git(&world.source.path, &["push", "-q", remote, ":side"]);
    let mirror = world.mirror().await;
    assert!(matches!(
        mirror.resolve_branch("side").await,
        Err(GitError::NoSuchBranch { .. })
    ));
    assert_eq!(mirror.default_branch().await.expect("there"), "main");
}

#[tokio::test]
async fn a_remote_is_looked_at_without_a_mirror() {
    let world = World::new();
    let within = Duration::from_secs(60);
    let found = world.git.reach(&world.url(), within).await;
    found.expect("it is there");
    assert!(!world.path("mirrors").exists());
    let nowhere = world.path("nowhere.git");
    let nowhere = RemoteUrl::parse(nowhere.to_str().expect("text")).expect("a path");
    let error = world.git.reach(&nowhere, within).await;
    let error = error.expect_err("nothing is there");
    assert!(
        matches!(error, GitError::RepositoryNotFound { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let world = World::new();
    let nowhere =
        RemoteUrl::parse(world.path("nowhere.git").to_str().expect("text")).expect("a path");
    let error = world
        .git
        .mirror(&nowhere)
        .await
        .err()
        .expect("nothing is there");
    assert!(
        matches!(error, GitError::RepositoryNotFound { .. }),
        "{error:?}"
    );
    assert_eq!(error.class(), ErrorClass::Repository);
    assert!(matches!(
        world.git.open(&nowhere),
        Err(GitError::NoMirror { .. })
    ));
    let left: Vec<_> = fs::read_dir(world.path("mirrors"))
        .expect("there")
        .map(|e| e.expect("entry").file_name())
        .collect();
    assert!(
        left.iter().all(|n| !n.to_string_lossy().ends_with(".git")),
        "{left:?}"
    );

    let mirror = world.mirror().await;
    match mirror.resolve_branch("mian").await {
        Err(GitError::NoSuchBranch {
            branch, available, ..
        }) => {
            assert_eq!(
                (branch.as_str(), available),
                ("mian", vec!["main".to_owned()])
            );
        }
        other => panic!("{other:?}"),
    }
    // A prefix of a branch is no branch.
    git(
        &world.source.path,
        &[
            "push",
            "-q",
            world.remote.to_str().expect("text"),
            "main:dir/leaf",
        ],
    );
    let mirror = world.mirror().await;
    assert!(matches!(
        mirror.resolve_branch("dir").await,
        Err(GitError::NoSuchBranch { .. })
    ));
    assert!(matches!(
        mirror.resolve_branch("main~1").await,
        Err(GitError::BranchName(_))
    ));
    let unknown = "0".repeat(40).parse().expect("an id");
    let result = mirror
        .bundle_for_sandbox(&unknown, &world.path("x"), None)
        .await;
    assert!(matches!(result, Err(GitError::NoSuchCommit(_))));
}

#[tokio::test]
async fn an_empty_repository_says_so() {
    let world = World::new();
    git(world.dir.path(), &["init", "-q", "--bare", "empty.git"]);
    let url = RemoteUrl::parse(world.path("empty.git").to_str().expect("text")).expect("a path");
    let mirror = world
        .git
        .mirror(&url)
        .await
        .expect("empty is no failure to fetch");
    assert!(matches!(
        mirror.resolve_branch("main").await,
        Err(GitError::EmptyRepository { .. })
    ));
    assert!(matches!(
        mirror.default_branch().await,
        Err(GitError::EmptyRepository { .. })
    ));
}

#[tokio::test]
async fn the_default_branch_is_found_when_head_points_nowhere() {
    let world = World::new();
    let remote = world.remote.to_str().expect("text").to_owned();
    git(&world.remote, &["symbolic-ref", "HEAD", "refs/heads/none"]);
    assert_eq!(
        world
            .mirror()
            .await
            .default_branch()
            .await
            .expect("the only one"),
        "main"
    );
    git(&world.source.path, &["push", "-q", &remote, "main:zzz"]);
    assert_eq!(
        world
            .mirror()
            .await
            .default_branch()
            .await
            .expect("the usual one"),
        "main"
    );
    git(
        &world.source.path,
        &["push", "-q", &remote, "main:yyy", ":main"],
    );
    let result = world.mirror().await.default_branch().await;
    assert!(
        matches!(result, Err(GitError::NoDefaultBranch { available, .. }) if available == ["yyy", "zzz"])
    );
}

#[tokio::test]
async fn what_a_killed_git_left_does_not_stop_the_next() {
    let world = World::new();
    world.mirror().await;
    let dir = world.mirror_dir();
    fs::create_dir_all(dir.join("refs/remotes/origin")).expect("made");
    fs::create_dir_all(dir.join("objects/tmp_objdir-incoming-x")).expect("made");
    let leftovers = [
        "packed-refs.lock",
        "HEAD.lock",
        "config.lock",
        "shallow.lock",
        "refs/remotes/origin/main.lock",
        "objects/pack/tmp_pack_abc",
        "objects/tmp_objdir-incoming-x/tmp_obj_y",
    ];
    for name in leftovers {
        fs::write(dir.join(name), "x").expect("written");
    }
    let scratch = world.path("mirrors/scratch/s-old");
    fs::create_dir_all(&scratch).expect("made");
    world.source.write("c", "c");
    let head = world.source.commit("third");
    git(
        &world.source.path,
        &["push", "-q", world.remote.to_str().expect("text"), "main"],
    );
    let mirror = world.mirror().await;
    assert_eq!(mirror.resolve_branch("main").await.expect("there"), head);
    for name in leftovers {
        assert!(!dir.join(name).exists(), "{name}");
    }
    assert!(!scratch.exists());
    git(&dir, &["fsck", "--strict"]);
}

#[tokio::test]
async fn two_at_once_share_one_mirror() {
    let world = World::new();
    let url = world.url();
    let other = Git::new(GitOptions::new(world.path("mirrors")));
    let (a, b, c) = tokio::join!(
        world.git.mirror(&url),
        world.git.mirror(&url),
        other.mirror(&url)
    );
    for mirror in [a, b, c] {
        let head = mirror
            .expect("each gets it")
            .resolve_branch("main")
            .await
            .expect("there");
        assert_eq!(head, world.source.head());
    }
    world.mirror_dir();
}

#[tokio::test]
async fn a_mirror_in_other_hands_is_waited_for_and_then_reported() {
    let world = World::with(|o| o.limits.lock_wait = Duration::from_millis(120));
    world.mirror().await;
    let lock = fs::read_dir(world.path("mirrors"))
        .expect("there")
        .map(|e| e.expect("entry").path())
        .find(|p| p.extension().is_some_and(|x| x == "lock"))
        .expect("the lock");
    let held = File::open(lock).expect("opens");
    held.lock().expect("nobody holds it");
    let error = world
        .git
        .mirror(&world.url())
        .await
        .err()
        .expect("it is held");
    assert!(matches!(error, GitError::Busy { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Transient);
    drop(held);
    world.mirror().await;
}

#[tokio::test]
async fn a_command_over_its_time_is_killed_with_its_children() {
    let dir = tempfile::tempdir().expect("a directory");
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let script = dir.path().join("git");
    fs::write(
        &script,
        format!(
            "#!/bin/sh\nexec 3>{}\nsleep 1000 &\nsleep 1000\n",
            fifo.display()
        ),
    )
    .expect("written");
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
    let mut options = GitOptions::new(dir.path());
    options.program = script;
    options.limits.local_wall = Duration::from_millis(300);
    // The end of the file comes when the last process that holds it is gone.
    let all_gone = tokio::task::spawn_blocking(move || {
        let mut rest = Vec::new();
        File::open(fifo)
            .expect("opens")
            .read_to_end(&mut rest)
            .map(|_| rest.len())
    });
    let result = Git::new(options).version().await;
    assert!(
        matches!(result, Err(GitError::TimedOut { .. })),
        "{result:?}"
    );
    let ended = tokio::time::timeout(Duration::from_secs(20), all_gone).await;
    assert_eq!(ended.expect("in time").expect("no panic").expect("read"), 0);
}

#[tokio::test]
async fn the_program_is_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = GitOptions::new(dir.path());
    assert!(
        Git::new(options.clone())
            .version()
            .await
            .expect("git is here")
            .starts_with('2')
    );
    options.program = dir.path().join("no-git");
    let error = Git::new(options).version().await.expect_err("not there");
    assert!(error.to_string().contains("install git"), "{error}");
}

#[tokio::test]
async fn a_sha256_repository_is_mirrored_as_one() {
    let world = World::new();
    let path = world.path("s256");
    fs::create_dir(&path).expect("made");
    git(
        &path,
        &["init", "-q", "-b", "main", "--object-format=sha256"],
    );
    let source = Repo { path };
    source.write("a", "a");
    let head = source.commit("first");
    assert_eq!(head.as_str().len(), 64);
    let url = RemoteUrl::parse(source.path.to_str().expect("text")).expect("a path");
    let mirror = world.git.mirror(&url).await.expect("mirrored");
    assert_eq!(mirror.resolve_branch("main").await.expect("there"), head);
    let bundle = world.path("in.bundle");
    mirror
        .bundle_for_sandbox(&head, &bundle, None)
        .await
        .expect("bundled");
    git(
        world.dir.path(),
        &[
            "clone",
            "-q",
            "-b",
            "sortie/base",
            bundle.to_str().expect("text"),
            "clone256",
        ],
    );
}

#[tokio::test]
async fn many_packs_are_put_together() {
    let world = World::new();
    let mirror = world.mirror().await;
    let packs = world.mirror_dir().join("objects/pack");
    for i in 0..60 {
        world.source.write("n", i.to_string());
        world.source.commit("more");
        let from = world.source.path.clone();
        let revisions = git(&from, &["rev-list", "--objects", "-1", "HEAD", "^HEAD~1"]);
        let ids: String = revisions
            .lines()
            .map(|l| format!("{}\n", &l[..40]))
            .collect();
        let name = packs.join("pack");
        crate::support::git_in(
            &from,
            &["pack-objects", "-q", name.to_str().expect("text")],
            ids.as_bytes(),
        );
    }
    let count = || {
        fs::read_dir(&packs)
            .expect("there")
            .filter(|e| {
                e.as_ref()
                    .expect("entry")
                    .path()
                    .extension()
                    .is_some_and(|x| x == "pack")
            })
            .count()
    };
    assert!(count() >= 60);
    git(
        &world.source.path,
        &["push", "-q", world.remote.to_str().expect("text"), "main"],
    );
    world.mirror().await;
    assert!(count() < 10, "{}", count());
    assert_eq!(
        mirror.resolve_branch("main").await.expect("there"),
        world.source.head()
    );
    git(&world.mirror_dir(), &["fsck", "--strict"]);
}

#[tokio::test]
async fn a_shallow_bundle_is_enough_to_work_on() {
    let world = World::new();
    for i in 0..5 {
        world.source.write("n", i.to_string());
        world.source.commit("more");
    }
    git(
        &world.source.path,
        &["push", "-q", world.remote.to_str().expect("text"), "main"],
    );
    let mirror = world.mirror().await;
    let base = mirror.resolve_branch("main").await.expect("there");
    for (depth, commits, cut) in [(1, "1", 1), (3, "3", 1), (100, "7", 0)] {
        let bundle = world.path("in.bundle");
        let made = mirror
            .bundle_for_sandbox(&base, &bundle, Some(depth))
            .await
            .expect("bundled");
        assert_eq!(made.shallow.len(), cut, "depth {depth}");
        let sandbox = Repo::init(world.path(&format!("sandbox-{depth}")));
        let shallow: String = made.shallow.iter().map(|c| format!("{c}\n")).collect();
        if !shallow.is_empty() {
            fs::write(sandbox.path.join(".git/shallow"), shallow).expect("written");
        }
        git(
            &sandbox.path,
            &[
                "fetch",
                "-q",
                bundle.to_str().expect("text"),
                "refs/heads/sortie/base:refs/heads/sortie/base",
            ],
        );
        git(&sandbox.path, &["checkout", "-q", "sortie/base"]);
        assert_eq!(
            git(&sandbox.path, &["rev-list", "--count", "HEAD"]),
            commits
        );
        sandbox.write("src/a.txt", "changed\n");
        let head = sandbox.commit("work");
        let out = world.bundle(&sandbox, &base);
        let accepted = crate::support::accept(&mirror, &out, &base)
            .await
            .expect("accepted");
        assert_eq!((accepted.head, accepted.commits), (head, 1));
    }
}

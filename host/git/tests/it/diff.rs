//! The host's own diff: nothing in a repository hides from it.

use std::os::unix::fs::symlink;

use sortie_git::{GitError, RepoDiff};
use sortie_model::diff::{ChangeKind, DiffError, DiffSource, LineKind};

use crate::support::{Repo, World, accept, git};

async fn change(world: &World, work: impl FnOnce(&Repo)) -> RepoDiff {
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    work(&sandbox);
    let head = sandbox.commit("work");
    accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("accepted");
    mirror.diff(&base, &head).await.expect("a diff")
}

fn kinds(diff: &RepoDiff) -> Vec<(ChangeKind, String)> {
    diff.files()
        .iter()
        .map(|f| (f.kind, f.path().to_owned()))
        .collect()
}

#[tokio::test]
async fn every_kind_of_change_with_its_contents() {
    let world = World::new();
    world
        .source
        .write("gone.txt", "bye\n")
        .write("run.sh", "#!/bin/sh\n")
        .write("turn", "file\n");
    world.source.write(
        "old name.txt",
        "a long enough text\nto be found again\nafter a rename\n",
    );
    world.source.commit("more");
    git(
        &world.source.path,
        &["push", "-q", world.remote.to_str().expect("text"), "main"],
    );
    let diff = change(&world, |repo| {
        repo.write("src/a.txt", "one\nzwei\nthree\n");
        repo.write("ü \"quoted\".txt", "new\n")
            .write("empty", "")
            .write("img.bin", b"\0\x01\x02");
        std::fs::remove_file(repo.path.join("gone.txt")).expect("removed");
        std::fs::rename(
            repo.path.join("old name.txt"),
            repo.path.join("new name.txt"),
        )
        .expect("moved");
        std::fs::remove_file(repo.path.join("turn")).expect("removed");
        symlink("README.md", repo.path.join("turn")).expect("linked");
        git(&repo.path, &["add", "-A"]);
        git(&repo.path, &["update-index", "--chmod=+x", "run.sh"]);
        git(&repo.path, &["commit", "-q", "-m", "step"]);
        git(&repo.path, &["checkout", "-q", "-f", "HEAD"]);
    })
    .await;
    use ChangeKind::{Added, Deleted, Modified, Renamed, TypeChanged};
    assert_eq!(
        kinds(&diff),
        [
            (Added, "empty".to_owned()),
            (Deleted, "gone.txt".to_owned()),
            (Added, "img.bin".to_owned()),
            (Renamed, "new name.txt".to_owned()),
            (Modified, "run.sh".to_owned()),
            (Modified, "src/a.txt".to_owned()),
            (TypeChanged, "turn".to_owned()),
            (Added, "ü \"quoted\".txt".to_owned()),
        ]
    );
    let at = |name: &str| {
        diff.files()
            .iter()
            .position(|f| f.path() == name)
            .expect(name)
    };
    let a = at("src/a.txt");
    assert_eq!(
        (diff.files()[a].additions, diff.files()[a].deletions),
        (1, 1)
    );
    let hunk = &diff.hunks(a).expect("parsed")[0];
    let changed: Vec<_> = hunk
        .lines
        .iter()
        .filter(|l| l.kind != LineKind::Context)
        .map(|l| l.text.as_str())
        .collect();
    assert_eq!(changed, ["two", "zwei"]);
    assert_eq!(
        diff.before(a).expect("read").as_deref(),
        Some(b"one\ntwo\nthree\n".as_slice())
    );
    assert_eq!(
        diff.after(a).expect("read").as_deref(),
        Some(b"one\nzwei\nthree\n".as_slice())
    );
    let gone = at("gone.txt");
    assert_eq!(
        diff.before(gone).expect("read").as_deref(),
        Some(b"bye\n".as_slice())
    );
    assert_eq!(diff.after(gone).expect("read"), None);
    let renamed = at("new name.txt");
    assert_eq!(
        diff.files()[renamed].old_path.as_deref(),
        Some("old name.txt")
    );
    assert!(
        diff.before(renamed)
            .expect("read")
            .is_some_and(|c| c.starts_with(b"a long"))
    );
    assert!(diff.files()[at("img.bin")].binary);
    assert_eq!(
        diff.after(at("img.bin")).expect("read").as_deref(),
        Some(b"\0\x01\x02".as_slice())
    );
    assert_eq!(diff.files()[at("run.sh")].new_mode, 0o100_755);
    let turn = at("turn");
    assert_eq!(
        diff.after(turn).expect("read").as_deref(),
        Some(b"README.md".as_slice())
    );
    assert_eq!(diff.hunks(turn).expect("parsed").len(), 2);
    assert_eq!(
        diff.after(at("empty")).expect("read").as_deref(),
        Some(b"".as_slice())
    );
    assert!(diff.patch().starts_with(b"diff --git "));
    assert!(
        diff.file_patch(a)
            .expect("there")
            .starts_with(b"diff --git a/src/a.txt")
    );
    assert!(matches!(diff.after(99), Err(DiffError::NoSuchFile { .. })));
}

#[tokio::test]
async fn attributes_hide_nothing() {
    let world = World::new();
    // Both the base and the change try, in every place an attribute can be.
    world.source.write(
        ".gitattributes",
        "*.py -diff\n*.rs binary\n*.txt diff=evil\n",
    );
    world.source.write("src/.gitattributes", "* -text -diff\n");
    world
        .source
        .write("a.py", "1\n")
        .write("a.rs", "1\n")
        .write("src/c.go", "1\n");
    world.source.commit("attributes");
    git(
        &world.source.path,
        &["push", "-q", world.remote.to_str().expect("text"), "main"],
    );
    let diff = change(&world, |repo| {
        repo.write(".gitattributes", "* -diff\n*.py binary\n");
        repo.write("a.py", "2\n")
            .write("a.rs", "2\n")
            .write("src/c.go", "2\n")
            .write("src/a.txt", "2\n");
    })
    .await;
    assert_eq!(diff.files().len(), 5);
    for (i, file) in diff.files().iter().enumerate() {
        assert!(!file.binary, "{}", file.path());
        assert!(
            !diff.hunks(i).expect("parsed").is_empty(),
            "{}",
            file.path()
        );
    }
}

/// One NUL byte takes all lines away; that the file changed, and how, stays.
#[tokio::test]
async fn a_text_that_becomes_binary_is_a_change_without_lines() {
    let world = World::new();
    let diff = change(&world, |repo| {
        repo.write("src/a.txt", "one\n\0two\nthree\n");
    })
    .await;
    let [file] = diff.files() else {
        panic!("{:?}", kinds(&diff));
    };
    assert!(file.binary);
    assert_eq!(
        (file.kind, file.path()),
        (ChangeKind::Modified, "src/a.txt")
    );
    assert_eq!((file.additions, file.deletions), (0, 0));
    assert_eq!(diff.hunks(0).expect("there are none"), []);
    assert_eq!(diff.page(0, 0, 1000).expect("there are none"), []);
    assert_eq!(
        diff.before(0).expect("read").as_deref(),
        Some(b"one\ntwo\nthree\n".as_slice())
    );
    assert_eq!(
        diff.after(0).expect("read").as_deref(),
        Some(b"one\n\0two\nthree\n".as_slice())
    );
}

#[tokio::test]
async fn nothing_in_a_machine_or_mirror_configuration_counts() {
    let world = World::new();
    let diff = change(&world, |repo| {
        repo.write("src/a.txt", "2\n");
    })
    .await;
    let plain = diff.patch().to_vec();
    let dir = world.mirror_dir();
    for (key, value) in [
        ("diff.external", "/bin/false"),
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("core.quotePath", "false"),
        ("diff.algorithm", "patience"),
    ] {
        git(&dir, &["config", key, value]);
    }
    let mirror = world.mirror().await;
    let (base, head) = (
        mirror.resolve_branch("main").await.expect("there"),
        world_head(&world),
    );
    assert_eq!(
        mirror.diff(&base, &head).await.expect("a diff").patch(),
        plain
    );
}

fn world_head(world: &World) -> sortie_git::CommitId {
    git(&world.mirror_dir(), &["rev-parse", crate::support::KEEP])
        .parse()
        .expect("an id")
}

#[tokio::test]
async fn a_large_text_file_is_still_text_and_limits_hold() {
    let world = World::with(|o| {
        o.limits.max_blob_read_bytes = 1000;
        o.limits.max_diff_bytes = 45 << 20;
    });
    // Over git's threshold for streaming, which would make it binary.
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";
    let diff = change(&world, |repo| {
        repo.write("large.txt", line.repeat((40 << 20) / line.len()));
        repo.write("small.txt", "x\n");
    })
    .await;
    assert!(!diff.files()[0].binary);
    assert!(diff.files()[0].additions > 600_000);
    assert!(matches!(
        diff.after(0),
        Err(DiffError::TooLarge { limit: 1000, .. })
    ));
    // The answer to the next question is its own.
    assert_eq!(
        diff.after(1).expect("read").as_deref(),
        Some(b"x\n".as_slice())
    );

    let tight = World::with(|o| o.limits.max_diff_bytes = 100);
    let mirror = tight.mirror().await;
    let (sandbox, base) = tight.sandbox(&mirror).await;
    sandbox.write("new", "x\n".repeat(100));
    let head = sandbox.commit("work");
    accept(&mirror, &tight.bundle(&sandbox, &base), &base)
        .await
        .expect("accepted");
    assert!(matches!(
        mirror.diff(&base, &head).await,
        Err(GitError::DiffTooLarge { limit: 100 })
    ));
}

#[tokio::test]
async fn no_change_is_an_empty_diff() {
    let world = World::new();
    let mirror = world.mirror().await;
    let base = mirror.resolve_branch("main").await.expect("there");
    let diff = mirror.diff(&base, &base).await.expect("a diff");
    assert!(diff.files().is_empty());
    assert!(diff.patch().is_empty());
}

#[tokio::test]
async fn a_local_repository_is_only_looked_into() {
    let world = World::new();
    let repo = &world.source;
    repo.write(".gitattributes", "*.txt -diff\n")
        .write("src/a.txt", "changed\n");
    let head = repo.commit("third");
    // What the machine's owner set up for himself does not count either.
    repo.write(".git/info/attributes", "* -diff\n");
    git(&repo.path, &["config", "diff.external", "/bin/false"]);
    git(&repo.path, &["tag", "-a", "-m", "x", "v1"]);
    let linked = world.path("linked");
    git(
        &repo.path,
        &[
            "worktree",
            "add",
            "-q",
            "--detach",
            linked.to_str().expect("text"),
        ],
    );
    for dir in [
        repo.path.clone(),
        repo.path.join("src"),
        repo.path.join(".git"),
        linked,
    ] {
        let local = world.git.local(&dir).await.expect("opened");
        assert_eq!(local.resolve("v1").await.expect("a tag"), head);
        let base = local.resolve("HEAD~1").await.expect("a commit");
        let diff = local.diff(&base, &head).await.expect("a diff");
        drop(local);
        assert_eq!(diff.files().len(), 2);
        let at = diff
            .files()
            .iter()
            .position(|f| f.path() == "src/a.txt")
            .expect("there");
        assert!(!diff.files()[at].binary);
        assert!(!diff.hunks(at).expect("parsed").is_empty());
        assert_eq!(
            diff.after(at).expect("read").as_deref(),
            Some(b"changed\n".as_slice())
        );
    }
    let local = world.git.local(&repo.path).await.expect("opened");
    for bad in ["nope", "--all", "", "HEAD:src", "a\nb"] {
        let result = local.resolve(bad).await;
        assert!(
            matches!(result, Err(GitError::NoSuchRevision { .. })),
            "{bad}: {result:?}"
        );
    }
    let root = local.resolve("HEAD~2").await.expect("a commit");
    assert_eq!(
        local.merge_base(&root, &head).await.expect("asked"),
        Some(root)
    );
    let nowhere = world.git.local(&world.path("nowhere")).await;
    assert!(matches!(nowhere, Err(GitError::RepositoryNotFound { .. })));
    let no_repo = tempfile::tempdir().expect("a directory");
    let nothing = world.git.local(no_repo.path()).await;
    assert!(matches!(nothing, Err(GitError::RepositoryNotFound { .. })));
}

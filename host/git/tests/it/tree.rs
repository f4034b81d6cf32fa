//! The files of a commit, listed, read and put together anew.

use crate::support::{World, git};
use sortie_git::Overlay;
use std::collections::BTreeMap;

#[tokio::test]
async fn files_are_listed_and_read_without_a_work_tree() {
    let world = World::new();
    world.source.write("docs/ä b.md", "text");
    std::os::unix::fs::symlink("a.txt", world.source.path.join("src/link")).expect("a link");
    let head = world.source.commit("more");
    git(
        &world.source.path,
        &["push", "-q", world.remote.to_str().expect("text"), "main"],
    );
    let mirror = world.git.mirror(&world.url()).await.expect("a mirror");
    let files = mirror.files(&head, 100).await.expect("a list");
    assert_eq!(
        files,
        ["README.md", "docs/ä b.md", "src/a.txt", "src/b.txt"]
    );
    assert_eq!(mirror.files(&head, 2).await.expect("a list").len(), 2);
    let read = async |path: &str, most| mirror.file(&head, path, most).await.expect("an answer");
    assert_eq!(
        read("docs/ä b.md", 100).await.as_deref(),
        Some(&b"text"[..])
    );
    assert_eq!(read("src/a.txt", 5).await, None, "it is larger");
    assert_eq!(read("src", 100).await, None, "it is a folder");
    assert_eq!(read("gone.txt", 100).await, None);
}

#[tokio::test]
async fn an_overlay_changes_some_paths_and_is_the_same_each_time() {
    let world = World::new();
    let base = world.source.head();
    world.source.write("src/a.txt", "changed\n");
    world.source.write("src/new.txt", "new\n");
    git(&world.source.path, &["rm", "-q", "src/b.txt"]);
    // A folder where a file was.
    git(&world.source.path, &["rm", "-q", "README.md"]);
    world.source.write("README.md/inside.txt", "x\n");
    let head = world.source.commit("change");
    git(
        &world.source.path,
        &["push", "-q", world.remote.to_str().expect("text"), "main"],
    );
    let mirror = world.git.mirror(&world.url()).await.expect("a mirror");
    let as_before = || Overlay::As(base.clone());
    let changes = BTreeMap::from([
        (
            "src/a.txt".to_owned(),
            Overlay::Contents(b"mixed\n".to_vec()),
        ),
        ("src/b.txt".to_owned(), as_before()),
        ("src/new.txt".to_owned(), as_before()),
        ("README.md".to_owned(), as_before()),
    ]);
    let make = || {
        mirror.overlay(
            &head,
            &changes,
            "with base",
            1_700_000_000,
            "refs/sortie/runs/7/x",
        )
    };
    let made = make().await.expect("a commit");
    assert_eq!(make().await.expect("again"), made);
    let files = mirror.files(&made, 100).await.expect("a list");
    assert_eq!(files, ["README.md", "src/a.txt", "src/b.txt"]);
    let read = async |path: &str| mirror.file(&made, path, 100).await.expect("an answer");
    assert_eq!(read("src/a.txt").await.as_deref(), Some(&b"mixed\n"[..]));
    assert_eq!(read("src/b.txt").await.as_deref(), Some(&b"b\n"[..]));
    // What the remote has and what was changed are left alone.
    assert_eq!(mirror.files(&head, 100).await.expect("a list").len(), 3);
}

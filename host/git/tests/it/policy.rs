//! What a result may hold: names, links, submodules, and files that would be
//! hooks elsewhere.

use std::fs;
use std::os::unix::fs::symlink;

use sortie_git::BundleFault;

use crate::incoming::{faults_of, refused};
use crate::support::{Repo, World, accept, blob, entry, git, git_in, text};

#[tokio::test]
async fn names_that_mean_dot_git_or_lead_outside() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    let file = blob(&sandbox, b"evil\n");
    let hooks = {
        let tree = entry("100755", "post-checkout", &file);
        let args = ["hash-object", "-w", "-t", "tree", "--literally", "--stdin"];
        text(&git_in(&sandbox.path, &args, &tree))
    };
    let mut cases: Vec<Vec<u8>> = [
        ".git",
        ".GIT",
        ".Git",
        "git~1",
        ".git ",
        ".git.",
        ".g\u{200c}it",
        ".git::$INDEX_ALLOCATION",
        "..",
        ".",
        "a/b",
        "a\\..\\.git\\config",
        "/etc/passwd",
        "../outside",
        "a\nb",
        "a\u{1b}]0;x",
    ]
    .iter()
    .map(|name| entry("100644", name, &file))
    .collect();
    cases.push(entry("40000", ".git", &hooks));
    cases.push(entry("40000", "..", &hooks));
    cases.push(entry("100644", &"n".repeat(300), &file));
    cases.push(entry("150644", "mode", &file));
    cases.push(
        [
            entry("100644", "twice", &file),
            entry("100644", "twice", &file),
        ]
        .concat(),
    );
    for tree in cases {
        let bundle = world.forged(&sandbox, &base, &tree);
        let fault = refused(&world, &mirror, &bundle, &base).await;
        let expected = matches!(
            fault,
            BundleFault::BadObjects(_)
                | BundleFault::BadPath { .. }
                | BundleFault::BadMode { .. }
                | BundleFault::Submodule { .. }
        );
        assert!(expected, "{}: {fault}", String::from_utf8_lossy(&tree));
    }
    assert!(!world.path("outside").exists());
}

#[tokio::test]
async fn symlinks_that_lead_outside() {
    let world = World::new();
    for (path, target) in [
        ("l", "/etc/passwd"),
        ("d/l", "../../x"),
        ("l", ".git/config"),
        ("l", "d/../../x"),
    ] {
        let fault = faults_of(&world, |repo| {
            fs::create_dir_all(repo.path.join("d")).expect("made");
            symlink(target, repo.path.join(path)).expect("linked");
        })
        .await;
        assert!(
            matches!(&fault, BundleFault::BadSymlink { path: p, .. } if p == path),
            "{fault}"
        );
    }
    // One that came and went is pushed with the history all the same.
    let fault = faults_of(&world, |repo| {
        symlink("/etc/passwd", repo.path.join("l")).expect("linked");
        repo.commit("in");
        fs::remove_file(repo.path.join("l")).expect("removed");
    })
    .await;
    assert!(matches!(fault, BundleFault::BadSymlink { .. }), "{fault}");
    // A symlinked .git.
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    let target = blob(&sandbox, b"../elsewhere");
    let bundle = world.forged(&sandbox, &base, &entry("120000", ".git", &target));
    let fault = refused(&world, &mirror, &bundle, &base).await;
    assert!(
        matches!(
            fault,
            BundleFault::BadObjects(_) | BundleFault::BadPath { .. }
        ),
        "{fault}"
    );
    // And .gitmodules as one.
    let bundle = world.forged(&sandbox, &base, &entry("120000", ".gitmodules", &target));
    let fault = refused(&world, &mirror, &bundle, &base).await;
    assert!(
        matches!(
            fault,
            BundleFault::BadObjects(_) | BundleFault::Gitmodules(_)
        ),
        "{fault}"
    );
}

#[tokio::test]
async fn submodules() {
    let world = World::new();
    let modules = "[submodule \"a\"]\n\tpath = a\n\turl = https://example.org/a.git\n";
    let gitlink = |repo: &Repo| {
        let head = git(&repo.path, &["rev-parse", "HEAD"]);
        git(
            &repo.path,
            &[
                "update-index",
                "--add",
                "--cacheinfo",
                &format!("160000,{head},a"),
            ],
        );
        git(&repo.path, &["commit", "-q", "-m", "sub"]);
        fs::create_dir_all(repo.path.join("a")).expect("made");
    };
    let fault = faults_of(&world, gitlink).await;
    assert_eq!(fault, BundleFault::Submodule { path: "a".into() });
    let fault = faults_of(&world, |repo| {
        repo.write(".gitmodules", modules);
    })
    .await;
    assert!(matches!(fault, BundleFault::Gitmodules(_)), "{fault}");
    for url in [
        "-u./payload",
        "--upload-pack=evil",
        "ext::sh -c evil",
        "https://h\\n/x",
    ] {
        let fault = faults_of(&world, |repo| {
            repo.write(
                ".gitmodules",
                format!("[submodule \"a\"]\n\tpath = a\n\turl = {url}\n"),
            );
        })
        .await;
        assert!(
            matches!(
                fault,
                BundleFault::BadObjects(_) | BundleFault::Gitmodules(_)
            ),
            "{fault}"
        );
    }
    let fault = faults_of(&world, |repo| {
        repo.write(
            ".gitmodules",
            "[submodule \"../../x\"]\n\tpath = a\n\turl = https://example.org/a\n",
        );
    })
    .await;
    assert!(
        matches!(
            fault,
            BundleFault::BadObjects(_) | BundleFault::Gitmodules(_)
        ),
        "{fault}"
    );

    // A repository that has submodules may lose one, but not redirect one.
    world.source.write(
        ".gitmodules",
        format!("{modules}[submodule \"b\"]\n\tpath = b\n\turl = https://example.org/b.git\n"),
    );
    world.source.commit("modules");
    git(
        &world.source.path,
        &["push", "-q", world.remote.to_str().expect("text"), "main"],
    );
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write(".gitmodules", modules);
    sandbox.commit("one less");
    accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("it says less");
    let fault = faults_of(&world, |repo| {
        repo.write(".gitmodules", modules.replace("example.org", "evil.org"));
    })
    .await;
    assert!(
        matches!(&fault, BundleFault::Gitmodules(what) if what.contains("evil.org")),
        "{fault}"
    );

    // Where they are allowed, git's own rules still hold.
    let open = World::with(|o| o.allow_submodules = true);
    let mirror = open.mirror().await;
    let (sandbox, base) = open.sandbox(&mirror).await;
    sandbox.write(".gitmodules", modules);
    gitlink(&sandbox);
    sandbox.commit("sub");
    accept(&mirror, &open.bundle(&sandbox, &base), &base)
        .await
        .expect("allowed");
    let fault = faults_of(&open, |repo| {
        repo.write(
            ".gitmodules",
            "[submodule \"a\"]\n\tpath = a\n\turl = -u./payload\n",
        );
    })
    .await;
    assert!(matches!(fault, BundleFault::BadObjects(_)), "{fault}");
}

#[tokio::test]
async fn hooks_and_configuration_in_a_repository_do_nothing() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    let mark = world.path("mark");
    let script = format!("#!/bin/sh\ntouch {}\n", mark.display());
    // Ordinary files with interesting names are files.
    for name in [
        "hooks/post-receive",
        "hooks/reference-transaction",
        "config",
        "HEAD",
        ".githooks/pre-push",
        "objects/info/alternates",
    ] {
        sandbox.write(name, &script);
    }
    sandbox.write(".gitattributes", "* filter=evil diff=evil\n");
    let head = sandbox.commit("work");
    git(
        &sandbox.path,
        &[
            "config",
            "filter.evil.smudge",
            &format!("touch {}", mark.display()),
        ],
    );
    accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("files");
    mirror.diff(&base, &head).await.expect("a diff");
    assert!(!mark.exists());
    assert!(!world.mirror_dir().join("hooks").exists());
}

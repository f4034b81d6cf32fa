//! Publishing: the one commit, the one branch, once.

use std::os::unix::fs::PermissionsExt;

use sortie_git::{ErrorClass, GitError, PushExpect, PushOutcome};

use crate::support::{World, accept, git};

#[tokio::test]
async fn a_job_from_end_to_end() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write("src/a.txt", "one\n2\nthree\n");
    let head = sandbox.commit("fix it");
    let bundle = world.bundle(&sandbox, &base);
    let accepted = accept(&mirror, &bundle, &base).await.expect("it is good");
    assert_eq!(accepted.head, head);
    assert!(accepted.changed);
    assert_eq!((accepted.commits, accepted.changed_paths), (1, 1));

    assert_eq!(
        mirror.remote_branch("sortie/7/fix").await.expect("asked"),
        None
    );
    let push = || mirror.push(&head, "sortie/7/fix", &PushExpect::Absent);
    assert_eq!(push().await.expect("pushed"), PushOutcome::Pushed);
    assert_eq!(push().await.expect("there"), PushOutcome::AlreadyThere);
    assert_eq!(
        git(&world.remote, &["rev-parse", "sortie/7/fix"]),
        head.as_str()
    );
    assert_eq!(
        mirror.remote_branch("sortie/7/fix").await.expect("asked"),
        Some(head.clone())
    );
    // Nothing else went there: no run refs, no tags.
    let refs = git(&world.remote, &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs, "refs/heads/main\nrefs/heads/sortie/7/fix");

    let log = mirror.log(&base, &head, 10).await.expect("listed");
    assert_eq!(
        (
            log.len(),
            log[0].subject.as_str(),
            log[0].author_name.as_str()
        ),
        (1, "fix it", "Ann")
    );
    let kept = git(&world.mirror_dir(), &["for-each-ref", "refs/sortie/"]);
    assert!(kept.contains("refs/sortie/runs/7/out"));
    assert!(mirror.keep(&head, "refs/remotes/7").await.is_err());
}

#[tokio::test]
async fn a_taken_branch_is_left_alone() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write("new", "x");
    let head = sandbox.commit("work");
    accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("good");
    let error = mirror
        .push(&head, "main", &PushExpect::Absent)
        .await
        .expect_err("main is there");
    assert!(
        matches!(&error, GitError::BranchTaken { at: Some(at), .. } if *at == base),
        "{error:?}"
    );
    assert_eq!(error.class(), ErrorClass::BranchTaken);
    let elsewhere = PushExpect::At(head.clone());
    assert!(matches!(
        mirror.push(&head, "other", &elsewhere).await,
        Err(GitError::BranchTaken { at: None, .. })
    ));
    assert!(matches!(
        mirror.push(&head, "a..b", &PushExpect::Absent).await,
        Err(GitError::BranchName(_))
    ));
    assert_eq!(git(&world.remote, &["rev-parse", "main"]), base.as_str());
    // Known work may be replaced, also by something that does not follow it.
    mirror
        .push(&head, "topic", &PushExpect::Absent)
        .await
        .expect("pushed");
    let moved = mirror
        .push(&base, "topic", &PushExpect::At(head))
        .await
        .expect("moved");
    assert_eq!(moved, PushOutcome::Pushed);
    assert_eq!(git(&world.remote, &["rev-parse", "topic"]), base.as_str());
}

#[tokio::test]
async fn a_branch_that_moves_at_the_last_moment_is_left_alone() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write("new", "x");
    let head = sandbox.commit("work");
    accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("good");
    // The remote's own hook plays the rival: it makes the branch between the
    // look and the push.
    hook(&world, &format!("git update-ref refs/heads/topic {base}\n"));
    let error = mirror
        .push(&head, "topic", &PushExpect::Absent)
        .await
        .expect_err("taken");
    assert!(
        matches!(&error, GitError::BranchTaken { at: Some(at), .. } if *at == base),
        "{error:?}"
    );
    assert_eq!(git(&world.remote, &["rev-parse", "topic"]), base.as_str());
}

#[tokio::test]
async fn the_rules_of_the_remote_hold_and_are_told() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write("new", "x");
    let head = sandbox.commit("work");
    accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("good");
    hook(&world, "echo 'branches are named team/*' >&2\nexit 1\n");
    match mirror.push(&head, "topic", &PushExpect::Absent).await {
        Err(GitError::PushRefused { reason, .. }) => {
            assert!(reason.contains("pre-receive hook declined"), "{reason}");
            assert!(reason.contains("branches are named team/*"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_squashed_result_is_the_hosts_own_and_the_same_each_time() {
    let world = World::with(|o| o.author.name = "Sortie Bot".into());
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write("secret", "was here");
    sandbox.commit("oops");
    std::fs::remove_file(sandbox.path.join("secret")).expect("removed");
    sandbox.write("src/a.txt", "new\n");
    let head = sandbox.commit("two");
    accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("good");
    let squash = || {
        mirror.squash(
            &base,
            &head,
            "One change\n\nWhy.\n",
            1_700_000_000,
            "refs/sortie/runs/7/publish",
        )
    };
    let one = squash().await.expect("made");
    assert_eq!(one, squash().await.expect("made again"));
    let log = mirror.log(&base, &one, 10).await.expect("listed");
    assert_eq!(log.len(), 1);
    assert_eq!(
        (log[0].author_name.as_str(), log[0].subject.as_str()),
        ("Sortie Bot", "One change")
    );
    let dir = world.mirror_dir();
    let tree = |c: &str| git(&dir, &["rev-parse", &format!("{c}^{{tree}}")]);
    assert_eq!(tree(one.as_str()), tree(head.as_str()));
    assert!(
        mirror
            .squash(&base, &head, "x", 0, "refs/heads/main")
            .await
            .is_err()
    );
    let kept = mirror.kept("refs/sortie/runs/7/publish").await;
    assert_eq!(kept.expect("looked for"), Some(one));
    // A ref below, or beside, is another one.
    for name in ["refs/sortie/runs/7", "refs/sortie/runs/7/pub"] {
        assert_eq!(mirror.kept(name).await.expect("looked for"), None);
    }
    assert!(mirror.kept("refs/heads/main").await.is_err());
}

/// A pre-receive hook of the remote.
fn hook(world: &World, body: &str) {
    let path = world.remote.join("hooks/pre-receive");
    // A hook runs in quarantine, where refs may not change; the rival is
    // somebody else.
    let text = format!("#!/bin/sh\nunset GIT_QUARANTINE_PATH\n{body}");
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
}

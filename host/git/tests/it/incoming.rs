//! Bundles that an agent, or somebody worse, made.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use sortie_git::{BundleFault, CommitId, ErrorClass, GitError, Mirror};

use crate::support::{OUT_REF, Repo, World, accept, git, git_in};

/// Everything a mirror holds, to see that a refusal leaves it as it was.
fn state(world: &World) -> String {
    let dir = world.mirror_dir();
    let objects = git(&dir, &["cat-file", "--batch-all-objects", "--batch-check"]);
    let refs = git(&dir, &["for-each-ref"]);
    let scratch = fs::read_dir(world.path("mirrors/scratch")).expect("there");
    let scratch: Vec<_> = scratch
        .map(|e| e.expect("entry").file_name())
        .filter(|n| n != ".lock")
        .collect();
    format!("{objects}\n{refs}\n{scratch:?}")
}

pub async fn refused(
    world: &World,
    mirror: &Mirror,
    bundle: &Path,
    base: &CommitId,
) -> BundleFault {
    let before = state(world);
    let error = accept(mirror, bundle, base)
        .await
        .expect_err("it is refused");
    assert_eq!(error.class(), ErrorClass::Refused, "{error:?}");
    assert_eq!(state(world), before, "a refusal leaves nothing: {error}");
    match error {
        GitError::BundleRefused { reason } => reason,
        other => panic!("{other:?}"),
    }
}

/// A sandbox in which `work` was done, committed and bundled.
pub async fn faults_of(world: &World, work: impl FnOnce(&Repo)) -> BundleFault {
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    work(&sandbox);
    sandbox.commit("work");
    refused(world, &mirror, &world.bundle(&sandbox, &base), &base).await
}

#[tokio::test]
async fn damaged_bundles() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    // Bytes that do not compress, so that every cut hurts.
    let noise: Vec<u8> = (0..20_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    sandbox.write("noise", &noise);
    sandbox.commit("work");
    let bundle = world.bundle(&sandbox, &base);
    let good = fs::read(&bundle).expect("a bundle");
    let pack = good.windows(4).position(|w| w == b"PACK").expect("a pack");
    for cut in [
        0,
        1,
        20,
        pack - 1,
        pack + 3,
        pack + 11,
        pack + 12,
        pack + 40,
        good.len() - 1,
    ] {
        fs::write(&bundle, &good[..cut]).expect("written");
        let fault = refused(&world, &mirror, &bundle, &base).await;
        assert!(
            matches!(
                fault,
                BundleFault::BadHeader(_) | BundleFault::BadObjects(_)
            ),
            "{cut}: {fault}"
        );
    }
    for at in [pack + 5, pack + 14, pack + 200, good.len() - 3] {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        fs::write(&bundle, &bad).expect("written");
        let fault = refused(&world, &mirror, &bundle, &base).await;
        assert!(
            matches!(
                fault,
                BundleFault::BadHeader(_) | BundleFault::BadObjects(_)
            ),
            "{at}: {fault}"
        );
    }
    let mut longer = good.clone();
    longer.extend_from_slice(b"and more");
    fs::write(&bundle, &longer).expect("written");
    assert!(matches!(
        refused(&world, &mirror, &bundle, &base).await,
        BundleFault::BadObjects(_)
    ));
    fs::write(&bundle, &good).expect("written");
    accept(&mirror, &bundle, &base)
        .await
        .expect("unharmed, it is accepted");
}

#[tokio::test]
async fn refs_nobody_asked_for() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write("x", "x");
    sandbox.commit("work");
    git(&sandbox.path, &["update-ref", OUT_REF, "HEAD"]);
    git(&sandbox.path, &["update-ref", "refs/heads/main", "HEAD"]);
    let out = world.path("out.bundle");
    let to = out.to_str().expect("text").to_owned();
    let range = format!("^{base}");
    git(
        &sandbox.path,
        &[
            "bundle",
            "create",
            "-q",
            &to,
            &range,
            OUT_REF,
            "refs/heads/main",
        ],
    );
    assert!(matches!(
        refused(&world, &mirror, &out, &base).await,
        BundleFault::UnexpectedRef(_)
    ));
    git(
        &sandbox.path,
        &["bundle", "create", "-q", &to, &range, "refs/heads/main"],
    );
    assert_eq!(
        refused(&world, &mirror, &out, &base).await,
        BundleFault::UnexpectedRef("refs/heads/main".into())
    );

    // A hundred thousand of them.
    let head = sandbox.head();
    let mut many = format!("# v2 git bundle\n-{base}\n{head} {OUT_REF}\n");
    for i in 0..100_000 {
        many.push_str(&format!("{head} refs/heads/x{i}\n"));
    }
    fs::write(&out, many).expect("written");
    assert_eq!(
        refused(&world, &mirror, &out, &base).await,
        BundleFault::UnexpectedRef("refs/heads/x0".into())
    );
}

#[tokio::test]
async fn work_that_does_not_start_at_the_base() {
    let world = World::new();
    world.source.write("later", "x");
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    // Unrelated history.
    git(&sandbox.path, &["checkout", "-q", "--orphan", "fresh"]);
    let head = sandbox.commit("fresh");
    git(&sandbox.path, &["update-ref", OUT_REF, "HEAD"]);
    let out = world.path("out.bundle");
    let to = out.to_str().expect("text").to_owned();
    git(&sandbox.path, &["bundle", "create", "-q", &to, OUT_REF]);
    let fault = refused(&world, &mirror, &out, &base).await;
    assert_eq!(
        fault,
        BundleFault::NotDescendant {
            head,
            base: base.clone()
        }
    );
    // Built upon a commit that is in the mirror, but was not given.
    let remote = world.remote.to_str().expect("text").to_owned();
    let hidden = world.source.commit("hidden");
    git(&world.source.path, &["push", "-q", &remote, "main:hidden"]);
    let mirror = world.mirror().await;
    git(&sandbox.path, &["fetch", "-q", &remote, "hidden"]);
    git(&sandbox.path, &["checkout", "-q", "FETCH_HEAD"]);
    sandbox.commit("on top");
    git(&sandbox.path, &["update-ref", OUT_REF, "HEAD"]);
    git(
        &sandbox.path,
        &[
            "bundle",
            "create",
            "-q",
            &to,
            &format!("{hidden}..{OUT_REF}"),
        ],
    );
    assert_eq!(
        refused(&world, &mirror, &out, &base).await,
        BundleFault::UnknownPrerequisite(hidden)
    );
    // Built upon nothing known at all.
    let nothing: CommitId = "1".repeat(40).parse().expect("an id");
    fs::write(
        &out,
        format!("# v2 git bundle\n-{nothing}\n{base} {OUT_REF}\n\nPACK\0\0\0\x02\0\0\0\0"),
    )
    .expect("written");
    assert_eq!(
        refused(&world, &mirror, &out, &base).await,
        BundleFault::UnknownPrerequisite(nothing)
    );
}

#[tokio::test]
async fn a_head_that_is_no_commit_or_is_not_there() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    let tree = git(&sandbox.path, &["rev-parse", "HEAD^{tree}"]);
    let nowhere = "2".repeat(40);
    for id in [tree, nowhere] {
        let bundle = world.path("out.bundle");
        let empty = git_in(&sandbox.path, &["pack-objects", "--stdout", "-q"], b"");
        let mut bytes = format!("# v2 git bundle\n-{base}\n{id} {OUT_REF}\n\n").into_bytes();
        bytes.extend(empty);
        fs::write(&bundle, bytes).expect("written");
        let fault = refused(&world, &mirror, &bundle, &base).await;
        assert_eq!(fault, BundleFault::NotACommit(id.parse().expect("an id")));
    }
}

#[tokio::test]
async fn objects_that_are_left_out() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write("new", "x");
    let head = sandbox.commit("work");
    // The commit and its tree, without the blob.
    let tree = git(&sandbox.path, &["rev-parse", "HEAD^{tree}"]);
    let objects = format!("{head}\n{tree}\n");
    let pack = git_in(
        &sandbox.path,
        &["pack-objects", "--stdout", "-q"],
        objects.as_bytes(),
    );
    let bundle = world.path("out.bundle");
    let mut bytes = format!("# v2 git bundle\n-{base}\n{head} {OUT_REF}\n\n").into_bytes();
    bytes.extend(pack);
    fs::write(&bundle, bytes).expect("written");
    let fault = refused(&world, &mirror, &bundle, &base).await;
    assert!(
        matches!(
            fault,
            BundleFault::BadObjects(_) | BundleFault::Incomplete(_)
        ),
        "{fault}"
    );
}

#[tokio::test]
async fn limits() {
    let world = World::with(|o| {
        o.limits.max_bundle_bytes = 200_000;
        o.limits.max_bundle_objects = 60;
        o.limits.max_blob_bytes = 300_000;
        o.limits.max_inflated_bytes = 800_000;
        o.limits.max_commits = 5;
        o.limits.max_changed_paths = 20;
    });
    let noise: Vec<u8> = (0..250_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8 ^ (i >> 7) as u8)
        .collect();
    let fault = faults_of(&world, |r| {
        r.write("n", noise.repeat(2));
    })
    .await;
    assert!(
        matches!(
            fault,
            BundleFault::TooLarge { .. } | BundleFault::BlobTooLarge { .. }
        ),
        "{fault}"
    );
    let fault = faults_of(&world, |r| {
        (0..80).for_each(|i| {
            r.write(&format!("f{i}"), i.to_string());
        })
    })
    .await;
    assert!(
        matches!(fault, BundleFault::TooManyObjects { limit: 60, .. }),
        "{fault}"
    );
    let fault = faults_of(&world, |r| {
        (0..30).for_each(|i| {
            r.write(&format!("f{i}"), i.to_string());
        })
    })
    .await;
    assert_eq!(fault, BundleFault::TooManyPaths { limit: 20 });
    let fault = faults_of(&world, |r| {
        r.write("big.log", vec![b'x'; 300_001]);
    })
    .await;
    assert_eq!(
        fault,
        BundleFault::BlobTooLarge {
            what: "big.log".into(),
            bytes: 300_001,
            limit: 300_000
        }
    );
    let fault = faults_of(&world, |r| {
        (0..4_u8).for_each(|i| {
            r.write(&format!("b{i}"), vec![b'a' + i; 250_000]);
        })
    })
    .await;
    assert_eq!(fault, BundleFault::InflatesTooFar { limit: 800_000 });
    let fault = faults_of(&world, |r| {
        (0..6).for_each(|i| {
            r.write("f", i.to_string());
            r.commit("c");
        })
    })
    .await;
    assert_eq!(fault, BundleFault::TooManyCommits { limit: 5 });
}

#[tokio::test]
async fn a_bomb_is_stopped_while_it_unpacks() {
    let world = World::new();
    let fault = faults_of(&world, |r| {
        // 120 MB of zeros in about 120 KB.
        let path = r.path.join("bomb");
        fs::File::create(path)
            .expect("made")
            .set_len(120_000_000)
            .expect("long");
    })
    .await;
    assert!(
        matches!(
            fault,
            BundleFault::BlobTooLarge { .. } | BundleFault::BadObjects(_)
        ),
        "{fault}"
    );
}

#[tokio::test]
async fn honest_results_of_several_shapes() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    // A merge of two branches made in the sandbox.
    git(&sandbox.path, &["checkout", "-q", "-b", "one"]);
    sandbox.write("one", "1");
    sandbox.commit("one");
    git(
        &sandbox.path,
        &["checkout", "-q", "-b", "two", base.as_str()],
    );
    sandbox.write("two", "2");
    symlink("src/a.txt", sandbox.path.join("link")).expect("linked");
    sandbox.commit("two");
    git(&sandbox.path, &["merge", "-q", "-m", "both", "one"]);
    let head = sandbox.head();
    let accepted = accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("a merge");
    assert_eq!(
        (
            accepted.head.clone(),
            accepted.commits,
            accepted.changed_paths
        ),
        (head, 3, 3)
    );
    // The same again: a retry after a crash.
    let again = accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("again");
    assert_eq!(again, accepted);
    // An evil merge brings what neither side had.
    git(&sandbox.path, &["checkout", "-q", "-b", "three", "two~1"]);
    git(&sandbox.path, &["merge", "-q", "--no-commit", "one"]);
    symlink("/etc", sandbox.path.join("evil")).expect("linked");
    sandbox.commit("evil merge");
    let fault = refused(&world, &mirror, &world.bundle(&sandbox, &base), &base).await;
    assert!(matches!(fault, BundleFault::BadSymlink { .. }), "{fault}");
}

#[tokio::test]
async fn no_change_is_seen_as_none() {
    let world = World::new();
    let mirror = world.mirror().await;
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.commit("an empty commit");
    let accepted = accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("fine");
    assert!(!accepted.changed);
    assert_eq!(accepted.commits, 1);
    // The base itself, in a bundle without a single object.
    let mut bytes = format!("# v2 git bundle\n-{base}\n{base} {OUT_REF}\n\n").into_bytes();
    bytes.extend(git_in(
        &sandbox.path,
        &["pack-objects", "--stdout", "-q"],
        b"",
    ));
    let bundle = world.path("out.bundle");
    fs::write(&bundle, bytes).expect("written");
    let accepted = accept(&mirror, &bundle, &base).await.expect("fine");
    assert_eq!(
        (accepted.changed, accepted.commits, accepted.objects),
        (false, 0, 0)
    );
    assert_eq!(accepted.head, base);
}

#[tokio::test]
async fn what_is_not_there_or_no_file_is_an_error_of_the_host() {
    let world = World::new();
    let mirror = world.mirror().await;
    let base = mirror.resolve_branch("main").await.expect("there");
    let error = accept(&mirror, &world.path("none"), &base)
        .await
        .expect_err("not there");
    assert!(matches!(error, GitError::Io { .. }), "{error:?}");
    let error = accept(&mirror, world.dir.path(), &base)
        .await
        .expect_err("a directory");
    assert!(matches!(error, GitError::BundleRefused { .. }), "{error:?}");
}

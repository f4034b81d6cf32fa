//! A disk that is full: told as such, nothing half-made, and work goes on when
//! there is room again. The disk is a small tmpfs in a mount namespace of its
//! own, so that nothing is left mounted however the test ends.

use std::path::Path;
use std::process::Command;

use sortie_git::{ErrorClass, Git, GitError, GitOptions};

use crate::support::{World, accept, git};

const INSIDE: &str = "SORTIE_TEST_IN_NAMESPACE";

#[tokio::test]
async fn a_full_disk_is_told_and_got_over() {
    if std::env::var_os(INSIDE).is_none() {
        return in_a_namespace();
    }
    let world = World::new();
    let noise: Vec<u8> = (0..3_000_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 9) as u8 ^ (i >> 3) as u8 ^ (i >> 13) as u8)
        .collect();
    world.source.write("noise", &noise);
    world.source.commit("large");
    let remote = world.remote.to_str().expect("text");
    git(&world.source.path, &["push", "-q", remote, "main"]);
    let disk = world.path("disk");
    std::fs::create_dir(&disk).expect("made");
    mount(&disk, &["-t", "tmpfs", "-o", "size=1m", "tmpfs"]);
    let host = Git::new(GitOptions::new(disk.join("mirrors")));

    let error = host.mirror(&world.url()).await.err().expect("no room");
    assert!(matches!(error, GitError::NoSpace { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Host);
    assert!(matches!(
        host.open(&world.url()),
        Err(GitError::NoMirror { .. })
    ));

    mount(&disk, &["-o", "remount,size=8m"]);
    let mirror = host.mirror(&world.url()).await.expect("there is room now");
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write("noise", noise.iter().map(|b| b ^ 0x5a).collect::<Vec<u8>>());
    sandbox.write("more", noise.iter().rev().copied().collect::<Vec<u8>>());
    let head = sandbox.commit("work");
    let bundle = world.bundle(&sandbox, &base);
    mount(&disk, &["-o", "remount,size=5m"]);
    let error = accept(&mirror, &bundle, &base).await.expect_err("no room");
    assert!(matches!(error, GitError::NoSpace { .. }), "{error:?}");
    let out = disk.join("in.bundle");
    std::fs::write(disk.join("filler"), vec![1; 1_500_000]).expect("some room");
    let error = mirror
        .bundle_for_sandbox(&base, &out, None)
        .await
        .expect_err("no room");
    assert!(matches!(error, GitError::NoSpace { .. }), "{error:?}");
    assert!(!out.exists());
    std::fs::remove_file(disk.join("filler")).expect("removed");

    mount(&disk, &["-o", "remount,size=64m"]);
    let accepted = accept(&mirror, &bundle, &base)
        .await
        .expect("there is room now");
    assert_eq!(accepted.head, head);
}

fn mount(dir: &Path, args: &[&str]) {
    let status = Command::new("mount").args(args).arg(dir).status();
    assert!(status.expect("mount runs").success(), "mount {args:?}");
}

/// Runs the test above again where it may mount.
fn in_a_namespace() {
    let mut unshare = Command::new("unshare");
    if nix::unistd::Uid::effective().is_root() {
        unshare.arg("--mount");
    } else {
        unshare.args(["--user", "--map-root-user", "--mount"]);
    }
    let output = unshare
        .arg(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "disk::a_full_disk_is_told_and_got_over",
            "--nocapture",
        ])
        .env(INSIDE, "1")
        .output()
        .expect("unshare runs (util-linux)");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

//! Faults around the host: the engine away, the disk full, a second host, a
//! repository that is not what it should be.

#![allow(
    clippy::disallowed_methods,
    reason = "the test mounts, fills and unmounts a disk"
)]

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sortie_tests::{EngineLine, Host, HostOptions, Remote, WAIT};
use std::process::Command;

fn sample() -> Result<Remote> {
    Remote::with(&[("README.md", "teh start\n")])
}

const FIX: &str = "sed -i s/teh/the/ README.md";

#[tokio::test(flavor = "multi_thread")]
async fn jobs_wait_while_the_engine_is_away_and_doctor_says_so() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(
        &remote,
        HostOptions {
            engine: "endpoint = \"unix:///nonexistent/engine.sock\"".to_owned(),
            ..HostOptions::default()
        },
    )
    .await?;
    let id = host.submit(FIX).await?;
    assert_eq!(host.job(id).await?["state"], "queued");
    let doctor = host.cli(&["doctor"])?;
    assert_eq!(doctor.status.code(), Some(1));
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("/nonexistent/engine.sock"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_goes_away_in_mid_run_is_waited_for() -> Result<()> {
    let remote = sample()?;
    let mut line = EngineLine::open().await?;
    let host = Host::start(
        &remote,
        HostOptions {
            engine: format!("endpoint = \"{}\"", line.endpoint()),
            ..HostOptions::default()
        },
    )
    .await?;
    let id = host
        .submit(&format!("{WAIT}; sed -i s/teh/the/ README.md"))
        .await?;
    host.begun(id).await?;
    line.cut();
    line.missed().await?;
    assert_eq!(host.job(id).await?["state"], "running");
    line.mend();
    host.go_on()?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(job["attempts"], 1, "the same run went on: {job}");
    assert_eq!(remote.pushes()?.len(), 1);
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(())
}

/// What an engine that dies takes down with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_dies_in_mid_run_is_another_attempt() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, HostOptions::default()).await?;
    // The first attempt waits to be killed; what it leaves is in the sandbox.
    let id = host
        .submit(&format!("sed -i s/teh/the/ README.md; {WAIT}"))
        .await?;
    host.begun(id).await?;
    let containers = host.containers()?;
    assert_eq!(containers.len(), 1, "{containers:?}");
    let status = Command::new("docker")
        .args(["kill", &containers[0]])
        .stdout(std::process::Stdio::null())
        .status()?;
    assert!(status.success());
    assert!(host.begins(id, 2).await?);
    host.go_on()?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(remote.pushes()?.len(), 1);
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_image_is_named() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(
        &remote,
        HostOptions {
            engine: "image = \"sortie-runner:no-such-tag\"".to_owned(),
            defaults: "max_attempts = 1".to_owned(),
            ..HostOptions::default()
        },
    )
    .await?;
    let id = host.submit(FIX).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "failed", "{job}");
    assert!(
        job.to_string().contains("sortie-runner:no-such-tag"),
        "{job}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_halts() -> Result<()> {
    let remote = Remote::empty()?;
    let host = Host::start(&remote, HostOptions::default()).await?;
    let id = host.submit(FIX).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["halt"]["reason"], "repository-unusable", "{job}");
    assert!(job.to_string().contains("empty"), "{job}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_base_branch_halts_and_names_those_there_are() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, HostOptions::default()).await?;
    let body = json!({ "project": "sample", "task": FIX, "base": "trunk" });
    let (status, job) = host.call(Method::POST, "/v1/jobs", Some(body)).await?;
    assert_eq!(status, 201, "{job}");
    let job = host.settled(job["id"].as_u64().expect("a number")).await?;
    assert_eq!(job["halt"]["reason"], "repository-unusable", "{job}");
    assert!(job.to_string().contains("main"), "{job}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_repository_halts() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, HostOptions::default()).await?;
    std::fs::remove_dir_all(remote.path())?;
    let id = host.submit(FIX).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["halt"]["reason"], "repository-unusable", "{job}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_of_someone_else_is_not_touched() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, HostOptions::default()).await?;
    // The first job of a fresh host is number 1, and the slug is the task's.
    remote.occupy("sortie/1/sed-i-s-teh-the-readme-md")?;
    let before = remote.pushes()?;
    let id = host.submit(FIX).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["halt"]["reason"], "branch-taken", "{job}");
    assert_eq!(remote.pushes()?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_host_on_one_database_is_refused_with_the_holder() -> Result<()> {
    let remote = sample()?;
    let first = Host::start(&remote, HostOptions::default()).await?;
    let options = HostOptions {
        data_dir: Some(first.data_dir().to_owned()),
        ..HostOptions::default()
    };
    let refused = match Host::start(&remote, options).await {
        Ok(_) => panic!("two hosts on one database"),
        Err(error) => error.to_string(),
    };
    assert!(
        refused.contains("pid") || refused.contains("process"),
        "{refused}"
    );
    Ok(())
}

/// A tmpfs of its own, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(mib: u32) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(dir.path())
            .status()?;
        anyhow::ensure!(status.success(), "a tmpfs cannot be mounted: run as root");
        Ok(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_goes_on_when_there_is_room() -> Result<()> {
    let disk = SmallDisk::new(48)?;
    let remote = sample()?;
    let host = Host::start(
        &remote,
        HostOptions {
            data_dir: Some(disk.0.path().join("data")),
            // Nothing runs: this is about what is acknowledged.
            engine: "endpoint = \"unix:///nonexistent/engine.sock\"".to_owned(),
            ..HostOptions::default()
        },
    )
    .await?;
    let ballast = disk.0.path().join("ballast");
    let mut acknowledged = vec![host.submit(FIX).await?];
    // Fill what is left; the write is expected to fail for lack of room.
    let _ = Command::new("dd")
        .args(["if=/dev/zero", "bs=64k"])
        .arg(format!("of={}", ballast.display()))
        .output()?;
    let mut refused = None;
    for n in 0..2_000 {
        let body =
            json!({ "project": "sample", "task": format!("echo {n}; {}", "x".repeat(8_000)) });
        let (status, answer) = host.call(Method::POST, "/v1/jobs", Some(body)).await?;
        match status {
            201 => acknowledged.push(answer["id"].as_u64().expect("a number")),
            other => {
                refused = Some((other, answer));
                break;
            }
        }
    }
    let (status, answer) = refused.expect("a full disk refuses at some point");
    assert_eq!(status, 507, "{answer}");
    std::fs::remove_file(ballast)?;
    acknowledged.push(host.submit(FIX).await?);
    for id in &acknowledged {
        assert_eq!(host.job(*id).await?["state"], "queued", "job {id} is there");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_in_mid_run_holds_the_run_up_and_loses_nothing() -> Result<()> {
    let disk = SmallDisk::new(64)?;
    let remote = sample()?;
    let host = Host::start(
        &remote,
        HostOptions {
            data_dir: Some(disk.0.path().join("data")),
            ..HostOptions::default()
        },
    )
    .await?;
    let id = host
        .submit(&format!("{WAIT}; sed -i s/teh/the/ README.md"))
        .await?;
    host.begun(id).await?;
    let ballast = disk.0.path().join("ballast");
    let _ = Command::new("dd")
        .args(["if=/dev/zero", "bs=64k"])
        .arg(format!("of={}", ballast.display()))
        .output()?;
    // Whatever the run meets, a submission shows that the disk is full: more of
    // them than the store has set disk space aside for. They wait for the job.
    let mut refused = false;
    let task = format!("true {}", "x".repeat(30_000));
    for _ in 0..2_000 {
        let body = json!({ "continues": id, "task": task });
        if host.call(Method::POST, "/v1/jobs", Some(body)).await?.0 == 507 {
            refused = true;
            break;
        }
    }
    assert!(refused, "the disk is full");
    host.go_on()?;
    std::fs::remove_file(ballast)?;
    // A run that met the full disk begins again, and waits again.
    for time in 2.. {
        if !host.begins(id, time).await? {
            break;
        }
        host.go_on()?;
    }
    let job = host.job(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let branch = job["branch"].as_str().expect("it has a branch");
    assert_eq!(
        remote
            .pushes()?
            .iter()
            .filter(|push| push.contains(branch))
            .count(),
        1
    );
    Ok(())
}

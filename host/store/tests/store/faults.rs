//! A killed host and a full disk: nothing that was acknowledged is lost, and
//! nothing that was refused is there.
//!
//! What has to die, or has to have a limit of its own, is this test program
//! started once more for one of the ignored tests below.

use crate::support::{TestClock, home_in, new_job, open, project};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sortie_model::clock::SystemClock;
use sortie_model::id::JobId;
use sortie_store::limits::MAX_TASK_BYTES;
use sortie_store::{JobFilter, Store, StoreError, StoreOptions};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

const CHILD_DIR: &str = "SORTIE_TEST_DIR";

/// This program, about to run one ignored test.
#[expect(
    clippy::disallowed_methods,
    reason = "only a process of its own can be killed or limited"
)]
pub fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--ignored", "--nocapture", test])
        .env(CHILD_DIR, dir)
        .stdin(Stdio::null());
    command
}

pub fn child_dir() -> PathBuf {
    std::env::var_os(CHILD_DIR).unwrap().into()
}

/// Submits from several tasks and says which jobs were acknowledged, until it
/// is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by what_was_acknowledged_survives_a_kill"]
async fn child_that_submits() {
    let options = StoreOptions::new(child_dir()).with_clock(Arc::new(SystemClock));
    let store = Store::open(options).unwrap();
    store.put_projects(vec![project("alpha")]).await.unwrap();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        clients.spawn(async move {
            loop {
                let made = store.submit(new_job("alpha", "x")).await.unwrap();
                let line = format!("acknowledged {}\n", made.job.id.0);
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
        });
    }
    let ended = clients.join_next().await;
    panic!("a client ended: {ended:?}");
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let mut acknowledged = BTreeSet::new();
    for round in 1..=6 {
        let mut child = child("faults::child_that_submits", dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        // The pipe is read to its end: what was said before the kill counts.
        for line in lines {
            let line = line.unwrap();
            let Some(id) = line.strip_prefix("acknowledged ") else {
                continue;
            };
            assert!(
                acknowledged.insert(JobId(id.parse().unwrap())),
                "{id} twice"
            );
            seen += 1;
            if seen == 60 + round * 7 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= 60, "the child stopped by itself after {seen} jobs");

        let store = open(dir.path(), &clock);
        for id in &acknowledged {
            assert!(store.job(*id).await.unwrap().is_some(), "{id} is lost");
        }
        let queued = store.queue_stats().await.unwrap().queued;
        assert!(queued >= acknowledged.len() as u64);
        store.close().await;
    }
    check_integrity(dir.path());
}

pub fn check_integrity(dir: &Path) {
    let conn = rusqlite::Connection::open(dir.join("sortie.db")).unwrap();
    let check: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    let broken = conn
        .prepare("PRAGMA foreign_key_check")
        .unwrap()
        .exists([])
        .unwrap();
    assert!(!broken, "a row refers to nothing");
}

/// A disk whose room a test decides.
pub trait Disk {
    /// Leaves at most so many bytes.
    fn leave(&mut self, bytes: u64);
}

/// A small file system, filled by a file.
pub struct Tmpfs {
    mount: PathBuf,
}

impl Tmpfs {
    const BYTES: u64 = 8 * 1024 * 1024;

    /// None where this process may not mount.
    #[expect(clippy::disallowed_methods, reason = "mounting needs the real tool")]
    pub fn mount(at: &Path) -> Option<Self> {
        let done = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={}", Self::BYTES),
                "sortie-test",
            ])
            .arg(at)
            .stderr(Stdio::null())
            .status();
        done.is_ok_and(|status| status.success()).then(|| Self {
            mount: at.to_owned(),
        })
    }
}

impl Disk for Tmpfs {
    fn leave(&mut self, bytes: u64) {
        let filler = self.mount.join("filler");
        let _ = std::fs::remove_file(&filler);
        let status = nix::sys::statvfs::statvfs(&self.mount).unwrap();
        let free = status.blocks_available() as u64 * status.fragment_size() as u64;
        let mut file = std::fs::File::create(&filler).unwrap();
        let zeros = vec![0; usize::try_from(free.saturating_sub(bytes)).unwrap()];
        file.write_all(&zeros).unwrap();
    }
}

impl Drop for Tmpfs {
    #[expect(clippy::disallowed_methods, reason = "unmounting needs the real tool")]
    fn drop(&mut self) {
        // Lazily, because SQLite may hold its files for a moment longer.
        let _ = Command::new("umount").arg("-l").arg(&self.mount).status();
    }
}

/// No file of this process may grow past a bound. It has to be the only test
/// of its process, and its threads have to ignore the signal that comes along.
pub struct FileLimit {
    dir: PathBuf,
}

impl FileLimit {
    pub fn new(dir: &Path) -> Self {
        let mut signals = nix::sys::signal::SigSet::empty();
        signals.add(nix::sys::signal::Signal::SIGXFSZ);
        signals.thread_block().unwrap();
        Self {
            dir: dir.to_owned(),
        }
    }
}

impl Disk for FileLimit {
    fn leave(&mut self, bytes: u64) {
        let largest = std::fs::read_dir(&self.dir)
            .unwrap()
            .map(|file| written(&file.unwrap().path()))
            .max()
            .unwrap_or(0);
        let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
        setrlimit(Resource::RLIMIT_FSIZE, largest + bytes, hard).unwrap();
    }
}

/// How far a file is written: the log's disk space is set aside beforehand.
fn written(file: &Path) -> u64 {
    let bytes = std::fs::read(file).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0);
    last.map_or(0, |last| last as u64 + 1)
}

/// Submits until the disk is full and goes on when there is room again.
async fn fill_and_go_on(store: Store, disk: &mut dyn Disk) -> BTreeSet<JobId> {
    let task = "x".repeat(20_000);
    let mut acknowledged = BTreeSet::new();
    for _ in 0..10 {
        let made = store.submit(new_job("alpha", &task)).await.unwrap();
        acknowledged.insert(made.job.id);
    }
    disk.leave(600 * 1024);
    let mut refused = 0;
    for _ in 0..40 {
        let clients = (0..4).map(|_| {
            let (store, new) = (store.clone(), new_job("alpha", &task));
            tokio::spawn(async move { store.submit(new).await })
        });
        let clients: Vec<_> = clients.collect();
        for client in clients {
            match client.await.unwrap() {
                Ok(made) => assert!(acknowledged.insert(made.job.id)),
                Err(error) => {
                    assert_eq!(error, StoreError::DiskFull);
                    assert!(error.may_pass());
                    refused += 1;
                }
            }
        }
    }
    assert!(acknowledged.len() > 10, "there was room for a few");
    assert!(refused > 60, "the disk got full, {refused} were refused");
    // Reading goes on meanwhile.
    let listed = list(&store).await;
    assert_eq!(listed, acknowledged, "what was refused is not there");

    disk.leave(4 * 1024 * 1024);
    store.health().await.unwrap();
    for _ in 0..10 {
        let made = store.submit(new_job("alpha", &task)).await.unwrap();
        assert!(acknowledged.insert(made.job.id));
    }
    store.close().await;
    acknowledged
}

async fn list(store: &Store) -> BTreeSet<JobId> {
    let jobs = store.jobs(JobFilter::default()).await.unwrap();
    jobs.into_iter().map(|job| job.id).collect()
}

async fn disk_full(dir: &Path, disk: &mut dyn Disk) {
    let clock = TestClock::new();
    let store = open(dir, &clock);
    store.put_projects(vec![project("alpha")]).await.unwrap();
    let acknowledged = fill_and_go_on(store, disk).await;
    let store = open(dir, &clock);
    assert_eq!(list(&store).await, acknowledged);
    store.close().await;
    check_integrity(dir);
}

#[tokio::test]
#[ignore = "started by a_limited_file_refuses_and_loses_nothing"]
async fn child_with_limited_files() {
    let dir = child_dir();
    disk_full(&dir, &mut FileLimit::new(&dir)).await;
}

#[test]
fn a_limited_file_refuses_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let done = child("faults::child_with_limited_files", dir.path())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
    assert!(String::from_utf8_lossy(&done.stdout).contains("1 passed"));
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    match Tmpfs::mount(dir.path()) {
        Some(mut disk) => disk_full(dir.path(), &mut disk).await,
        // Not root: the same with a limit on files instead of a file system.
        None => a_limited_file_refuses_and_loses_nothing(),
    }
}

#[tokio::test]
async fn a_request_too_large_for_the_disk_does_not_sink_the_small_ones() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut disk) = Tmpfs::mount(dir.path()) else {
        // Without a file system of its own there is no room to divide; what
        // happens then is held by the test with limited files.
        a_limited_file_refuses_and_loses_nothing();
        return;
    };
    let home = home_in(dir).await;
    disk.leave(900 * 1024);
    let large = "x".repeat(MAX_TASK_BYTES);
    let mut submits = Vec::new();
    for i in 0..9 {
        let task = if i == 4 {
            large.clone()
        } else {
            format!("small {i}")
        };
        let store = home.store.clone();
        submits.push(tokio::spawn(async move {
            store.submit(new_job("alpha", &task)).await
        }));
    }
    for (i, submit) in submits.into_iter().enumerate() {
        let outcome = submit.await.unwrap();
        match i {
            4 => assert_eq!(outcome.unwrap_err(), StoreError::DiskFull),
            _ => assert!(outcome.unwrap().created),
        }
    }
    assert_eq!(home.store.queue_stats().await.unwrap().queued, 8);
    drop(home.store);
}

#[test]
fn a_full_disk_keeps_a_host_from_starting_with_a_clear_word() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut disk) = Tmpfs::mount(dir.path()) else {
        a_limited_file_refuses_and_loses_nothing();
        return;
    };
    disk.leave(0);
    let error = Store::open(StoreOptions::new(dir.path())).unwrap_err();
    assert_eq!(error, StoreError::DiskFull);
    disk.leave(4 * 1024 * 1024);
    Store::open(StoreOptions::new(dir.path())).unwrap();
}

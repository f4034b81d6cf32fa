//! The disk is full, or the database is locked: nothing is acknowledged that
//! is not kept, and everything goes on when there is room.

use crate::rig::Rig;
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// A small file system, gone with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        mount(&["-t", "tmpfs", "-o", "size=8m", "tmpfs"], dir.path());
        Self(dir)
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let path = self.0.path().join("filler");
        let mut file = std::fs::File::create(path).unwrap();
        let block = vec![1; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "a test of a real disk")]
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(args: &[&str], at: &Path) {
    #[expect(clippy::disallowed_methods, reason = "a test of a real disk")]
    let status = Command::new("mount").args(args).arg(at).status().unwrap();
    assert!(
        status.success(),
        "a tmpfs cannot be mounted; run the tests as root"
    );
}

#[tokio::test]
async fn a_locked_database_refuses_with_503_and_goes_on_when_it_is_free() {
    let rig = Rig::new().await;
    let database = rig.dir.join("data/sortie.db");
    let other = rusqlite::Connection::open(database).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let body = json!({ "project": "shop", "task": "x" });
    let refused = rig.post("/v1/jobs", &body).await;
    assert_eq!((refused.status, refused.problem()), (503, "busy"));
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    let not_ready = rig.get("/readyz").await;
    assert_eq!((not_ready.status, not_ready.problem()), (503, "not-ready"));
    assert_eq!(rig.get("/v1/jobs").await.body["jobs"], json!([]));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(rig.post("/v1/jobs", &body).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_with_507_and_loses_nothing() {
    let disk = SmallDisk::new();
    let rig = Rig::at(disk.0.path()).await;
    let kept = rig.submit("kept").await;
    disk.fill();
    let submit = || {
        let body = json!({ "project": "shop", "task": "x".repeat(30_000) });
        rig.send(rig.request(Method::POST, "/v1/jobs").json(&body))
    };
    // What is left in preallocated pages may still take a few.
    let mut acknowledged = vec![kept];
    let refused = loop {
        let answer = submit().await;
        if answer.status != 201 {
            break answer;
        }
        acknowledged.push(answer.body["id"].as_u64().unwrap());
        assert!(acknowledged.len() < 1000, "the disk does not fill");
    };
    assert_eq!((refused.status, refused.problem()), (507, "disk-full"));
    let not_ready = rig.get("/readyz").await;
    assert_eq!((not_ready.status, not_ready.problem()), (503, "not-ready"));
    // Reading goes on.
    let jobs = rig.get("/v1/jobs?limit=200").await.body["jobs"].clone();
    assert_eq!(jobs.as_array().unwrap().len(), acknowledged.len());
    disk.make_room();
    let answer = submit().await;
    assert_eq!(answer.status, 201, "{answer:?}");
    for id in acknowledged {
        assert_eq!(rig.get(&format!("/v1/jobs/{id}")).await.status, 200);
    }
    rig.shutdown.cancel();
    rig.serving.await.unwrap();
    rig.store.clone().close().await;
}

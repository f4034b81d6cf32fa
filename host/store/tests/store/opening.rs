//! Opening: one host at a time, and only files that are Sortie's.

use crate::support::{TestClock, home, open, project};
use sortie_store::{Store, StoreError, StoreOptions};
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn the_second_host_is_told_who_holds_the_directory() {
    let home = home().await;
    let second = Store::open(StoreOptions::new(home.dir.path())).unwrap_err();
    let StoreError::Held { dir, by } = &second else {
        panic!("{second}");
    };
    assert_eq!(dir, home.dir.path());
    assert_eq!(by.pid, std::process::id());
    assert_eq!(by.since.map(|t| t.0), Some(1_000_000));
    assert!(!by.host.is_empty());
    let text = second.to_string();
    assert!(
        text.contains(&format!("process {} on {}", by.pid, by.host)),
        "{text}"
    );
    home.submit().await;
    let (dir, clock) = (home.dir, home.clock);
    home.store.close().await;
    let store = open(dir.path(), &clock);
    assert_eq!(store.queue_stats().await.unwrap().queued, 1);
}

#[tokio::test]
async fn the_directory_is_free_when_the_last_handle_is_dropped() {
    let home = home().await;
    let clone = home.store.clone();
    drop(home.store);
    assert!(matches!(
        Store::open(StoreOptions::new(home.dir.path())),
        Err(StoreError::Held { .. })
    ));
    drop(clone);
    open(home.dir.path(), &home.clock);
}

#[tokio::test]
async fn a_closed_store_says_so_on_every_handle() {
    let home = home().await;
    let clone = home.store.clone();
    home.store.close().await;
    assert_eq!(clone.health().await.unwrap_err(), StoreError::Closed);
    assert_eq!(clone.projects().await.unwrap_err(), StoreError::Closed);
    clone.close().await;
}

#[tokio::test]
async fn what_was_requested_before_the_close_is_done() {
    let home = home().await;
    let submits: Vec<_> = (0..50)
        .map(|_| {
            let store = home.store.clone();
            async move { store.submit(crate::support::new_job("alpha", "x")).await }
        })
        .map(tokio::spawn)
        .collect();
    let store = home.store.clone();
    store
        .submit(crate::support::new_job("alpha", "y"))
        .await
        .unwrap();
    home.store.close().await;
    let mut acknowledged = 1;
    for submit in submits {
        match submit.await.unwrap() {
            Ok(_) => acknowledged += 1,
            Err(error) => assert_eq!(error, StoreError::Closed),
        }
    }
    let store = open(home.dir.path(), &home.clock);
    assert_eq!(store.queue_stats().await.unwrap().queued, acknowledged);
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("var/sortie");
    let clock = TestClock::new();
    let store = open(&dir, &clock);
    store.put_projects(vec![project("alpha")]).await.unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for file in std::fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_file_that_is_no_database_is_named_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sortie.db");
    std::fs::write(
        &path,
        "this is not a database, but it is long enough to look at".repeat(99),
    )
    .unwrap();
    let error = Store::open(StoreOptions::new(dir.path())).unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupt { path: named, .. } if *named == path),
        "{error}"
    );
}

#[tokio::test]
async fn a_damaged_page_is_an_error_and_not_a_guess() {
    let home = home().await;
    for _ in 0..200 {
        home.submit().await;
    }
    let (dir, clock) = (home.dir, home.clock);
    home.store.close().await;
    let path = dir.path().join("sortie.db");
    let mut bytes = std::fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..64].fill(0xff);
    }
    std::fs::write(&path, bytes).unwrap();
    let error = match Store::open(StoreOptions::new(dir.path()).with_clock(clock)) {
        Err(error) => error,
        Ok(store) => store.jobs(Default::default()).await.unwrap_err(),
    };
    assert!(
        matches!(&error, StoreError::Corrupt { path: named, .. } if *named == path),
        "{error}"
    );
}

#[test]
fn a_database_of_another_application_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sortie.db");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("CREATE TABLE songs (title TEXT)")
        .unwrap();
    drop(conn);
    let error = Store::open(StoreOptions::new(dir.path())).unwrap_err();
    assert_eq!(error, StoreError::Foreign { path: path.clone() });
    let conn = rusqlite::Connection::open(&path).unwrap();
    let tables: u32 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let home = home().await;
    let dir = home.dir;
    home.store.close().await;
    let path = dir.path().join("sortie.db");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.pragma_update(None, "user_version", 4_000).unwrap();
    drop(conn);
    let error = Store::open(StoreOptions::new(dir.path())).unwrap_err();
    assert!(
        matches!(error, StoreError::NewerSchema { found: 4_000, .. }),
        "{error}"
    );
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::open(StoreOptions::new(file.join("data"))).unwrap_err();
    let StoreError::Io { what, .. } = &error else {
        panic!("{error}");
    };
    assert!(
        what.contains(&*file.join("data").to_string_lossy()),
        "{what}"
    );
}

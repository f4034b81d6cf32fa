//! Scanners that read a file by pages.

use std::sync::{Arc, Mutex};

use sortie_model::diff::{DiffError, DiffSource, FileChange, Hunk, MAX_HUNKS_BYTES};
use sortie_plugins::{PluginError, PluginOptions, Plugins, surfaces::scanner::RawFinding};

use crate::{
    changes::{change, file, hunk},
    guests::{CHANGE, FINDING, scanner},
};

/// Reads the file until a page is empty. The line of its one finding is the
/// number of lines it got times 100, plus the number of pages with some.
fn reader(limit: u32) -> Vec<u8> {
    let body = format!(
        "(local $lines i32) (local $pages i32) (local $at i32) (local $end i32)
        (block $done
          (loop $next
            (call $page (local.get $change) (i32.const 0) (local.get $lines)
              (i32.const {limit}) (i32.const 4096))
            (br_if $done (i32.eqz (i32.load (i32.const 4100))))
            (local.set $pages (i32.add (local.get $pages) (i32.const 1)))
            (local.set $at (i32.load (i32.const 4096)))
            (local.set $end
              (i32.add (local.get $at) (i32.mul (i32.load (i32.const 4100)) (i32.const 32))))
            (loop $hunk
              (local.set $lines
                (i32.add (local.get $lines) (i32.load offset=28 (local.get $at))))
              (local.set $at (i32.add (local.get $at) (i32.const 32)))
              (br_if $hunk (i32.lt_u (local.get $at) (local.get $end))))
            (br $next)))
        (i32.store (i32.const 2072)
          (i32.add (i32.mul (local.get $lines) (i32.const 100)) (local.get $pages)))
        (call $drop (local.get $change))
        (i32.const 2040)"
    );
    scanner(CHANGE, FINDING, &body)
}

async fn scan(wasm: Vec<u8>, change: Arc<dyn DiffSource>) -> Result<Vec<RawFinding>, PluginError> {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    plugins
        .load("reader", wasm, serde_json::Value::Null)
        .await
        .expect("it loads");
    plugins.scan("reader", change).await
}

async fn counted(limit: u32) -> u32 {
    let found = scan(reader(limit), change()).await.expect("it reads");
    found[0].place.as_ref().expect("it has a place").line
}

#[tokio::test]
async fn pages_add_up_to_the_file() {
    assert_eq!(counted(3 * 64).await, 1_004);
    assert_eq!(counted(0).await, 1_010, "at least one line each");
    assert_eq!(counted(u32::MAX).await, 1_001);
}

/// Says what it was asked for, and has more lines than anyone may get at once.
struct Endless {
    files: [FileChange; 1],
    asked: Mutex<Vec<(u32, usize)>>,
    pages: usize,
}

impl Endless {
    fn new(pages: usize) -> Arc<Self> {
        Arc::new(Self {
            files: [file("src/a.rs")],
            asked: Mutex::default(),
            pages,
        })
    }
}

impl DiffSource for Endless {
    fn files(&self) -> &[FileChange] {
        &self.files
    }

    fn page(&self, _: usize, start: u32, limit: usize) -> Result<Vec<Hunk>, DiffError> {
        let mut asked = self.asked.lock().expect("no reader panics");
        asked.push((start, limit));
        Ok(Vec::from_iter((asked.len() <= self.pages).then(hunk)))
    }

    fn before(&self, _: usize) -> Result<Option<Vec<u8>>, DiffError> {
        Ok(None)
    }

    fn after(&self, _: usize) -> Result<Option<Vec<u8>>, DiffError> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_page_is_never_larger_than_the_host_allows() {
    let endless = Endless::new(1);
    scan(reader(u32::MAX), endless.clone())
        .await
        .expect("it reads");
    let asked = endless.asked.lock().expect("no reader panics");
    assert_eq!(*asked, [(0, 4 << 20), (10, 4 << 20)]);
}

#[tokio::test]
async fn hunks_of_any_size_are_not_given_out_at_once() {
    let all = "(call $hunks (local.get $change) (i32.const 0) (i32.const 4096))
        (call $drop (local.get $change)) (i32.const 1024)";
    let endless = Endless::new(2);
    let error = scan(scanner(CHANGE, "", all), endless.clone())
        .await
        .expect_err("there is more");
    assert!(error.to_string().contains("by pages"), "{error}");
    assert!(
        matches!(
            &error,
            PluginError::HostRead { source: DiffError::HunksTooLarge { path, .. }, .. }
                if path == "src/a.rs"
        ),
        "{error:?}"
    );
    let asked = endless.asked.lock().expect("no reader panics");
    assert_eq!(*asked, [(0, MAX_HUNKS_BYTES), (10, 0)]);
}

#[tokio::test]
async fn a_page_of_a_file_that_is_not_there() {
    let body = "(call $page (local.get $change) (i32.const 9) (i32.const 0) (i32.const 64)
        (i32.const 4096)) (i32.const 1024)";
    let error = scan(scanner(CHANGE, "", body), change())
        .await
        .expect_err("there is one file");
    assert!(
        matches!(
            error,
            PluginError::HostRead {
                source: DiffError::NoSuchFile { index: 9, files: 1 },
                ..
            }
        ),
        "{error:?}"
    );
}

//! The code cache: what it keeps, and what it refuses to run.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use serde_json::Value;
use sortie_plugins::{CodeSource, PluginError, PluginOptions, Plugins};

use crate::{changes::change, guests::honest};

/// Loads the same plugin in a new host and scans with it.
async fn start(dir: &Path) -> CodeSource {
    let plugins = Plugins::new(PluginOptions {
        cache_dir: Some(dir.to_owned()),
        ..PluginOptions::default()
    })
    .expect("the cache is usable");
    let info = plugins
        .load("scanner", honest("severe"), Value::Null)
        .await
        .expect("it loads");
    let found = plugins.scan("scanner", change()).await;
    assert_eq!(found.expect("it runs").len(), 1);
    info.code
}

fn only(dir: &Path, extension: &str) -> PathBuf {
    let mut files = fs::read_dir(dir)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == extension));
    let file = files.next().expect("one is there");
    assert_eq!(files.next(), None);
    file
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[tokio::test]
async fn code_is_compiled_once() {
    let temp = tempfile::tempdir().expect("a directory");
    let dir = temp.path().join("data/code-cache");
    assert_eq!(start(&dir).await, CodeSource::Compiled);
    assert_eq!(start(&dir).await, CodeSource::Cached);
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&only(&dir, "cwasm")), 0o600);
}

/// How much of a mapped file this process holds in memory, in KiB.
fn resident_kib(path: &Path) -> u64 {
    let name = path.to_str().expect("UTF-8");
    let maps = fs::read_to_string("/proc/self/smaps").expect("readable");
    let (mut of_file, mut sum) = (false, 0);
    for line in maps.lines() {
        if let Some(size) = line.strip_prefix("Rss:") {
            let size = size.trim().trim_end_matches(" kB");
            sum += u64::from(of_file) * size.parse::<u64>().expect("a number");
        } else if line.contains('-') && line.split(' ').count() > 4 {
            of_file = line.ends_with(name);
        }
    }
    sum
}

#[tokio::test]
async fn a_plugin_that_is_not_called_has_no_code_in_memory() {
    let temp = tempfile::tempdir().expect("a directory");
    let plugins = Plugins::new(PluginOptions {
        cache_dir: Some(temp.path().to_owned()),
        ..PluginOptions::default()
    })
    .expect("the cache is usable");
    let loaded = plugins.load("scanner", honest("severe"), Value::Null).await;
    loaded.expect("it loads");
    let code = only(temp.path(), "cwasm");
    assert_eq!(resident_kib(&code), 0);
    plugins.scan("scanner", change()).await.expect("it runs");
    assert!(resident_kib(&code) > 0);
}

#[tokio::test]
async fn what_was_changed_is_compiled_anew() {
    let temp = tempfile::tempdir().expect("a directory");
    let dir = temp.path();
    start(dir).await;
    let (code, sum) = (only(dir, "cwasm"), only(dir, "sha256"));
    let honest_code = fs::read(&code).expect("readable");

    type Tamper = fn(&Path, &Path, &[u8]);
    let tampers: [(&str, Tamper); 7] = [
        ("one byte of code", |code, _, bytes| {
            let mut bytes = bytes.to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(code, bytes).unwrap();
        }),
        ("half a file", |code, _, bytes| {
            fs::write(code, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("an empty file", |code, _, _| fs::write(code, "").unwrap()),
        ("another checksum", |_, sum, _| {
            fs::write(sum, "0".repeat(64)).unwrap();
        }),
        ("no checksum", |_, sum, _| fs::remove_file(sum).unwrap()),
        ("others may write", |code, _, _| {
            fs::set_permissions(code, fs::Permissions::from_mode(0o666)).unwrap();
        }),
        ("a link", |code, _, bytes| {
            let elsewhere = code.with_extension("elsewhere");
            fs::write(&elsewhere, bytes).unwrap();
            fs::remove_file(code).unwrap();
            symlink(elsewhere, code).unwrap();
        }),
    ];
    for (what, tamper) in tampers {
        tamper(&code, &sum, &honest_code);
        assert_eq!(start(dir).await, CodeSource::Compiled, "{what}");
        assert_eq!(start(dir).await, CodeSource::Cached, "after {what}");
    }
}

/// Bytes that are no compiled code, with a checksum that fits.
#[tokio::test]
async fn code_of_another_engine_is_compiled_anew() {
    use sha2::{Digest, Sha256};
    let temp = tempfile::tempdir().expect("a directory");
    let dir = temp.path();
    start(dir).await;
    let foreign = b"\x7fELF of something else";
    fs::write(only(dir, "cwasm"), foreign).expect("writable");
    fs::write(only(dir, "sha256"), hex::encode(Sha256::digest(foreign))).expect("writable");
    assert_eq!(start(dir).await, CodeSource::Compiled);
    assert_eq!(start(dir).await, CodeSource::Cached);
}

#[tokio::test]
async fn code_of_older_engines_is_removed() {
    let temp = tempfile::tempdir().expect("a directory");
    let old = temp.path().join("abc-0123456789abcdef.cwasm");
    let other = temp.path().join("README");
    fs::write(&old, "old").expect("writable");
    fs::write(&other, "not ours").expect("writable");
    start(temp.path()).await;
    assert!(!old.exists());
    assert!(other.exists());
}

#[tokio::test]
async fn a_directory_open_to_others_is_closed() {
    let temp = tempfile::tempdir().expect("a directory");
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o777)).expect("ours");
    start(temp.path()).await;
    assert_eq!(mode(temp.path()), 0o700);
}

#[test]
fn a_file_in_its_place_is_an_error() {
    let temp = tempfile::NamedTempFile::new().expect("a file");
    let error = Plugins::new(PluginOptions {
        cache_dir: Some(temp.path().to_owned()),
        ..PluginOptions::default()
    })
    .expect_err("it is no directory");
    assert!(matches!(error, PluginError::Setup { .. }), "{error:?}");
    assert!(error.to_string().contains("not a directory"), "{error}");
}

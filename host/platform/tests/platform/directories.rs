//! A granted directory is what a plugin sees of the disk: what lies in it can
//! be read, and changed only where that was granted too.

use crate::guests::answers::{NAME_BYTES, tell};
use crate::guests::{connector_wat, data, wasi};
use crate::rig::{Rig, package};
use crate::worker::{manifest, packed};
use sortie_platform::lifecycle::Consent;
use sortie_platform::sources::http::Answer;
use std::collections::BTreeMap;

const NAME: &str = "reader";

const FILE: &str = "rule.txt";

const IMPORTS: &str = r#"
  (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.open-at"
    (func $open (param i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.read"
    (func $read (param i32 i64 i64 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.write"
    (func $write (param i32 i32 i32 i64 i32)))
"#;

/// Opens the file as the first byte of the request's body says, `r` to read and
/// `w` to write as well. Then it tells what it reads, or writes `severe`.
const RECEIVE: &str = r#"
  (local $writes i32)
  (local.set $writes
    (i32.eq (i32.const 119) (i32.load8_u (i32.load offset=96 (local.get $event)))))
  (call $directories (i32.const 4096))
  (if (i32.ne (i32.load (i32.const 4100)) (i32.const 1)) (then unreachable))
  (call $open (i32.load (i32.load (i32.const 4096))) (i32.const 0)
    (i32.const 16384) (i32.const 8) (i32.const 0)
    (i32.add (i32.const 1) (i32.mul (i32.const 2) (local.get $writes))) (i32.const 4096))
  (if (i32.load8_u (i32.const 4096))
    (then
      (return
        (call $tell (i32.const 1) (i32.load8_u (i32.const 4100)) (i32.const 0) (i32.const 0)))))
  (if (result i32) (local.get $writes)
    (then
      (call $write (i32.load (i32.const 4100)) (i32.const 128) (i32.const 6) (i64.const 0)
        (i32.const 4096))
      (call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4104))
        (i32.const 0) (i32.const 0)))
    (else
      (call $read (i32.load (i32.const 4100)) (i64.const 100) (i64.const 0) (i32.const 4096))
      (call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4100))
        (i32.load (i32.const 4100)) (i32.load (i32.const 4104)))))
"#;

fn reader(version: &str, mode: &str) -> Vec<u8> {
    let extra = tell(&wasi::FILE_ERRORS) + &data(16_384, FILE);
    let component = wasi::connector(
        &[
            "wasi:filesystem/types@0.2.0",
            "wasi:filesystem/preopens@0.2.0",
        ],
        &connector_wat(IMPORTS, &extra, RECEIVE),
    );
    let asks = format!(
        "[[sources]]\nname = \"hook\"\nkind = \"http\"\nverify = {{ scheme = \"none\" }}\n\
         delivery_id = \"x-delivery\"\n\
         [[directories]]\nname = \"rules\"\nmode = \"{mode}\"\n"
    );
    packed(&component, &manifest(NAME, version, &asks))
}

/// What it says of one request.
async fn asked(rig: &Rig, id: &str, what: &str) -> (String, String) {
    match rig.hook(NAME, id, what).await.unwrap() {
        Answer::Handled(Some(reply)) => {
            let body = String::from_utf8(reply.body).unwrap();
            let (name, text) = body.split_at(NAME_BYTES);
            (name.trim_end().to_owned(), text.to_owned())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_granted_directory_is_read_and_written_only_as_it_was_granted() {
    let rig = Rig::new().await;
    let rules = tempfile::tempdir().unwrap();
    let file = rules.path().join(FILE);
    std::fs::write(&file, "no tabs\n").unwrap();
    let here = || {
        let path = rules.path().to_owned();
        Consent::Everything(BTreeMap::from([("rules".to_owned(), path)]))
    };
    let read = package(reader("1.0.0", "read"));
    let installed = rig.platform.install(read, here(), "ann").await.unwrap();
    assert!(installed.plugin.enabled, "{:?}", installed.beyond);
    let ok = |text: &str| ("ok".to_owned(), text.to_owned());
    assert_eq!(asked(&rig, "1", "r").await, ok("no tabs\n"));
    let (refused, _) = asked(&rig, "2", "w").await;
    assert_eq!(refused, "not-permitted");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "no tabs\n");

    // To write is another wish, which waits for its grant.
    let write = package(reader("1.1.0", "read-write"));
    let upgraded = rig.platform.upgrade(write, Consent::Before, "ann").await;
    let upgraded = upgraded.unwrap();
    assert!(!upgraded.plugin.enabled);
    assert_eq!(upgraded.beyond.len(), 1, "{:?}", upgraded.beyond);
    rig.platform.grant(NAME, here(), "ann").await.unwrap();
    assert_eq!(asked(&rig, "3", "w").await, ok(""));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "severes\n");

    // The version before asks to read, and is granted no more than that.
    let back = rig.platform.rollback(NAME, "ann").await.unwrap();
    assert!(back.plugin.enabled, "{:?}", back.beyond);
    assert_eq!(asked(&rig, "4", "r").await, ok("severes\n"));
    let (refused, _) = asked(&rig, "5", "w").await;
    assert_eq!(refused, "not-permitted");
    // Forth again, somebody has to be asked again.
    let forth = rig.platform.rollback(NAME, "ann").await.unwrap();
    assert!(!forth.plugin.enabled);
    assert_eq!(forth.beyond, upgraded.beyond);
    rig.platform.grant(NAME, here(), "ann").await.unwrap();
    assert_eq!(asked(&rig, "6", "w").await, ok(""));
}

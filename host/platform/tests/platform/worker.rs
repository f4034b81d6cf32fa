//! Guests that do what the request to them says, so that one of each is enough.

use crate::guests::{component, connector};
use sortie_package::{Manifest, section};

const IMPORTS: &str = r#"
  (import "sortie:host/kv@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))
  (import "sortie:host/kv@0.1.0" "get" (func $get (param i32 i32 i32)))
  (import "sortie:host/kv@0.1.0" "delete" (func $delete (param i32 i32 i32)))
  (import "sortie:host/jobs@0.1.0" "submit" (func $submit (param i32 i32)))
  (import "sortie:host/log@0.1.0" "write" (func $log (param i32 i32 i32)))
"#;

/// The key `n` at 3000; the submission of a job `severe` for the
/// project `shop` at 3100; a reply at 3200: 201, `x-worker: yes`, a cookie that
/// it has no business to set, and `done`.
const DATA: &str = r#"
  (data (i32.const 3000) "n")
  (data (i32.const 3008) "shop")
  (data (i32.const 3016) "x-worker")
  (data (i32.const 3024) "yes")
  (data (i32.const 3028) "done")
  (data (i32.const 3032) "set-cookie")
  (data (i32.const 3048) "a=b")
  (data (i32.const 3100)
    "\01\00\00\00" "\c0\0b\00\00\04\00\00\00"
    "\00\00\00\00" "\00\00\00\00\00\00\00\00"
    "\80\00\00\00\06\00\00\00")
  (data (i32.const 3200)
    "\00\00\00\00" "\01\00\00\00" "\c9\00\00\00"
    "\c0\0c\00\00\02\00\00\00"
    "\d4\0b\00\00\04\00\00\00")
  (data (i32.const 3264)
    "\c8\0b\00\00\08\00\00\00" "\d0\0b\00\00\03\00\00\00"
    "\d8\0b\00\00\0a\00\00\00" "\e8\0b\00\00\03\00\00\00")
  (func $count
    (call $get (i32.const 3000) (i32.const 1) (i32.const 4096))
    (i32.store8 (i32.const 5000)
      (i32.add (i32.const 1)
        (if (result i32) (i32.load8_u (i32.const 4096))
          (then (i32.load8_u (i32.load (i32.const 4100))))
          (else (i32.const 0)))))
    (call $set (i32.const 3000) (i32.const 1) (i32.const 5000) (i32.const 1) (i32.const 4096))
    (if (i32.load8_u (i32.const 4096)) (then unreachable)))
  (func $make
    (call $submit (i32.const 3100) (i32.const 4096))
    (if (i32.load8_u (i32.const 4096)) (then unreachable)))
  (func $overlay
    (call $count)
    (call $get (i32.const 3000) (i32.const 1) (i32.const 4096))
    (if (i32.eqz (i32.load8_u (i32.const 4096))) (then unreachable))
    (call $delete (i32.const 3000) (i32.const 1) (i32.const 4096))
    (call $get (i32.const 3000) (i32.const 1) (i32.const 4096))
    (if (i32.load8_u (i32.const 4096)) (then unreachable))
    (call $count))
"#;

/// What a request says by the first byte of its body:
/// `c` counts in the key `n`; `j` submits a job; `r` counts and replies; `e`
/// answers with an error; `t` counts, submits and traps; `1` does that at its
/// first try and counts and submits at the next; `o` reads what it wrote and
/// removed; `l` logs. A tick counts and submits.
const RECEIVE: &str = r#"
  (local $word i32)
  (if (i32.eq (i32.load8_u offset=56 (local.get $event)) (i32.const 1))
    (then (call $count) (call $make) (return (i32.const 1024))))
  (if (i32.eqz (i32.load offset=100 (local.get $event)))
    (then (return (i32.const 1024))))
  (local.set $word (i32.load8_u (i32.load offset=96 (local.get $event))))
  (if (i32.eq (local.get $word) (i32.const 99)) (then (call $count)))
  (if (i32.eq (local.get $word) (i32.const 106)) (then (call $make)))
  (if (i32.eq (local.get $word) (i32.const 111)) (then (call $overlay)))
  (if (i32.eq (local.get $word) (i32.const 108))
    (then (call $log (i32.const 1) (i32.const 128) (i32.const 6))))
  (if (i32.eq (local.get $word) (i32.const 114))
    (then (call $count) (return (i32.const 3200))))
  (if (i32.eq (local.get $word) (i32.const 101)) (then (return (i32.const 1040))))
  (if (i32.eq (local.get $word) (i32.const 116))
    (then (call $count) (call $make) unreachable))
  (if (i32.eq (local.get $word) (i32.const 49))
    (then
      (call $count)
      (call $make)
      (if (i32.eq (i32.load offset=24 (local.get $event)) (i32.const 1))
        (then unreachable))))
  (i32.const 1024)
"#;

/// The connector that does all this, without a manifest.
pub fn worker() -> Vec<u8> {
    connector(IMPORTS, DATA, RECEIVE)
}

/// A connector that imports nothing, does nothing and takes `spare` bytes more.
pub fn idler(spare: usize) -> Vec<u8> {
    let data = format!("(data (i32.const 4096) \"{}\")", "x".repeat(spare));
    connector("", &data, "(i32.const 1024)")
}

/// A notifier that logs the key of each delivery, and then says that it was
/// made, or that it was not.
pub fn teller(delivers: bool) -> Vec<u8> {
    let answer = if delivers { 2048 } else { 2064 };
    let module = format!(
        r#"(module
  (import "sortie:host/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (memory (export "memory") 3)
  (data (i32.const 2048) "\00\00\00\00" "\01\00\00\00" "\10\04\00\00\04\00\00\00")
  (data (i32.const 2064) "\01\00\00\00" "\02\00\00\00" "\20\04\00\00\06\00\00\00")
  (data (i32.const 1040) "told")
  (data (i32.const 1056) "severe")
  (global $bump (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $bump) (i32.const 7)) (i32.const -8)))
    (global.set $bump (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "sortie:notifier/notifier@0.1.0#notify") (param $told i32) (result i32)
    (call $log (i32.const 1)
      (i32.load offset=128 (local.get $told)) (i32.load offset=132 (local.get $told)))
    (i32.const {answer})))"#
    );
    component(&["host", "notifier"], &[], "job-notifier", &module)
}

/// The component with the manifest in it.
pub fn packed(component: &[u8], manifest: &str) -> Vec<u8> {
    let manifest = Manifest::from_toml(manifest).expect("a manifest");
    section::embed(component, &manifest).expect("a component")
}

/// The manifest of a connector: what it asks for follows.
pub fn manifest(name: &str, version: &str, asks: &str) -> String {
    format!("name = \"{name}\"\nversion = \"{version}\"\nsurfaces = [\"connector\"]\n{asks}")
}

/// What the worker asks for: a hook that nobody has to sign, and jobs.
pub const ASKS: &str = r#"
[[sources]]
name = "hook"
kind = "http"
verify = { scheme = "none" }
delivery_id = "x-delivery"
max_body_bytes = 1000
[jobs]
allow = ["submit", "read"]
"#;

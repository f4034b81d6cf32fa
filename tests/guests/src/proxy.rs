//! A component of `wasi:http`'s own world: no plugin, but what other hosts
//! serve. A benchmark holds this host against one.

use crate::{MEMORY, REALLOC, component, data, wasi};

const IMPORTS: &str = r#"
  (import "wasi:http/types@0.2.0" "[resource-drop]incoming-request" (func $drop-request (param i32)))
  (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.0" "[constructor]outgoing-response"
    (func $response (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-response.body" (func $body (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[static]response-outparam.set"
    (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-body.write" (func $write (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[static]outgoing-body.finish"
    (func $finish (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $send (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.0" "[resource-drop]output-stream" (func $drop-stream (param i32)))
"#;

/// Answers every request with 200 and `body`.
///
/// # Panics
///
/// When `body` has more than 4 KiB.
pub fn answers(body: &[u8]) -> Vec<u8> {
    assert!(body.len() <= 4_096, "one write takes 4 KiB");
    let wat = format!(
        r#"(module {IMPORTS} {MEMORY} {REALLOC} {}
  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $out i32)
    (local $response i32) (local $body i32) (local $stream i32)
    (call $drop-request (local.get $request))
    (local.set $response (call $response (call $fields)))
    ;; Results begin with a byte that says whether they are errors.
    (call $body (local.get $response) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024)) (then unreachable))
    (local.set $body (i32.load (i32.const 1028)))
    (call $set (local.get $out) (i32.const 0) (local.get $response)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 0))
    (call $write (local.get $body) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024)) (then unreachable))
    (local.set $stream (i32.load (i32.const 1028)))
    (call $send (local.get $stream) (i32.const 65536) (i32.const {}) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024)) (then unreachable))
    (call $drop-stream (local.get $stream))
    (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024)) (then unreachable))))"#,
        data(65_536, body),
        body.len()
    );
    let mut wit = wasi::PACKAGES.to_vec();
    wit.push(
        "package test:proxy@0.1.0;
        world proxy {
          import wasi:http/types@0.2.0;
          import wasi:io/streams@0.2.0;
          export wasi:http/incoming-handler@0.2.0;
        }",
    );
    component(&[], &wit, "proxy", &wat)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_fits_its_world() {
        assert!(!super::answers(b"hello").is_empty());
    }
}

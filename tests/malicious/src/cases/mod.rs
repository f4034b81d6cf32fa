//! The cases for the engine and the machine, by what they attack.

mod files;
mod floods;
mod imports;
mod loops;
mod memory;
mod shapes;
mod texts;
mod wasi;

use crate::Case;

/// A group of cases, and its heading.
pub type Group = (&'static str, Vec<Case>);

/// All of them.
pub fn all() -> Vec<Group> {
    vec![
        ("Time", loops::cases()),
        ("Memory, tables and stack", memory::cases()),
        ("Floods and leaks", floods::cases()),
        ("Answers of the wrong shape", shapes::cases()),
        ("Texts that are none", texts::cases()),
        ("Imports that nobody declared", imports::cases()),
        ("WASI", wasi::cases()),
        ("Directories", files::cases()),
    ]
}

/// An endless loop.
const LOOP: &str = "(loop $forever (br $forever)) unreachable";

/// A reply with nothing in it.
const NO_REPLY: &str = "(i32.const 1024)";

/// `config.get`.
const CONFIG: &str = r#"
  (import "sortie:host/config@0.1.0" "get" (func $config (param i32 i32 i32)))
"#;

/// `kv.get`, `kv.set` and `kv.delete`.
const KV: &str = r#"
  (import "sortie:host/kv@0.1.0" "get" (func $kv-get (param i32 i32 i32)))
  (import "sortie:host/kv@0.1.0" "set" (func $kv-set (param i32 i32 i32 i32 i32)))
"#;

/// `instructions`, `times` times over.
fn repeat(times: u32, instructions: &str) -> String {
    format!(
        "(loop $again
           {instructions}
           (global.set $count (i32.add (global.get $count) (i32.const 1)))
           (br_if $again (i32.lt_u (global.get $count) (i32.const {times}))))"
    )
}

/// What [`repeat`] counts with.
const COUNT: &str = "(global $count (mut i32) (i32.const 0))";

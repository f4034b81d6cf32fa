//! Guests for tests, as WebAssembly text. A guest is a core module that follows
//! the canonical ABI by hand; `wit-component` makes it a component of the WIT in
//! this repository, or of one that a test writes. Nothing here runs one.

pub mod answers;
pub mod course;
pub mod effectful;
pub mod proxy;
pub mod pure;
pub mod wasi;

use std::fmt::Write;
use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

/// Makes a component of `world` out of a core module. `wit` is pushed after
/// the packages of this repository named in `packages`.
///
/// # Panics
///
/// When the WIT or the module is wrong: both are the test's own.
pub fn component(packages: &[&str], wit: &[&str], world: &str, wat: &str) -> Vec<u8> {
    let (resolve, world) = world_of(packages, wit, world);
    let module = wat::parse_str(wat).expect("valid WAT");
    encode(&resolve, world, module)
}

/// A component of `world` whose functions all trap: for what is judged before
/// any of them is called.
///
/// # Panics
///
/// When the WIT is wrong.
pub fn stub(packages: &[&str], wit: &[&str], world: &str) -> Vec<u8> {
    let (resolve, world) = world_of(packages, wit, world);
    let module = dummy_module(
        &resolve,
        world,
        ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync),
    );
    encode(&resolve, world, module)
}

fn world_of(packages: &[&str], wit: &[&str], world: &str) -> (Resolve, WorldId) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let mut resolve = Resolve::default();
    let mut last = None;
    for package in packages {
        let (id, _) = resolve.push_dir(root.join(package)).expect("valid WIT");
        last = Some(id);
    }
    for (n, text) in wit.iter().enumerate() {
        let id = resolve
            .push_str(format!("test-{n}.wit"), text)
            .expect("valid WIT");
        last = Some(id);
    }
    let package = last.expect("at least one package");
    let world = resolve
        .select_world(&[package], Some(world))
        .expect("a world of that name");
    (resolve, world)
}

fn encode(resolve: &Resolve, world: WorldId, mut module: Vec<u8>) -> Vec<u8> {
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false)
        .expect("a module");
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .expect("a core module")
        .encode()
        .expect("a module that fits its world")
}

/// Where [`message`] stands.
pub const MESSAGE: u32 = 5_304;

/// The arguments of `chat.send` at [`MESSAGE`]: too many to be passed one by
/// one. Each text is an address and a length.
pub fn message(
    source: (u32, u32),
    chat: (u32, u32),
    text: (u32, u32),
    answered: Option<(u32, u32)>,
) -> String {
    let mut record = [0_u32; 22];
    (record[0], record[1]) = source;
    (record[2], record[3]) = chat;
    (record[8], record[9]) = text;
    if let Some(id) = answered {
        record[14] = 1;
        (record[18], record[19]) = id;
    }
    let bytes: Vec<u8> = record.iter().flat_map(|word| word.to_le_bytes()).collect();
    data(MESSAGE as usize, bytes)
}

/// A data segment of `bytes` at `address`.
pub fn data(address: usize, bytes: impl AsRef<[u8]>) -> String {
    let mut text = format!("(data (i32.const {address}) \"");
    for byte in bytes.as_ref() {
        // Writing to a string does not fail.
        let _ = write!(text, "\\{byte:02x}");
    }
    text + "\")\n"
}

/// One rule, `r`, at address 32. Addresses below 1024 belong to this; guests
/// use the rest of the first two pages.
const RULE: &str = r#"
  (data (i32.const 16) "\20\00\00\00\01\00\00\00")
  (data (i32.const 32)
    "\60\00\00\00\01\00\00\00"
    "\60\00\00\00\01\00\00\00"
    "\60\00\00\00\01\00\00\00"
    "\02\00\00\00")
  (data (i32.const 96) "r")
  (data (i32.const 112) "src/a.rs")
  (data (i32.const 128) "severe")
"#;

/// Three pages of memory.
pub const MEMORY: &str = r#"(memory (export "memory") 3)"#;

/// A bump allocator from the third page on. It traps when memory ends.
pub const REALLOC: &str = r#"
  (global $bump (mut i32) (i32.const 131072))
  (func (export "cabi_realloc")
    (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $bump) (i32.sub (local.get $align) (i32.const 1)))
        (i32.xor (i32.sub (local.get $align) (i32.const 1)) (i32.const -1))))
    (global.set $bump (i32.add (local.get $at) (local.get $size)))
    (block $enough
      (loop $more
        (br_if $enough
          (i32.le_u (global.get $bump) (i32.mul (memory.size) (i32.const 65536))))
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
        (br $more)))
    (local.get $at))
"#;

/// The functions a scanner may import.
pub const CHANGE: &str = r#"
  (import "sortie:scanner/change@0.1.0" "[resource-drop]diff" (func $drop (param i32)))
  (import "sortie:scanner/change@0.1.0" "[method]diff.files" (func $files (param i32 i32)))
  (import "sortie:scanner/change@0.1.0" "[method]diff.hunks" (func $hunks (param i32 i32 i32)))
  (import "sortie:scanner/change@0.1.0" "[method]diff.page"
    (func $page (param i32 i32 i32 i32 i32)))
"#;

/// `log.write`.
pub const LOG: &str = r#"
  (import "sortie:host/log@0.1.0" "write" (func $log (param i32 i32 i32)))
"#;

/// A finding of rule `r` in `src/a.rs`, line 7, at address 2048, with the list
/// that holds it at 2040. Both texts are "severe".
pub const FINDING: &str = r#"
  (data (i32.const 2040) "\00\08\00\00\01\00\00\00")
  (data (i32.const 2048)
    "\60\00\00\00\01\00\00\00"
    "\02\00\00\00"
    "\01\00\00\00" "\70\00\00\00\08\00\00\00" "\07\00\00\00" "\01\00\00\00"
    "\80\00\00\00\06\00\00\00"
    "\80\00\00\00\06\00\00\00")
"#;

/// A scanner's module: `imports`, then `extra` fields, then the body of
/// `scan`, which gets the change as `$change` and returns a list's address.
pub fn scanner_wat(imports: &str, extra: &str, body: &str) -> String {
    let rules = "(i32.const 16)";
    scanner_with_rules(imports, extra, rules, body)
}

/// The same with another body of `rules`.
pub fn scanner_with_rules(imports: &str, extra: &str, rules: &str, body: &str) -> String {
    format!(
        r#"(module {imports} {MEMORY} {RULE} {REALLOC} {extra}
  (func (export "sortie:scanner/scan@0.1.0#rules") (result i32) {rules})
  (func (export "sortie:scanner/scan@0.1.0#scan") (param $change i32) (result i32)
    {body}))"#
    )
}

/// A scanner of the real world.
pub fn scanner(imports: &str, extra: &str, body: &str) -> Vec<u8> {
    component(
        &["host", "scanner"],
        &[],
        "scanner",
        &scanner_wat(imports, extra, body),
    )
}

/// A well-behaved scanner that reads the change and finds one thing, with
/// this text of six bytes.
pub fn honest(text: &str) -> Vec<u8> {
    assert_eq!(text.len(), 6);
    scanner(
        CHANGE,
        &format!(r#"{FINDING} (data (i32.const 128) "{text}")"#),
        "(call $files (local.get $change) (i32.const 4096))
         (call $hunks (local.get $change) (i32.const 0) (i32.const 4104))
         (call $drop (local.get $change))
         (i32.const 2040)",
    )
}

/// A scanner that finds nothing and asks for nothing.
pub fn idle() -> Vec<u8> {
    scanner(
        CHANGE,
        "",
        "(call $drop (local.get $change)) (i32.const 1024)",
    )
}

/// A connector's module: `imports`, then `extra` fields, then the body of
/// `receive`, which gets the event's address as `$event` and returns the
/// address of its result. Zeros at 1024 are "ok, no reply"; at 1040 stands the
/// error "severe".
pub fn connector_wat(imports: &str, extra: &str, body: &str) -> String {
    connector_on(MEMORY, REALLOC, imports, extra, body)
}

/// The same with a memory and an allocator of its own.
pub fn connector_on(memory: &str, realloc: &str, imports: &str, extra: &str, body: &str) -> String {
    format!(
        r#"(module {imports} {memory} {RULE} {realloc}
  (data (i32.const 1040) "\01\00\00\00\80\00\00\00\06\00\00\00")
  {extra}
  (func (export "sortie:connector/connector@0.1.0#receive") (param $event i32) (result i32)
    {body}))"#
    )
}

/// A connector of the real world.
pub fn connector(imports: &str, extra: &str, body: &str) -> Vec<u8> {
    let wat = connector_wat(imports, extra, body);
    component(&["host", "connector"], &[], "job-connector", &wat)
}

/// A notifier of the real world; the body of `notify` gets the address of its
/// arguments as `$event`.
pub fn notifier(imports: &str, extra: &str, body: &str) -> Vec<u8> {
    let wat = format!(
        r#"(module {imports} {MEMORY} {RULE} {REALLOC} {extra}
  (func (export "sortie:notifier/notifier@0.1.0#notify") (param $event i32) (result i32)
    {body}))"#
    );
    component(&["host", "notifier"], &[], "job-notifier", &wat)
}

//! Guests that look for a way out of the directory they were granted, or for
//! a way to write in one that they may only read.

use sortie_guests::answers::tell;
use sortie_guests::{connector_wat, data, wasi};

use crate::case::{Act, Case, End, Setting};

const IMPORTS: &str = r#"
  (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.open-at"
    (func $open (param i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[resource-drop]descriptor" (func $close (param i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.read"
    (func $read (param i32 i64 i64 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.write"
    (func $write (param i32 i32 i32 i64 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.symlink-at"
    (func $symlink (param i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.unlink-file-at"
    (func $unlink (param i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.rename-at"
    (func $rename (param i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.link-at"
    (func $link (param i32 i32 i32 i32 i32 i32 i32 i32)))
"#;

/// The handle of the first granted directory, in `$door`.
const DOOR: &str = "(local $door i32) (local $file i32) (local $n i32)
    (local $byte i32) (local $harmless i32) (local $refused i32)
    (call $directories (i32.const 4096))
    (local.set $door (i32.load (i32.load (i32.const 4096))))";

const NARROW: &str = "(call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4100))
    (i32.const 0) (i32.const 0))";

/// An answer without a value, whose error is its second byte.
const BARE: &str = "(call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4097))
    (i32.const 0) (i32.const 0))";

/// Rights of an open file.
const READ: u32 = 1;
const WRITE: u32 = 2;
const MUTATE: u32 = 32;
/// How a file is opened.
const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const TRUNCATE: u32 = 8;

/// Two names at 16384 and 8192, and `body`.
fn guest(first: &[u8], second: &[u8], body: &str) -> Vec<u8> {
    let extra = tell(&wasi::FILE_ERRORS) + &data(16_384, first) + &data(8_192, second);
    let wat = connector_wat(IMPORTS, &extra, &format!("{DOOR} {body}"));
    wasi::connector(
        &[
            "wasi:filesystem/types@0.2.0",
            "wasi:filesystem/preopens@0.2.0",
        ],
        &wat,
    )
}

fn open(name: &[u8], follow: bool, how: u32, rights: u32) -> String {
    format!(
        "(call $open (local.get $door) (i32.const {}) (i32.const 16384) (i32.const {})
           (i32.const {how}) (i32.const {rights}) (i32.const 4096))",
        u32::from(follow),
        name.len()
    )
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = reads();
    cases.extend(changes());
    cases.extend(writes_of_a_reader());
    cases.push(race());
    for case in &mut cases {
        // Files are the host's work, and a busy machine is slow at it.
        case.limits.cpu_ms = Some(20_000);
    }
    cases
}

/// Opens of one name for reading.
fn reads() -> Vec<Case> {
    let long = [b'a'; 5_000];
    let deep = b"a/".repeat(2_000);
    let names: [(&str, &str, &[u8], &str); 17] = [
        ("climb", "`..`", b"..", "not-permitted"),
        (
            "climb-to-the-secret",
            "`../beside/secret`",
            b"../beside/secret",
            "not-permitted",
        ),
        (
            "climb-from-within",
            "`inner/../../beside/secret`",
            b"inner/../../beside/secret",
            "not-permitted",
        ),
        (
            "climb-behind-dots",
            "`././inner/./../../beside/secret`",
            b"././inner/./../../beside/secret",
            "not-permitted",
        ),
        (
            "absolute-path",
            "`/etc/passwd`",
            b"/etc/passwd",
            "not-permitted",
        ),
        (
            "own-process",
            "`/proc/self/environ`",
            b"/proc/self/environ",
            "not-permitted",
        ),
        (
            "root-by-process",
            "`/proc/self/root`",
            b"/proc/self/root",
            "not-permitted",
        ),
        (
            "doubled-slashes",
            "`//etc//passwd`",
            b"//etc//passwd",
            "not-permitted",
        ),
        ("link", "a link to the secret", b"link", "not-permitted"),
        (
            "absolute-link",
            "a link to the secret by its whole path",
            b"absolute-link",
            "not-permitted",
        ),
        (
            "link-to-a-directory",
            "a link to the directory of the secret",
            b"directory-link/secret",
            "not-permitted",
        ),
        (
            "climb-through-a-link",
            "a link and then `..`",
            b"directory-link/../beside/secret",
            "not-permitted",
        ),
        (
            "loop-of-links",
            "two links to each other",
            b"loop-a",
            "loop",
        ),
        (
            "name-with-a-nul",
            "a name with a NUL",
            b"readable\0/../../beside/secret",
            "invalid",
        ),
        ("long-name", "a name of 5,000 bytes", &long, "name-too-long"),
        (
            "deep-path",
            "a path of 2,000 directories",
            &deep,
            "no-entry",
        ),
        ("empty-name", "a name of no bytes", b"", "no-entry"),
    ];
    names
        .into_iter()
        .map(|(name, tries, path, ends)| {
            let body = format!("{} {NARROW}", open(path, true, 0, READ));
            Case::new(
                format!("read-{name}"),
                format!("a read of {tries}"),
                Act::Receive,
                End::told(ends),
                guest(path, b"", &body),
            )
            .in_setting(Setting::ReadOnly)
        })
        .collect()
}

/// Ways out for one who may write.
fn changes() -> Vec<Case> {
    let case =
        |name: &'static str, tries: &'static str, first: &[u8], second: &[u8], call: &str| {
            let wasm = guest(first, second, &format!("{call} {BARE}"));
            Case::new(name, tries, Act::Receive, End::told("not-permitted"), wasm)
                .in_setting(Setting::ReadWrite)
        };
    let opening = |name: &'static str, tries: &'static str, path: &[u8], how: u32| {
        let call = open(path, true, how, READ | WRITE);
        let wasm = guest(path, b"", &format!("{call} {NARROW}"));
        Case::new(name, tries, Act::Receive, End::told("not-permitted"), wasm)
            .in_setting(Setting::ReadWrite)
    };
    let names = |first: &[u8], second: &[u8]| {
        (
            format!("(i32.const 16384) (i32.const {})", first.len()),
            format!("(i32.const 8192) (i32.const {})", second.len()),
        )
    };
    let rename = |name, tries, first: &[u8], second: &[u8]| {
        let (from, to) = names(first, second);
        let call = format!(
            "(call $rename (local.get $door) {from} (local.get $door) {to} (i32.const 4096))"
        );
        case(name, tries, first, second, &call)
    };
    let link = |name, tries, first: &[u8], second: &[u8]| {
        let (from, to) = names(first, second);
        let call = format!(
            "(call $link (local.get $door) (i32.const 0) {from} (local.get $door) {to}
               (i32.const 4096))"
        );
        case(name, tries, first, second, &call)
    };
    let (target, at) = names(b"/etc/passwd", b"planted");
    let plant = format!("(call $symlink (local.get $door) {target} {at} (i32.const 4096))");
    let (inside, outside) = names(b"readable", b"../planted");
    let plant_outside =
        format!("(call $symlink (local.get $door) {inside} {outside} (i32.const 4096))");
    let secret: &[u8] = b"../beside/secret";
    vec![
        case(
            "plant-a-link",
            "a new link to `/etc/passwd`",
            b"/etc/passwd",
            b"planted",
            &plant,
        ),
        case(
            "plant-outside",
            "a new link outside",
            b"readable",
            b"../planted",
            &plant_outside,
        ),
        rename(
            "rename-into-the-house",
            "a move of the secret into its directory",
            secret,
            b"mine",
        ),
        rename(
            "rename-out-of-the-house",
            "a move of its own file over the secret",
            b"readable",
            secret,
        ),
        link(
            "hard-link-to-the-secret",
            "a hard link to the secret",
            secret,
            b"mine",
        ),
        link(
            "hard-link-outside",
            "a hard link outside",
            b"readable",
            b"../mine",
        ),
        opening(
            "create-outside",
            "a new file outside",
            b"../planted",
            CREATE,
        ),
        opening("empty-the-secret", "to empty the secret", secret, TRUNCATE),
        opening(
            "empty-through-a-link",
            "to empty the secret through a link",
            b"link",
            TRUNCATE,
        ),
    ]
}

/// A grant to read is no grant to write, whatever the guest asks for.
fn writes_of_a_reader() -> Vec<Case> {
    let case = |name: &'static str, tries: &'static str, first: &[u8], call: &str| {
        let wasm = guest(first, b"new", call);
        Case::new(name, tries, Act::Receive, End::told("not-permitted"), wasm)
            .in_setting(Setting::ReadOnly)
    };
    let file: &[u8] = b"readable";
    let inner: &[u8] = b"inner";
    let opening = |name, tries, path: &[u8], how, rights| {
        let call = open(path, true, how, rights);
        case(name, tries, path, &format!("{call} {NARROW}"))
    };
    let (from, to) = (
        "(i32.const 16384) (i32.const 8)",
        "(i32.const 8192) (i32.const 3)",
    );
    let opened = "(local.set $file (i32.load (i32.const 4100)))";
    // The error of an answer with a number of eight bytes.
    let write = format!(
        "{} {opened}
         (call $write (local.get $file) (i32.const 128) (i32.const 6) (i64.const 0)
           (i32.const 4096))
         (i32.store8 (i32.const 4100) (i32.load8_u (i32.const 4104))) {NARROW}",
        open(file, true, 0, READ)
    );
    // The right to change may be asked for; it is worth nothing.
    let create_within = format!(
        "{} {opened}
         (call $open (local.get $file) (i32.const 0) {to} (i32.const {CREATE})
           (i32.const {}) (i32.const 4096)) {NARROW}",
        open(inner, true, DIRECTORY, READ | MUTATE),
        READ | WRITE
    );
    let unlink = format!("(call $unlink (local.get $door) {from} (i32.const 4096)) {BARE}");
    let rename = format!(
        "(call $rename (local.get $door) {from} (local.get $door) {to} (i32.const 4096)) {BARE}"
    );
    let link = format!(
        "(call $link (local.get $door) (i32.const 0) {from} (local.get $door) {to}
           (i32.const 4096)) {BARE}"
    );
    vec![
        opening(
            "reader-opens-to-write",
            "to open a file that it may read for writing",
            file,
            0,
            READ | WRITE,
        ),
        opening(
            "reader-empties",
            "to empty a file that it may read",
            file,
            TRUNCATE,
            READ,
        ),
        opening(
            "reader-creates",
            "a new file where it may read",
            b"fresh",
            CREATE,
            READ | WRITE,
        ),
        case(
            "reader-writes-to-an-open-file",
            "to write to a file that it opened for reading",
            file,
            &write,
        ),
        case(
            "reader-creates-within",
            "a new file in a directory that it opened for changing",
            inner,
            &create_within,
        ),
        case(
            "reader-removes",
            "to remove a file that it may read",
            file,
            &unlink,
        ),
        case(
            "reader-renames",
            "to rename a file that it may read",
            file,
            &rename,
        ),
        case(
            "reader-links",
            "a hard link to a file that it may read",
            file,
            &link,
        ),
    ]
}

/// Reads `swap/secret` again and again while the host swaps `swap` between a
/// directory and a link out of it; traps when it gets the real one, whose
/// first byte is `t`. It goes on until it met both, so that it says something.
fn race() -> Case {
    let path: &[u8] = b"swap/secret";
    let body = format!(
        "(loop $again
           {open}
           (if (i32.load8_u (i32.const 4096))
             (then
               (if (i32.eq (i32.load8_u (i32.const 4100)) (i32.const {not_permitted}))
                 (then (local.set $refused (i32.const 1)))))
             (else
               (local.set $file (i32.load (i32.const 4100)))
               (call $read (local.get $file) (i64.const 1) (i64.const 0) (i32.const 4096))
               (if (i32.eqz (i32.load8_u (i32.const 4096)))
                 (then
                   (if (i32.load (i32.const 4104))
                     (then
                       (local.set $byte (i32.load8_u (i32.load (i32.const 4100))))
                       (if (i32.eq (local.get $byte) (i32.const 116)) (then unreachable))
                       (local.set $harmless (i32.const 1))))))
               (call $close (local.get $file))))
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $n) (i32.const 3000)))
           (br_if $again
             (i32.and
               (i32.eqz (i32.and (local.get $harmless) (local.get $refused)))
               (i32.lt_u (local.get $n) (i32.const 1000000)))))
         (call $tell (i32.eqz (i32.and (local.get $harmless) (local.get $refused)))
           (i32.const 0) (i32.const 0) (i32.const 0))",
        open = open(path, true, 0, READ),
        not_permitted = wasi::FILE_ERRORS
            .iter()
            .position(|name| *name == "not-permitted")
            .unwrap_or_default(),
    );
    Case::new(
        "swap-race",
        "reads through a directory that somebody swaps for a link out of it; only what is inside",
        Act::Receive,
        End::told("ok"),
        guest(path, b"", &body),
    )
    .in_setting(Setting::Swapped)
}

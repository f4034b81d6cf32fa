//! Guests whose answers are of no type, or whose memory is not where they say.

use sortie_guests::{
    CHANGE, LOG, MEMORY, REALLOC, component, connector, connector_on, data, notifier, scanner,
};

use super::NO_REPLY;
use crate::case::{Act, Case, End};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = answers();
    cases.extend(replies());
    cases.extend(allocators());
    cases.extend(others());
    cases
}

/// Results of `receive` whose bytes are wrong. They stand at 2048: the
/// result's discriminant, at 2052 the option's or the error's text.
fn answers() -> Vec<Case> {
    let nonsense =
        |name, tries, body: &str| Case::receive(name, tries, "Nonsense", connector("", "", body));
    let store = |stores: &[(u32, i64)]| {
        let stores: String = stores
            .iter()
            .map(|(at, value)| format!("(i32.store (i32.const {at}) (i32.const {value}))"))
            .collect();
        format!("{stores} (i32.const 2048)")
    };
    vec![
        nonsense(
            "result-of-no-case",
            "a result that is neither ok nor an error",
            &store(&[(2048, 9)]),
        ),
        nonsense(
            "option-of-no-case",
            "a reply that is neither there nor not",
            &store(&[(2052, 7)]),
        ),
        nonsense(
            "result-at-an-odd-address",
            "a result at an odd address",
            "(i32.const 1025)",
        ),
        nonsense(
            "result-outside-of-memory",
            "a result beyond the end of memory",
            "(i32.const -8)",
        ),
        nonsense(
            "text-outside-of-memory",
            "a text beyond the end of memory",
            &store(&[(2048, 1), (2052, 0x7000_0000), (2056, 8)]),
        ),
        nonsense(
            "text-that-wraps",
            "a text that begins at the last address and goes on at the first",
            &store(&[(2048, 1), (2052, -1), (2056, 2)]),
        ),
        nonsense(
            "text-of-4-gib",
            "a text of 4 GiB",
            &store(&[(2048, 1), (2052, 0), (2056, -1)]),
        ),
        nonsense(
            "list-of-4-gib",
            "a list of headers whose size is a multiple of 2^32",
            &store(&[(2052, 1), (2056, 200), (2060, 4096), (2064, 0x1000_0000)]),
        ),
        nonsense(
            "list-at-an-odd-address",
            "a list of headers at an odd address",
            &store(&[(2052, 1), (2056, 200), (2060, 4097), (2064, 1)]),
        ),
        nonsense(
            "list-of-texts-outside-of-memory",
            "a list of headers whose texts are nowhere",
            &format!(
                "(memory.fill (i32.const 4096) (i32.const 255) (i32.const 64)) {}",
                store(&[(2052, 1), (2056, 200), (2060, 4096), (2064, 2)])
            ),
        ),
    ]
}

/// Replies that are of their type and make no sense. At 2048 stands the
/// result, at 2056 the status, then headers and body.
fn replies() -> Vec<Case> {
    let reply = |name, tries, ends, status: u32, headers: (u32, u32), body: u32, extra: &str| {
        let wasm = connector(
            "",
            extra,
            &format!(
                "(i32.store (i32.const 2052) (i32.const 1))
                 (i32.store (i32.const 2056) (i32.const {status}))
                 (i32.store (i32.const 2060) (i32.const {}))
                 (i32.store (i32.const 2064) (i32.const {}))
                 (i32.store (i32.const 2068) (i32.const 0))
                 (i32.store (i32.const 2072) (i32.const {body}))
                 (i32.const 2048)",
                headers.0, headers.1
            ),
        );
        Case::receive(name, tries, ends, wasm)
    };
    // One field at 4096, as often as it is asked for.
    let field = |name: &str, value_len: usize, value: &str| {
        let mut record = Vec::new();
        for (at, len) in [(3_000_u32, name.len()), (8_192, value_len)] {
            record.extend(at.to_le_bytes());
            record.extend(u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        }
        data(3_000, name) + &data(8_192, value) + &data(4_096, record.repeat(40))
    };
    let of = |name: &str, value: &str| field(name, value.len(), value);
    vec![
        reply(
            "reply-of-status-500",
            "a reply that blames the host",
            "Nonsense",
            500,
            (0, 0),
            0,
            "",
        ),
        reply(
            "reply-of-status-101",
            "a reply that switches protocols",
            "Nonsense",
            101,
            (0, 0),
            0,
            "",
        ),
        reply(
            "reply-that-redirects",
            "a reply that sends the sender elsewhere",
            "Nonsense",
            302,
            (0, 0),
            0,
            "",
        ),
        reply(
            "reply-of-33-headers",
            "a reply of 33 header fields",
            "ResultLimit",
            200,
            (4096, 33),
            0,
            &of("x-a", "b"),
        ),
        reply(
            "reply-with-a-huge-header",
            "a reply with 32 header fields of 60 KB",
            "ResultLimit",
            200,
            (4096, 32),
            0,
            &field("x-a", 60_000, ""),
        ),
        reply(
            "reply-of-64-kib",
            "a reply of more than 64 KiB",
            "ResultLimit",
            200,
            (0, 0),
            (64 << 10) + 1,
            "",
        ),
        reply(
            "header-with-a-line-break",
            "a reply with a line break in a header field",
            "Nonsense",
            200,
            (4096, 1),
            0,
            &of("x-a", "b\r\nset-cookie: a=b"),
        ),
        reply(
            "header-with-a-nul",
            "a reply with a NUL in a header field",
            "Nonsense",
            200,
            (4096, 1),
            0,
            &of("x-a", "b\0c"),
        ),
        reply(
            "header-whose-name-is-none",
            "a reply with a header field named `x a`",
            "Nonsense",
            200,
            (4096, 1),
            0,
            &of("x a", "b"),
        ),
    ]
}

/// What the guest does while the host hands over the event, and afterwards.
fn allocators() -> Vec<Case> {
    let on = |realloc: &str, imports: &str, extra: &str| {
        let wat = connector_on(MEMORY, realloc, imports, extra, NO_REPLY);
        component(&["host", "connector"], &[], "job-connector", &wat)
    };
    let realloc = |body: &str| {
        format!(r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {body})"#)
    };
    let log = "(call $log (i32.const 1) (i32.const 128) (i32.const 6))";
    let after = |body: &str| {
        format!(
            r#"(func (export "cabi_post_sortie:connector/connector@0.1.0#receive")
              (param i32) {body})"#
        )
    };
    let case = |name, tries, ends, wasm| Case::receive(name, tries, ends, wasm);
    vec![
        case(
            "allocation-outside-of-memory",
            "an allocation beyond the end of memory",
            "Nonsense",
            on(&realloc("(i32.const -16)"), "", ""),
        ),
        case(
            "allocation-at-an-odd-address",
            "an allocation at an odd address",
            "Nonsense",
            on(&realloc("(i32.const 4097)"), "", ""),
        ),
        case(
            "trap-in-allocator",
            "a trap while the host hands over the event",
            "Trap",
            on(&realloc("unreachable"), "", ""),
        ),
        case(
            "host-call-in-allocator",
            "a call of the host while the host hands over the event",
            "Trap",
            on(&realloc(&format!("{log} (i32.const 4096)")), LOG, ""),
        ),
        case(
            "trap-after-return",
            "a trap after the answer",
            "Trap",
            on(REALLOC, "", &after("unreachable")),
        ),
        case(
            "host-call-after-return",
            "a call of the host after the answer",
            "Trap",
            on(REALLOC, LOG, &after(log)),
        ),
        case(
            "trap-in-start",
            "a trap in a start function",
            "Trap",
            on(REALLOC, "", "(func $s unreachable) (start $s)"),
        ),
        case(
            "host-call-in-start",
            "a call of the host in a start function",
            "Trap",
            on(REALLOC, LOG, &format!("(func $s {log}) (start $s)")),
        ),
        case(
            "division-by-zero",
            "a division by zero",
            "Trap",
            connector("", "", "(i32.div_u (i32.const 1) (i32.const 0))"),
        ),
        case(
            "read-outside-of-memory",
            "a read beyond the end of memory",
            "Trap",
            connector("", "", "(i32.load (i32.const -4))"),
        ),
    ]
}

fn others() -> Vec<Case> {
    let nonsense = || End::Error("Nonsense");
    let scan = |name: &'static str, tries: &'static str, body: &str| {
        Case::new(
            name,
            tries,
            Act::Scan,
            nonsense(),
            scanner(CHANGE, "", body),
        )
    };
    let notify = |name: &'static str, tries: &'static str, body: &str| {
        Case::new(name, tries, Act::Notify, nonsense(), notifier("", "", body))
    };
    vec![
        notify(
            "failure-of-no-case",
            "a notifier's failure of no case",
            "(i32.store (i32.const 2048) (i32.const 1)) (i32.store (i32.const 2052) (i32.const 9))
             (i32.const 2048)",
        ),
        notify(
            "reference-outside-of-memory",
            "a receipt whose text is nowhere",
            "(i32.store (i32.const 2052) (i32.const 1)) (i32.store (i32.const 2056) (i32.const -4))
             (i32.store (i32.const 2060) (i32.const 64)) (i32.const 2048)",
        ),
        scan(
            "handle-that-is-forged",
            "reads of a change through a handle that the guest made up",
            "(call $files (i32.const 77) (i32.const 4096)) (i32.const 1024)",
        ),
        scan(
            "handle-after-its-end",
            "reads of a change through a handle that it gave back",
            "(call $drop (local.get $change))
             (call $files (local.get $change) (i32.const 4096)) (i32.const 1024)",
        ),
        scan(
            "handle-given-back-twice",
            "a handle that is given back twice",
            "(call $drop (local.get $change)) (call $drop (local.get $change)) (i32.const 1024)",
        ),
    ]
}

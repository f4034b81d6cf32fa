//! Guests that want more memory, larger tables or a deeper stack than there
//! is.

use sortie_guests::{MEMORY, REALLOC, component, connector, connector_on};

use super::NO_REPLY;
use crate::case::Case;

/// Grows until it is told no, then traps.
const GROW: &str = "(loop $more
    (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";

pub(super) fn cases() -> Vec<Case> {
    let on = |memory: &str, realloc: &str, extra: &str, body: &str| {
        let wat = connector_on(memory, realloc, "", extra, body);
        component(&["host", "connector"], &[], "job-connector", &wat)
    };
    let realloc = |body: &str| {
        format!(r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {body})"#)
    };
    let start = |body: &str| format!("(func $start {body}) (start $start)");
    let small = r#"(memory (export "memory") 3)"#;
    let mut cases = vec![
        Case::receive(
            "memory-in-steps",
            "memory, a megabyte at a time",
            "MemoryLimit",
            connector("", "", GROW),
        ),
        Case::receive(
            "memory-in-one-jump",
            "all memory there can be, at once",
            "MemoryLimit",
            connector(
                "",
                "",
                "(if (i32.eq (memory.grow (i32.const 65000)) (i32.const -1)) (then unreachable))
                 (i32.const 1024)",
            ),
        ),
        Case::receive(
            "memory-in-start",
            "memory, in a start function",
            "MemoryLimit",
            on(small, REALLOC, &start(GROW), NO_REPLY),
        ),
        Case::receive(
            "memory-in-allocator",
            "memory, while the host hands over the event",
            "MemoryLimit",
            on(small, &realloc(GROW), "", NO_REPLY),
        ),
        Case::receive(
            "memory-from-the-start",
            "62 MiB before its first instruction",
            "MemoryLimit",
            on(r#"(memory (export "memory") 1000)"#, REALLOC, "", NO_REPLY),
        ),
        Case::receive(
            "memory-beyond-a-slot",
            "4 GiB before its first instruction",
            "DoesNotFit",
            on(r#"(memory (export "memory") 65536)"#, REALLOC, "", NO_REPLY),
        ),
        Case::receive(
            "memories-by-the-dozen",
            "twelve memories",
            "DoesNotFit",
            on(MEMORY, REALLOC, &"(memory 1)".repeat(12), NO_REPLY),
        ),
        Case::receive(
            "table-in-start",
            "a table, in a start function",
            "TableLimit",
            on(
                MEMORY,
                REALLOC,
                &format!(
                    "(table $t 0 funcref) {}",
                    start(
                        "(loop $more (br_if $more (i32.ne
                           (table.grow $t (ref.null func) (i32.const 100)) (i32.const -1))))
                         unreachable"
                    )
                ),
                NO_REPLY,
            ),
        ),
        Case::receive(
            "table-in-one-jump",
            "four thousand million table elements at once",
            "TableLimit",
            connector(
                "",
                "(table $t 0 funcref)",
                "(if (i32.eq (table.grow $t (ref.null func) (i32.const -2)) (i32.const -1))
                   (then unreachable))
                 (i32.const 1024)",
            ),
        ),
        Case::receive(
            "table-beyond-a-slot",
            "a million table elements before its first instruction",
            "DoesNotFit",
            connector("", "(table 1000000 funcref)", NO_REPLY),
        ),
        Case::receive(
            "tables-by-the-dozen",
            "forty tables",
            "DoesNotFit",
            connector("", &"(table 1 funcref)".repeat(40), NO_REPLY),
        ),
    ];
    cases.extend(deep(&realloc));
    cases
}

/// The stack ends, and the host's with it if it were the same.
fn deep(realloc: &impl Fn(&str) -> String) -> Vec<Case> {
    let trap = |name, tries, extra: &str, body: &str| {
        Case::receive(name, tries, "Trap", connector("", extra, body))
    };
    let wide = format!(
        "(func $wide (param $n i64) (result i64) (local {})
           (i64.add (call $wide (i64.add (local.get $n) (i64.const 1))) (local.get $n)))",
        "i64 ".repeat(400)
    );
    let recursive_realloc = realloc("(call $down) unreachable") + "(func $down (call $down))";
    vec![
        trap(
            "recursion-of-two",
            "two functions that call each other for ever",
            "(func $a (call $b)) (func $b (call $a))",
            "(call $a) (i32.const 1024)",
        ),
        trap(
            "recursion-through-a-table",
            "a function that calls itself through a table for ever",
            "(type $f (func)) (table 1 funcref) (elem (i32.const 0) $down)
             (func $down (call_indirect (type $f) (i32.const 0)))",
            "(call $down) (i32.const 1024)",
        ),
        trap(
            "recursion-with-wide-frames",
            "recursion with four hundred locals a step",
            &wide,
            "(drop (call $wide (i64.const 0))) (i32.const 1024)",
        ),
        trap(
            "recursion-in-start",
            "recursion in a start function",
            "(func $down (call $down)) (start $down)",
            NO_REPLY,
        ),
        Case::receive(
            "recursion-in-allocator",
            "recursion while the host hands over the event",
            "Trap",
            component(
                &["host", "connector"],
                &[],
                "job-connector",
                &connector_on(MEMORY, &recursive_realloc, "", "", NO_REPLY),
            ),
        ),
    ]
}

//! Bytes that are no UTF-8, and texts that are nowhere, in every place where a
//! guest hands a text to the host.

use sortie_guests::connector;

use crate::case::{Act, Case, End};

/// A function of the host: interface, name, its parameters' types, and where
/// among its arguments each text begins.
struct Function {
    interface: &'static str,
    name: &'static str,
    params: &'static str,
    /// Arguments, with `TEXT` for the pair of each text.
    args: &'static str,
}

/// `TEXT` stands for a good text, and `(i32.const 1) TEXT` for one that is
/// there. Parameters that are records lie flat.
const FUNCTIONS: [Function; 10] = [
    Function {
        interface: "log",
        name: "write",
        params: "i32 i32 i32",
        args: "(i32.const 1) TEXT",
    },
    Function {
        interface: "config",
        name: "get",
        params: "i32 i32 i32",
        args: "TEXT OUT",
    },
    Function {
        interface: "kv",
        name: "get",
        params: "i32 i32 i32",
        args: "TEXT OUT",
    },
    Function {
        interface: "kv",
        name: "set",
        params: "i32 i32 i32 i32 i32",
        args: "TEXT (i32.const 128) (i32.const 6) OUT",
    },
    Function {
        interface: "kv",
        name: "delete",
        params: "i32 i32 i32",
        args: "TEXT OUT",
    },
    Function {
        interface: "kv",
        name: "keys",
        params: "i32 i32 i32 i32 i32 i32 i32",
        args: "TEXT (i32.const 1) TEXT (i32.const 9) OUT",
    },
    Function {
        interface: "http",
        name: "send",
        params: "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
        args: "TEXT TEXT (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) OUT",
    },
    Function {
        interface: "jobs",
        name: "decide",
        params: "i64 i32 i32 i32 i32 i32 i32 i32 i32",
        args: "(i64.const 1) (i32.const 0) (i32.const 1) TEXT (i32.const 1) TEXT OUT",
    },
    Function {
        interface: "chat",
        name: "send",
        params: "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
        args: "TEXT TEXT (i32.const 1) TEXT TEXT (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 1) TEXT (i32.const 0) OUT",
    },
    Function {
        interface: "chat",
        name: "acknowledge",
        params: "i32 i32 i32 i32 i32 i32",
        args: "TEXT (i32.const 1) TEXT OUT",
    },
];

/// A text that is one, two bytes that are none, and what goes beyond the end.
const GOOD: &str = "(i32.const 128) (i32.const 6)";
const NO_UTF8: &str = "(i32.const 2048) (i32.const 2)";
const NOWHERE: &str = "(i32.const -16) (i32.const 64)";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for function in &FUNCTIONS {
        let Function {
            interface, name, ..
        } = function;
        for nth in 0..function.args.matches("TEXT").count() {
            cases.push(Case::new(
                format!("no-utf-8-in-{interface}-{name}-{}", nth + 1),
                format!("text {} of `{interface}.{name}` that is no UTF-8", nth + 1),
                Act::Receive,
                End::Error("Nonsense"),
                caller(function, nth, NO_UTF8),
            ));
        }
        cases.push(Case::new(
            format!("text-from-nowhere-in-{interface}-{name}"),
            format!("a text of `{interface}.{name}` that lies beyond the end of memory"),
            Act::Receive,
            End::Error("Nonsense"),
            caller(function, 0, NOWHERE),
        ));
    }
    cases
}

/// A connector that calls `function` with `bad` in place of its `nth` text.
fn caller(function: &Function, nth: usize, bad: &str) -> Vec<u8> {
    let mut args = String::new();
    for (n, part) in function.args.split("TEXT").enumerate() {
        if n > 0 {
            args += if n - 1 == nth { bad } else { GOOD };
        }
        args += part;
    }
    let import = format!(
        r#"(import "sortie:host/{}@0.1.0" "{}" (func $call (param {})))"#,
        function.interface, function.name, function.params
    );
    connector(
        &import,
        r#"(data (i32.const 2048) "\c3\28")"#,
        &format!(
            "(call $call {}) (i32.const 1024)",
            args.replace("OUT", "(i32.const 4096)")
        ),
    )
}

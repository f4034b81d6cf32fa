//! Functions, tests and modules of Rust, Go, C and C++.

use super::{CONTROL, Declaration, block, params};
use crate::lexer::{Kind, Lexed};
use crate::unit::{Attr, UnitKind};

/// C++ macros that declare a test.
pub const CPP_TESTS: [&str; 20] = [
    "TEST",
    "TEST_F",
    "TEST_P",
    "TYPED_TEST",
    "TYPED_TEST_P",
    "TEST_CASE",
    "TEST_CASE_METHOD",
    "SCENARIO",
    "SECTION",
    "SUBCASE",
    "BOOST_AUTO_TEST_CASE",
    "BOOST_FIXTURE_TEST_CASE",
    "BOOST_DATA_TEST_CASE",
    "TEMPLATE_TEST_CASE",
    "TEST_METHOD",
    "CPPUNIT_TEST",
    "QTEST",
    "TEST_CASE_FIXTURE",
    "FUZZ_TEST",
    "BOOST_PARAM_TEST_CASE",
];

/// Go writes `a, b int`: the name comes first, and a lone word before a comma is a name too.
fn go_params(lexed: &Lexed, open: usize, close: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut first = true;
    let mut depth = 0i32;
    for t in &lexed.toks[open + 1..close] {
        match t.text {
            "(" | "[" | "{" if t.kind == Kind::Punct => depth += 1,
            ")" | "]" | "}" if t.kind == Kind::Punct => depth -= 1,
            "," if depth == 0 => first = true,
            _ if first && t.kind == Kind::Ident && depth == 0 => {
                out.push(t.text.to_string());
                first = false;
            }
            _ => {}
        }
    }
    out
}

pub(super) fn rust(lexed: &Lexed, i: usize, limit: usize, attrs: &[Attr]) -> Option<Declaration> {
    let toks = &lexed.toks;
    let name = toks.get(i + 1).filter(|t| t.kind == Kind::Ident)?;
    if toks[i].is_ident("mod") {
        let (open, last) = block(lexed, i + 2, limit);
        return Some(Declaration {
            kind: UnitKind::Container,
            name: name.text.into(),
            params: vec![],
            last,
            resume: open.unwrap_or(i + 2),
        });
    }
    if !toks[i].is_ident("fn") {
        return None;
    }
    let is_test = attrs.iter().any(|a| {
        let tail = a.name.rsplit("::").next().unwrap_or(&a.name);
        matches!(
            tail,
            "test"
                | "rstest"
                | "test_case"
                | "wasm_bindgen_test"
                | "quickcheck"
                | "bench"
                | "apply"
                | "test_matrix"
                | "case"
                | "gtest"
                | "test_log"
                | "property_test"
                | "traced_test"
        )
    });
    let open_paren = (i + 2..limit.min(i + 40)).find(|&j| toks[j].is("("))?;
    let close_paren = lexed.closing(open_paren, limit);
    let names = close_paren.map_or_else(Vec::new, |c| params(lexed, open_paren, c, true));
    let (open, last) = block(lexed, close_paren.unwrap_or(open_paren) + 1, limit);
    Some(Declaration {
        kind: if is_test {
            UnitKind::Test
        } else {
            UnitKind::Helper
        },
        name: name.text.into(),
        params: names,
        last,
        resume: open.unwrap_or(i + 2),
    })
}

pub(super) fn go(lexed: &Lexed, i: usize, limit: usize) -> Option<Declaration> {
    let toks = &lexed.toks;
    if toks[i].is_ident("Run")
        && i >= 2
        && toks[i - 1].is(".")
        && toks.get(i + 1)?.is("(")
        && toks.get(i + 2)?.kind == Kind::Str
    {
        return Some(Declaration {
            kind: UnitKind::Test,
            name: toks[i + 2].text.into(),
            params: vec![],
            last: lexed.closing(i + 1, limit),
            resume: i + 3,
        });
    }
    if !toks[i].is_ident("func") {
        return None;
    }
    let mut at = i + 1;
    let receiver = toks.get(at)?.is("(");
    if receiver {
        at = lexed.closing(at, limit)? + 1;
    }
    let name = toks.get(at).filter(|t| t.kind == Kind::Ident)?;
    if !toks.get(at + 1)?.is("(") && !toks.get(at + 1)?.is("[") {
        return None;
    }
    let open_paren = (at + 1..limit.min(at + 40)).find(|&j| toks[j].is("("))?;
    let close = lexed.closing(open_paren, limit).unwrap_or(open_paren);
    let args = &toks[open_paren..=close];
    let collected = ["Test", "Benchmark", "Fuzz", "Example"].iter().any(|p| {
        name.text
            .strip_prefix(p)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()))
    }) && name.text != "TestMain"
        && (args.len() <= 2
            || args.iter().any(|t| matches!(t.text, "T" | "B" | "F"))
            || name.text.starts_with("Test") && receiver);
    // `func TestX()` without `*testing.T` is a test of a suite only when it has a receiver.
    let collected = collected && (receiver || args.len() > 2 || name.text.starts_with("Example"));
    let mut j = close + 1;
    while j < limit
        && !(toks[j].is("{")
            && !toks[j - 1].is_ident("interface")
            && !toks[j - 1].is_ident("struct"))
    {
        j += 1;
    }
    let (open, last) = if j < limit {
        (Some(j), lexed.closing(j, limit))
    } else {
        (None, None)
    };
    Some(Declaration {
        kind: if collected {
            UnitKind::Test
        } else {
            UnitKind::Helper
        },
        name: name.text.into(),
        params: go_params(lexed, open_paren, close.max(open_paren + 1)),
        last,
        resume: open.unwrap_or(close + 1),
    })
}

pub(super) fn cpp(lexed: &Lexed, i: usize, limit: usize) -> Option<Declaration> {
    let toks = &lexed.toks;
    let t = &toks[i];
    if t.kind != Kind::Ident || CONTROL.contains(&t.text) || !toks.get(i + 1)?.is("(") {
        return None;
    }
    let close = lexed.closing(i + 1, limit);
    if CPP_TESTS.contains(&t.text) {
        let args = &toks[i + 2..close.unwrap_or(limit).min(i + 12)];
        let name = args
            .iter()
            .filter(|t| matches!(t.kind, Kind::Ident | Kind::Str))
            .map(|t| t.text)
            .collect::<Vec<_>>()
            .join(".");
        let (open, last) = close.map_or((None, None), |c| block(lexed, c + 1, limit));
        let kind = if t.text == "SCENARIO" {
            UnitKind::Container
        } else {
            UnitKind::Test
        };
        return Some(Declaration {
            kind,
            name,
            params: vec![],
            last,
            resume: open.unwrap_or(i + 2),
        });
    }
    let close = close?;
    if i == 0 || toks[i - 1].is(".") || toks[i - 1].is("->") {
        return None;
    }
    let typed = toks[i - 1].kind == Kind::Ident && !CONTROL.contains(&toks[i - 1].text)
        || matches!(toks[i - 1].text, "&" | "*" | ">" | "::");
    if !typed {
        return None;
    }
    let mut j = close + 1;
    while j < limit
        && (toks[j].kind == Kind::Ident
            || matches!(toks[j].text, "&" | "&&" | "->" | "::" | "<" | ">" | "*"))
        && j < close + 12
    {
        j += 1;
    }
    if j >= limit || !toks[j].is("{") {
        return None;
    }
    Some(Declaration {
        kind: UnitKind::Helper,
        name: t.text.into(),
        params: params(lexed, i + 1, close, false),
        last: lexed.closing(j, limit),
        resume: j,
    })
}

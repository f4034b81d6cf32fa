//! Units of the languages with braces: Rust, Go, Java, Kotlin, C#, C and C++.

use super::{Attr, RawUnit, UnitKind, chunk_end, span_text};
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed};
use crate::view::View;

/// Words that look like calls in front of a block and are none.
const CONTROL: [&str; 30] = [
    "if",
    "for",
    "while",
    "switch",
    "catch",
    "synchronized",
    "try",
    "return",
    "new",
    "throw",
    "else",
    "do",
    "using",
    "lock",
    "foreach",
    "when",
    "match",
    "loop",
    "fixed",
    "sizeof",
    "typeof",
    "await",
    "in",
    "case",
    "assert",
    "delete",
    "alignas",
    "decltype",
    "requires",
    "static_assert",
];

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

/// The functions, tests, classes and modules of the view.
pub fn units(view: &View, lexed: &Lexed, lang: Lang, is_test_file: bool) -> Vec<RawUnit> {
    let toks = &lexed.toks;
    let mut out = Vec::new();
    let mut pending: Vec<Attr> = Vec::new();
    let mut i = 0;
    while i < toks.len() {
        let here = toks[i].line as usize;
        let limit = lexed.range(here, chunk_end(view, here)).1;
        if let Some((attr, next)) = attribute(view, lexed, lang, i, limit) {
            pending.push(attr);
            i = next;
            continue;
        }
        let t = &toks[i];
        if t.kind == Kind::Punct {
            if matches!(t.text, ";" | "{" | "}") {
                pending.clear();
            }
            i += 1;
            continue;
        }
        if let Some(found) = declaration(lexed, lang, i, limit, &pending, is_test_file) {
            let attrs = std::mem::take(&mut pending);
            let start = attrs.first().map_or(here, |a| a.line.min(here));
            let (end, complete) = match found.last {
                Some(tok) => (toks[tok].line as usize + 1, true),
                None => (chunk_end(view, here), false),
            };
            let parsed = RawUnit {
                kind: found.kind,
                name: found.name,
                start,
                decl: here,
                end: end.max(here + 1),
                complete,
                attrs,
                params: found.params,
                parent: None,
            };
            out.push(parsed);
            i = found.resume;
            continue;
        }
        i += 1;
    }
    out
}

struct Declaration {
    kind: UnitKind,
    name: String,
    params: Vec<String>,
    /// The token that ends it, if the view shows it.
    last: Option<usize>,
    /// Where to go on looking, so that nested units are found.
    resume: usize,
}

/// An attribute that starts at token `i`, and the token behind it.
fn attribute(
    view: &View,
    lexed: &Lexed,
    lang: Lang,
    i: usize,
    limit: usize,
) -> Option<(Attr, usize)> {
    let toks = &lexed.toks;
    let t = &toks[i];
    let (path_at, end) = match lang {
        Lang::Rust if t.is("#") => {
            let open = if toks.get(i + 1)?.is("!") {
                i + 2
            } else {
                i + 1
            };
            if !toks.get(open)?.is("[") {
                return None;
            }
            (open + 1, lexed.closing(open, limit)?)
        }
        Lang::CSharp if t.is("[") => {
            let first_on_line = i == 0 || toks[i - 1].line != t.line || toks[i - 1].is("]");
            let after = i == 0
                || toks[i - 1].kind == Kind::Punct
                    && matches!(toks[i - 1].text, ";" | "{" | "}" | "]")
                || toks[i - 1].line != t.line;
            if !first_on_line || !after || toks.get(i + 1)?.kind != Kind::Ident {
                return None;
            }
            (i + 1, lexed.closing(i, limit)?)
        }
        Lang::Java | Lang::Kotlin if t.is("@") => {
            let mut end = i + 1;
            if toks.get(end)?.kind != Kind::Ident || toks[end].text == "interface" {
                return None;
            }
            while toks.get(end + 1).is_some_and(|t| t.is("."))
                && toks.get(end + 2).is_some_and(|t| t.kind == Kind::Ident)
            {
                end += 2;
            }
            if end + 1 < limit && toks[end + 1].is("(") {
                (i + 1, lexed.closing(end + 1, limit)?)
            } else {
                (i + 1, end)
            }
        }
        _ => return None,
    };
    let mut name = String::new();
    for t in &toks[path_at..=end] {
        if t.kind == Kind::Ident || t.is("::") || t.is(".") {
            name.push_str(t.text);
        } else {
            break;
        }
    }
    if lang == Lang::CSharp {
        // `[Test, Explicit]` holds several.
        let mut depth = 0i32;
        for k in path_at..end {
            match toks[k].text {
                "(" | "[" | "{" if toks[k].kind == Kind::Punct => depth += 1,
                ")" | "]" | "}" if toks[k].kind == Kind::Punct => depth -= 1,
                "," if depth == 0 && toks[k + 1].kind == Kind::Ident => {
                    name.push(',');
                    name.push_str(toks[k + 1].text);
                }
                _ => {}
            }
        }
    }
    let (from, to) = (t.line as usize, toks[end].line as usize);
    Some((
        Attr {
            name,
            text: span_text(view, from, to),
            line: from,
        },
        end + 1,
    ))
}

fn declaration(
    lexed: &Lexed,
    lang: Lang,
    i: usize,
    limit: usize,
    attrs: &[Attr],
    is_test_file: bool,
) -> Option<Declaration> {
    match lang {
        Lang::Rust => rust(lexed, i, limit, attrs),
        Lang::Go => go(lexed, i, limit),
        Lang::Kotlin if lexed.toks[i].is_ident("fun") => kotlin(lexed, i, limit, attrs),
        Lang::Cpp => cpp(lexed, i, limit),
        Lang::Java | Lang::Kotlin | Lang::CSharp => {
            class(lexed, i, limit).or_else(|| method(lexed, lang, i, limit, attrs, is_test_file))
        }
        _ => None,
    }
}

/// The block that starts at or behind `from`, before a `;` on the same level.
fn block(lexed: &Lexed, from: usize, limit: usize) -> (Option<usize>, Option<usize>) {
    let mut i = from;
    while i < limit {
        let t = &lexed.toks[i];
        if t.is("{") {
            return (Some(i), lexed.closing(i, limit));
        }
        if t.is(";") {
            return (None, Some(i));
        }
        i = if t.is("(") || t.is("[") {
            lexed.closing(i, limit).unwrap_or(limit) + 1
        } else {
            i + 1
        };
    }
    (None, None)
}

/// Names that stand in front of `:` or as the last word of each parameter.
fn params(lexed: &Lexed, open: usize, close: usize, colon: bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut depth = 0i32;
    let mut last: Option<&str> = None;
    let mut frozen = false;
    for t in &lexed.toks[open + 1..close] {
        match t.text {
            "(" | "[" | "{" | "<" if t.kind == Kind::Punct => depth += 1,
            ")" | "]" | "}" | ">" if t.kind == Kind::Punct => depth -= 1,
            "," if depth == 0 => {
                out.extend(last.take().map(str::to_string));
                frozen = false;
            }
            ":" | "=" if depth == 0 => frozen = true,
            _ if t.kind == Kind::Ident && depth == 0 && !frozen => {
                if !(colon && matches!(t.text, "mut" | "ref" | "self")) {
                    last = Some(t.text);
                }
            }
            _ => {}
        }
    }
    out.extend(last.map(str::to_string));
    out
}

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

fn rust(lexed: &Lexed, i: usize, limit: usize, attrs: &[Attr]) -> Option<Declaration> {
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

fn go(lexed: &Lexed, i: usize, limit: usize) -> Option<Declaration> {
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

fn kotlin(lexed: &Lexed, i: usize, limit: usize, attrs: &[Attr]) -> Option<Declaration> {
    let toks = &lexed.toks;
    let mut at = i + 1;
    while at + 1 < limit && !toks[at + 1].is("(") {
        at += 1;
        if at > i + 12 {
            return None;
        }
    }
    let name = toks.get(at)?;
    let close = lexed.closing(at + 1, limit);
    let from = close.map_or(at + 2, |c| c + 1);
    let names = close.map_or_else(Vec::new, |c| params(lexed, at + 1, c, true));
    let expression = toks[from..limit]
        .iter()
        .take(6)
        .position(|t| t.is("=") || t.is("{"));
    let (open, last) = match expression {
        Some(p) if toks[from + p].is("=") => {
            let line = toks[from + p].line;
            let has_block = (from + p..limit).find(|&j| toks[j].is("{") && toks[j].line == line);
            match has_block {
                Some(b) => (Some(b), lexed.closing(b, limit)),
                None => (None, (from + p..limit).rfind(|&j| toks[j].line <= line + 1)),
            }
        }
        _ => block(lexed, from, limit),
    };
    Some(Declaration {
        kind: if attrs.iter().any(|a| is_jvm_test(&a.name)) {
            UnitKind::Test
        } else {
            UnitKind::Helper
        },
        name: name.text.into(),
        params: names,
        last,
        resume: open.unwrap_or(from),
    })
}

fn is_jvm_test(attr: &str) -> bool {
    matches!(
        attr.rsplit('.').next().unwrap_or(attr),
        "Test"
            | "ParameterizedTest"
            | "RepeatedTest"
            | "TestFactory"
            | "TestTemplate"
            | "Property"
            | "Theory"
    )
}

fn is_dotnet_test(attr: &str) -> bool {
    attr.split(',').any(is_one_dotnet_test)
}

fn is_one_dotnet_test(attr: &str) -> bool {
    let tail = attr.rsplit('.').next().unwrap_or(attr);
    matches!(
        tail.strip_suffix("Attribute").unwrap_or(tail),
        "Fact"
            | "Theory"
            | "Test"
            | "TestCase"
            | "TestCaseSource"
            | "TestMethod"
            | "DataTestMethod"
            | "SkippableFact"
            | "SkippableTheory"
            | "Property"
            | "StaFact"
            | "UIFact"
    )
}

fn class(lexed: &Lexed, i: usize, limit: usize) -> Option<Declaration> {
    let toks = &lexed.toks;
    if !matches!(
        toks[i].text,
        "class" | "record" | "struct" | "interface" | "object"
    ) || toks[i].kind != Kind::Ident
    {
        return None;
    }
    if i > 0 && toks[i - 1].is(".") || i > 0 && toks[i - 1].is("::") {
        return None;
    }
    let name = toks.get(i + 1).filter(|t| t.kind == Kind::Ident)?;
    let (open, last) = block(lexed, i + 2, limit);
    Some(Declaration {
        kind: UnitKind::Container,
        name: name.text.into(),
        params: vec![],
        last,
        resume: open.unwrap_or(i + 2),
    })
}

fn method(
    lexed: &Lexed,
    lang: Lang,
    i: usize,
    limit: usize,
    attrs: &[Attr],
    is_test_file: bool,
) -> Option<Declaration> {
    let toks = &lexed.toks;
    let t = &toks[i];
    if t.kind != Kind::Ident || CONTROL.contains(&t.text) {
        return None;
    }
    let mut open_paren = i + 1;
    if toks.get(open_paren)?.is("<") && lang == Lang::CSharp {
        open_paren = (open_paren..limit.min(open_paren + 12)).find(|&j| toks[j].is("("))?;
    }
    if !toks.get(open_paren)?.is("(") {
        return None;
    }
    let typed = i > 0
        && match toks[i - 1].kind {
            Kind::Ident => !CONTROL.contains(&toks[i - 1].text),
            _ => matches!(toks[i - 1].text, ">" | "]" | "?"),
        };
    if !typed {
        return None;
    }
    let is_test = attrs.iter().any(|a| if lang == Lang::CSharp { is_dotnet_test(&a.name) } else { is_jvm_test(&a.name) })
        // JUnit 3 and TestNG by convention.
        || lang == Lang::Java && is_test_file && attrs.is_empty() && t.text.starts_with("test") && toks[i - 1].is_ident("void")
            && i >= 2 && toks[i - 2].is_ident("public");
    let close = lexed.closing(open_paren, limit);
    let Some(close) = close else {
        return is_test.then(|| Declaration {
            kind: UnitKind::Test,
            name: t.text.into(),
            params: vec![],
            last: None,
            resume: open_paren + 1,
        });
    };
    let mut j = close + 1;
    while j < limit
        && (toks[j].is_ident("throws")
            || toks[j].is_ident("where")
            || toks[j].kind == Kind::Ident
            || toks[j].is(",")
            || toks[j].is(".")
            || toks[j].is(":"))
    {
        j += 1;
    }
    let names = params(lexed, open_paren, close, false);
    let kind = if is_test {
        UnitKind::Test
    } else {
        UnitKind::Helper
    };
    if j >= limit {
        return is_test.then(|| Declaration {
            kind,
            name: t.text.into(),
            params: names,
            last: None,
            resume: close + 1,
        });
    }
    if toks[j].is("{") {
        return Some(Declaration {
            kind,
            name: t.text.into(),
            params: names,
            last: lexed.closing(j, limit),
            resume: j,
        });
    }
    if toks[j].is("=>") && lang == Lang::CSharp {
        let (open, last) = block(lexed, j + 1, limit);
        let last = match open {
            // A lambda body or initialiser inside the expression: go on to its `;`.
            Some(_) => last.map(|l| (l..limit).find(|&k| toks[k].is(";")).unwrap_or(l)),
            None => last,
        };
        return Some(Declaration {
            kind,
            name: t.text.into(),
            params: names,
            last,
            resume: j + 1,
        });
    }
    None
}

fn cpp(lexed: &Lexed, i: usize, limit: usize) -> Option<Declaration> {
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

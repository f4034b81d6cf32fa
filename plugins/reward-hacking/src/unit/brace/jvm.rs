//! Classes and methods of Java, Kotlin and C#.

use super::{CONTROL, Declaration, block, params};
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed};
use crate::unit::{Attr, UnitKind};

pub(super) fn kotlin(lexed: &Lexed, i: usize, limit: usize, attrs: &[Attr]) -> Option<Declaration> {
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

pub(super) fn class(lexed: &Lexed, i: usize, limit: usize) -> Option<Declaration> {
    let toks = &lexed.toks;
    if !matches!(
        toks[i].text,
        "class" | "record" | "struct" | "interface" | "object"
    ) || toks[i].kind != Kind::Ident
    {
        return None;
    }
    if i > 0 && (toks[i - 1].is(".") || toks[i - 1].is("::")) {
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

pub(super) fn method(
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

//! Doubles that answer for the unit under test itself, so that the test asserts its own stub.

use crate::context::stem;
use crate::lang::Lang;
use crate::lexer::{Kind, Tok, lex};
use crate::model::{ChangeKind, FileChange, Finding, LineKind, Severity, Side};
use crate::text::{bare_name, evidence, has_any, has_word};
use crate::view::View;

/// What a stubbing line replaces.
struct Stub {
    /// The method or function.
    method: String,
    /// The object or module it is replaced on; may be empty.
    target: String,
}

/// Finds added stubs of the unit under test in a changed test file.
pub fn find(file: &FileChange, out: &mut Vec<Finding>) {
    let path = file.path();
    let lang = Lang::of(path);
    if file.kind == ChangeKind::Added || file.kind == ChangeKind::Deleted || lang == Lang::Other {
        return;
    }
    let view = View::of(file, Side::New);
    let lexed = lex(&view, lang);
    let unit = stem(path);
    let stubbing: Vec<bool> = view.lines.iter().map(|l| is_stubbing(l.text)).collect();
    let removed: Vec<&str> = file
        .hunks
        .iter()
        .flat_map(|h| &h.lines)
        .filter(|l| l.kind == LineKind::Removed)
        .map(|l| l.text.as_str())
        .collect();
    let mut reported = 0;
    for (at, line) in view.lines.iter().enumerate() {
        if !line.changed
            || reported >= 3
            || line.text.trim_start().starts_with(['#', '*'])
            || line.text.trim_start().starts_with("//")
        {
            continue;
        }
        let toks = lexed.lines(at, at + 1);
        let hit = stubs(lang, line.text, toks).into_iter().find(|stub| {
            // The same stub was there before, perhaps spelt otherwise.
            let before = removed
                .iter()
                .any(|r| has_word(r, &stub.method) && is_stubbing(r));
            !before
                && (under_test(&stub.target, &unit, lang)
                    || called(&lexed.toks, &stub.method, &stub.target, &stubbing, lang))
        });
        let replaced =
            hit.is_none() && replaces_real(line.text, &removed, &lexed.toks, at, &unit, lang);
        let module = hit.is_none() && !replaced && mocks_own_module(line.text, &unit, &removed);
        if hit.is_some() || replaced || module {
            reported += 1;
            out.push(Finding {
                rule: "mock-replaces-unit",
                severity: Severity::Block,
                path: path.to_string(),
                line: line.no,
                side: Side::New,
                message: match hit {
                    Some(stub) => format!("`{}` is the code under test and is now stubbed, so the test asserts its own stub", stub.method),
                    None => "the code under test is replaced by a double, so the test asserts the double".into(),
                },
                evidence: evidence(line.text),
            });
        }
    }
}

fn is_stubbing(text: &str) -> bool {
    has_any(
        text,
        &[
            "receive(",
            "and_return",
            ".stubs(",
            ".stub(",
            "patch(",
            "patch.object",
            "setattr(",
            "return_value",
            "side_effect",
            "mockReturn",
            "mockResolved",
            "mockImplementation",
            "spyOn(",
            ".returns(",
            ".resolves(",
            "when(",
            "thenReturn",
            "doReturn",
            ".Setup(",
            ".Returns(",
            "expect_",
            "EXPECT_CALL",
            "ON_CALL",
            "WillOnce",
            "WillRepeatedly",
            "verify(",
            "every {",
            "every{",
            "coEvery",
            "Mock(",
            "receive_messages",
            "receive_message_chain",
            "verify {",
        ],
    ) || text.contains("= func(") && !text.contains(":= func(")
}

/// What the line stubs; empty when it stubs nothing.
fn stubs(lang: Lang, text: &str, toks: &[Tok]) -> Vec<Stub> {
    let mut out = Vec::new();
    let ident_before = |i: usize| {
        i.checked_sub(1)
            .map(|p| &toks[p])
            .filter(|t| t.kind == Kind::Ident)
            .map_or("", |t| t.text)
            .to_string()
    };
    for (i, t) in toks.iter().enumerate() {
        if t.kind != Kind::Ident {
            continue;
        }
        let next = |n: usize| toks.get(i + n);
        match lang {
            Lang::Ruby
                if matches!(
                    t.text,
                    "receive" | "stubs" | "stub" | "receive_message_chain"
                ) && next(1).is_some_and(|n| n.is("(")) =>
            {
                let method = toks[i + 2..]
                    .iter()
                    .find(|t| matches!(t.kind, Kind::Ident | Kind::Str))
                    .map_or("", |t| t.text);
                let target = toks
                    .iter()
                    .position(|t| {
                        matches!(
                            t.text,
                            "allow" | "allow_any_instance_of" | "expect_any_instance_of"
                        )
                    })
                    .and_then(|p| toks.get(p + 2))
                    .or(toks.first())
                    .map_or("", |t| t.text);
                if text.contains("and_call_original")
                    || t.text == "receive" && !has_any(text, &["allow", "any_instance"])
                {
                    continue;
                }
                out.push(Stub {
                    method: method.into(),
                    target: target.into(),
                });
            }
            Lang::Python
                if matches!(t.text, "patch" | "object" | "setattr")
                    && next(1).is_some_and(|n| n.is("(")) =>
            {
                let args = &toks[i + 2..];
                let strings: Vec<&Tok> = args
                    .iter()
                    .filter(|t| t.kind == Kind::Str)
                    .take(2)
                    .collect();
                let target = args
                    .first()
                    .filter(|t| t.kind == Kind::Ident)
                    .map_or(String::new(), |t| t.text.to_string());
                if let Some(name) = strings.first() {
                    let method = name.text.rsplit('.').next().unwrap_or("").to_string();
                    out.push(Stub { method, target });
                }
            }
            Lang::Python
                if matches!(t.text, "Mock" | "MagicMock" | "AsyncMock" | "lambda")
                    && i >= 3
                    && toks[i - 1].is("=") =>
            {
                if toks[i - 2].kind == Kind::Ident && toks[i - 3].is(".") {
                    out.push(Stub {
                        method: toks[i - 2].text.into(),
                        target: toks
                            .get(i.wrapping_sub(4))
                            .map_or(String::new(), |t| t.text.into()),
                    });
                }
            }
            Lang::Js
                if matches!(t.text, "spyOn" | "stub" | "method")
                    && next(1).is_some_and(|n| n.is("(")) =>
            {
                let name = toks[i + 2..]
                    .iter()
                    .find(|t| t.kind == Kind::Str)
                    .map_or("", |t| t.text);
                let answers = has_any(
                    text,
                    &["mock", "return", "resolve", "callsFake", "=>", "method("],
                );
                if !name.is_empty() && answers {
                    out.push(Stub {
                        method: name.into(),
                        target: next(2).map_or(String::new(), |t| t.text.into()),
                    });
                }
            }
            Lang::Js
                if t.text == "fn"
                    && i >= 5
                    && toks[i - 2].kind == Kind::Ident
                    && toks[..i].iter().any(|t| t.is("=")) =>
            {
                let eq = toks[..i].iter().rposition(|t| t.is("=")).unwrap_or(0);
                if eq >= 2 && toks[eq - 2].is(".") {
                    out.push(Stub {
                        method: toks[eq - 1].text.into(),
                        target: toks
                            .get(eq.wrapping_sub(3))
                            .map_or(String::new(), |t| t.text.into()),
                    });
                }
            }
            Lang::Java | Lang::Kotlin
                if matches!(t.text, "when" | "every" | "coEvery")
                    && has_any(text, &["thenReturn", "returns", "thenAnswer", "when("]) =>
            {
                // `when(x.m(..)).thenReturn(v)` and `doReturn(v).when(x).m(..)`.
                let rest = &toks[i + 1..];
                let dot = rest.iter().position(|t| t.is("."));
                if let Some(d) = dot {
                    let target = rest[..d]
                        .iter()
                        .rev()
                        .find(|t| t.kind == Kind::Ident)
                        .map_or("", |t| t.text);
                    let method = rest.get(d + 1).map_or("", |t| t.text);
                    if has_any(
                        text,
                        &[
                            "thenReturn",
                            "returns ",
                            "thenAnswer",
                            "doReturn",
                            "doAnswer",
                        ],
                    ) {
                        out.push(Stub {
                            method: method.into(),
                            target: target.into(),
                        });
                    }
                }
            }
            Lang::CSharp if t.text == "Setup" => {
                let method = toks[i..]
                    .windows(2)
                    .find(|w| w[0].is(".") && w[1].kind == Kind::Ident)
                    .map_or("", |w| w[1].text);
                out.push(Stub {
                    method: method.into(),
                    target: toks
                        .get(i.wrapping_sub(2))
                        .map_or(String::new(), |t| t.text.into()),
                });
            }
            Lang::CSharp if t.text == "Returns" && !toks.iter().any(|t| t.is_ident("Setup")) => {
                // NSubstitute: `x.M(..).Returns(v)`.
                if toks.len() > 2 && toks[1].is(".") {
                    out.push(Stub {
                        method: toks[2].text.into(),
                        target: toks[0].text.into(),
                    });
                }
            }
            Lang::Rust if t.text.starts_with("expect_") && t.text.len() > 7 => out.push(Stub {
                method: t.text["expect_".len()..].into(),
                target: toks
                    .get(i.wrapping_sub(2))
                    .map_or(String::new(), |t| t.text.into()),
            }),
            Lang::Cpp if matches!(t.text, "EXPECT_CALL" | "ON_CALL") => {
                let target = next(2).map_or("", |t| t.text);
                let method = toks[i..]
                    .iter()
                    .position(|t| t.is(","))
                    .and_then(|p| toks.get(i + p + 1))
                    .map_or("", |t| t.text);
                out.push(Stub {
                    method: method.into(),
                    target: target.into(),
                });
            }
            Lang::Go
                if t.text == "func"
                    && i >= 2
                    && toks[i - 1].is("=")
                    && toks[i - 2].kind == Kind::Ident =>
            {
                if !(i >= 3 && (toks[i - 3].is(".") || toks[i - 3].is_ident("var"))) {
                    out.push(Stub {
                        method: ident_before(i - 1),
                        target: String::new(),
                    });
                }
            }
            _ => {}
        }
    }
    out.retain(|s| !s.method.is_empty());
    out
}

/// Whether the target is the unit under test by name.
fn under_test(target: &str, unit: &str, lang: Lang) -> bool {
    match lang {
        Lang::Ruby => {
            matches!(target, "described_class" | "subject")
                || !target.is_empty() && bare_name(target) == *unit
        }
        Lang::Go | Lang::Rust | Lang::Cpp => false,
        _ => {
            target.len() > 2
                && bare_name(target.trim_start_matches("_").trim_start_matches("mock")) == *unit
        }
    }
}

/// Whether the tests call the stubbed method themselves, outside of stubbing lines.
fn called(toks: &[Tok], method: &str, target: &str, stubbing: &[bool], lang: Lang) -> bool {
    if method.len() < 3 {
        return false;
    }
    toks.windows(2).enumerate().any(|(i, w)| {
        if w[0].kind != Kind::Ident || w[0].text != method || stubbing[w[0].line as usize] {
            return false;
        }
        let call = w[1].is("(") || lang == Lang::Ruby && i > 0 && toks[i - 1].is(".");
        let defined = i > 0
            && matches!(
                toks[i - 1].text,
                "def" | "fn" | "func" | "function" | "import" | "from" | "MOCK_METHOD"
            );
        // Called on the very thing that was stubbed, or by its plain name.
        let receiver = if i >= 2 && matches!(toks[i - 1].text, "." | "->" | "::") {
            Some(toks[i - 2].text)
        } else {
            None
        };
        let same = match receiver {
            None => {
                target.is_empty() || matches!(lang, Lang::Python | Lang::Js) && !target.is_empty()
            }
            Some(r) => {
                r == target
                    || target.is_empty() && lang == Lang::Python
                    || r == "Object"
                    || r == "subject"
                    || lang == Lang::Python
                        && target.starts_with(char::is_uppercase)
                        && bare_name(r) == bare_name(target)
            }
        };
        call && !defined && same
    })
}

/// `x := NewReal()` became `x := &fakeReal{}` and the test asserts on `x`.
fn replaces_real(
    text: &str,
    removed: &[&str],
    toks: &[Tok],
    at: usize,
    unit: &str,
    lang: Lang,
) -> bool {
    let lower = text.to_lowercase();
    if !has_any(
        &lower,
        &[
            "mock",
            "fake",
            "stub",
            "instance_double",
            "substitute.for",
            "double(",
        ],
    ) {
        return false;
    }
    let Some((name, value)) = assignment(text) else {
        return false;
    };
    let doubled = value.to_lowercase();
    if !has_any(
        &doubled,
        &["mock", "fake", "stub", "double", "substitute.for"],
    ) {
        return false;
    }
    let real = removed.iter().any(|r| {
        assignment(r).is_some_and(|(n, v)| {
            let v_lower = v.to_lowercase();
            n == name
                && !has_any(
                    &v_lower,
                    &["mock", "fake", "stub", "double", "substitute.for"],
                )
                && (v.contains('(') || v.contains('{'))
        })
    });
    if !real || name.is_empty() {
        return false;
    }
    let _ = (at, lang);
    let of_unit = unit.len() > 2 && bare_name(&value).contains(unit);
    // The double is what the test calls and compares.
    let asserted = toks.windows(3).any(|w| {
        w[0].kind == Kind::Ident
            && w[0].text == name
            && (w[1].is(".") || w[1].is("->"))
            && w[2].kind == Kind::Ident
            && !has_any(
                w[2].text,
                &[
                    "On",
                    "EXPECT",
                    "Setup",
                    "assert",
                    "mock",
                    "expect_",
                    "return_value",
                    "Returns",
                    "stub",
                    "verify",
                    "Verify",
                    "called",
                    "side_effect",
                ],
            )
    });
    of_unit && asserted || asserted && real && of_unit
}

/// The name and value of an assignment.
fn assignment(text: &str) -> Option<(String, String)> {
    let at = text.find('=')?;
    if text[at + 1..].starts_with(['=', '>']) {
        return None;
    }
    let left = text[..at]
        .trim_end_matches([':', '+', '-', '!', '<', '>'])
        .trim_end();
    let left = left.split(':').next().unwrap_or(left).trim_end();
    let name: String = left
        .chars()
        .rev()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    (!name.is_empty()).then(|| (name, text[at + 1..].trim().to_string()))
}

/// `jest.mock("./forecast")` in `forecast.test.ts`.
fn mocks_own_module(text: &str, unit: &str, removed: &[&str]) -> bool {
    let Some(at) = ["jest.mock(", "vi.mock(", "jest.doMock(", "vi.doMock("]
        .iter()
        .find_map(|p| text.find(p).map(|a| a + p.len()))
    else {
        return false;
    };
    let module: String = text[at..]
        .trim_start()
        .trim_start_matches(['"', '\'', '`'])
        .chars()
        .take_while(|c| !matches!(c, '"' | '\'' | '`'))
        .collect();
    let own = module.starts_with('.')
        && unit.len() > 2
        && bare_name(
            module
                .rsplit('/')
                .next()
                .unwrap_or("")
                .split('.')
                .next()
                .unwrap_or(""),
        ) == *unit;
    own && !removed
        .iter()
        .any(|r| r.contains(&module) && r.contains("mock("))
}

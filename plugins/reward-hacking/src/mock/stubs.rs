//! How each language stubs.

use super::Stub;
use crate::lang::Lang;
use crate::lexer::{Kind, Tok};
use crate::text::has_any;

pub(super) fn is_stubbing(text: &str) -> bool {
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
pub(super) fn stubs(lang: Lang, text: &str, toks: &[Tok]) -> Vec<Stub> {
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
                    && toks[i - 1].is("=")
                    && toks[i - 2].kind == Kind::Ident
                    && toks[i - 3].is(".") =>
            {
                out.push(Stub {
                    method: toks[i - 2].text.into(),
                    target: toks
                        .get(i.wrapping_sub(4))
                        .map_or(String::new(), |t| t.text.into()),
                });
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
            Lang::CSharp
                if t.text == "Returns" && !toks.iter().any(|t| t.is_ident("Setup"))
                // NSubstitute: `x.M(..).Returns(v)`.
                && toks.len() > 2 && toks[1].is(".") =>
            {
                out.push(Stub {
                    method: toks[2].text.into(),
                    target: toks[0].text.into(),
                });
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
                    && toks[i - 2].kind == Kind::Ident
                    && !(i >= 3 && (toks[i - 3].is(".") || toks[i - 3].is_ident("var"))) =>
            {
                out.push(Stub {
                    method: ident_before(i - 1),
                    target: String::new(),
                });
            }
            _ => {}
        }
    }
    out.retain(|s| !s.method.is_empty());
    out
}

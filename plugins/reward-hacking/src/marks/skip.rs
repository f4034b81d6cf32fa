//! Skips and focus, by framework.

use super::{Cond, Mark, MarkKind};
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed};
use crate::text::{has_any, has_word};
use crate::unit::{RawUnit, UnitKind};
use crate::view::View;

/// The skip and focus marks of a unit: its attributes, its name, and skip calls in `body` (its own token indices).
pub fn skip_marks(
    view: &View,
    lexed: &Lexed,
    lang: Lang,
    unit: &RawUnit,
    body: &[usize],
) -> Vec<Mark> {
    let mut out = Vec::new();
    let mut push = |kind, at: usize, cond| {
        let l = &view.lines[at];
        out.push(Mark {
            kind,
            at,
            line: l.no,
            changed: l.changed,
            cond,
            text: l.text.trim().to_string(),
        });
    };
    for attr in &unit.attrs {
        if let Some((kind, cond)) = attr_mark(lang, &attr.name, &attr.text) {
            // A decorator over several lines counts where it starts.
            push(kind, attr.line, cond);
        }
    }
    match lang {
        Lang::Cpp if unit.kind == UnitKind::Test => {
            let header = view.lines[unit.decl].text;
            if has_any(
                header,
                &[
                    "DISABLED_",
                    "[.]",
                    "[.",
                    "[!mayfail]",
                    "[!shouldfail]",
                    "[hide]",
                    "doctest::skip(",
                    "doctest::may_fail",
                    "doctest::should_fail",
                    "unit_test::disabled(",
                    "expected_failures(",
                ],
            ) && !header.contains("skip(false)")
            {
                push(MarkKind::Skip, unit.decl, Cond::Always);
            }
        }
        Lang::Go if unit.kind == UnitKind::Helper => {
            // Ginkgo's own names stand inside one function.
        }
        _ => {}
    }
    // Runners pass by what they cannot call.
    if unit.kind == UnitKind::Test && matches!(lang, Lang::Java | Lang::CSharp | Lang::Kotlin) {
        let header = view.lines[unit.decl].text.trim_start();
        if header.starts_with("private ") || header.contains(" private ") {
            push(MarkKind::Skip, unit.decl, Cond::Always);
        }
    }
    for &i in body {
        if let Some((kind, cond)) = call_mark(view, lexed, lang, unit, i) {
            push(kind, lexed.toks[i].line as usize, cond);
        }
    }
    out
}

fn attr_mark(lang: Lang, name: &str, text: &str) -> Option<(MarkKind, Cond)> {
    let tail = name.rsplit(['.', ':']).next().unwrap_or(name);
    let skip = |cond| Some((MarkKind::Skip, cond));
    match lang {
        Lang::Rust => match tail {
            "ignore" => skip(Cond::Always),
            "should_panic" => Some((MarkKind::Swallow, Cond::Always)),
            "cfg_attr" if has_word(text, "ignore") => skip(condition(text)),
            "cfg" => {
                let inner = text
                    .split_once("cfg(")
                    .map_or("", |(_, r)| r)
                    .replace(' ', "");
                let rest = inner.replace("all(test,", "");
                if rest.starts_with("test)") || rest.starts_with("all(test)") {
                    None
                } else if has_any(&inner, &["any()", "not(test)", "not(all())"]) {
                    skip(Cond::Always)
                } else {
                    skip(condition(text))
                }
            }
            _ => None,
        },
        Lang::Python => {
            let lower = name.to_lowercase();
            if has_any(&lower, &["skipif", "skipunless"]) {
                let inner = text.split_once('(').map_or("", |(_, r)| r).trim_start();
                let always = inner.starts_with("True")
                    || lower.contains("skipunless") && inner.starts_with("False")
                    || inner.starts_with("1 ");
                skip(if always {
                    Cond::Always
                } else {
                    condition(text)
                })
            } else if matches!(tail, "skip" | "xfail" | "expectedFailure") {
                // xfail and skip may carry a platform condition too.
                let inner = text.split_once('(').map_or("", |(_, r)| r);
                let positional = !inner.is_empty()
                    && !inner.trim_start().starts_with(['"', '\'', ')'])
                    && !inner.trim_start().starts_with("reason")
                    && !inner.trim_start().starts_with("strict");
                skip(if tail == "xfail" && positional {
                    condition(text)
                } else {
                    Cond::Always
                })
            } else {
                None
            }
        }
        Lang::Js => match name {
            "skip" | "todo" | "xit" | "xtest" | "xdescribe" | "xcontext" | "xspecify"
            | "xsuite" | "fails" | "failing" | "fixme" | "fail" => skip(Cond::Always),
            "skipIf" | "runIf" => {
                let inner = text
                    .split_once(if name == "skipIf" {
                        "skipIf("
                    } else {
                        "runIf("
                    })
                    .map_or("", |(_, r)| r);
                let always = inner.starts_with("true") && name == "skipIf"
                    || inner.starts_with("false") && name == "runIf";
                skip(if always {
                    Cond::Always
                } else {
                    condition(text)
                })
            }
            "only" | "fit" | "ftest" | "fdescribe" | "fcontext" | "fspecify" => {
                Some((MarkKind::Focus, Cond::Always))
            }
            _ => None,
        },
        Lang::Java | Lang::Kotlin => match tail {
            "Disabled" | "Ignore" | "Ignored" | "PendingFeature" => skip(Cond::Always),
            "DisabledOnOs"
            | "EnabledOnOs"
            | "DisabledOnJre"
            | "EnabledOnJre"
            | "EnabledForJreRange"
            | "DisabledForJreRange"
            | "DisabledInNativeImage" => skip(Cond::Platform),
            "EnabledIf"
            | "DisabledIf"
            | "EnabledIfEnvironmentVariable"
            | "EnabledIfSystemProperty"
            | "DisabledIfEnvironmentVariable"
            | "DisabledIfSystemProperty"
            | "Requires"
            | "IgnoreIf" => skip(Cond::Other),
            "Test" if has_any(&text.replace(' ', ""), &["enabled=false"]) => skip(Cond::Always),
            _ => None,
        },
        Lang::CSharp => {
            let named = |list: &[&str]| {
                name.split(',').any(|n| {
                    let tail = n.rsplit('.').next().unwrap_or(n);
                    list.contains(&tail.strip_suffix("Attribute").unwrap_or(tail))
                })
            };
            if named(&["Ignore", "Explicit"])
                || has_any(
                    text,
                    &[
                        "Skip = ",
                        "Skip=",
                        "Ignore = ",
                        "Ignore=",
                        "Explicit = true",
                    ],
                ) && !has_any(text, &["Skip = null"])
            {
                skip(Cond::Always)
            } else if named(&[
                "Platform",
                "ConditionalFact",
                "ConditionalTheory",
                "OSCondition",
            ]) {
                skip(Cond::Platform)
            } else {
                None
            }
        }
        Lang::Ruby => match name {
            "skip" | "pending" | "xit" | "xdescribe" | "xcontext" | "xspecify" | "xexample"
            | "xscenario" | "xfeature" => {
                let plain = text.replace(' ', "");
                (!has_any(&plain, &["skip:false", "skip:nil"]))
                    .then_some((MarkKind::Skip, Cond::Always))
            }
            "focus" | "fit" | "fdescribe" | "fcontext" | "fspecify" | "fexample" => {
                Some((MarkKind::Focus, Cond::Always))
            }
            _ => None,
        },
        _ => None,
    }
}

/// A call inside a unit that skips it.
fn call_mark(
    view: &View,
    lexed: &Lexed,
    lang: Lang,
    unit: &RawUnit,
    i: usize,
) -> Option<(MarkKind, Cond)> {
    let toks = &lexed.toks;
    let t = &toks[i];
    if t.kind != Kind::Ident {
        return None;
    }
    let called = toks.get(i + 1).is_some_and(|n| n.is("("));
    let before = |n: usize| if i >= n { Some(&toks[i - n]) } else { None };
    let dotted = before(1).is_some_and(|p| p.is(".") || p.is("::"));
    let receiver = if dotted {
        before(2).map_or("", |p| p.text)
    } else {
        ""
    };
    let line = t.line as usize;
    let hit = match lang {
        Lang::Go => {
            called
                && matches!(t.text, "Skip" | "Skipf" | "SkipNow")
                && dotted
                && (matches!(receiver, "t" | "tb" | "b" | "f" | "tt" | "testing")
                    || receiver == ")" && before(4).is_some_and(|p| p.is_ident("T")))
                || called && t.text == "Skip" && !dotted && unit.kind == UnitKind::Test
        }
        Lang::Python => {
            called
                && (matches!(receiver, "pytest") && matches!(t.text, "skip" | "xfail")
                    || t.text == "skipTest"
                    || t.text == "SkipTest")
                || matches!(t.text, "skip" | "xfail" | "skipif")
                    && receiver == "mark"
                    && line > unit.decl
        }
        Lang::Js => {
            called
                && dotted
                && (matches!(receiver, "this" | "t" | "ctx" | "context")
                    && matches!(t.text, "skip" | "todo")
                    || matches!(receiver, "test" | "it") && matches!(t.text, "fixme" | "fail"))
                || called && !dotted && t.text == "pending"
        }
        Lang::Java | Lang::Kotlin => {
            called && t.text.starts_with("assume") && t.text.len() > 6
                || t.text == "SkipException"
                || t.text == "TestAbortedException"
        }
        Lang::CSharp => {
            called
                && (receiver == "Assert"
                    && matches!(
                        t.text,
                        "Ignore" | "Inconclusive" | "Skip" | "SkipWhen" | "SkipUnless"
                    )
                    || receiver == "Skip" && matches!(t.text, "If" | "IfNot"))
        }
        Lang::Ruby => {
            let first = line_first(lexed, line) == i;
            matches!(t.text, "skip" | "pending")
                && first
                && !dotted
                && !toks
                    .get(i + 1)
                    .is_some_and(|n| n.line == t.line && (n.is("=") || n.is(".") || n.is(":")))
                && line > unit.decl
        }
        Lang::Cpp => called && matches!(t.text, "GTEST_SKIP" | "SKIP" | "GTEST_SKIP_"),
        Lang::Rust | Lang::Other => false,
    };
    // The body of a macro skips nothing by itself.
    let in_macro = lang == Lang::Cpp
        && (view.lines[line].text.trim_start().starts_with("#define")
            || line > 0 && view.lines[line - 1].text.trim_end().ends_with('\\'));
    let hit = hit && !in_macro;
    if !hit {
        return None;
    }
    if matches!(lang, Lang::Java | Lang::Kotlin) && t.text.starts_with("assume") {
        let always = toks.get(i + 2).is_some_and(|a| {
            a.is_ident("false") && t.text == "assumeTrue"
                || a.is_ident("true") && t.text == "assumeFalse"
        });
        return Some((
            MarkKind::Skip,
            if always {
                Cond::Always
            } else {
                condition(view.lines[line].text)
            },
        ));
    }
    // The condition stands on the same line or closely above.
    let from = line.saturating_sub(2);
    let near = view.lines[from..=line]
        .iter()
        .filter(|l| l.chunk == view.lines[line].chunk)
        .map(|l| l.text)
        .collect::<Vec<_>>();
    let guarded = near.iter().any(|l| {
        has_any(
            l,
            &["if ", "if(", "unless ", "except", "catch", "skipif", " if"],
        )
    });
    let cond = if guarded {
        condition(&near.join(" "))
    } else {
        Cond::Always
    };
    Some((MarkKind::Skip, cond))
}

fn line_first(lexed: &Lexed, line: usize) -> usize {
    lexed.range(line, line + 1).0
}

/// What a condition in `text` depends on.
pub fn condition(text: &str) -> Cond {
    let lower = text.to_lowercase();
    const PLATFORM: [&str; 44] = [
        "sys.platform",
        "os.name",
        "platform.",
        "version_info",
        "win32",
        "windows",
        "darwin",
        "macos",
        "linux",
        "goos",
        "goarch",
        "target_os",
        "target_arch",
        "target_pointer_width",
        "unix",
        "miri",
        "process.platform",
        "ruby_platform",
        "ruby_version",
        "ruby_engine",
        "isosplatform",
        "runtimeinformation",
        "operatingsystem",
        "lookpath",
        "shutil.which",
        "find_spec",
        "_win32",
        "__apple__",
        "importerror",
        "modulenotfounderror",
        "root",
        "geteuid",
        "getuid",
        "byteorder",
        "big_endian",
        "target_env",
        "has_atomic",
        "process.version",
        "jre.",
        "os.",
        "docker",
        "is_available",
        "target_feature",
        "target_family",
    ];
    let env = has_any(
        &lower,
        &[
            "getenv",
            "environ",
            "process.env",
            "env[",
            "env.",
            "env::var",
            "system.getproperty",
            "lookupenv",
        ],
    );
    if !env
        && (has_any(&lower, &PLATFORM)
            || ["WIN", "MAC", "PY2", "PY3", "PYPY", "OSX"]
                .iter()
                .any(|w| crate::text::has_word(text, w)))
    {
        Cond::Platform
    } else {
        Cond::Other
    }
}

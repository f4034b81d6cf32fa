//! Doubles that answer for the unit under test itself, so that the test asserts its own stub.

mod stubs;

use stubs::{is_stubbing, stubs};

use crate::context::stem;
use crate::lang::Lang;
use crate::lexer::{Kind, Tok};
use crate::model::{ChangeKind, FileChange, Finding, LineKind, Severity, Side};
use crate::sides::{Code, CodeSide};
use crate::text::{bare_name, evidence, has_any, has_word};

/// What a stubbing line replaces.
struct Stub {
    /// The method or function.
    method: String,
    /// The object or module it is replaced on; may be empty.
    target: String,
}

/// Finds added stubs of the unit under test in a changed test file.
pub fn find(file: &FileChange, code: &Code, out: &mut Vec<Finding>) {
    if file.kind == ChangeKind::Added || file.kind == ChangeKind::Deleted {
        return;
    }
    let (path, lang) = (file.path(), code.lang);
    let CodeSide { view, lexed, .. } = &code.new;
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
        let replaced = hit.is_none() && replaces_real(line.text, &removed, &lexed.toks, &unit);
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
fn replaces_real(text: &str, removed: &[&str], toks: &[Tok], unit: &str) -> bool {
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
    of_unit && asserted
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

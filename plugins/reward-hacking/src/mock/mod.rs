//! Doubles that answer for the unit under test itself, so that the test asserts its own stub.

mod lookup;
mod stubs;

use std::cell::OnceCell;

use lookup::{Before, Calls};
use stubs::stubs;

use crate::context::stem;
use crate::lang::Lang;
use crate::model::{ChangeKind, FileChange, Finding, Severity, Side};
use crate::sides::{Code, CodeSide};
use crate::text::{bare_name, evidence, has_any};

/// What the maker of a double is called.
const DOUBLES: [&str; 5] = ["mock", "fake", "stub", "double", "substitute.for"];

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
    // Most tests stub nothing.
    let (calls, before) = (OnceCell::new(), OnceCell::new());
    let calls = || calls.get_or_init(|| Calls::of(&code.new, lang));
    let before = || before.get_or_init(|| Before::of(file));
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
            !before().stubbed(&stub.method)
                && (under_test(&stub.target, &unit, lang) || calls().of_stub(stub))
        });
        let replaced = hit.is_none() && replaces_real(line.text, before, calls, &unit);
        let module = hit.is_none() && !replaced && mocks_own_module(line.text, &unit, before);
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

/// `x := NewReal()` became `x := &fakeReal{}` and the test asserts on `x`.
fn replaces_real<'v>(
    text: &str,
    before: impl Fn() -> &'v Before<'v>,
    calls: impl Fn() -> &'v Calls<'v>,
    unit: &str,
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
    if !has_any(&doubled, &DOUBLES) {
        return false;
    }
    if !before().made(&name) {
        return false;
    }
    let of_unit = unit.len() > 2 && bare_name(&value).contains(unit);
    // The double is what the test calls and compares.
    of_unit && calls().uses(&name)
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
fn mocks_own_module<'v>(text: &str, unit: &str, before: impl Fn() -> &'v Before<'v>) -> bool {
    if !has_any(text, &["ock("]) {
        return false;
    }
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
    own && !before().mocked(&module)
}

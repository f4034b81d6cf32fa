//! What a test file said before and what it calls, each put in order once for all stubs of the file.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::stubs::is_stubbing;
use super::{DOUBLES, Stub, assignment};
use crate::lang::Lang;
use crate::lexer::{Kind, Tok};
use crate::model::{FileChange, LineKind};
use crate::sides::CodeSide;
use crate::text::{bare_name, has_any, has_word};

/// The removed lines of the file.
pub(super) struct Before<'a> {
    stubbing: Vec<&'a str>,
    /// The names in these.
    words: HashSet<&'a str>,
    mocks: Vec<&'a str>,
    file: &'a FileChange,
    made: OnceCell<HashSet<String>>,
}

fn removed(file: &FileChange) -> impl Iterator<Item = &str> {
    let lines = file.hunks.iter().flat_map(|h| &h.lines);
    lines
        .filter(|l| l.kind == LineKind::Removed)
        .map(|l| l.text.as_str())
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl<'a> Before<'a> {
    pub fn of(file: &'a FileChange) -> Before<'a> {
        let stubbing: Vec<&str> = removed(file).filter(|r| is_stubbing(r)).collect();
        Before {
            words: stubbing
                .iter()
                .flat_map(|r| r.split(|c| !is_name(c)))
                .collect(),
            stubbing,
            mocks: removed(file).filter(|r| r.contains("mock(")).collect(),
            file,
            made: OnceCell::new(),
        }
    }

    /// Whether a line stubbed something of that name.
    pub fn stubbed(&self, method: &str) -> bool {
        if method.chars().all(is_name) {
            return self.words.contains(method);
        }
        self.stubbing.iter().any(|r| has_word(r, method))
    }

    /// Whether a line mocked the module.
    pub fn mocked(&self, module: &str) -> bool {
        self.mocks.iter().any(|r| r.contains(module))
    }

    /// Whether a line made a real thing of that name.
    pub fn made(&self, name: &str) -> bool {
        let made = self.made.get_or_init(|| {
            removed(self.file)
                .filter_map(assignment)
                .filter(|(_, value)| {
                    !has_any(&value.to_lowercase(), &DOUBLES) && value.contains(['(', '{'])
                })
                .map(|(name, _)| name)
                .collect()
        });
        made.contains(name)
    }
}

/// The names in the file after the change.
pub(super) struct Calls<'a> {
    toks: &'a [Tok<'a>],
    lang: Lang,
    /// Whether a line stubs.
    stubbing: Vec<bool>,
    /// Each name with its index, by name.
    names: Vec<(&'a str, usize)>,
}

impl<'a> Calls<'a> {
    pub fn of(code: &'a CodeSide<'a>, lang: Lang) -> Calls<'a> {
        let toks = &code.lexed.toks;
        let mut names: Vec<(&str, usize)> = toks
            .iter()
            .enumerate()
            .filter(|(_, t)| t.kind == Kind::Ident)
            .map(|(i, t)| (t.text, i))
            .collect();
        names.sort_unstable();
        Calls {
            toks,
            lang,
            stubbing: code
                .view
                .lines
                .iter()
                .map(|l| is_stubbing(l.text))
                .collect(),
            names,
        }
    }

    /// Where the name stands with something behind it.
    fn places(&self, name: &str) -> impl Iterator<Item = usize> {
        let from = self.names.partition_point(|(n, _)| *n < name);
        let count = self.names[from..].partition_point(|(n, _)| *n == name);
        let last = self.toks.len().saturating_sub(1);
        let places = self.names[from..from + count].iter().map(|(_, i)| *i);
        places.filter(move |i| *i < last)
    }

    /// Whether the tests call the stubbed method themselves, outside of stubbing lines.
    pub fn of_stub(&self, stub: &Stub) -> bool {
        let (toks, lang) = (self.toks, self.lang);
        let (method, target) = (stub.method.as_str(), stub.target.as_str());
        method.len() >= 3
            && self.places(method).any(|i| {
                if self.stubbing[toks[i].line as usize] {
                    return false;
                }
                let call =
                    toks[i + 1].is("(") || lang == Lang::Ruby && i > 0 && toks[i - 1].is(".");
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
                        target.is_empty()
                            || matches!(lang, Lang::Python | Lang::Js) && !target.is_empty()
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

    /// Whether the thing of that name is what the test calls and compares.
    pub fn uses(&self, name: &str) -> bool {
        let toks = self.toks;
        self.places(name).any(|i| {
            (toks[i + 1].is(".") || toks[i + 1].is("->"))
                && toks.get(i + 2).is_some_and(|t| {
                    t.kind == Kind::Ident
                        && !has_any(
                            t.text,
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
                })
        })
    }
}

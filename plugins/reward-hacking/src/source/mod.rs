//! What the files that are not tests tell: which literals and names came and went, and cheats in the source itself.

mod env;
mod equality;
mod special;

use std::collections::HashSet;

use crate::lang::Lang;
use crate::lexer::{Kind, Lexed};
use crate::limits;
use crate::model::{FileChange, Finding};
use crate::role::Role;
use crate::sides::Code;
use crate::text::{Hashes, canonical_number, has_any, hash};
use crate::unit::RawUnit;
use crate::view::View;

pub use special::Special;

/// Knowledge about the source files of a change.
#[derive(Debug, Default)]
pub struct SourceFacts {
    /// Code that is no test changed.
    pub code_changed: bool,
    /// Prose changed: a changelog or documentation.
    pub docs_changed: bool,
    /// Names that removed lines define.
    pub removed_defs: Hashes,
    /// Telling string literals that left the source for good.
    pub removed_texts: Hashes,
    /// Literals in added lines.
    added_lits: Hashes,
    /// Literals in removed lines.
    removed_lits: Hashes,
    /// String literals in added lines, in lower case, for looking inside.
    added_strings: Vec<String>,
    removed_strings: Vec<String>,
    /// Telling strings that left for good, in lower case.
    lost_strings: Vec<String>,
    kept_lits: Hashes,
    kept_strings: HashSet<String>,
    /// Names in added and not in removed lines.
    pub added_idents: Hashes,
    /// Names in removed and not in added lines.
    pub removed_idents: Hashes,
    added_tokens: usize,
    removed_tokens: usize,
    /// Special cases to be held against the literals of the tests.
    pub specials: Vec<(String, Special)>,
    /// Cheats that need nothing else to be seen.
    pub findings: Vec<Finding>,
}

impl SourceFacts {
    /// Takes in one file of the change.
    pub fn add(&mut self, file: &FileChange, role: Role, code: Option<&Code>) {
        match role {
            Role::Docs => self.docs_changed = true,
            Role::Source => {
                if let Some(code) = code {
                    self.source(file, code);
                }
            }
            Role::Test => {
                // Equality operators of test helpers count as well.
                if let Some(code) = code {
                    let new = &code.new;
                    equality::find(file, &new.view, &new.lexed, code.lang, &mut self.findings);
                }
            }
            _ => {}
        }
    }

    fn source(&mut self, file: &FileChange, code: &Code) {
        let lang = code.lang;
        let (old, new) = (&code.old.view, &code.new.view);
        let (tests_old, tests_new) = (
            test_lines(old, &code.old.raw, lang),
            test_lines(new, &code.new.raw, lang),
        );
        self.collect(old, &code.old.lexed, &tests_old, true);
        self.collect(new, &code.new.lexed, &tests_new, false);
        if new
            .lines
            .iter()
            .zip(&tests_new)
            .any(|(l, t)| l.changed && !t)
            || old
                .lines
                .iter()
                .zip(&tests_old)
                .any(|(l, t)| l.changed && !t)
        {
            self.code_changed = true;
        }
        env::find(file, new, lang, &tests_new, &mut self.findings);
        equality::find(file, new, &code.new.lexed, lang, &mut self.findings);
        let room = limits::CANDIDATES.saturating_sub(self.specials.len());
        if room > 0 {
            let found = special::find(new, &code.new.lexed, lang, &tests_new);
            let found = found.into_iter().take(room);
            self.specials
                .extend(found.map(|s| (file.path().to_string(), s)));
        }
    }

    fn collect(&mut self, view: &View, lexed: &Lexed, tests: &[bool], old: bool) {
        for (i, t) in lexed.toks.iter().enumerate() {
            let at = t.line as usize;
            if tests[at] {
                continue;
            }
            let changed = view.lines[at].changed;
            let h = if t.kind == Kind::Number {
                hash(&canonical_number(t.text))
            } else {
                hash(t.text)
            };
            match t.kind {
                Kind::Str | Kind::Number => {
                    if !changed {
                        self.kept_lits.insert(h);
                        if t.kind == Kind::Str
                            && t.text.len() >= 6
                            && self.kept_strings.len() < limits::POOL / 8
                        {
                            self.kept_strings.insert(t.text.to_lowercase());
                        }
                    } else if old {
                        self.removed_lits.insert(h);
                        if t.kind == Kind::Str && self.removed_strings.len() < limits::POOL / 8 {
                            self.removed_strings.push(t.text.to_lowercase());
                        }
                        if t.kind == Kind::Str
                            && t.text.len() >= 3
                            && t.text.chars().any(char::is_alphabetic)
                        {
                            self.removed_texts.insert(h);
                        }
                    } else {
                        self.added_lits.insert(h);
                        if t.kind == Kind::Str && self.added_strings.len() < limits::POOL / 8 {
                            self.added_strings.push(t.text.to_lowercase());
                        }
                    }
                }
                Kind::Ident if changed => {
                    if old {
                        self.removed_idents.insert(h);
                        let defines = i > 0
                            && matches!(
                                lexed.toks[i - 1].text,
                                "enum"
                                    | "trait"
                                    | "type"
                                    | "interface"
                                    | "struct"
                                    | "class"
                                    | "module"
                                    | "mod"
                                    | "typedef"
                                    | "union"
                                    | "macro_rules"
                            );
                        if defines {
                            self.removed_defs.insert(h);
                        }
                    } else {
                        self.added_idents.insert(h);
                    }
                }
                _ => {}
            }
            if changed {
                if old {
                    self.removed_tokens += 1;
                } else {
                    self.added_tokens += 1;
                }
            }
        }
    }

    /// Once every file is in.
    pub fn finish(&mut self) {
        let common: Vec<u64> = self
            .added_idents
            .intersection(&self.removed_idents)
            .copied()
            .collect();
        for h in common {
            self.added_idents.remove(&h);
            self.removed_idents.remove(&h);
        }
        self.removed_texts
            .retain(|h| !self.added_lits.contains(h) && !self.kept_lits.contains(h));
        self.removed_defs
            .retain(|h| self.removed_idents.contains(h));
        // A name of a thing, not a word of prose: one token with some length.
        self.lost_strings = self
            .removed_strings
            .iter()
            .filter(|t| t.len() >= 6 && !t.contains(' ') && t.chars().any(char::is_alphabetic))
            .filter(|t| !self.added_strings.iter().any(|a| a.contains(t.as_str())))
            .take(500)
            .cloned()
            .collect();
        self.lost_strings.sort_unstable();
        self.lost_strings.dedup();
        let kept = std::mem::take(&mut self.kept_strings);
        self.lost_strings.retain(|t| !kept.contains(t));
    }

    /// Whether the source's own literals changed along with this value of a test.
    pub fn explains(&self, value: &str, came: bool) -> bool {
        let h = hash(value);
        let (own, other, strings) = if came {
            (&self.added_lits, &self.removed_lits, &self.added_strings)
        } else {
            (&self.removed_lits, &self.added_lits, &self.removed_strings)
        };
        if own.contains(&h) && !other.contains(&h) {
            return true;
        }
        let lower = value.to_lowercase();
        lower.len() >= 3
            && strings
                .iter()
                .any(|s| s.len() >= 3 && (lower.contains(s.as_str()) || s.contains(&lower)))
    }

    /// Whether the text mentions a telling string that the source no longer has.
    pub fn lost_text_in(&self, text: &str) -> bool {
        self.lost_strings.iter().any(|s| text.contains(s.as_str()))
    }

    /// Whether the source became poorer: what was removed is no less than what came, and no literal changed.
    pub fn lost_logic(&self) -> bool {
        let swapped = self
            .added_lits
            .difference(&self.removed_lits)
            .next()
            .is_some();
        self.code_changed && self.added_tokens <= self.removed_tokens && !swapped
    }

    /// Whether the added source mentions the text in a literal or name.
    pub fn mentions(&self, word: &str, removed: bool) -> bool {
        let (names, strings) = if removed {
            (&self.removed_idents, &self.removed_strings)
        } else {
            (&self.added_idents, &self.added_strings)
        };
        names.contains(&hash(word)) || strings.iter().any(|s| s.contains(&word.to_lowercase()))
    }
}

/// Which lines of a source file are its tests: Rust keeps them inside.
pub fn test_lines(view: &View, units: &[RawUnit], lang: Lang) -> Vec<bool> {
    let mut out = vec![false; view.lines.len()];
    for unit in units {
        let gated = unit.attrs.iter().any(|a| {
            a.name == "cfg"
                && has_any(
                    &a.text.replace(' ', ""),
                    &["cfg(test)", "cfg(all(test", "cfg(any(test"],
                )
                && !a.text.contains("not(test")
        });
        let is_test = unit.kind == crate::unit::UnitKind::Test
            || gated
            || lang == Lang::Rust
                && unit.kind == crate::unit::UnitKind::Container
                && (unit.name == "tests" || unit.name == "test");
        if is_test {
            let end = unit.end.min(out.len());
            out[unit.start..end].fill(true);
        }
    }
    if lang == Lang::Rust {
        for (i, line) in view.lines.iter().enumerate() {
            let section = view
                .sections
                .get(line.chunk as usize)
                .copied()
                .unwrap_or("");
            if section.contains("mod tests") || section.contains("mod test ") {
                out[i] = true;
            }
        }
    }
    out
}

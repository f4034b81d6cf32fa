//! Both sides of a file as lines, tokens and units: made once, read by every rule on code.

use crate::lang::Lang;
use crate::lexer::{Lexed, lex};
use crate::model::{FileChange, Side};
use crate::role::Role;
use crate::unit::{RawUnit, units};
use crate::view::View;

/// One side of a file of code.
#[derive(Debug)]
pub struct CodeSide<'a> {
    /// Its lines.
    pub view: View<'a>,
    /// Their tokens.
    pub lexed: Lexed<'a>,
    /// The units they make.
    pub raw: Vec<RawUnit>,
}

impl<'a> CodeSide<'a> {
    fn of(file: &'a FileChange, side: Side, lang: Lang, is_test_file: bool) -> CodeSide<'a> {
        let view = View::of(file, side);
        let lexed = lex(&view, lang);
        let raw = units(&view, &lexed, lang, is_test_file);
        CodeSide { view, lexed, raw }
    }
}

/// A file of code before and after.
#[derive(Debug)]
pub struct Code<'a> {
    /// Its language.
    pub lang: Lang,
    /// Before.
    pub old: CodeSide<'a>,
    /// After.
    pub new: CodeSide<'a>,
}

impl<'a> Code<'a> {
    /// Reads a file; none when it is in no language the scanner understands.
    pub fn of(file: &'a FileChange, role: Role) -> Option<Code<'a>> {
        let lang = Lang::of(file.path());
        let is_test_file = match role {
            Role::Test | Role::Harness => true,
            Role::Source => false,
            Role::Golden | Role::Fixture | Role::Docs | Role::Ignored => return None,
        };
        (lang != Lang::Other).then(|| Code {
            lang,
            old: CodeSide::of(file, Side::Old, lang, is_test_file),
            new: CodeSide::of(file, Side::New, lang, is_test_file),
        })
    }
}

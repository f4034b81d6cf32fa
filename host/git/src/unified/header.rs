//! The head of one file in a diff, in git's form and in the plain form, and
//! the walk over its hunks.

use std::ops::Range;

use sortie_model::diff::{ChangeKind, DiffError, FileChange};

use super::cursor::{Cursor, without_cr};
use super::{hunk, path};

/// The longest header line: two quoted names of the longest path there is.
const MAX_HEADER_BYTES: usize = 40_000;

/// One file of a diff.
pub(super) struct Section {
    pub(super) file: FileChange,
    pub(super) whole: Range<usize>,
    pub(super) hunks: Range<usize>,
    /// Number of the first line of the hunks.
    pub(super) line: u64,
}

/// What the header lines say, before it is put together.
#[derive(Default)]
struct Facts {
    git_pair: Option<(Vec<u8>, Vec<u8>)>,
    old_name: Option<Name>,
    new_name: Option<Name>,
    moved_from: Option<Vec<u8>>,
    moved_to: Option<Vec<u8>>,
    kind: Option<ChangeKind>,
    old_mode: u32,
    new_mode: u32,
    binary: bool,
}

/// A path on one side of a change; none where there is no file.
type Side = Option<Vec<u8>>;

/// A name on a `---` or `+++` line.
enum Name {
    Nothing,
    File(Vec<u8>),
}

impl Section {
    /// Parses the file whose head is at the position, or none when there is
    /// none there.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Self>, DiffError> {
        let start = cursor.offset();
        let Some(first) = cursor.peek().map(without_cr) else {
            return Ok(None);
        };
        let mut facts = Facts::default();
        let head_line = cursor.line();
        let is_plain_head = |line: &[u8], next: Option<&[u8]>| {
            line.starts_with(b"--- ") && next.is_some_and(|n| n.starts_with(b"+++ "))
        };
        if let Some(rest) = first.strip_prefix(b"diff --git ") {
            check_length(cursor, first)?;
            facts.git_pair = path::git_pair(rest);
            cursor.next();
            extended(cursor, &mut facts)?;
            if let (Some(line), next) = (cursor.peek(), cursor.peek_second())
                && is_plain_head(line, next)
            {
                names(cursor, &mut facts)?;
            }
        } else if first.starts_with(b"diff --cc ") || first.starts_with(b"diff --combined ") {
            return Err(cursor.malformed("combined diffs of merges are not supported"));
        } else if is_plain_head(first, cursor.peek_second()) {
            names(cursor, &mut facts)?;
        } else if let Some((old, new)) = plain_binary(first) {
            check_length(cursor, first)?;
            facts.old_name = Some(file_or_nothing(old));
            facts.new_name = Some(file_or_nothing(new));
            facts.binary = true;
            cursor.next();
        } else {
            return Ok(None);
        }
        let line = cursor.line();
        let hunks_start = cursor.offset();
        let (mut additions, mut deletions) = (0_u32, 0_u32);
        while let Some((added, removed)) = hunk::count(cursor)? {
            additions = additions.saturating_add(added);
            deletions = deletions.saturating_add(removed);
        }
        let hunks = hunks_start..cursor.offset();
        let mut file = facts.into_change().ok_or_else(|| DiffError::Malformed {
            line: head_line,
            reason: "the head does not tell the file's path".into(),
        })?;
        file.additions = additions;
        file.deletions = deletions;
        Ok(Some(Self {
            file,
            whole: start..cursor.offset(),
            hunks,
            line,
        }))
    }
}

/// The lines between `diff --git` and `---`.
fn extended(cursor: &mut Cursor<'_>, facts: &mut Facts) -> Result<(), DiffError> {
    while let Some(line) = cursor.peek().map(without_cr) {
        let after = |prefix: &str| line.strip_prefix(prefix.as_bytes());
        let bad = |what: &str| cursor.malformed(format!("the {what} is malformed"));
        let mode = |text: &[u8]| parse_mode(text).ok_or_else(|| bad("mode"));
        let name = |text: &[u8]| path::name(text).ok_or_else(|| bad("name"));
        if let Some(text) = after("old mode ") {
            facts.old_mode = mode(text)?;
        } else if let Some(text) = after("new mode ") {
            facts.new_mode = mode(text)?;
        } else if let Some(text) = after("deleted file mode ") {
            facts.old_mode = mode(text)?;
            facts.kind = Some(ChangeKind::Deleted);
        } else if let Some(text) = after("new file mode ") {
            facts.new_mode = mode(text)?;
            facts.kind = Some(ChangeKind::Added);
        } else if let Some(text) = after("rename from ") {
            facts.moved_from = Some(name(text)?);
            facts.kind = Some(ChangeKind::Renamed);
        } else if let Some(text) = after("copy from ") {
            facts.moved_from = Some(name(text)?);
            facts.kind = Some(ChangeKind::Copied);
        } else if let Some(text) = after("rename to ").or_else(|| after("copy to ")) {
            facts.moved_to = Some(name(text)?);
        } else if let Some(text) = after("index ") {
            // `index <old>..<new> <mode>` when the mode stays the same.
            if let Some(at) = text.iter().position(|b| *b == b' ') {
                let both = mode(&text[at + 1..])?;
                (facts.old_mode, facts.new_mode) = (both, both);
            }
        } else if line.starts_with(b"Binary files ") {
            facts.binary = true;
        } else if line == b"GIT binary patch" {
            facts.binary = true;
            cursor.next();
            skip_binary(cursor);
            return Ok(());
        } else if after("similarity index ").is_none() && after("dissimilarity index ").is_none() {
            return Ok(());
        }
        check_length(cursor, line)?;
        cursor.next();
    }
    Ok(())
}

/// Encoded contents: `literal` and `delta` lines, base85 lines (which hold no
/// space), and the empty line after each.
fn skip_binary(cursor: &mut Cursor<'_>) {
    while let Some(line) = cursor.peek().map(without_cr) {
        let is_head = line.starts_with(b"literal ") || line.starts_with(b"delta ");
        if !is_head && (line.contains(&b' ') || line.starts_with(b"@@")) {
            return;
        }
        cursor.next();
    }
}

/// The `---` and the `+++` line.
fn names(cursor: &mut Cursor<'_>, facts: &mut Facts) -> Result<(), DiffError> {
    for (prefix, slot) in [
        (&b"--- "[..], &mut facts.old_name),
        (&b"+++ "[..], &mut facts.new_name),
    ] {
        let line = cursor.peek().map(without_cr).unwrap_or_default();
        check_length(cursor, line)?;
        let text = line.strip_prefix(prefix).unwrap_or_default();
        let name = path::name(text).ok_or_else(|| cursor.malformed("the name is malformed"))?;
        // `diff -N` gives a file that is not there the first second there is.
        let stamp = text.get(name.len()..).unwrap_or_default();
        let absent = !text.starts_with(b"\"")
            && (stamp.starts_with(b"\t1970-01-01 ") || stamp.starts_with(b"\t1969-12-31 "));
        *slot = Some(if absent {
            Name::Nothing
        } else {
            file_or_nothing(name)
        });
        cursor.next();
    }
    Ok(())
}

fn file_or_nothing(name: Vec<u8>) -> Name {
    if name == b"/dev/null" {
        Name::Nothing
    } else {
        Name::File(name)
    }
}

/// `Binary files a/x and b/x differ`, as `diff -r` writes it.
fn plain_binary(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let rest = line
        .strip_prefix(b"Binary files ")?
        .strip_suffix(b" differ")?;
    let at = rest.windows(5).position(|w| w == b" and ")?;
    Some((rest[..at].to_vec(), rest[at + 5..].to_vec()))
}

fn parse_mode(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let fits = (5..=6).contains(&text.len());
    fits.then(|| u32::from_str_radix(text, 8).ok()).flatten()
}

fn check_length(cursor: &Cursor<'_>, line: &[u8]) -> Result<(), DiffError> {
    if line.len() > MAX_HEADER_BYTES {
        return Err(cursor.malformed("a header line is too long"));
    }
    Ok(())
}

impl Facts {
    /// Puts the facts together; none when no path can be told.
    fn into_change(self) -> Option<FileChange> {
        let (old, new) = self.paths()?;
        let text = |name: Vec<u8>| String::from_utf8_lossy(&name).into_owned();
        let kind = self.kind.unwrap_or(match (&old, &new) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Deleted,
            (Some(o), Some(n)) if o != n => ChangeKind::Renamed,
            _ => ChangeKind::Modified,
        });
        Some(FileChange {
            old_path: old.filter(|_| kind != ChangeKind::Added).map(text),
            new_path: new.filter(|_| kind != ChangeKind::Deleted).map(text),
            kind,
            binary: self.binary,
            old_mode: self.old_mode,
            new_mode: self.new_mode,
            additions: 0,
            deletions: 0,
        })
    }

    fn paths(&self) -> Option<(Side, Side)> {
        if let (Some(from), Some(to)) = (&self.moved_from, &self.moved_to) {
            return Some((Some(from.clone()), Some(to.clone())));
        }
        let is_git = self.git_pair.is_some();
        match (&self.old_name, &self.new_name) {
            (Some(Name::File(old)), Some(Name::File(new))) => {
                let (old, new) = path::strip_prefixes(old, new);
                // `diff -u x.orig x` is about x.
                let same = !is_git && old.strip_suffix(b".orig") == Some(new);
                Some((
                    Some(if same { new } else { old }.to_vec()),
                    Some(new.to_vec()),
                ))
            }
            (Some(Name::Nothing), Some(Name::File(new))) => Some((None, Some(self.one(new, b'b')))),
            (Some(Name::File(old)), Some(Name::Nothing)) => Some((Some(self.one(old, b'a')), None)),
            (Some(Name::Nothing), Some(Name::Nothing)) => None,
            _ => {
                let (old, new) = self.git_pair.as_ref()?;
                let (old, new) = path::strip_prefixes(old, new);
                Some((Some(old.to_vec()), Some(new.to_vec())))
            }
        }
    }

    /// The path of a file that is on one side only. Git's own first line
    /// names it on both sides, and so tells a prefix from a directory.
    fn one(&self, name: &[u8], letter: u8) -> Vec<u8> {
        if let Some((old, new)) = &self.git_pair {
            let (stripped, _) = path::strip_prefixes(old, new);
            if name.ends_with(stripped) {
                return stripped.to_vec();
            }
        }
        path::strip_prefix(name, letter).to_vec()
    }
}

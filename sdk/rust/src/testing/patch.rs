//! Reads a diff as git prints it. What it cannot read it refuses: half a diff would make a test say
//! something about another change. (The host has a reader of its own for every kind of diff.)

use std::fmt;

use crate::{ChangeKind, FileChange, Hunk, Line, LineKind};

/// Why a diff was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchError {
    /// 1-based line of the diff.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for PatchError {}

/// A diff that was read.
pub(super) struct Patch {
    files: Vec<FileChange>,
    hunks: Vec<Vec<Hunk>>,
}

impl Patch {
    pub(super) fn files(&self) -> &[FileChange] {
        &self.files
    }

    pub(super) fn hunks(&self, file: u32) -> Vec<Hunk> {
        let hunks = usize::try_from(file).ok().and_then(|i| self.hunks.get(i));
        hunks.expect("a file of this change").clone()
    }
}

/// Reads a diff; an empty text is an empty change.
pub(super) fn parse(text: &str) -> Result<Patch, PatchError> {
    let mut reader = Reader {
        lines: text.lines().collect(),
        at: 0,
    };
    let mut patch = Patch {
        files: Vec::new(),
        hunks: Vec::new(),
    };
    while let Some(line) = reader.peek() {
        if let Some(pair) = line.strip_prefix("diff --git ") {
            reader.at += 1;
            let (file, hunks) = reader.file(pair)?;
            patch.files.push(file);
            patch.hunks.push(hunks);
        } else if ["@@ ", "--- ", "+++ "].iter().any(|p| line.starts_with(p)) {
            return Err(reader.error("a file begins with `diff --git a/… b/…`"));
        } else if !patch.files.is_empty() && line.starts_with(['+', '-', ' ']) && line != "-- " {
            return Err(reader.error("more lines than the hunk's head announces"));
        } else {
            // The head of a mail or a commit.
            reader.at += 1;
        }
    }
    if patch.files.is_empty() && !text.trim().is_empty() {
        reader.at = 0;
        return Err(reader.error("this is not a diff"));
    }
    Ok(patch)
}

struct Reader<'t> {
    lines: Vec<&'t str>,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<&'t str> {
        self.lines.get(self.at).copied()
    }

    fn error(&self, reason: &'static str) -> PatchError {
        PatchError {
            line: self.at + 1,
            reason,
        }
    }

    /// Everything after `diff --git`.
    fn file(&mut self, pair: &str) -> Result<(FileChange, Vec<Hunk>), PatchError> {
        let (old, new) = pair_of(pair).ok_or_else(|| self.error("the paths are unreadable"))?;
        let mut file = FileChange {
            old_path: Some(old),
            new_path: Some(new),
            kind: ChangeKind::Modified,
            binary: false,
            old_mode: 0,
            new_mode: 0,
            additions: 0,
            deletions: 0,
        };
        while let Some(line) = self.peek() {
            if !self.head_line(line, &mut file)? {
                break;
            }
            self.at += 1;
        }
        let mut hunks = Vec::new();
        while let Some(head) = self.peek().and_then(|l| l.strip_prefix("@@ -")) {
            let hunk = self.hunk(head)?;
            for line in &hunk.lines {
                file.additions += u32::from(line.kind == LineKind::Added);
                file.deletions += u32::from(line.kind == LineKind::Removed);
            }
            hunks.push(hunk);
        }
        Ok((file, hunks))
    }

    /// Takes one line between `diff --git` and the first hunk; false when it is none.
    fn head_line(&self, line: &str, file: &mut FileChange) -> Result<bool, PatchError> {
        let after = |prefix: &str| line.strip_prefix(prefix);
        let mode = |text: &str| {
            u32::from_str_radix(text.trim(), 8).map_err(|_| self.error("the mode is unreadable"))
        };
        let path = |text: &str| unquote(text).ok_or_else(|| self.error("the path is unreadable"));
        if let Some(text) = after("old mode ") {
            file.old_mode = mode(text)?;
        } else if let Some(text) = after("new mode ") {
            file.new_mode = mode(text)?;
        } else if let Some(text) = after("new file mode ") {
            (file.kind, file.old_path, file.new_mode) = (ChangeKind::Added, None, mode(text)?);
        } else if let Some(text) = after("deleted file mode ") {
            (file.kind, file.new_path, file.old_mode) = (ChangeKind::Deleted, None, mode(text)?);
        } else if let Some(text) = after("rename from ") {
            (file.kind, file.old_path) = (ChangeKind::Renamed, Some(path(text)?));
        } else if let Some(text) = after("copy from ") {
            (file.kind, file.old_path) = (ChangeKind::Copied, Some(path(text)?));
        } else if let Some(text) = after("rename to ").or_else(|| after("copy to ")) {
            file.new_path = Some(path(text)?);
        } else if let Some(text) = after("index ") {
            if let Some((_, text)) = text.split_once(' ') {
                (file.old_mode, file.new_mode) = (mode(text)?, mode(text)?);
            }
        } else if after("Binary files ").is_some() {
            file.binary = true;
        } else if after("GIT binary patch").is_some() {
            return Err(
                self.error("the contents of binary files are not read; use plain `git diff`")
            );
        } else {
            let ignored = ["similarity index ", "dissimilarity index ", "--- ", "+++ "];
            return Ok(ignored.iter().any(|prefix| line.starts_with(prefix)));
        }
        Ok(true)
    }

    fn hunk(&mut self, head: &str) -> Result<Hunk, PatchError> {
        let mut hunk =
            hunk_head(head).ok_or_else(|| self.error("the hunk's head is unreadable"))?;
        self.at += 1;
        let (mut old_line, mut new_line) = (hunk.old_start, hunk.new_start);
        let (mut old_left, mut new_left) = (hunk.old_count, hunk.new_count);
        while old_left > 0 || new_left > 0 {
            let line = self
                .peek()
                .ok_or_else(|| self.error("the diff ends within a hunk"))?;
            let (kind, text) = match line.split_at_checked(1) {
                Some(("+", text)) => (LineKind::Added, text),
                Some(("-", text)) => (LineKind::Removed, text),
                Some((" ", text)) => (LineKind::Context, text),
                None => (LineKind::Context, ""),
                Some(("\\", _)) => {
                    self.at += 1;
                    continue;
                }
                Some(_) => return Err(self.error("a line begins with none of ` +-\\`")),
            };
            let (old, new) = (kind != LineKind::Added, kind != LineKind::Removed);
            let short = self.error("more lines than the hunk's head announces");
            old_left = old_left.checked_sub(u32::from(old)).ok_or(short.clone())?;
            new_left = new_left.checked_sub(u32::from(new)).ok_or(short)?;
            hunk.lines.push(Line {
                kind,
                old_line: if old { old_line } else { 0 },
                new_line: if new { new_line } else { 0 },
                text: text.to_owned(),
            });
            old_line += u32::from(old);
            new_line += u32::from(new);
            self.at += 1;
        }
        while self.peek().is_some_and(|line| line.starts_with('\\')) {
            self.at += 1;
        }
        Ok(hunk)
    }
}

/// `1,2 +3,4 @@ section`, without what stands before it.
fn hunk_head(head: &str) -> Option<Hunk> {
    let (numbers, section) = head.split_once(" @@")?;
    let (old, new) = numbers.split_once(" +")?;
    let range = |text: &str| -> Option<(u32, u32)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        let (start, count) = (start.parse::<u32>().ok()?, count.parse::<u32>().ok()?);
        // Every line of it has a number.
        start.checked_add(count).map(|_| (start, count))
    };
    let ((old_start, old_count), (new_start, new_count)) = (range(old)?, range(new)?);
    Some(Hunk {
        old_start,
        old_count,
        new_start,
        new_count,
        section: section.trim().to_owned(),
        lines: Vec::new(),
    })
}

/// The two paths of `a/old b/new`. Without quotes, a name with ` b/` in it is told by both being the
/// same, as they are unless the file was moved; then lines of their own say so.
fn pair_of(pair: &str) -> Option<(String, String)> {
    let at = pair
        .match_indices([' '])
        .map(|(at, _)| at)
        .filter(|at| pair[at + 1..].starts_with(['b', '"']));
    let mut first = None;
    for at in at {
        let old = unquote(&pair[..at]).and_then(|p| p.strip_prefix("a/").map(str::to_owned));
        let new = unquote(&pair[at + 1..]).and_then(|p| p.strip_prefix("b/").map(str::to_owned));
        if let (Some(old), Some(new)) = (old, new) {
            if old == new {
                return Some((old, new));
            }
            first = first.or(Some((old, new)));
        }
    }
    first
}

/// A path as git writes it: in quotes and with escapes when it has special bytes.
fn unquote(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('"') else {
        return Some(text.to_owned());
    };
    let mut bytes = quoted.strip_suffix('"')?.bytes();
    let mut path = Vec::new();
    while let Some(byte) = bytes.next() {
        path.push(match byte {
            b'"' => return None,
            b'\\' => match bytes.next()? {
                b'a' => 7,
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 11,
                b'f' => 12,
                b'r' => b'\r',
                digit @ b'0'..=b'3' => {
                    let mut value = digit - b'0';
                    for _ in 0..2 {
                        let digit = bytes.next().filter(|b| (b'0'..=b'7').contains(b))?;
                        value = value * 8 + (digit - b'0');
                    }
                    value
                }
                other => other,
            },
            byte => byte,
        });
    }
    Some(String::from_utf8_lossy(&path).into_owned())
}

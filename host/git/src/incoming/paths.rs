//! Rules for the names and links that a result may bring. Git's own checks
//! run before these; they are repeated here so that a git with a gap is not
//! the only guard, and sharpened, because a path ends up on other people's
//! disks, in terminals and in web pages.

use super::BundleFault;
use crate::Limits;

/// Checks the path of a new or changed entry and returns it as text.
pub(super) fn check_path<'p>(path: &'p [u8], limits: &Limits) -> Result<&'p str, BundleFault> {
    let refuse = |reason| BundleFault::BadPath {
        path: shown(path),
        reason,
    };
    let text = std::str::from_utf8(path).map_err(|_| refuse("it is not UTF-8"))?;
    if text.len() > limits.max_path_bytes {
        return Err(refuse("it is too long"));
    }
    if text.chars().any(is_unprintable) {
        return Err(refuse("it holds control or text-direction characters"));
    }
    if text.starts_with('/') {
        return Err(refuse("it is absolute"));
    }
    if text.split('/').count() > limits.max_path_depth {
        return Err(refuse("it is too deep"));
    }
    // Windows takes the backslash for a separator.
    for part in text.split(['/', '\\']) {
        match part {
            "" => return Err(refuse("a part of it is empty")),
            "." | ".." => return Err(refuse("it holds '.' or '..'")),
            part if is_dot_git(part) => return Err(refuse("a part of it means .git")),
            part if part.len() > 255 => return Err(refuse("a part of it is too long")),
            _ => {}
        }
    }
    Ok(text)
}

/// Checks where a symlink at `path` leads: nowhere outside the repository,
/// not into `.git`, and told by the text alone.
pub(super) fn check_symlink(path: &str, target: &[u8]) -> Result<(), BundleFault> {
    let refuse = |reason| BundleFault::BadSymlink {
        path: path.to_owned(),
        target: shown(target),
        reason,
    };
    let text = std::str::from_utf8(target).map_err(|_| refuse("the target is not UTF-8"))?;
    if text.is_empty() || text.chars().any(is_unprintable) {
        return Err(refuse("the target is empty or holds control characters"));
    }
    let drive = text.as_bytes().get(1) == Some(&b':');
    if text.starts_with(['/', '\\']) || drive {
        return Err(refuse("the target is absolute"));
    }
    let mut above = path.split('/').count() - 1;
    let mut descended = false;
    for part in text.split(['/', '\\']) {
        match part {
            "" | "." => {}
            // Below another link, ".." leads somewhere else than it reads.
            ".." if descended => return Err(refuse("'..' after a name in the target")),
            ".." => {
                above = above
                    .checked_sub(1)
                    .ok_or_else(|| refuse("the target is outside the repository"))?;
            }
            part if is_dot_git(part) => return Err(refuse("the target is inside .git")),
            _ => descended = true,
        }
    }
    Ok(())
}

/// Whether some file system takes the name for `.git`: any case, trailing
/// dots, spaces and streams (NTFS), its short name, invisible characters (HFS+).
fn is_dot_git(name: &str) -> bool {
    let visible: String = name.chars().filter(|c| !is_ignored_by_hfs(*c)).collect();
    let before_stream = visible.split(':').next().unwrap_or_default();
    let trimmed = before_stream
        .trim_end_matches(['.', ' '])
        .to_ascii_lowercase();
    trimmed == ".git" || trimmed == "git~1"
}

fn is_ignored_by_hfs(c: char) -> bool {
    matches!(c,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// Control characters, and those that make text read in another order than
/// it is stored.
fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name as it may stand in an error.
pub(super) fn shown(bytes: &[u8]) -> String {
    const MAX_CHARS: usize = 200;
    let text = String::from_utf8_lossy(bytes);
    let safe = text
        .chars()
        .map(|c| if is_unprintable(c) { '\u{fffd}' } else { c });
    safe.take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "a",
            "src/main.rs",
            ".github/workflows/ci.yml",
            ".gitignore",
            "ü/日本.txt",
            "a b/c..d",
            "git",
            ".gitx",
        ] {
            assert_eq!(check_path(path.as_bytes(), &Limits::default()), Ok(path));
        }
    }

    #[test]
    fn hostile_paths_do_not() {
        let (deep, long, wide) = (
            "a/".repeat(64) + "a",
            "a/".repeat(20) + &"b".repeat(1000),
            "c".repeat(256),
        );
        for path in [
            "/etc/passwd",
            "../a",
            "a/../b",
            "a/./b",
            "a//b",
            "",
            ".git",
            ".GIT/config",
            "a/.git/hooks/pre-commit",
            "a\\.git\\config",
            ".git.",
            ".git ",
            ".git. .",
            ".git::$INDEX_ALLOCATION",
            "GIT~1/x",
            ".g\u{200c}it/x",
            "\u{feff}.git",
            "a\nb",
            "a\u{1b}[31m",
            "a\u{202e}b",
            &deep,
            &long,
            &wide,
        ] {
            assert!(
                check_path(path.as_bytes(), &Limits::default()).is_err(),
                "{path:?}"
            );
        }
        assert!(check_path(b"a\xff", &Limits::default()).is_err());
    }

    #[test]
    fn symlinks_stay_inside() {
        for (path, target) in [
            ("a", "b"),
            ("a/b", "../c"),
            ("a/b/c", "../../d/e"),
            ("a", "./b"),
            ("a/b", ".."),
            ("a", "b/c/"),
        ] {
            assert_eq!(
                check_symlink(path, target.as_bytes()),
                Ok(()),
                "{path} -> {target}"
            );
        }
        for (path, target) in [
            ("a", "/etc/passwd"),
            ("a", ".."),
            ("a", "../x"),
            ("a/b", "../../x"),
            ("a/b", "c/../../../x"),
            ("e", "d/.."),
            ("a", ".git/hooks"),
            ("a", "b/.GIT"),
            ("a", ""),
            ("a", "C:\\x"),
            ("a", "\\\\host\\x"),
            ("a", "b\nc"),
            ("a", "..\\x"),
        ] {
            assert!(
                check_symlink(path, target.as_bytes()).is_err(),
                "{path} -> {target}"
            );
        }
        assert!(check_symlink("a", b"\xff").is_err());
    }
}

//! A patch in the order in which somebody who decides wants to see it.

/// A file of a patch: what stands before its hunks, and these.
#[derive(Default)]
struct File<'a> {
    head: Vec<&'a str>,
    hunks: Vec<Vec<&'a str>>,
}

/// The patch with the hunks first that findings point at, by path and line. Each
/// goes with the head of its file.
pub(crate) fn flagged_first(patch: &str, places: &[(&str, u64)]) -> String {
    let files = read(patch);
    let marks: Vec<Vec<bool>> = files.iter().map(|file| file.marks(places)).collect();
    if !marks.iter().flatten().any(|flagged| *flagged) {
        return patch.to_owned();
    }
    let mut out = String::with_capacity(patch.len());
    for wanted in [true, false] {
        for (file, marks) in files.iter().zip(&marks) {
            let hunks = file.hunks.iter().zip(marks);
            let hunks: Vec<&Vec<&str>> = hunks
                .filter(|(_, flagged)| **flagged == wanted)
                .map(|(hunk, _)| hunk)
                .collect();
            // A file that only moved, or is binary, is all head.
            let is_bare = file.hunks.is_empty() && !wanted;
            if hunks.is_empty() && !is_bare {
                continue;
            }
            for line in file.head.iter().chain(hunks.into_iter().flatten()) {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

fn read(patch: &str) -> Vec<File<'_>> {
    let mut files = Vec::new();
    let mut file = File::default();
    for line in patch.lines() {
        if line.starts_with("diff --git ") {
            files.push(std::mem::take(&mut file));
        }
        if line.starts_with("@@ ") {
            file.hunks.push(vec![line]);
        } else if let Some(hunk) = file.hunks.last_mut() {
            hunk.push(line);
        } else {
            file.head.push(line);
        }
    }
    files.push(file);
    files
}

impl File<'_> {
    /// Which of its hunks findings point at. One about a line that no hunk holds
    /// is about the file, which its first hunk stands for.
    fn marks(&self, places: &[(&str, u64)]) -> Vec<bool> {
        let mut marks = vec![false; self.hunks.len()];
        for (_, line) in places.iter().filter(|(path, _)| self.is_at(path)) {
            let of_side = |side| self.hunks.iter().position(|hunk| holds(hunk, side, *line));
            let index = of_side(2).or_else(|| of_side(1)).unwrap_or(0);
            if let Some(mark) = marks.get_mut(index) {
                *mark = true;
            }
        }
        marks
    }

    fn is_at(&self, path: &str) -> bool {
        self.head.iter().any(|line| {
            let named = line
                .strip_prefix("+++ b/")
                .or_else(|| line.strip_prefix("--- a/"));
            named.is_some_and(|named| named.trim_end() == path)
        })
    }
}

/// Whether the line is one of a hunk: `@@ -1,6 +1,6 @@`, whose word 1 is the side
/// before and whose word 2 is the side after.
fn holds(hunk: &[&str], side: usize, line: u64) -> bool {
    let range = hunk.first().and_then(|head| head.split(' ').nth(side));
    let range = range.unwrap_or_default().trim_start_matches(['-', '+']);
    let (start, count) = range.split_once(',').unwrap_or((range, "1"));
    match (start.parse::<u64>(), count.parse::<u64>()) {
        (Ok(start), Ok(count)) => (start..start.saturating_add(count)).contains(&line),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1,2 @@\n one\n+two\n\
        diff --git a/b.bin b/b.bin\nBinary files differ\n\
        diff --git a/t.py b/t.py\n--- a/t.py\n+++ b/t.py\n@@ -1,2 +1,1 @@\n x\n-y\n@@ -8,1 +7,2 @@ def f\n z\n+skip\n";

    fn heads(text: &str) -> Vec<&str> {
        let heads = |line: &&str| line.starts_with("@@") || line.starts_with("diff");
        text.lines().filter(heads).collect()
    }

    #[test]
    fn what_was_flagged_comes_first_and_nothing_is_lost() {
        let text = flagged_first(PATCH, &[("t.py", 8)]);
        assert_eq!(
            heads(&text),
            [
                "diff --git a/t.py b/t.py",
                "@@ -8,1 +7,2 @@ def f",
                "diff --git a/a.txt b/a.txt",
                "@@ -1 +1,2 @@",
                "diff --git a/b.bin b/b.bin",
                "diff --git a/t.py b/t.py",
                "@@ -1,2 +1,1 @@",
            ]
        );
        for line in PATCH.lines() {
            assert!(text.contains(line), "{line}");
        }
    }

    #[test]
    fn a_finding_about_a_file_is_shown_by_its_first_hunk() {
        let text = flagged_first(PATCH, &[("t.py", 99)]);
        assert_eq!(heads(&text)[1], "@@ -1,2 +1,1 @@");
        for places in [&[("elsewhere", 1)], &[("b.bin", 1)]] {
            assert_eq!(flagged_first(PATCH, places), PATCH);
            assert_eq!(flagged_first(PATCH, &[]), PATCH);
        }
        assert_eq!(flagged_first("+x\n", &[("x", 1)]), "+x\n");
    }
}

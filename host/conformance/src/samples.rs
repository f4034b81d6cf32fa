//! Changes that a scanner meets sooner or later and that its author may not
//! think of. Each is a diff as git prints it.

/// A change and what is special about it.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) diff: Vec<u8>,
}

/// What a large but ordinary change has.
const LARGE_LINES: u32 = 10_000;

/// A line as minified sources have them.
const LONG_LINE_BYTES: usize = 1 << 20;

/// All of them.
pub(crate) fn all() -> Vec<Sample> {
    let sample = |name, diff: &[u8]| Sample {
        name,
        diff: diff.to_vec(),
    };
    vec![
        sample("an empty change", b""),
        sample("a new file", NEW),
        sample("an empty new file", EMPTY_FILE),
        sample("a deleted file", DELETED),
        sample("a renamed file", RENAMED),
        sample("a changed mode", MODE),
        sample("a binary file", BINARY),
        sample("a file that becomes a symlink", SYMLINK),
        sample("text and a path that are not UTF-8", NOT_UTF_8),
        sample("lines that end in CR LF, and none at the end", LINE_ENDS),
        sample("code points that deceive the eye", DECEIVING),
        Sample {
            name: "a line of a mebibyte",
            diff: long_line(),
        },
        Sample {
            name: "a change of 10,000 lines",
            diff: large(),
        },
    ]
}

const NEW: &[u8] = b"diff --git a/src/new.rs b/src/new.rs
new file mode 100644
index 0000000..3b18e51
--- /dev/null
+++ b/src/new.rs
@@ -0,0 +1,3 @@
+fn main() {
+    println!(\"hello\");
+}
";

const EMPTY_FILE: &[u8] = b"diff --git a/tests/__init__.py b/tests/__init__.py
new file mode 100644
index 0000000..e69de29
";

const DELETED: &[u8] = b"diff --git a/tests/old_test.py b/tests/old_test.py
deleted file mode 100644
index 3b18e51..0000000
--- a/tests/old_test.py
+++ /dev/null
@@ -1,2 +0,0 @@
-def test_it():
-    assert add(1, 2) == 3
";

const RENAMED: &[u8] = b"diff --git a/src/a.js b/lib/b.js
similarity index 80%
rename from src/a.js
rename to lib/b.js
index 5a6b7c8..c8d9e0f 100644
--- a/src/a.js
+++ b/lib/b.js
@@ -1,3 +1,3 @@
 export function a() {
-  return 1;
+  return 2;
 }
diff --git a/x.txt b/y.txt
similarity index 100%
rename from x.txt
rename to y.txt
";

const MODE: &[u8] = b"diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
";

const BINARY: &[u8] = b"diff --git a/logo.png b/logo.png
index 1111111..2222222 100644
Binary files a/logo.png and b/logo.png differ
diff --git a/gone.bin b/gone.bin
deleted file mode 100644
index 1111111..0000000
Binary files a/gone.bin and /dev/null differ
";

const SYMLINK: &[u8] = b"diff --git a/config b/config
deleted file mode 100644
index 3b18e51..0000000
--- a/config
+++ /dev/null
@@ -1 +0,0 @@
-key = value
diff --git a/config b/config
new file mode 120000
index 0000000..dea7b7d
--- /dev/null
+++ b/config
@@ -0,0 +1 @@
+../../etc/passwd
\\ No newline at end of file
";

const NOT_UTF_8: &[u8] = b"diff --git \"a/caf\\351.txt\" \"b/caf\\351.txt\"
index 1111111..2222222 100644
--- \"a/caf\\351.txt\"
+++ \"b/caf\\351.txt\"
@@ -1,2 +1,2 @@
 first
-\xff\xfe old
+\xc3\x28 \xed\xa0\x80 \x00 new
";

const LINE_ENDS: &[u8] = b"diff --git a/win.cs b/win.cs
index 1111111..2222222 100644
--- a/win.cs
+++ b/win.cs
@@ -1,2 +1,3 @@
 class A {\r
+    int x;\r
-}
\\ No newline at end of file
+}\r
\\ No newline at end of file
";

const DECEIVING: &[u8] = "diff --git a/src/a.py b/src/a.py
index 1111111..2222222 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1 +1,4 @@
 import os
+access = \"user\u{202e}\u{2066}// admin\u{2069}\u{2066}\"
+\u{feff}\u{200b}\u{435} = \"a letter from another alphabet\"
+👩\u{200d}👩\u{200d}👧\u{200d}👦 = \u{1b}[2J
"
.as_bytes();

fn long_line() -> Vec<u8> {
    let mut diff = b"diff --git a/dist/app.min.js b/dist/app.min.js
index 1111111..2222222 100644
--- a/dist/app.min.js
+++ b/dist/app.min.js
@@ -1 +1 @@
-var a;
+"
    .to_vec();
    diff.extend(
        b"function(a,b){return a+b};"
            .iter()
            .cycle()
            .take(LONG_LINE_BYTES),
    );
    diff.push(b'\n');
    diff
}

/// Twenty files of one hunk each, half of the lines added and half removed.
fn large() -> Vec<u8> {
    const FILES: u32 = 20;
    let lines = LARGE_LINES / FILES / 2;
    let mut diff = String::new();
    for file in 0..FILES {
        diff.push_str(&format!(
            "diff --git a/src/part{file}.ts b/src/part{file}.ts\nindex 1111111..2222222 100644\n\
             --- a/src/part{file}.ts\n+++ b/src/part{file}.ts\n@@ -1,{lines} +1,{lines} @@\n"
        ));
        for line in 0..lines {
            diff.push_str(&format!("-  const value{line} = compute({line});\n"));
        }
        for line in 0..lines {
            diff.push_str(&format!(
                "+  const value{line} = await compute({line}, \"é\");\n"
            ));
        }
    }
    diff.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_git::UnifiedDiff;
    use sortie_model::diff::DiffSource;

    #[test]
    fn each_is_a_diff_and_what_it_is_called() {
        let samples = all();
        let of = |name: &str| {
            let sample = samples
                .iter()
                .find(|sample| sample.name.contains(name))
                .expect("there is one of that name");
            UnifiedDiff::parse(sample.diff.clone()).expect("it is a diff")
        };
        assert!(of("empty change").files().is_empty());
        assert!(of("binary").files().iter().all(|file| file.binary));
        assert_eq!(of("deleted").files()[0].new_path, None);
        assert_ne!(
            of("renamed").files()[0].old_path,
            of("renamed").files()[0].new_path
        );
        assert_eq!(of("symlink").files().len(), 1, "git's two halves are one");
        let changed: u32 = of("10,000")
            .files()
            .iter()
            .map(|file| file.additions + file.deletions)
            .sum();
        assert_eq!(changed, LARGE_LINES);
        for sample in &samples {
            let diff = UnifiedDiff::parse(sample.diff.clone()).expect(sample.name);
            for index in 0..diff.files().len() {
                diff.hunks(index).expect(sample.name);
            }
        }
    }
}

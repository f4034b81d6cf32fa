//! Scans a synthetic change of about 20 MB and prints how long it took.

#[path = "../tests/common/unified.rs"]
mod unified;

use std::fmt::Write;
use std::time::Instant;

fn main() {
    let mut text = String::new();
    let mut file = 0;
    while text.len() < 20 << 20 {
        file += 1;
        let lines = 400;
        let path = if file % 2 == 0 {
            format!("src/m{file}.rs")
        } else {
            format!("tests/t{file}.rs")
        };
        let _ = write!(
            text,
            "diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,{lines} +1,{lines} @@\n"
        );
        for i in 0..lines / 4 {
            let _ = write!(
                text,
                "-#[test]\n-fn t{i}() {{\n-    assert_eq!(compute({i}, \"{file}-{i}\"), {i});\n-}}\n"
            );
        }
        for i in 0..lines / 4 {
            let _ = write!(
                text,
                "+#[test]\n+fn t{i}() {{\n+    assert_eq!(compute({i}, \"{file}-{i}\"), {});\n+}}\n",
                i + 1
            );
        }
    }
    let change = unified::parse(&text);
    let start = Instant::now();
    let findings = reward_hacking::analyze(&change);
    println!(
        "{} bytes, {} files, {} findings, {:?}",
        text.len(),
        change.files.len(),
        findings.len(),
        start.elapsed()
    );
    let mut one = String::from("diff --git a/tests/all.rs b/tests/all.rs\n");
    let count = 200_000;
    let _ = writeln!(one, "@@ -1,{count} +1,{count} @@");
    for i in 0..count {
        let _ = writeln!(
            one,
            "-fn t{i}() {{ assert_eq!(compute({i}, \"x{i}\"), {i}); }}"
        );
    }
    for i in 0..count {
        let _ = writeln!(
            one,
            "+fn u{i}() {{ assert_eq!(compute({i}, \"y{i}\"), {i}); }}"
        );
    }
    let change = unified::parse(&one);
    let start = Instant::now();
    let findings = reward_hacking::analyze(&change);
    println!(
        "{} bytes in one file, {} findings, {:?}",
        one.len(),
        findings.len(),
        start.elapsed()
    );
}

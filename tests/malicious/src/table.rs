//! The whole corpus as a document, so that what is tested is what is told.

use std::fmt::Write;

use crate::cases;
use crate::town::attacks;

const HEAD: &str = "\
# Hostile plugins: what becomes of them

Each row is a component that `tests/malicious` builds and runs against the real host, beside a
neighbour that behaves and must go on answering. It ends as the last column says: in a kind of
`PluginError`, or with the answer that the guest gets in place of what it wanted. Afterwards every
slot is free again, nothing is left of its effects, and no file or server beyond its grant was
touched. `host/plugins/tests/hostile.rs` has more of them, of scanners alone.

Who is granted a host can tell it what it knows: in what it sends and, where that is looked at, in when
and how often it sends. The host keeps that small and visible: 32 requests in a call, ten tries of an
event, a row in the audit log for each request with its time and its length, also when the call fails.
A plugin has no secret to tell, because none enters it; a scanner, which sees the sources, may send
nothing and cannot tell the time.

This file is made from the corpus; a test holds the two equal.
";

/// `docs/HOSTILE.md`.
pub fn table() -> String {
    let mut text = HEAD.to_owned();
    let mut group = |title: &str, rows: Vec<[String; 3]>| {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n## {title}\n\n| case | tries | ends in |\n|---|---|---|\n"
        );
        for [name, tries, ends] in rows {
            let _ = writeln!(text, "| `{name}` | {tries} | {ends} |");
        }
    };
    for (title, cases) in cases::all() {
        let row = |case: crate::Case| [case.name, case.tries, case.ends.to_string()];
        group(title, cases.into_iter().map(row).collect());
    }
    // The ports are in no name and no description.
    for (title, attacks) in attacks(1, 2) {
        let row = |attack: crate::Attack| {
            let ends = match attack.ends {
                "failed call" => "the call fails and leaves nothing".to_owned(),
                told => format!("the guest is told `{told}`"),
            };
            [attack.name, attack.tries, ends]
        };
        group(title, attacks.into_iter().map(row).collect());
    }
    text
}

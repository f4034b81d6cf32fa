//! Make and just: their targets are the repository's own words.

use super::{Folder, Found, Purpose};

pub(super) fn look(folder: Folder<'_>) -> Vec<Found> {
    let makefile = folder.first(&["GNUmakefile", "makefile", "Makefile"]);
    let justfile = folder.first(&["justfile", "Justfile", ".justfile"]);
    let doors = [(makefile, "make"), (justfile, "just")];
    for (file, program) in doors {
        let Some((file, text)) = file.and_then(|file| Some((file, folder.read(file)?))) else {
            continue;
        };
        let has = |target: &str| text.lines().any(|line| defines(line, target));
        let Some(test) = ["test", "tests", "check"]
            .into_iter()
            .find(|name| has(name))
        else {
            continue;
        };
        let mut found = Vec::new();
        for (purpose, target) in [
            (Purpose::Build, "build"),
            (Purpose::Lint, "lint"),
            (Purpose::Test, test),
        ] {
            if has(target) {
                found.push(folder.found(purpose, &format!("{program} {target}"), file));
            }
        }
        return found;
    }
    Vec::new()
}

/// Whether the line begins the target or recipe: `test:`, `test: build`,
/// `build test:`, and in a justfile `test *ARGS:` or `@test:`. Not `test := x`.
fn defines(line: &str, target: &str) -> bool {
    if line.starts_with([' ', '\t', '#', '.']) {
        return false;
    }
    let Some((head, rest)) = line.split_once(':') else {
        return false;
    };
    if rest.starts_with('=') || rest.starts_with(":=") {
        return false;
    }
    let names: Vec<&str> = head.trim_start_matches('@').split_whitespace().collect();
    let is_just = names
        .iter()
        .skip(1)
        .any(|word| word.starts_with(['*', '+', '$']) || word.contains('='));
    match is_just {
        true => names.first() == Some(&target),
        false => names.contains(&target),
    }
}

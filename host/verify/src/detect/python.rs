//! Python: uv, poetry or pip, and pytest or the standard library's runner.

use super::{Folder, Found, Purpose, split};
use std::collections::BTreeSet;

/// Files that a plain installation reads, in this order.
const REQUIREMENTS: [&str; 5] = [
    "requirements.txt",
    "requirements-dev.txt",
    "dev-requirements.txt",
    "requirements-test.txt",
    "test-requirements.txt",
];

pub(super) fn look(folder: Folder<'_>) -> Vec<Found> {
    let project = folder
        .read("pyproject.toml")
        .and_then(|text| text.parse::<toml::Table>().ok());
    let because = [
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "tox.ini",
        "pytest.ini",
    ]
    .into_iter()
    .chain(REQUIREMENTS)
    .find(|file| folder.has(file));
    let tests: Vec<&str> = folder.beneath().filter(|path| is_test(path)).collect();
    let Some(because) = because.or(tests.first().copied()) else {
        return Vec::new();
    };
    let tool = |name: &str| {
        let tool = project.as_ref()?.get("tool")?;
        tool.get(name)
    };
    let pytest = uses_pytest(folder, tool("pytest").is_some());
    if tests.is_empty() && !pytest {
        return Vec::new();
    }
    let mut found = Vec::new();
    let (setup, run) = environment(folder, project.as_ref());
    if let Some(setup) = setup {
        found.push(folder.found(Purpose::Setup, &setup, because));
    }
    if tool("ruff").is_some() || folder.first(&["ruff.toml", ".ruff.toml"]).is_some() {
        found.push(folder.found(Purpose::Lint, &format!("{run} -m ruff check ."), because));
    }
    let runner = match pytest {
        true => format!("{run} -m pytest"),
        false => format!("{run} -m unittest{}", discovery(folder, &tests)),
    };
    found.push(folder.found(Purpose::Test, &runner, because));
    found
}

/// How dependencies come and how Python is called with them.
fn environment(folder: Folder<'_>, project: Option<&toml::Table>) -> (Option<String>, String) {
    let poetry = project.and_then(|p| p.get("tool")?.get("poetry"));
    if folder.has("uv.lock") {
        return (
            Some("uv sync --frozen --all-extras --all-groups".into()),
            "uv run --frozen python".into(),
        );
    }
    if folder.has("poetry.lock") || poetry.is_some() {
        return (
            Some("poetry install --no-interaction".into()),
            "poetry run python".into(),
        );
    }
    let mut wanted: Vec<String> = REQUIREMENTS
        .into_iter()
        .filter(|file| folder.has(file))
        .map(|file| format!("-r {file}"))
        .collect();
    let described = project.and_then(|p| p.get("project"));
    let list = |key: &str| described.and_then(|p| p.get(key));
    let extras = list("optional-dependencies").and_then(toml::Value::as_table);
    let extra = ["test", "tests", "dev"]
        .into_iter()
        .find(|name| extras.is_some_and(|extras| extras.contains_key(*name)));
    let depends = list("dependencies")
        .and_then(toml::Value::as_array)
        .is_some_and(|list| !list.is_empty());
    match (extra, depends) {
        (Some(extra), _) => wanted.push(format!("-e '.[{extra}]'")),
        (None, true) => wanted.push("-e .".into()),
        (None, false) => {}
    }
    if wanted.is_empty() {
        return (None, "python3".into());
    }
    // A Python of a distribution takes no packages but its own, so they get a
    // place of theirs; what the image has stays in reach.
    let setup = format!(
        "python3 -m venv --system-site-packages .venv && .venv/bin/python -m pip install --quiet {}",
        wanted.join(" ")
    );
    (Some(setup), ".venv/bin/python".into())
}

fn uses_pytest(folder: Folder<'_>, configured: bool) -> bool {
    let says = |file: &str, words: &[&str]| {
        folder
            .read(file)
            .is_some_and(|text| words.iter().any(|word| text.contains(word)))
    };
    configured
        || folder.has("pytest.ini")
        || folder.beneath().any(|path| split(path).1 == "conftest.py")
        || says("setup.cfg", &["[tool:pytest]", "pytest"])
        || says("tox.ini", &["[pytest]", "pytest"])
        || says("pyproject.toml", &["pytest"])
        || REQUIREMENTS.iter().any(|file| says(file, &["pytest"]))
}

fn is_test(path: &str) -> bool {
    let name = split(path).1;
    let Some(stem) = name.strip_suffix(".py") else {
        return false;
    };
    stem.starts_with("test_") || stem.ends_with("_test")
}

/// The standard runner looks at the root and the packages beneath it. Where
/// every test is in one folder that is no package, it must begin there.
fn discovery(folder: Folder<'_>, tests: &[&str]) -> String {
    let top = |path: &&str| path.split_once('/').map(|(top, _)| top.to_owned());
    let folders: BTreeSet<Option<String>> = tests.iter().map(top).collect();
    match folders.into_iter().collect::<Vec<_>>().as_slice() {
        [Some(start)]
            if matches!(start.as_str(), "tests" | "test")
                && !folder.has(&format!("{start}/__init__.py")) =>
        {
            format!(" discover -s {start}")
        }
        _ => String::new(),
    }
}

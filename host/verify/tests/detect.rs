//! Detection over fixture trees: the files of a repository, and the commands
//! that are found in them.

use sortie_verify::detect::{Purpose, detect, wanted};
use std::collections::BTreeMap;

/// Files with their contents.
type Tree = &'static [(&'static str, &'static str)];

/// What is found in a tree, as `purpose: command`.
fn found(tree: Tree) -> Vec<String> {
    let paths: Vec<String> = tree.iter().map(|(path, _)| (*path).to_owned()).collect();
    let wanted = wanted(&paths);
    let contents: BTreeMap<String, String> = tree
        .iter()
        .filter(|(path, _)| wanted.iter().any(|name| name == path))
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    let detected = detect(&paths, &contents);
    let shown = |purpose| match purpose {
        Purpose::Setup => "setup",
        Purpose::Build => "build",
        Purpose::Lint => "lint",
        Purpose::Test => "test",
    };
    let commands = detected.commands.iter();
    commands
        .map(|found| format!("{}: {}", shown(found.purpose), found.command))
        .collect()
}

const CASES: &[(&str, Tree, &[&str])] = &[
    ("nothing", &[("README.md", ""), ("data.csv", "")], &[]),
    (
        "a crate",
        &[
            ("Cargo.toml", "[package]\nname = \"a\""),
            ("src/lib.rs", ""),
        ],
        &["test: cargo test"],
    ),
    (
        "a workspace with a root crate and lints",
        &[(
            "Cargo.toml",
            "[package]\nname = \"a\"\n[workspace]\nmembers = [\"b\"]\n[workspace.lints.clippy]\nall = \"warn\"",
        )],
        &[
            "lint: cargo clippy --workspace --all-targets",
            "test: cargo test --workspace",
        ],
    ),
    (
        "a Go module",
        &[
            ("go.mod", "module example.com/a"),
            ("a.go", ""),
            ("a_test.go", ""),
        ],
        &["build: go build ./...", "test: go test ./..."],
    ),
    (
        "a Go workspace",
        &[
            (
                "go.work",
                "go 1.26\n\nuse (\n\t./api // the server\n\t./lib\n)\n",
            ),
            ("api/go.mod", ""),
        ],
        &[
            "build: go build ./api/... ./lib/...",
            "test: go test ./api/... ./lib/...",
        ],
    ),
    (
        "npm with a lock file",
        &[
            (
                "package.json",
                r#"{"scripts": {"build": "tsc", "lint": "eslint .", "test": "vitest run"}, "devDependencies": {"vitest": "3"}}"#,
            ),
            ("package-lock.json", "{}"),
        ],
        &[
            "setup: npm ci",
            "build: npm run build",
            "lint: npm run lint",
            "test: npm run test",
        ],
    ),
    (
        "npm without anything to install",
        &[("package.json", r#"{"scripts": {"test": "node --test"}}"#)],
        &["test: npm run test"],
    ),
    (
        "what npm init writes is no test",
        &[(
            "package.json",
            r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}}"#,
        )],
        &[],
    ),
    (
        "Node's own runner",
        &[("package.json", "{}"), ("src/a.test.mjs", "")],
        &["test: node --test"],
    ),
    (
        "pnpm by its lock file",
        &[
            (
                "package.json",
                r#"{"scripts": {"test": "jest"}, "devDependencies": {"jest": "30"}}"#,
            ),
            ("pnpm-lock.yaml", ""),
        ],
        &[
            "setup: pnpm install --frozen-lockfile",
            "test: pnpm run test",
        ],
    ),
    (
        "yarn by its name, whatever else lies there",
        &[
            (
                "package.json",
                r#"{"packageManager": "yarn@4.1.0", "scripts": {"test": "jest"}, "dependencies": {"a": "1"}}"#,
            ),
            ("package-lock.json", "{}"),
        ],
        &[
            "setup: yarn install --frozen-lockfile",
            "test: yarn run test",
        ],
    ),
    (
        "bun",
        &[
            (
                "package.json",
                r#"{"scripts": {"test": "bun test"}, "dependencies": {"a": "1"}}"#,
            ),
            ("bun.lock", ""),
        ],
        &["setup: bun install --frozen-lockfile", "test: bun run test"],
    ),
    (
        "plain Python",
        &[("cart.py", ""), ("test_cart.py", "")],
        &["test: python3 -m unittest"],
    ),
    (
        "plain Python with a folder of tests",
        &[("cart.py", ""), ("tests/test_cart.py", "")],
        &["test: python3 -m unittest discover -s tests"],
    ),
    (
        "a package of tests is found from the root",
        &[
            ("cart.py", ""),
            ("tests/__init__.py", ""),
            ("tests/test_cart.py", ""),
        ],
        &["test: python3 -m unittest"],
    ),
    (
        "pytest with requirements",
        &[
            ("requirements.txt", "flask"),
            ("requirements-dev.txt", "pytest"),
            ("tests/test_a.py", ""),
        ],
        &[
            "setup: python3 -m venv --system-site-packages .venv && .venv/bin/python -m pip install --quiet -r requirements.txt -r requirements-dev.txt",
            "test: .venv/bin/python -m pytest",
        ],
    ),
    (
        "pytest by its configuration, and ruff",
        &[
            (
                "pyproject.toml",
                "[tool.pytest.ini_options]\n[tool.ruff]\nline-length = 100",
            ),
            ("test_a.py", ""),
        ],
        &["lint: python3 -m ruff check .", "test: python3 -m pytest"],
    ),
    (
        "a described project with its extra",
        &[
            (
                "pyproject.toml",
                "[project]\nname = \"a\"\ndependencies = [\"httpx\"]\n[project.optional-dependencies]\ntest = [\"pytest\"]",
            ),
            ("tests/test_a.py", ""),
        ],
        &[
            "setup: python3 -m venv --system-site-packages .venv && .venv/bin/python -m pip install --quiet -e '.[test]'",
            "test: .venv/bin/python -m pytest",
        ],
    ),
    (
        "uv",
        &[
            ("pyproject.toml", "[dependency-groups]\ndev = [\"pytest\"]"),
            ("uv.lock", ""),
            ("tests/test_a.py", ""),
        ],
        &[
            "setup: uv sync --frozen --all-extras --all-groups",
            "test: uv run --frozen python -m pytest",
        ],
    ),
    (
        "poetry",
        &[
            ("pyproject.toml", "[tool.poetry]\nname = \"a\""),
            ("poetry.lock", ""),
            ("conftest.py", ""),
            ("test_a.py", ""),
        ],
        &[
            "setup: poetry install --no-interaction",
            "test: poetry run python -m pytest",
        ],
    ),
    (
        "Maven and its wrapper",
        &[("pom.xml", "<project/>"), ("mvnw", "")],
        &["test: sh ./mvnw --batch-mode --no-transfer-progress test"],
    ),
    (
        "Gradle",
        &[("build.gradle.kts", ""), ("settings.gradle.kts", "")],
        &["test: gradle --console=plain test"],
    ),
    (
        "Make where nothing else is known",
        &[
            (
                "Makefile",
                "CC := cc\n.PHONY: test lint\nall: build\nbuild lint: x\ntest: build\n\t./run\n",
            ),
            ("a.c", ""),
        ],
        &["build: make build", "lint: make lint", "test: make test"],
    ),
    (
        "Make beside an ecosystem is left alone",
        &[
            ("Makefile", "test:\n\tcargo test\n"),
            ("Cargo.toml", "[package]\nname = \"a\""),
        ],
        &["test: cargo test"],
    ),
    (
        "a variable is no target",
        &[("Makefile", "test := x\ncheck:= y\n")],
        &[],
    ),
    (
        "just",
        &[(
            "justfile",
            "default: test\n\n@lint:\n  x\n\ntest *ARGS: lint\n  y\n",
        )],
        &["lint: just lint", "test: just test"],
    ),
    (
        "two ecosystems at the root",
        &[
            ("Cargo.toml", "[package]\nname = \"a\""),
            (
                "package.json",
                r#"{"scripts": {"test": "vitest"}, "dependencies": {"a": "1"}}"#,
            ),
        ],
        &[
            "setup: npm install --no-audit --no-fund",
            "test: cargo test",
            "test: npm run test",
        ],
    ),
    (
        "a monorepo without a root of its own",
        &[
            ("README.md", ""),
            ("api/go.mod", "module a"),
            ("web app/package.json", r#"{"scripts": {"test": "vitest"}}"#),
            (
                "node_modules/x/package.json",
                r#"{"scripts": {"test": "x"}}"#,
            ),
            ("deep/er/still/Cargo.toml", ""),
        ],
        &[
            "build: cd api && go build ./...",
            "test: cd api && go test ./...",
            "test: cd './web app' && npm run test",
        ],
    ),
    (
        "a root that tests decides alone",
        &[
            ("Cargo.toml", "[package]\nname = \"a\""),
            ("tools/package.json", r#"{"scripts": {"test": "x"}}"#),
        ],
        &["test: cargo test"],
    ),
    (
        "nonsense in a manifest is no command and no panic",
        &[
            ("package.json", "{{{"),
            ("pyproject.toml", "[[["),
            ("go.work", "use"),
            ("Makefile", ":::\n"),
        ],
        &[],
    ),
];

#[test]
fn each_ecosystem_is_found_by_its_files() {
    for (what, tree, expected) in CASES {
        assert_eq!(found(tree), *expected, "{what}");
    }
}

#[test]
fn what_is_found_is_bounded() {
    let paths: Vec<String> = (0..5_000)
        .map(|n| format!("part-{n}/package.json"))
        .collect();
    let wanted = wanted(&paths);
    assert!(wanted.len() <= 64, "{}", wanted.len());
    let contents: BTreeMap<String, String> = paths
        .iter()
        .map(|path| {
            (
                path.clone(),
                r#"{"scripts": {"test": "x", "build": "y"}}"#.to_owned(),
            )
        })
        .collect();
    assert!(detect(&paths, &contents).commands.len() <= 8);
}

#[test]
fn conventions_are_named_when_they_are_there() {
    let paths = ["AGENTS.md", "docs/AGENTS.md", "CONTRIBUTING.md"].map(str::to_owned);
    let detected = detect(&paths, &BTreeMap::new());
    assert_eq!(detected.conventions, ["AGENTS.md", "CONTRIBUTING.md"]);
    let json = serde_json::to_string(&detected).expect("it is plain data");
    let back: sortie_verify::detect::Detected =
        serde_json::from_str(&json).expect("it reads itself");
    assert_eq!(back, detected);
}

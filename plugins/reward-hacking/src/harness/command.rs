//! Test commands in make rules, scripts, package files and workflows, as data.

use crate::model::{FileChange, LineKind};
use crate::text::has_any;

/// A command that runs tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// `go`, `cargo`, `pytest`, `jest`, …
    pub runner: &'static str,
    /// Options that choose some of the tests.
    pub filters: Vec<String>,
    /// What it runs on, when named.
    pub targets: Vec<String>,
    /// What hides its result.
    pub masks: Vec<String>,
    /// Options with which it runs no tests or accepts any outcome.
    pub idle: Vec<String>,
}

impl Command {
    /// Whether its result is hidden or it judges nothing.
    pub fn masked(&self) -> bool {
        !self.masks.is_empty() || !self.idle.is_empty()
    }

    /// Whether it runs all that `other` runs.
    pub fn covers(&self, other: &Command) -> bool {
        (self.filters.is_empty() || self.filters == other.filters) && !self.narrower_targets(other)
    }

    /// Whether this one runs what the filter of `other` leaves out.
    pub fn complements(&self, other: &Command) -> bool {
        if self.runner != other.runner || self.masked() {
            return false;
        }
        other.filters.iter().any(|f| {
            self.filters.iter().any(|g| {
                let (x, y) = (
                    f.replace("not ", "").replace('~', ""),
                    g.replace("not ", "").replace('~', ""),
                );
                x == y && f != g
            })
        }) || other.filters.iter().all(|f| {
            has_any(
                f,
                &["--lib", "--bins", "--doc", "-short", "--test", "shard"],
            )
        }) && !self.filters.is_empty()
            && self.filters != other.filters
            && !other.filters.is_empty()
    }

    /// Whether the targets are a proper part of those of `other`.
    pub fn narrower_targets(&self, other: &Command) -> bool {
        let all = |t: &[String]| {
            t.is_empty()
                || t.iter().any(|x| {
                    matches!(
                        x.as_str(),
                        "./..."
                            | "--workspace"
                            | "--all"
                            | "."
                            | "..."
                            | "tests"
                            | "tests/"
                            | "test"
                            | "test/"
                            | "spec"
                            | "//..."
                    )
                })
        };
        if all(&self.targets) {
            return false;
        }
        if all(&other.targets) {
            // One package of a repository that has only that one is no loss, but nobody writes it so by accident.
            return true;
        }
        other.targets.iter().any(|t| !self.targets.contains(t))
            && self.targets.iter().all(|t| {
                other.targets.iter().any(|o| {
                    t == o || t.starts_with(o.trim_end_matches("...").trim_end_matches('*'))
                })
            })
            && self.targets != other.targets
    }
}

/// The changed (or kept) lines of a file, continuation lines joined to the first.
pub fn logical_lines(file: &FileChange, kind: LineKind) -> Vec<(u32, String)> {
    let mut out: Vec<(u32, String)> = Vec::new();
    let mut open = false;
    let mut last = 0u32;
    for line in file
        .hunks
        .iter()
        .flat_map(|h| &h.lines)
        .filter(|l| l.kind == kind)
    {
        let no = if kind == LineKind::Removed {
            line.old_line
        } else {
            line.new_line
        };
        let text = line.text.trim();
        let (body, goes_on) = match text.strip_suffix('\\') {
            Some(b) => (b.trim_end(), true),
            None => (text, false),
        };
        if open && no == last + 1 {
            if let Some((_, joined)) = out.last_mut() {
                joined.push(' ');
                joined.push_str(body);
            }
        } else {
            out.push((no, body.to_string()));
        }
        open = goes_on;
        last = no;
    }
    out
}

/// The test command of a line, if it runs one. `file` is the lower-case file name.
pub fn parse(line: &str, file: &str) -> Option<Command> {
    let mut text = line.trim();
    if text.starts_with('#')
        || text.starts_with("//")
        || text.starts_with("<!--")
        || text.len() > 1500
    {
        return None;
    }
    // `session.run("pytest", "-k", "x")` and the like are commands in pieces.
    let pieces = [
        "session.run(",
        "subprocess.run(",
        "subprocess.check_call(",
        "subprocess.call(",
        "commandLine(",
        "commandLine ",
        "check_call(",
        "spawnSync(",
        "execa(",
    ];
    if let Some(at) = pieces
        .iter()
        .find_map(|p| text.find(p).map(|a| a + p.len()))
    {
        let quoted: Vec<String> = text[at..]
            .split(['"', '\''])
            .skip(1)
            .step_by(2)
            .map(|q| {
                if q.contains(' ') {
                    format!("'{q}'")
                } else {
                    q.to_string()
                }
            })
            .collect();
        return parse(&quoted.join(" "), "");
    }
    let json = file.ends_with(".json");
    if json {
        let (key, value) = text.split_once(':')?;
        let key = key.trim().trim_matches('"');
        if !has_any(
            key,
            &[
                "test", "check", "ci", "verify", "spec", "posttest", "pretest",
            ],
        ) {
            return None;
        }
        text = value.trim().trim_end_matches(',').trim_matches('"');
    }
    // YAML keys and list markers in front of a command.
    let make = file.contains("makefile")
        || file.ends_with(".mk")
        || file == "justfile"
        || file == "tox.ini";
    let mut ignored = false;
    let mut yaml = text;
    for _ in 0..3 {
        for key in [
            "- ",
            "run:",
            "script:",
            "command:",
            "cmd:",
            "commands =",
            "commands=",
            "entry:",
            "sh ",
            "bat ",
            "test:",
            "- run:",
            "args:",
            "bash:",
            "after_script:",
        ] {
            if make && key == "- "
                || key == "test:" && !file.ends_with("yml") && !file.ends_with("yaml")
            {
                continue;
            }
            if let Some(rest) = yaml.strip_prefix(key) {
                yaml = rest.trim();
            }
        }
    }
    text = yaml.trim_matches(['\'', '"', '`']);
    if let Some(rest) = text.strip_prefix(['-', '@']) {
        if (make || !rest.starts_with('-')) && make {
            ignored = text.starts_with('-') || text.starts_with("@-");
            text = rest.trim_start_matches(['-', '@', ' ']);
        }
    }
    let plain = without_expressions(text);
    let text = plain.as_str();
    let parts = split_shell(text);
    let at = parts.iter().position(|(_, p)| runner(p).is_some())?;
    let words: Vec<String> = split_words(&parts[at].1);
    let (name, from) = runner(&parts[at].1)?;
    let mut command = Command {
        runner: name,
        filters: vec![],
        targets: vec![],
        masks: vec![],
        idle: vec![],
    };
    if ignored {
        command.masks.push("-".into());
    }
    options(&mut command, &words, from);
    masks(&mut command, &parts, at, text);
    Some(command)
}

/// `${{ … }}` holds blanks that separate nothing.
fn without_expressions(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${{") {
        out.push_str(&rest[..at]);
        out.push_str("$EXPR");
        rest = rest[at..]
            .find("}}")
            .map_or("", |end| &rest[at + end + 2..]);
    }
    out.push_str(rest);
    out
}

/// Splits at `&&`, `||`, `;`, `|`, outside quotes; each part with the operator in front of it.
fn split_shell(text: &str) -> Vec<(&'static str, String)> {
    let mut out: Vec<(&'static str, String)> = Vec::new();
    let mut current = String::new();
    let mut op: &'static str = "";
    let mut quote: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(q) = quote {
            if c == q {
                quote = None;
            }
            current.push(c);
            continue;
        }
        let next = match c {
            '\'' | '"' => {
                quote = Some(c);
                None
            }
            '&' if chars.peek() == Some(&'&') => {
                chars.next();
                Some("&&")
            }
            '&' if !current.ends_with('>')
                && chars.peek() != Some(&'>')
                && chars.peek().is_none_or(|n| n.is_whitespace()) =>
            {
                Some("&")
            }
            '|' if chars.peek() == Some(&'|') => {
                chars.next();
                Some("||")
            }
            '|' => {
                if chars.peek() == Some(&'&') {
                    chars.next();
                }
                Some("|")
            }
            ';' => Some(";"),
            _ => None,
        };
        match next {
            Some(o) => {
                out.push((op, std::mem::take(&mut current)));
                op = o;
            }
            None => current.push(c),
        }
    }
    out.push((op, current));
    out
}

fn split_words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut current = String::new();
    let mut quote: Option<char> = None;
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => current.push(c),
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c.is_whitespace() => {
                if !current.is_empty() {
                    out.push(std::mem::take(&mut current));
                }
            }
            None => current.push(c),
        }
    }
    if !current.is_empty() {
        out.push(current);
    }
    out
}

/// The runner of a simple command and the index of the first word behind its name.
fn runner(part: &str) -> Option<(&'static str, usize)> {
    let words = split_words(part);
    let mut i = 0;
    while i < words.len() {
        let w = words[i].as_str();
        let prefix = matches!(
            w,
            "npx"
                | "pnpm"
                | "yarn"
                | "bunx"
                | "bundle"
                | "exec"
                | "poetry"
                | "uv"
                | "run"
                | "sudo"
                | "time"
                | "env"
                | "xvfb-run"
                | "-a"
                | "python"
                | "python3"
                | "-m"
                | "coverage"
                | "pdm"
                | "hatch"
                | "if"
                | "!"
                | "then"
                | "do"
                | "pipenv"
                | "dlx"
                | "{"
                | "("
                | "nice"
                | "timeout"
                | "cross-env"
                | "c8"
                | "nyc"
                | "node"
                | "npm"
                | "bun"
                | "deno"
                | "docker"
                | "compose"
                | "command"
                | "retry"
                | "@"
                | "docker-compose"
                | "app"
                | "web"
                | "--rm"
                | "-it"
                | "ruby"
                | "--"
                | "execute_process(COMMAND"
                | "COMMAND"
                | "cargo"
                | "go"
                | "mvn"
                | "./mvnw"
                | "dotnet"
                | "rake"
                | "rails"
                | "bin/rails"
                | "manage.py"
                | "./manage.py"
                | "make"
                | "$(MAKE)"
                | "bazel"
                | "gradle"
                | "./gradlew"
                | "$(GO)"
                | "$(CARGO)"
                | "cmake"
                | "$(PYTHON)"
                | "nx"
                | "turbo"
                | "lerna"
                | "tox"
                | "nox"
                | "just"
                | "swift"
                | "mix"
                | "task"
                | "$(NPM)"
                | "gradlew"
                | "mvnw"
                | "$(PYTEST)"
        );
        let rest = |n: usize| words.get(i + n).map(String::as_str);
        let found = match w {
            "go" | "$(GO)" if rest(1) == Some("test") => Some(("go", i + 2)),
            "gotestsum" => Some(("go", i + 1)),
            "ginkgo" => Some(("ginkgo", i + 1)),
            "cargo" | "cross" | "$(CARGO)"
                if words[i..].iter().take(4).any(|x| {
                    x == "test" || x == "nextest" || x == "t" || x == "tarpaulin" || x == "llvm-cov"
                }) && !words[i..].iter().take(3).any(|x| x == "install") =>
            {
                let at = words[i..]
                    .iter()
                    .position(|x| {
                        matches!(
                            x.as_str(),
                            "test" | "nextest" | "t" | "tarpaulin" | "llvm-cov"
                        )
                    })
                    .unwrap_or(1);
                let skip = usize::from(words.get(i + at + 1).is_some_and(|x| x == "run"));
                Some(("cargo", i + at + 1 + skip))
            }
            "pytest" | "py.test" | "$(PYTEST)" => Some(("pytest", i + 1)),
            "unittest" if i > 0 && words[i - 1] == "-m" => Some(("unittest", i + 1)),
            "tox" => Some(("tox", i + 1)),
            "nox" => Some(("nox", i + 1)),
            "manage.py" | "./manage.py" if rest(1) == Some("test") => Some(("django", i + 2)),
            "jest" | "vitest" | "mocha" | "ava" | "tap" | "karma" | "jasmine" | "tape" | "uvu"
            | "playwright" | "cypress" | "wdio" | "react-scripts" | "vue-cli-service" | "ng"
            | "lab" | "qunit" | "borp" | "tsx" | "web-test-runner" | "wtr" => {
                let test = !matches!(
                    w,
                    "react-scripts"
                        | "vue-cli-service"
                        | "ng"
                        | "playwright"
                        | "cypress"
                        | "karma"
                        | "tsx"
                ) || words[i..].iter().any(|x| {
                    x == "test"
                        || x == "run"
                        || x == "start"
                        || x.starts_with("test:")
                        || x == "--test"
                });
                test.then_some(("js", i + 1))
            }
            "node" | "bun" | "deno" if words[i..].iter().any(|x| x == "--test" || x == "test") => {
                Some(("js", i + 1))
            }
            "npm" | "yarn" | "pnpm" | "$(NPM)"
                if words[i + 1..]
                    .iter()
                    .take(5)
                    .any(|x| x == "test" || x == "t" || x.starts_with("test:") || x == "tests") =>
            {
                Some((
                    "npm",
                    words.len().min(
                        i + 1
                            + words[i + 1..]
                                .iter()
                                .position(|x| {
                                    x == "test"
                                        || x == "t"
                                        || x.starts_with("test:")
                                        || x == "tests"
                                })
                                .unwrap_or(0)
                            + 1,
                    ),
                ))
            }
            "turbo" | "nx" | "lerna"
                if words[i..]
                    .iter()
                    .any(|x| x == "test" || x == "--target=test") =>
            {
                Some(("npm", i + 1))
            }
            "mvn" | "./mvnw" | "mvnw"
                if words[i..].iter().any(|x| {
                    matches!(
                        x.as_str(),
                        "test" | "verify" | "package" | "install" | "integration-test" | "deploy"
                    ) || x.contains("surefire:test")
                        || x.contains("failsafe")
                }) =>
            {
                Some(("mvn", i + 1))
            }
            "gradle" | "./gradlew" | "gradlew"
                if words[i..].iter().any(|x| {
                    matches!(x.as_str(), "test" | "check" | "build")
                        || x.ends_with(":test")
                        || x.ends_with(":check")
                        || x.ends_with("Test")
                }) =>
            {
                Some(("gradle", i + 1))
            }
            "rspec" | "bin/rspec" | "./bin/rspec" | "parallel_rspec" => Some(("rspec", i + 1)),
            "rake" | "bin/rake"
                if rest(1).is_none()
                    || rest(1).is_some_and(|x| x.starts_with("test") || x.starts_with("spec")) =>
            {
                Some(("rake", i + 1))
            }
            "rails" | "bin/rails" if rest(1).is_some_and(|x| x.starts_with("test")) => {
                Some(("rails", i + 2))
            }
            "minitest" | "cucumber" | "bin/cucumber" => Some(("minitest", i + 1)),
            "dotnet" if rest(1) == Some("test") => Some(("dotnet", i + 2)),
            "vstest.console.exe" | "nunit3-console" => Some(("dotnet", i + 1)),
            "ctest" | "$(CTEST)" => Some(("ctest", i + 1)),
            "meson" | "ninja" if words[i..].iter().any(|x| x == "test" || x == "check") => {
                Some(("meson", i + 1))
            }
            "bazel" | "bazelisk" if rest(1) == Some("test") => Some(("bazel", i + 2)),
            "make" | "$(MAKE)" | "just" | "task"
                if words[i + 1..].iter().any(|x| {
                    x.contains("test") || x == "check" || x == "verify" || x == "spec"
                }) =>
            {
                Some(("make", i + 1))
            }
            "cmake"
                if words[i..].iter().any(|x| x == "test" || x == "check")
                    && words[i..].iter().any(|x| x == "--target") =>
            {
                Some(("ctest", i + 1))
            }
            "sbt" if words[i..].iter().any(|x| x.contains("test")) => Some(("sbt", i + 1)),
            _ if (w.starts_with("./")
                || w.contains("/build/")
                || w.starts_with("build/")
                || w.starts_with("bin/")
                || w.starts_with("target/")
                || w.starts_with("$("))
                && is_test_binary(w) =>
            {
                Some(("binary", i + 1))
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        let assignment = w.contains('=') && !w.starts_with('-');
        if !(prefix || assignment || w.starts_with('-'))
            && i >= 1
            && !matches!(
                words[i - 1].as_str(),
                "-e" | "timeout"
                    | "retry"
                    | "-n"
                    | "app"
                    | "exec"
                    | "run"
                    | "--rm"
                    | "compose"
                    | "nice"
            )
        {
            return None;
        }
        if !(prefix || assignment || w.starts_with('-')) && i == 0 {
            return None;
        }
        i += 1;
    }
    None
}

fn is_test_binary(word: &str) -> bool {
    let name = word
        .rsplit('/')
        .next()
        .unwrap_or(word)
        .trim_end_matches(')')
        .trim_end_matches(".sh")
        .trim_end_matches(".py")
        .to_lowercase();
    name.ends_with("_test")
        || name.ends_with("_tests")
        || name.ends_with("-tests")
        || name == "tests"
        || name == "test"
        || name.starts_with("run_tests")
        || name.starts_with("run-tests")
        || name.starts_with("unit_tests")
        || name.starts_with("runtests")
        || name.ends_with("-test")
}

/// Options with a value that choose tests, by runner.
fn choosing(runner: &str, option: &str) -> bool {
    match runner {
        "go" | "ginkgo" => matches!(
            option,
            "-run"
                | "-skip"
                | "-test.run"
                | "--focus"
                | "--skip"
                | "-short"
                | "--label-filter"
                | "-test.short"
                | "-short=true"
        ),
        "cargo" => matches!(
            option,
            "--skip"
                | "--lib"
                | "--bins"
                | "--doc"
                | "--bin"
                | "--test"
                | "--exclude"
                | "-E"
                | "--filter-expr"
                | "--examples"
                | "--bench"
                | "--exact"
                | "--example"
        ),
        "pytest" | "tox" | "nox" => matches!(
            option,
            "-k" | "-m"
                | "--deselect"
                | "--ignore"
                | "--ignore-glob"
                | "--lf"
                | "--last-failed"
                | "--testmon"
        ),
        "unittest" | "django" => matches!(option, "-k" | "--exclude-tag" | "--tag" | "-p"),
        "js" | "npm" => matches!(
            option,
            "-t" | "--testNamePattern"
                | "--testPathPattern"
                | "--testPathPatterns"
                | "--testPathIgnorePatterns"
                | "-g"
                | "--grep"
                | "--invert"
                | "-i"
                | "--exclude"
                | "--ignore"
                | "--onlyChanged"
                | "-o"
                | "--onlyFailures"
                | "-f"
                | "--fgrep"
                | "--match"
                | "--test-name-pattern"
                | "--changed"
                | "--grep-invert"
                | "--dir"
                | "--filter"
                | "--changedSince"
                | "--findRelatedTests"
                | "--test-skip-pattern"
                | "--selectProjects"
        ),
        "mvn" => {
            option.starts_with("-Dtest=")
                || option.starts_with("-Dit.test=")
                || option.starts_with("-Dgroups")
                || option.starts_with("-DexcludedGroups")
                || option.starts_with("-Dsurefire.exclude")
                || matches!(option, "-pl" | "--projects")
        }
        "gradle" => {
            matches!(option, "--tests" | "-x" | "--exclude-task")
                || option.starts_with("-PexcludeTests")
        }
        "rspec" | "rails" | "rake" | "minitest" => matches!(
            option,
            "--tag"
                | "-t"
                | "-e"
                | "--example"
                | "--exclude-pattern"
                | "--pattern"
                | "-P"
                | "--only-failures"
                | "-n"
                | "--name"
        ),
        "dotnet" => matches!(option, "--filter" | "--testcasefilter" | "--where"),
        "ctest" => matches!(
            option,
            "-E" | "--exclude-regex"
                | "-R"
                | "--tests-regex"
                | "-LE"
                | "-L"
                | "-I"
                | "--label-exclude"
                | "--label-regex"
        ),
        "binary" => {
            option.starts_with("--gtest_filter")
                || option.starts_with("--run_test")
                || matches!(option, "--test-case" | "-tce" | "-tc")
        }
        "bazel" => option.starts_with("--test_filter") || option.starts_with("--test_tag_filters"),
        _ => false,
    }
}

/// Options with which a runner judges nothing, or accepts what it finds.
fn idle_option(runner: &str, word: &str) -> bool {
    match runner {
        "go" => {
            matches!(word, "-list" | "-update" | "-c")
                || word == "-run=^$"
                || word == "-count=0"
                || word.starts_with("-list=")
        }
        "cargo" => matches!(word, "--no-run" | "--list"),
        "pytest" | "tox" | "nox" => {
            matches!(
                word,
                "--collect-only"
                    | "--co"
                    | "--snapshot-update"
                    | "--inline-snapshot=fix"
                    | "--setup-only"
                    | "--notest"
            ) || word.starts_with("--force-regen")
                || word.contains("--suppress-no-test-exit-code")
                || word == "--exitfirst=0"
        }
        "js" | "npm" => matches!(
            word,
            "--passWithNoTests"
                | "--listTests"
                | "-u"
                | "--updateSnapshot"
                | "--update"
                | "--update-snapshots"
                | "--dry-run"
                | "--passWithNoTests=true"
                | "--list"
                | "--dangerouslyIgnoreUnhandledErrors"
                | "--pass-with-no-tests"
                | "--ci=false"
        ),
        "mvn" => matches!(
            word,
            "-DskipTests"
                | "-DskipTests=true"
                | "-Dmaven.test.skip=true"
                | "-Dmaven.test.skip"
                | "-Dmaven.test.failure.ignore=true"
                | "-Dmaven.test.failure.ignore"
                | "-fn"
                | "--fail-never"
                | "-DskipITs"
                | "-DskipITs=true"
                | "-Dsurefire.failIfNoSpecifiedTests=false"
                | "-DtestFailureIgnore=true"
        ),
        "gradle" => matches!(
            word,
            "--dry-run" | "-PskipTests" | "-PignoreTestFailures=true" | "-m"
        ),
        "rspec" | "rails" | "rake" | "minitest" => {
            matches!(word, "--dry-run") || word.starts_with("--failure-exit-code=0")
        }
        "dotnet" => {
            matches!(word, "--list-tests" | "-t") || word.contains("TreatNoTestsAsError=false")
        }
        "ctest" => matches!(word, "-N" | "--show-only" | "--no-tests=ignore"),
        "binary" => matches!(word, "--gtest_list_tests" | "--list-tests"),
        "bazel" => matches!(word, "--build_tests_only" | "--nobuild"),
        "make" => matches!(word, "-i" | "--ignore-errors" | "-n" | "-k" | "--dry-run"),
        _ => false,
    }
}

fn options(command: &mut Command, words: &[String], from: usize) {
    for w in &words[..from.min(words.len())] {
        let lower = w.to_lowercase();
        if has_any(
            &lower,
            &[
                "insta_update=always",
                "insta_force_pass=1",
                "update_golden",
                "update_snapshots=1",
                "update_expect=1",
                "insta_update=1",
                "bless=1",
                "snapshot_update=1",
                "skip_tests=",
                "skip_slow=",
            ],
        ) {
            command.idle.push(w.clone());
        }
        if has_any(&lower, &["gtest_filter="]) {
            command.filters.push(w.clone());
        }
    }
    let mut i = from;
    let mut positional_only = false;
    while i < words.len() {
        let w = words[i].as_str();
        if w == "--" {
            positional_only = command.runner == "cargo";
            i += 1;
            continue;
        }
        let head = w.split('=').next().unwrap_or(w);
        if w.starts_with("2>") || w.starts_with('>') || w == "}" || w == "then" || w == ")" {
            i += 1;
            continue;
        }
        if idle_option(command.runner, w) {
            command.idle.push(w.to_string());
        } else if matches!((command.runner, head), ("go", "-short"))
            || choosing(command.runner, head)
            || choosing(command.runner, w)
        {
            let flag = matches!(
                head,
                "-short"
                    | "--lib"
                    | "--bins"
                    | "--doc"
                    | "--invert"
                    | "--onlyChanged"
                    | "-o"
                    | "--onlyFailures"
                    | "--lf"
                    | "--last-failed"
                    | "--examples"
                    | "--exact"
                    | "--only-failures"
                    | "--changed"
            );
            let value = if w.contains('=') || flag {
                String::new()
            } else {
                words.get(i + 1).cloned().unwrap_or_default()
            };
            // `-x lint` leaves out something that is no test.
            let harmless = command.runner == "gradle"
                && head == "-x"
                && !value.to_lowercase().contains("test")
                || command.runner == "pytest" && matches!(value.as_str(), "") && head == "-m"
                || command.runner == "js" && head == "-f"
                || w == "-run=XXX"
                || head == "--filter" && command.runner == "npm";
            if !harmless {
                command
                    .filters
                    .push(format!("{w} {value}").trim().to_string());
            }
            if !value.is_empty() {
                i += 1;
            }
        } else if matches!((command.runner, w), ("cargo", "-p" | "--package")) {
            command.targets.push(format!(
                "-p {}",
                words.get(i + 1).cloned().unwrap_or_default()
            ));
            i += 1;
        } else if command.runner == "cargo" && matches!(w, "--workspace" | "--all") {
            command.targets.push(w.to_string());
        } else if takes_value(command.runner, w) {
            i += 1;
        } else if !w.starts_with('-') && !w.contains("$((") {
            let target = match command.runner {
                "go" | "pytest" | "rspec" | "js" | "unittest" | "django" | "rails" | "bazel"
                | "ginkgo" => true,
                "cargo" => true,
                "dotnet" => w.ends_with(".csproj"),
                _ => false,
            };
            let noise = w.contains('$')
                || w.starts_with(['{', '[', '<', ':'])
                || matches!(
                    w,
                    "run"
                        | "test"
                        | "nextest"
                        | "report"
                        | "start"
                        | "exec"
                        | "}"
                        | "{"
                        | "then"
                        | "fi"
                        | "watch"
                );
            if target && !noise {
                if command.runner == "cargo" && w.contains(['.', '/']) {
                    // A file that an option we do not know takes.
                } else if command.runner == "cargo" {
                    command.filters.push(w.to_string());
                } else {
                    command.targets.push(w.trim_end_matches('/').to_string());
                }
            }
            let _ = positional_only;
        }
        i += 1;
    }
    command.targets.sort();
}

fn takes_value(runner: &str, word: &str) -> bool {
    match runner {
        "go" => matches!(
            word,
            "-timeout"
                | "-tags"
                | "-count"
                | "-coverprofile"
                | "-covermode"
                | "-p"
                | "-parallel"
                | "-cpu"
                | "-bench"
                | "-o"
                | "-coverpkg"
                | "-shuffle"
                | "-fuzz"
                | "-fuzztime"
                | "--format"
                | "--junitfile"
        ),
        "cargo" => matches!(
            word,
            "--features"
                | "-F"
                | "--target"
                | "--manifest-path"
                | "--profile"
                | "-j"
                | "--jobs"
                | "--test-threads"
                | "--color"
                | "--target-dir"
                | "-P"
                | "--partition"
                | "--retries"
                | "--format"
                | "-Z"
        ),
        "pytest" => matches!(
            word,
            "-n" | "-c"
                | "-p"
                | "-o"
                | "-W"
                | "--cov"
                | "--tb"
                | "--maxfail"
                | "--timeout"
                | "--rootdir"
                | "--durations"
                | "--cov-report"
                | "--dist"
                | "--junitxml"
                | "--cov-config"
                | "-r"
                | "--reruns"
        ),
        "js" => matches!(
            word,
            "--reporter"
                | "-R"
                | "--config"
                | "-c"
                | "--timeout"
                | "--require"
                | "-r"
                | "--project"
                | "--coverageReporters"
                | "--maxWorkers"
                | "-w"
                | "--import"
                | "--loader"
                | "--root"
                | "--env"
                | "--ui"
                | "--file"
                | "--extension"
                | "--shard"
                | "--reporters"
                | "--runner"
        ),
        "rspec" => matches!(
            word,
            "--format" | "-f" | "--require" | "-r" | "--order" | "--seed" | "--out" | "-o" | "-I"
        ),
        "dotnet" => matches!(
            word,
            "-c" | "--configuration"
                | "--logger"
                | "-l"
                | "--collect"
                | "-f"
                | "--framework"
                | "--settings"
                | "-s"
                | "--results-directory"
                | "-v"
                | "--verbosity"
                | "-r"
        ),
        _ => false,
    }
}

fn masks(command: &mut Command, parts: &[(&'static str, String)], at: usize, text: &str) {
    let behind = &parts[at + 1..];
    for (i, (op, part)) in behind.iter().enumerate() {
        let p = part.trim();
        match *op {
            "||" => {
                let speaks = ["echo", "printf", "true", ":", "exit 0"]
                    .iter()
                    .any(|w| p.starts_with(w));
                let fails = !speaks
                    && has_any(
                        p,
                        &[
                            "exit 1", "exit $", "false", "fail", "return 1", "retry", "exit 2",
                            "kill", "exit \"$",
                        ],
                    )
                    || runner(p).is_some()
                    || p.starts_with("(") && p.contains("exit");
                let later_fails = behind[i..]
                    .iter()
                    .any(|(_, q)| has_any(q, &["exit 1", "exit $", "false", "exit 2"]));
                if !fails && !later_fails {
                    command.masks.push(format!("|| {p}"));
                    return;
                }
                return;
            }
            ";" | "&" => {
                let later: String = behind[i..]
                    .iter()
                    .map(|(_, q)| q.as_str())
                    .collect::<Vec<_>>()
                    .join(";");
                let fails = has_any(
                    &later,
                    &[
                        "exit $",
                        "exit 1",
                        "$?",
                        "${?}",
                        "PIPESTATUS",
                        "wait",
                        "exit \"$",
                    ],
                ) || behind[i..].iter().any(|(_, q)| runner(q).is_some());
                let shellish = !matches!(p, "" | "fi" | "done" | "}" | ")" | "then");
                if *op == "&" && !fails && p.is_empty() {
                    command.masks.push("&".into());
                    return;
                }
                if shellish
                    && !fails
                    && !text.starts_with("set -e")
                    && !text.contains("set -e")
                    && !p.starts_with("then")
                {
                    command.masks.push(format!("; {p}"));
                    return;
                }
            }
            "|" => {
                let guarded = text.contains("pipefail") || text.contains("PIPESTATUS");
                let judges = has_any(
                    p,
                    &[
                        "go-junit-report -set-exit-code",
                        "gotestfmt",
                        "tap-",
                        "tap_",
                    ],
                ) || p.starts_with("gotestfmt");
                if !guarded && !judges {
                    command.masks.push(format!("| {p}"));
                    return;
                }
            }
            _ => {}
        }
    }
    let before = &parts[..at];
    if before.iter().any(|(_, p)| p.trim() == "set +e") {
        command.masks.push("set +e".into());
    }
    let own = parts[at].1.trim();
    if own.starts_with("! ") {
        command.masks.push("!".into());
    }
    if at > 0
        && matches!(parts[at].0, "||")
        && before
            .iter()
            .any(|(_, p)| matches!(p.trim(), "true" | ":" | "echo"))
    {
        command.masks.push("true ||".into());
    }
    if at > 0 && parts[at].0 == "&&" && before.iter().any(|(_, p)| matches!(p.trim(), "false")) {
        command.masks.push("false &&".into());
    }
    if before.iter().any(|(_, p)| p.trim() == "exit 0") {
        command.masks.push("exit 0".into());
    }
}

//! From a verification command to one whose output names every test.
//!
//! A command is changed only by options that its runner documents, put where
//! they belong; one that is not understood is run as it is, and its output is
//! looked through for any form that is known.

use super::{Inventory, cargo, gotest, jest, junit, tap, unittest};
use crate::text;

/// What separates a command's own output from the reports that are printed
/// after it.
const MARK: &str = "=== sortie: reports ===";
/// Where a report is written inside the sandbox.
const REPORT: &str = "/tmp/sortie-tests.xml";

/// What makes Maven test every module though one fails, also those that build
/// on it. Failed tests do not show in its status then.
const MAVEN: &str = "--fail-at-end -Dmaven.test.failure.ignore=true";
/// What makes Gradle test every project though one fails.
const GRADLE: &str = "--continue";

/// Words of a build that lets its results out, whatever its tests said when they
/// go on after a failure.
const PUBLISHES: [&str; 3] = ["deploy", "publish", "release:perform"];

/// Words of a command that no runner has: then it is not one command.
const COMPOUND: [&str; 7] = ["|", "&", ";", "$(", "`", ">", "\n"];

/// The form of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Cargo,
    Go,
    Unittest,
    JUnit,
    Tap,
    Jest,
    /// Whatever can be read out of it.
    Any,
}

/// A command that names tests, and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The command, for `sh -c` where the verification runs.
    pub command: String,
    form: Form,
}

/// The command that names the tests which `command` runs. `script` is the body
/// of a package.json's script, by name, as the base commit has it.
pub fn probe<'s>(command: &str, script: impl Fn(&str) -> Option<&'s str>) -> Probe {
    let (place, own) = match command.split_once(" && ") {
        // What detection puts in front of a command in a folder.
        Some((place, own)) if place.starts_with("cd ") => (format!("{place} && "), own),
        _ => (String::new(), command),
    };
    let (own, form) = named(own, &script);
    Probe {
        command: format!("{place}{own}"),
        form,
    }
}

fn named<'s>(command: &str, script: &impl Fn(&str) -> Option<&'s str>) -> (String, Form) {
    let as_it_is = || (command.to_owned(), Form::Any);
    if COMPOUND.iter().any(|part| command.contains(part)) {
        return as_it_is();
    }
    let words = text::words(command);
    let program = words
        .iter()
        .position(|word| !is_assignment(word) && *word != "env");
    let Some(at) = program else {
        return as_it_is();
    };
    let name = words[at].rsplit('/').next().unwrap_or(words[at]);
    let rest = &words[at + 1..];
    match (name, rest) {
        ("cargo", ["test" | "t", ..]) => (cargo_test(&words), Form::Cargo),
        ("cargo", ["nextest", "run", ..]) => {
            (with(&words, at + 3, &["--no-fail-fast"]), Form::Cargo)
        }
        ("go", ["test", ..]) => (with(&words, at + 2, &["-json", "-count=1"]), Form::Go),
        ("pytest" | "py.test", _) => (
            reported(command, &format!("--junitxml={REPORT}")),
            Form::JUnit,
        ),
        ("node", [..]) if rest.contains(&"--test") => {
            (with(&words, at + 1, &["--test-reporter=tap"]), Form::Tap)
        }
        ("mvn" | "mvnw" | "gradle" | "gradlew" | "sh", _) if publishes(rest) => as_it_is(),
        ("mvn" | "mvnw", _) | ("sh", ["./mvnw", ..]) => (java(command, MAVEN), Form::JUnit),
        ("gradle" | "gradlew", _) | ("sh", ["./gradlew", ..]) => {
            (java(command, GRADLE), Form::JUnit)
        }
        ("bun", ["test", ..]) => (
            reported(
                command,
                &format!("--reporter=junit --reporter-outfile={REPORT}"),
            ),
            Form::JUnit,
        ),
        ("jest", _) => (format!("{command} --json"), Form::Jest),
        ("vitest", _) => (format!("{command} --reporter=junit"), Form::JUnit),
        ("mocha", _) => (format!("{command} --reporter xunit"), Form::JUnit),
        ("npx" | "pnpx" | "bunx", _) | ("pnpm" | "yarn", ["exec", ..]) => javascript(command, rest),
        ("npm" | "pnpm" | "yarn" | "bun", _) => package_script(command, name, rest, script),
        _ if runs_module(rest, "pytest") => (
            reported(command, &format!("--junitxml={REPORT}")),
            Form::JUnit,
        ),
        _ if runs_module(rest, "unittest") => (unittest_command(&words), Form::Unittest),
        _ => as_it_is(),
    }
}

/// Whether the words have `-m MODULE`, behind Python or what starts it.
fn runs_module(words: &[&str], module: &str) -> bool {
    words.windows(2).any(|pair| pair == ["-m", module])
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// The words with `more` put in at `at`.
fn with(words: &[&str], at: usize, more: &[&str]) -> String {
    let more: Vec<&str> = more
        .iter()
        .copied()
        .filter(|word| !words.contains(word))
        .collect();
    let (head, tail) = words.split_at(at.min(words.len()));
    [head, &more, tail].concat().join(" ")
}

/// All binaries run though one fails, and each test is named.
fn cargo_test(words: &[&str]) -> String {
    let end = words
        .iter()
        .position(|word| *word == "--")
        .unwrap_or(words.len());
    let quiet = |word: &&str| !matches!(*word, "-q" | "--quiet");
    let (head, tail) = words.split_at(end);
    let mut named: Vec<&str> = head.iter().copied().filter(quiet).collect();
    if !named.contains(&"--no-fail-fast") {
        named.push("--no-fail-fast");
    }
    named.extend(tail.iter().copied().filter(quiet));
    named.join(" ")
}

fn unittest_command(words: &[&str]) -> String {
    let quiet = |word: &&str| !matches!(*word, "-q" | "--quiet" | "-f" | "--failfast");
    let words: Vec<&str> = words.iter().copied().filter(quiet).collect();
    let at = words
        .iter()
        .position(|word| *word == "unittest")
        .map_or(words.len(), |at| at + 1);
    // `discover` takes its options after it.
    let at = match words.get(at) {
        Some(&"discover") => at + 1,
        _ => at,
    };
    match words.iter().any(|word| matches!(*word, "-v" | "--verbose")) {
        true => words.join(" "),
        false => with(&words, at, &["-v"]),
    }
}

/// The command with an option that makes it write a report, which is printed
/// after it. The exit status stays the command's own.
fn reported(command: &str, option: &str) -> String {
    format!(
        "rm -f {REPORT}; {command} {option}; status=$?; echo; echo '{MARK}'; cat {REPORT}; exit $status"
    )
}

fn publishes(words: &[&str]) -> bool {
    words.iter().any(|word| PUBLISHES.contains(word))
}

/// Maven and Gradle leave their reports in the build folders. They go on after
/// a failed module.
fn java(command: &str, options: &str) -> String {
    format!(
        "{command} {options}; status=$?; echo; echo '{MARK}'; find . -type f -name 'TEST-*.xml' \
         \\( -path '*/surefire-reports/*' -o -path '*/failsafe-reports/*' -o -path '*/test-results/*' \\) \
         -exec cat {{}} +; exit $status"
    )
}

fn javascript(command: &str, rest: &[&str]) -> (String, Form) {
    let runner = rest
        .iter()
        .find(|word| !word.starts_with('-') && **word != "exec");
    match runner_option(runner.copied().unwrap_or_default(), rest) {
        Some((option, form)) => (format!("{command} {option}"), form),
        None => (command.to_owned(), Form::Any),
    }
}

fn runner_option(runner: &str, words: &[&str]) -> Option<(&'static str, Form)> {
    match runner {
        "jest" => Some(("--json", Form::Jest)),
        "vitest" => Some(("--reporter=junit", Form::JUnit)),
        "mocha" => Some(("--reporter xunit", Form::JUnit)),
        "node" if words.contains(&"--test") => Some(("--test-reporter=tap", Form::Tap)),
        _ => None,
    }
}

/// `npm test`, `pnpm run test`, `yarn test`: the script's own runner decides.
fn package_script<'s>(
    command: &str,
    manager: &str,
    rest: &[&str],
    script: &impl Fn(&str) -> Option<&'s str>,
) -> (String, Form) {
    let name = match rest {
        ["run" | "run-script", name, ..] => name,
        ["t" | "tst", ..] => &"test",
        [name, ..] => name,
        [] => return (command.to_owned(), Form::Any),
    };
    let body = script(name).unwrap_or_default();
    // What is appended reaches the last command of a script.
    let last = body.rsplit("&&").next().unwrap_or_default();
    let words = text::words(last);
    let at = words
        .iter()
        .position(|word| !is_assignment(word) && !matches!(*word, "cross-env" | "npx" | "env"));
    let runner = at.map_or("", |at| words[at].rsplit('/').next().unwrap_or_default());
    match runner_option(runner, &words) {
        // Node takes its options before the files, and a script cannot be
        // changed in its middle; this says the same through the environment.
        Some((option, Form::Tap)) => (format!("NODE_OPTIONS='{option}' {command}"), Form::Tap),
        Some((option, form)) => {
            let gap = match (manager, rest.contains(&"--")) {
                ("npm", false) => " -- ",
                _ => " ",
            };
            (format!("{command}{gap}{option}"), form)
        }
        None => (command.to_owned(), Form::Any),
    }
}

impl Probe {
    /// The tests that the output names. Empty when it names none.
    pub fn read(&self, output: &str) -> Inventory {
        let plain = text::plain(output);
        // The mark may stand in what a test printed; the last one is ours.
        let (said, reports) = plain
            .rsplit_once(MARK)
            .unwrap_or((plain.as_str(), plain.as_str()));
        match self.form {
            Form::Cargo => cargo::read(&plain),
            Form::Go => gotest::read(&plain),
            Form::Unittest => unittest::read(&plain),
            Form::Tap => tap::read(&plain),
            Form::Jest => jest::read(&plain),
            Form::JUnit => match junit::read(reports) {
                none if none.is_empty() => any(said),
                some => some,
            },
            Form::Any => any(&plain),
        }
    }
}

/// Every form that is found in it.
fn any(plain: &str) -> Inventory {
    let mut all = Inventory::default();
    for read in [
        cargo::read,
        gotest::read,
        gotest::read_plain,
        unittest::read,
        unittest::read_pytest,
        tap::read,
        jest::read,
        junit::read,
    ] {
        all.merge(read(plain));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_made_to_name_their_tests() {
        let script = |name: &str| match name {
            "test" => Some("cross-env CI=1 vitest run"),
            "unit" => Some("tsc && node --test dist"),
            _ => None,
        };
        for (command, expected) in [
            ("cargo test", "cargo test --no-fail-fast"),
            (
                "cargo test -q -- --test-threads=1",
                "cargo test --no-fail-fast -- --test-threads=1",
            ),
            (
                "RUST_LOG=x cargo nextest run -p a",
                "RUST_LOG=x cargo nextest run --no-fail-fast -p a",
            ),
            (
                "cd api && go test ./...",
                "cd api && go test -json -count=1 ./...",
            ),
            ("python3 -m unittest", "python3 -m unittest -v"),
            (
                "python3 -m unittest --verbose",
                "python3 -m unittest --verbose",
            ),
            (
                "python3 -m unittest discover -s tests",
                "python3 -m unittest discover -v -s tests",
            ),
            ("node --test", "node --test-reporter=tap --test"),
            ("npm run test", "npm run test -- --reporter=junit"),
            ("pnpm test", "pnpm test --reporter=junit"),
            (
                "npm run unit",
                "NODE_OPTIONS='--test-reporter=tap' npm run unit",
            ),
            ("npx jest src", "npx jest src --json"),
            ("make test", "make test"),
            ("mvn -B deploy", "mvn -B deploy"),
            ("sh ./gradlew check publish", "sh ./gradlew check publish"),
            ("pytest | tee log", "pytest | tee log"),
        ] {
            assert_eq!(probe(command, script).command, expected, "{command}");
        }
        for command in [
            "pytest -x",
            "uv run --frozen python -m pytest",
            "mvn test",
            "sh ./gradlew test",
        ] {
            let made = probe(command, script);
            assert!(
                made.command.contains(MARK) && made.command.contains("exit $status"),
                "{made:?}"
            );
            assert_eq!(made.form, Form::JUnit);
        }
    }

    #[test]
    fn a_failed_module_does_not_hide_the_others() {
        for (command, expected) in [
            (
                "cd api && sh ./mvnw test",
                "cd api && sh ./mvnw test --fail-at-end -Dmaven.test.failure.ignore=true; ",
            ),
            (
                "gradle --console=plain test",
                "gradle --console=plain test --continue; ",
            ),
        ] {
            let made = probe(command, |_| None).command;
            assert!(made.starts_with(expected), "{made}");
        }
    }
}

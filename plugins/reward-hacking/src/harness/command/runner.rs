//! Which program of a command runs tests.

use super::shell::split_words;

/// The runner of a simple command and the index of the first word behind its name.
pub(super) fn runner(part: &str) -> Option<(&'static str, usize)> {
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
        let value_of_option = i > 0 && words[i - 1].starts_with('-') && !words[i - 1].contains('=');
        if value_of_option {
            i += 1;
            continue;
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

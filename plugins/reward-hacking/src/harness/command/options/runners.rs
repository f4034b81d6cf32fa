//! The options of the runners, as their manuals have them.

/// Options with a value that choose tests, by runner.
pub(super) fn choosing(runner: &str, option: &str) -> bool {
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
pub(super) fn idle_option(runner: &str, word: &str) -> bool {
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

pub(super) fn takes_value(runner: &str, word: &str) -> bool {
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

//! Files that decide which tests run and what their result means.

use crate::text::has_any;

/// Whether the file decides which tests run or what their outcome means.
pub fn is_harness(lower: &str, name: &str) -> bool {
    is_ci(lower, name)
        || matches!(
            name,
            "makefile"
                | "gnumakefile"
                | "justfile"
                | "rakefile"
                | "package.json"
                | "pom.xml"
                | "pytest.ini"
                | ".pytest.ini"
                | "pyproject.toml"
                | "setup.cfg"
                | "tox.ini"
                | "noxfile.py"
                | "cargo.toml"
                | ".rspec"
                | "cmakelists.txt"
                | "ctestcustom.cmake"
                | "taskfile.yml"
                | "taskfile.yaml"
                | "build.xml"
                | "meson.build"
                | "build.bazel"
                | "build"
                | ".coveragerc"
                | ".nycrc"
                | ".nycrc.json"
                | "nextest.toml"
                | ".taprc"
                | ".c8rc.json"
                | "turbo.json"
                | "nx.json"
                | "project.json"
                | "codecov.yml"
                | ".codecov.yml"
                | "codecov.yaml"
                | "conftest.py"
                | "deno.json"
                | "bunfig.toml"
                | "xunit.runner.json"
                | "junit-platform.properties"
                | "ctestpresets.json"
                | "cmakepresets.json"
                | "dockerfile"
                | ".simplecov"
                | ".pre-commit-config.yaml"
                | "magefile.go"
                | "build.sbt"
                | "tarpaulin.toml"
                | ".bazelrc"
        )
        || name.starts_with(".mocharc")
        || name.starts_with("jest.config")
        || name.starts_with("jest.setup")
        || name.starts_with("vitest.")
        || name.starts_with("vite.config")
        || name.starts_with("karma.conf")
        || name.starts_with("playwright.config")
        || name.starts_with("cypress.config")
        || name.starts_with("ava.config")
        || name.starts_with("wdio.conf")
        || name.ends_with(".csproj")
        || name.ends_with(".fsproj")
        || name.ends_with(".props")
        || name.ends_with(".targets")
        || name.ends_with(".runsettings")
        || name.ends_with(".gradle")
        || name.ends_with(".gradle.kts")
        || name.ends_with(".sh")
        || name.ends_with(".bash")
        || name.ends_with(".ps1")
        || name.ends_with(".mk")
        || name.ends_with(".cmake")
        || lower.ends_with(".cargo/config.toml")
        || lower.ends_with(".cargo/config")
        || lower.ends_with(".config/nextest.toml")
}

/// Whether the file is read by a continuous-integration service.
pub fn is_ci(lower: &str, name: &str) -> bool {
    let slashed = format!("/{lower}");
    has_any(
        &slashed,
        &[
            "/.github/workflows/",
            "/.github/actions/",
            "/.circleci/",
            "/.buildkite/",
            "/.woodpecker/",
            "/.gitlab/ci/",
            "/.azure-pipelines/",
            "/.drone/",
        ],
    ) || matches!(
        name,
        ".gitlab-ci.yml"
            | ".travis.yml"
            | "azure-pipelines.yml"
            | "azure-pipelines.yaml"
            | "jenkinsfile"
            | "appveyor.yml"
            | ".appveyor.yml"
            | "bitbucket-pipelines.yml"
            | ".drone.yml"
            | ".cirrus.yml"
            | "cloudbuild.yaml"
            | ".woodpecker.yml"
    )
}

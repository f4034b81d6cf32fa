//! Maven and Gradle.

use crate::text::has_any;
use crate::view::View;

pub(super) fn maven(
    view: &View,
    at: usize,
    compact: &str,
    was: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    let plugin = || {
        let chunk = view.lines[at].chunk;
        view.lines[..at]
            .iter()
            .rev()
            .take(40)
            .take_while(|l| l.chunk == chunk)
            .find(|l| l.text.contains("<artifactId>"))
            .map_or(String::new(), |l| l.text.to_lowercase())
    };
    let testing = |p: &str| has_any(p, &["surefire", "failsafe"]) || p.is_empty();
    if has_any(
        compact,
        &[
            "<skiptests>true",
            "<maven.test.skip>true",
            "<skipits>true",
            "<skipunittests>true",
            "<skiptests>${",
            "<surefire.skip>true",
            "<maven.test.failure.ignore>true",
            "<testfailureignore>true",
        ],
    ) && !compact.contains("<skiptests>${skip")
    {
        return Some("maven now skips the tests or accepts their failure");
    }
    if compact.contains("<skip>true") && has_any(&plugin(), &["surefire", "failsafe"]) {
        return Some("the plugin that runs the tests is switched off");
    }
    if has_any(
        compact,
        &[
            "<exclude>",
            "<excludedgroups>",
            "<excludesfile>",
            "<excludejunit5engines>",
        ],
    ) && testing(&plugin())
        && !has_any(
            &plugin(),
            &["jacoco", "jar-", "shade", "spotless", "license"],
        )
        && has_any(compact, &["test", "it.java", "spec", "group", "engine"])
        && !was(compact)
    {
        return Some("surefire now leaves tests out");
    }
    if has_any(
        compact,
        &[
            "<haltonfailure>false",
            "<failifnotests>false",
            "<phase>none",
        ],
    ) && testing(&plugin())
        && (was("haltonfailure") || was("failifnotests") || compact.contains("phase"))
    {
        return Some("the build no longer stops at failing or missing tests");
    }
    if has_any(
        compact,
        &[
            "haltonfailure=\"no\"",
            "haltonfailure=\"false\"",
            "failonerror=\"false\"",
        ],
    ) {
        return Some("the build no longer stops at failing tests");
    }
    if has_any(compact, &["<groups>", "<test>"]) && testing(&plugin()) && !plugin().is_empty() {
        return Some("surefire now runs only part of the tests");
    }
    None
}

pub(super) fn gradle(view: &View, at: usize, text: &str, compact: &str) -> Option<&'static str> {
    let chunk = view.lines[at].chunk;
    let around: String = view.lines[..at]
        .iter()
        .rev()
        .take(12)
        .take_while(|l| l.chunk == chunk)
        .map(|l| l.text.to_lowercase())
        .collect::<Vec<_>>()
        .join("\n");
    let section = view
        .sections
        .get(chunk as usize)
        .copied()
        .unwrap_or("")
        .to_lowercase();
    let in_test = has_any(
        &around,
        &[
            "test {",
            "test>",
            "test)",
            "tests",
            "test\")",
            "integrationtest",
        ],
    ) || section.contains("test");
    if has_any(
        compact,
        &[
            "ignorefailures=true",
            "ignorefailurestrue",
            "ignorefailures.set(true)",
            "setignorefailures(true)",
        ],
    ) && !has_any(
        &around,
        &["checkstyle", "pmd", "spotbugs", "detekt", "ktlint"],
    ) {
        return Some("gradle now accepts failing tests");
    }
    if in_test
        && has_any(
            compact,
            &[
                "enabled=false",
                "isenabled=false",
                "onlyif{false}",
                "enabled.set(false)",
                "onlyif{!",
                "onlyif{project.hasproperty",
            ],
        )
        || has_any(
            compact,
            &[
                "test.enabled=false",
                "tasks.test{enabled=false",
                "test.onlyif{false}",
                "named(\"test\"){enabled=false",
                "gradle.startparameter.excludedtasknames",
            ],
        )
    {
        return Some("the test task no longer runs");
    }
    if has_any(
        compact,
        &[
            "excludetestsmatching",
            "includetestsmatching",
            "excludetags",
            "includetags",
            "excludecategories",
            "isfailonnomatchingtests=false",
            "failonnomatchingtests=false",
        ],
    ) || in_test
        && compact.starts_with("exclude")
        && has_any(text, &["Test", "test", "**"])
        && !has_any(text, &["group", "module"])
        || compact.contains("-xtest")
    {
        return Some("gradle now leaves tests out");
    }
    None
}

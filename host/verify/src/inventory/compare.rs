//! What a change did to the tests, by name.
//!
//! Three runs are compared: the base commit, the base commit's tests against
//! the change's sources, and the change. A test that moved keeps the last part
//! of its name and is not missed.

use super::{Inventory, Status};
use sortie_model::finding::Severity;
use std::collections::BTreeMap;

/// The most tests of one reason that are told by name; the rest are counted.
const MAX_NAMED: usize = 20;

/// The runs of one change.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The base commit as it is.
    pub before: &'a Inventory,
    /// The base commit's tests against the change's sources; none when that
    /// was not run.
    pub base_tests: Option<&'a Inventory>,
    /// The change as it is.
    pub after: &'a Inventory,
}

/// What is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It is not collected any more.
    Vanished,
    /// It is skipped and was not.
    Skipped,
    /// It passes with the change's tests and not with the base commit's.
    PassesOnlyChanged,
    /// The base commit's tests do not run against the change's sources.
    DoesNotRun,
}

impl Reason {
    /// The name of the rule, as findings have it.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Vanished => "test-vanished",
            Self::Skipped => "test-skipped",
            Self::PassesOnlyChanged => "test-passes-only-changed",
            Self::DoesNotRun => "base-tests-do-not-run",
        }
    }
}

/// One difference that a person should see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub reason: Reason,
    /// What it asks for.
    pub severity: Severity,
    /// The test; none when it is about several.
    pub test: Option<String>,
    /// One sentence that names the test.
    pub message: String,
    /// What it came to in each run.
    pub evidence: String,
}

/// The differences, worst first. Empty when the change takes nothing away.
pub fn compare(runs: Judged<'_>) -> Vec<Difference> {
    if runs.before.is_empty() {
        return Vec::new();
    }
    if runs.after.is_empty() {
        return vec![Difference {
            reason: Reason::Vanished,
            severity: Severity::Block,
            test: None,
            message: format!(
                "no test is collected any more; the base commit has {}",
                runs.before.len()
            ),
            evidence: counts(runs),
        }];
    }
    let mut moved = Moved::new(runs.before, runs.after);
    let mut moved_base = runs.base_tests.map(|tests| Moved::new(runs.before, tests));
    let mut named: BTreeMap<Reason, Vec<(Severity, &str)>> = BTreeMap::new();
    for (name, before) in runs.before.tests() {
        let after = runs.after.status(name).or_else(|| moved.take(name));
        let held = runs.base_tests.and_then(|tests| tests.status(name));
        // A source that moved takes its tests along.
        let held = held.or_else(|| moved_base.as_mut()?.take(name));
        // A test that still holds was not taken away to hide a failure.
        let taken_away = match held {
            Some(Status::Passed) => Severity::Warn,
            _ => Severity::Block,
        };
        let found = match (before, after) {
            (_, None) => (Reason::Vanished, taken_away),
            (Status::Passed | Status::Failed, Some(Status::Skipped)) => {
                (Reason::Skipped, taken_away)
            }
            // Also one that failed before: the change may have bent what it
            // expects instead of mending what is wrong.
            (Status::Passed | Status::Failed, Some(Status::Passed)) if broken(runs, held) => {
                (Reason::PassesOnlyChanged, Severity::Warn)
            }
            _ => continue,
        };
        named.entry(found.0).or_default().push((found.1, name));
    }
    let mut differences: Vec<Difference> = named
        .into_iter()
        .flat_map(|(reason, tests)| told(runs, reason, tests))
        .collect();
    if runs.base_tests.is_some_and(Inventory::is_empty) {
        differences.push(Difference {
            reason: Reason::DoesNotRun,
            severity: Severity::Warn,
            test: None,
            message: "the base commit's tests do not run against the change's sources, so it is \
                      only by the changed tests that it passes"
                .to_owned(),
            evidence: counts(runs),
        });
    }
    differences.sort_by_key(|found| (std::cmp::Reverse(found.severity), found.reason));
    differences
}

/// Whether a test that passes now does not with the base commit's tests. Where
/// none of these ran, that is said once.
fn broken(runs: Judged<'_>, held: Option<Status>) -> bool {
    match runs.base_tests {
        Some(tests) if !tests.is_empty() => held.is_none_or(|status| status != Status::Passed),
        _ => false,
    }
}

fn told(runs: Judged<'_>, reason: Reason, mut tests: Vec<(Severity, &str)>) -> Vec<Difference> {
    tests.sort_by_key(|(severity, name)| (std::cmp::Reverse(*severity), *name));
    let left_out = tests.split_off(tests.len().min(MAX_NAMED));
    let mut told: Vec<Difference> = tests
        .iter()
        .map(|&(severity, name)| Difference {
            reason,
            severity,
            test: Some(name.to_owned()),
            message: match reason {
                Reason::Vanished => format!("the test {name} is gone"),
                Reason::Skipped => format!("the test {name} is skipped now"),
                Reason::PassesOnlyChanged | Reason::DoesNotRun => format!(
                    "the test {name} passes only as the change has it; as the base commit has it, it does not"
                ),
            },
            evidence: evidence(runs, name),
        })
        .collect();
    if let Some((worst, _)) = left_out.first() {
        told.push(Difference {
            reason,
            severity: *worst,
            test: None,
            message: format!("the same holds for {} more tests", left_out.len()),
            evidence: counts(runs),
        });
    }
    told
}

fn evidence(runs: Judged<'_>, name: &str) -> String {
    let base_tests = runs.base_tests.map_or_else(String::new, |tests| {
        format!(
            "; its base version on the new sources: {}",
            word(tests.status(name))
        )
    });
    format!(
        "{name}: before: {}{base_tests}; after: {}",
        word(runs.before.status(name)),
        word(runs.after.status(name))
    )
}

fn word(status: Option<Status>) -> &'static str {
    match status {
        Some(Status::Passed) => "passed",
        Some(Status::Failed) => "failed",
        Some(Status::Skipped) => "skipped",
        None => "not collected",
    }
}

fn counts(runs: Judged<'_>) -> String {
    let of = |name: &str, tests: &Inventory| {
        format!(
            "{name}: {} collected, {} skipped, {} failed",
            tests.len(),
            tests.count(Status::Skipped),
            tests.count(Status::Failed)
        )
    };
    let mut lines = vec![of("before", runs.before)];
    lines.extend(
        runs.base_tests
            .map(|tests| of("base tests on the new sources", tests)),
    );
    lines.push(of("after", runs.after));
    lines.join("\n")
}

/// Tests that are new in a later run, by the last part of their names.
struct Moved<'a>(BTreeMap<&'a str, Vec<Status>>);

impl<'a> Moved<'a> {
    fn new(before: &Inventory, later: &'a Inventory) -> Self {
        let mut new: BTreeMap<&str, Vec<Status>> = BTreeMap::new();
        for (name, status) in later.tests() {
            if before.status(name).is_none() {
                new.entry(last_part(name)).or_default().push(status);
            }
        }
        Self(new)
    }

    /// Each new test stands in for one old one.
    fn take(&mut self, name: &str) -> Option<Status> {
        self.0.get_mut(last_part(name))?.pop()
    }
}

/// `b` of `tests/a.py::b`, `mod::b`, `pkg.b`, `suite > b`; a whole sentence
/// otherwise, parameters with it.
fn last_part(name: &str) -> &str {
    let head = name.split('[').next().unwrap_or(name);
    let start = ["::", " > ", ": "]
        .iter()
        .filter_map(|mark| head.rfind(mark).map(|at| at + mark.len()))
        .max()
        .unwrap_or(0);
    let part = &name[start..];
    // A dot in a sentence is a full stop.
    match part.contains(' ') {
        true => part,
        false => {
            let head = part.split('[').next().unwrap_or(part);
            &part[head.rfind('.').map_or(0, |at| at + 1)..]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Failed, Passed, Skipped};

    fn inventory(tests: &[(&str, Status)]) -> Inventory {
        let mut found = Inventory::default();
        for (name, status) in tests {
            found.add(name, *status);
        }
        found
    }

    fn told(
        before: &[(&str, Status)],
        base_tests: Option<&[(&str, Status)]>,
        after: &[(&str, Status)],
    ) -> Vec<(Reason, Severity, String)> {
        let base_tests = base_tests.map(inventory);
        compare(Judged {
            before: &inventory(before),
            base_tests: base_tests.as_ref(),
            after: &inventory(after),
        })
        .into_iter()
        .map(|found| (found.reason, found.severity, found.message))
        .collect()
    }

    #[test]
    fn what_takes_nothing_away_is_no_difference() {
        let both: &[(&str, Status)] = &[("m.a", Passed), ("m.b", Skipped), ("m.c", Failed)];
        let more: &[(&str, Status)] = &[
            ("m.a", Passed),
            ("m.b", Passed),
            ("m.c", Passed),
            ("m.d", Skipped),
        ];
        assert_eq!(told(both, Some(both), both), []);
        assert_eq!(told(both, Some(more), more), []);
        // Moved to another file.
        let moved = [("n.a", Passed), ("m.b", Skipped), ("m.c", Failed)];
        assert_eq!(told(both, Some(both), &moved), []);
        // With the source that holds it.
        assert_eq!(told(both, Some(&moved), &moved), []);
    }

    #[test]
    fn a_test_that_is_taken_away_is_named_and_blocks_unless_it_would_pass() {
        let before = &[("m.a", Passed), ("m.b", Failed)];
        let found = told(before, Some(before), &[("m.x", Passed)]);
        assert_eq!(
            found,
            [
                (
                    Reason::Vanished,
                    Severity::Block,
                    "the test m.b is gone".to_owned()
                ),
                (
                    Reason::Vanished,
                    Severity::Warn,
                    "the test m.a is gone".to_owned()
                ),
            ]
        );
        let found = told(before, Some(before), &[("m.a", Skipped), ("m.b", Skipped)]);
        assert_eq!(found[0].0, Reason::Skipped);
        assert_eq!((found[0].1, found[1].1), (Severity::Block, Severity::Warn));
        // Where nothing is known of the base version, the worse is taken.
        assert_eq!(told(before, None, &[("m.b", Failed)])[0].1, Severity::Block);
    }

    #[test]
    fn a_test_that_was_changed_to_pass_is_named() {
        let before = &[("m.a", Passed)];
        let found = told(before, Some(&[("m.a", Failed)]), before);
        assert_eq!(
            (found[0].0, found[0].1),
            (Reason::PassesOnlyChanged, Severity::Warn)
        );
    }

    #[test]
    fn a_failing_test_whose_expectation_was_bent_is_named() {
        let before = &[("m.a", Failed)];
        let after = &[("m.a", Passed)];
        let found = told(before, Some(before), after);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].0, found[0].1),
            (Reason::PassesOnlyChanged, Severity::Warn)
        );
        // What is mended in the sources is no difference.
        assert_eq!(told(before, Some(after), after), []);
    }

    #[test]
    fn runs_without_a_test_are_told_once() {
        let before = &[("m.a", Passed), ("m.b", Passed)];
        let found = told(before, Some(before), &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1, Severity::Block);
        let found = told(before, Some(&[]), before);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].0, found[0].1),
            (Reason::DoesNotRun, Severity::Warn)
        );
        // A project that had no test loses none.
        assert_eq!(told(&[], Some(&[]), &[]), []);
    }

    #[test]
    fn many_are_counted_after_the_first() {
        let names: Vec<String> = (0..100).map(|n| format!("m.t{n}")).collect();
        let before: Vec<(&str, Status)> = names.iter().map(|n| (n.as_str(), Passed)).collect();
        let found = told(&before, Some(&before), &[("m.new", Passed)]);
        assert_eq!(found.len(), MAX_NAMED + 1);
        assert!(
            found
                .iter()
                .any(|(_, _, message)| message.contains("80 more tests"))
        );
    }

    #[test]
    fn the_last_part_of_a_name_is_found_in_every_form() {
        for (name, part) in [
            ("tests/test_a.py::Cart::test_b[1.5-x]", "test_b[1.5-x]"),
            ("src/lib.rs: tests::adds", "adds"),
            ("example.com/shop.TestAdd", "TestAdd"),
            ("test_cart.Cart.test_b", "test_b"),
            ("cart > adds 1.5 and 2", "adds 1.5 and 2"),
            ("adds", "adds"),
        ] {
            assert_eq!(last_part(name), part, "{name}");
        }
    }
}

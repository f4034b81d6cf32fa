//! What the comparison came to, as findings. Pure.

use super::SCANNER;
use super::touched::Touched;
use sortie_model::finding::{Finding, Place, Severity, Side, fingerprint};
use sortie_verify::inventory::{Difference, Inventory, Status};

/// The rule of findings that say why nothing, or not everything, was compared.
const NOT_COMPARED: &str = "tests-not-compared";
/// How many of the files that were not put back are named.
const MAX_NAMED: usize = 5;

/// What the comparison came to.
pub(super) struct Report {
    /// For the timeline.
    message: String,
    differences: Vec<Difference>,
    /// Why nothing, or not everything, was compared.
    gap: Option<Gap>,
}

struct Gap {
    severity: Severity,
    message: String,
    evidence: String,
}

impl Report {
    pub(super) fn nothing_to_run() -> Self {
        Self::gap(
            Severity::Info,
            "the change touches tests, and no verification command is known that could run them"
                .to_owned(),
            String::new(),
        )
    }

    /// The base commit's own run named no test.
    pub(super) fn no_names(why: Option<String>) -> Self {
        let message = match &why {
            Some(why) => format!("the change touches tests, and they cannot be run here: {why}"),
            None => "the change touches tests, and the output of the verification names none, so \
                     they cannot be compared"
                .to_owned(),
        };
        Self::gap(Severity::Info, message, why.unwrap_or_default())
    }

    /// Nothing was run.
    pub(super) fn not_run(why: String) -> Self {
        let message = format!("the change touches tests, and they cannot be run here: {why}");
        Self::gap(Severity::Info, message, why)
    }

    /// The change's code ran, and then something stood in the way.
    pub(super) fn broken_off(why: String, before: &Inventory) -> Self {
        let message =
            format!("the tests could not be compared: with the change, {why}; before it they ran");
        Self::gap(Severity::Warn, message, counted("before", before))
    }

    fn gap(severity: Severity, message: String, evidence: String) -> Self {
        Self {
            message: message.clone(),
            differences: Vec::new(),
            gap: Some(Gap {
                severity,
                message,
                evidence,
            }),
        }
    }

    pub(super) fn compared(
        before: &Inventory,
        base_tests: Option<&Inventory>,
        after: &Inventory,
        differences: Vec<Difference>,
    ) -> Self {
        let mut message = counted("before", before);
        if let Some(tests) = base_tests {
            message.push_str("; ");
            message.push_str(&counted("base tests on the change", tests));
        }
        message.push_str("; ");
        message.push_str(&counted("after", after));
        Self {
            message,
            differences,
            gap: None,
        }
    }

    /// One line for people.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The findings, each with the file that its test is most likely in.
    pub(super) fn findings(self, touched: &Touched) -> Vec<Finding> {
        let left = match self.gap {
            None => not_put_back(&touched.left),
            Some(_) => None,
        };
        let gap = self
            .gap
            .map(|gap| finding(NOT_COMPARED, gap.severity, gap.message, gap.evidence, None));
        let differences = self.differences.into_iter().map(|found| {
            let file = found.test.as_deref().and_then(|test| touched.file_of(test));
            let place = file.map(|file| Place {
                path: file.path.clone(),
                line: 1,
                side: match file.gone {
                    true => Side::Old,
                    false => Side::New,
                },
            });
            finding(
                found.reason.rule(),
                found.severity,
                found.message,
                found.evidence,
                place,
            )
        });
        gap.into_iter().chain(left).chain(differences).collect()
    }
}

/// Says which files were run as the change has them; a person is to look.
fn not_put_back(left: &[String]) -> Option<Finding> {
    let files = match left.len() {
        0 => return None,
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    // The names are the change's own.
    let named: Vec<String> = left
        .iter()
        .take(MAX_NAMED)
        .map(|path| path.escape_debug().to_string())
        .collect();
    let more = match left.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "the base commit's tests in {files} could not be put back and ran as the change has them: {}{more}",
        named.join(", ")
    );
    let evidence = named.join("\n");
    Some(finding(
        NOT_COMPARED,
        Severity::Warn,
        message,
        evidence,
        None,
    ))
}

fn finding(
    rule: &str,
    severity: Severity,
    message: String,
    evidence: String,
    place: Option<Place>,
) -> Finding {
    // The message names the test; the evidence has numbers that may change.
    let told = match evidence.is_empty() {
        true => &message,
        false => &evidence,
    };
    Finding {
        scanner: SCANNER.to_owned(),
        rule: rule.to_owned(),
        severity,
        fingerprint: fingerprint(SCANNER, rule, place.as_ref(), told),
        place,
        message,
        evidence,
    }
}

fn counted(what: &str, tests: &Inventory) -> String {
    format!(
        "{what}: {} collected, {} skipped, {} failed",
        tests.len(),
        tests.count(Status::Skipped),
        tests.count(Status::Failed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(left: usize) -> Touched {
        Touched {
            left: (1..=left).map(|n| format!("src/{n}.rs")).collect(),
            ..Touched::default()
        }
    }

    #[test]
    fn what_was_not_put_back_asks_for_a_person_and_is_named() {
        let tests = Inventory::default();
        let compared = || Report::compared(&tests, None, &tests, Vec::new());
        assert!(compared().findings(&touched(0)).is_empty());
        let found = compared().findings(&touched(7));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].rule, NOT_COMPARED);
        assert_eq!(found[0].severity, Severity::Warn);
        let said = &found[0].message;
        assert!(said.contains("in 7 files"), "{said}");
        assert!(said.ends_with("src/4.rs, src/5.rs and 2 more"), "{said}");
        // Where nothing ran, that is the one thing to say.
        let found = Report::not_run("no room".to_owned()).findings(&touched(7));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Info);
    }
}

//! The suite of the scanner surface.

use crate::samples::{self, Sample};
use crate::{Check, shown};
use sortie_git::UnifiedDiff;
use sortie_model::diff::{DiffError, DiffSource, LineKind};
use sortie_model::finding::{Place, Side};
use sortie_plugins::Plugins;
use sortie_plugins::surfaces::scanner::RawFinding;
use std::sync::Arc;

/// Asks the scanner that is loaded as `name`. Every check is reported.
pub async fn check(plugins: &Plugins, name: &str) -> Vec<Check> {
    let mut checks = vec![Check::new("rules", rules(plugins, name).await.err())];
    for sample in samples::all() {
        let problem = judged(plugins, name, &sample).await.err();
        checks.push(Check::new(sample.name, problem));
    }
    checks
}

/// The host refuses ids that are not kebab-case or not unique; people also
/// need a rule to say what it is.
async fn rules(plugins: &Plugins, name: &str) -> Result<(), String> {
    let rules = plugins.rules(name).await.map_err(shown)?;
    if rules.is_empty() {
        return Err("it has none, so it can find nothing".into());
    }
    match rules
        .iter()
        .find(|rule| rule.title.trim().is_empty() || rule.help.trim().is_empty())
    {
        Some(rule) => Err(format!(
            "the rule {:?} has no title or no help; people read both before they judge a finding",
            rule.id
        )),
        None => Ok(()),
    }
}

async fn judged(plugins: &Plugins, name: &str, sample: &Sample) -> Result<(), String> {
    let diff = UnifiedDiff::parse(sample.diff.clone()).map_err(|error| error.to_string())?;
    findings(plugins, name, Arc::new(diff)).await.map(drop)
}

/// What the scanner finds, when it says the same twice and only about places
/// that are in the change.
///
/// # Errors
///
/// What it did instead.
pub async fn findings(
    plugins: &Plugins,
    name: &str,
    diff: Arc<dyn DiffSource>,
) -> Result<Vec<RawFinding>, String> {
    let first = plugins.scan(name, Arc::clone(&diff)).await.map_err(shown)?;
    let second = plugins.scan(name, Arc::clone(&diff)).await.map_err(shown)?;
    if first != second {
        return Err(format!(
            "asked twice it gives different answers: {} findings, then {}; sort what has no order \
             and use neither time nor randomness",
            first.len(),
            second.len()
        ));
    }
    if diff.files().is_empty() && !first.is_empty() {
        return Err(format!(
            "nothing was changed and it has {} findings",
            first.len()
        ));
    }
    for finding in &first {
        if let Some(place) = &finding.place
            && let Some(reason) = outside(&*diff, place).map_err(|error| error.to_string())?
        {
            return Err(format!("the rule {:?} points at {reason}", finding.rule));
        }
    }
    Ok(first)
}

/// Why a place is not in the change; the host itself checks only the path.
/// Line 1 stands for a whole file.
fn outside(diff: &dyn DiffSource, place: &Place) -> Result<Option<String>, DiffError> {
    if place.line == 1 {
        return Ok(None);
    }
    let mut last = 0;
    for (index, file) in diff.files().iter().enumerate() {
        let path = match place.side {
            Side::Old => &file.old_path,
            Side::New => &file.new_path,
        };
        if path.as_deref() != Some(place.path.as_str()) {
            continue;
        }
        for line in diff.hunks(index)?.iter().flat_map(|hunk| &hunk.lines) {
            let (number, other) = match place.side {
                Side::Old => (line.old_line, LineKind::Added),
                Side::New => (line.new_line, LineKind::Removed),
            };
            if line.kind != other {
                last = last.max(number.unwrap_or(0));
            }
        }
    }
    Ok((place.line > last).then(|| {
        format!(
            "line {} of {:?}, and the change ends at line {last} there",
            place.line, place.path
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_in_the_change_or_is_its_file() {
        let text =
            "diff --git a/a.rs b/a.rs\n--- a/a.rs\n+++ b/a.rs\n@@ -5,2 +5,3 @@\n x\n+y\n z\n";
        let diff = UnifiedDiff::parse(text.into()).expect("a diff");
        let at = |line, side| {
            let place = Place {
                path: "a.rs".into(),
                line,
                side,
            };
            outside(&diff, &place).expect("it is readable").is_none()
        };
        assert!(at(1, Side::New) && at(7, Side::New) && at(6, Side::Old));
        assert!(!at(8, Side::New) && !at(7, Side::Old));
    }
}

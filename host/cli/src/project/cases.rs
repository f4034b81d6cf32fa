//! The cases of a scanner's author: `tests/<case>.diff`, the findings expected
//! of it in `<case>.json`, in any order, and perhaps a configuration in
//! `<case>.config.json`.

use super::Project;
use crate::exit::CliError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sortie_git::UnifiedDiff;
use sortie_model::finding::{Severity, Side};
use sortie_package::manifest::ConfigSchema;
use sortie_plugins::MAX_CONFIG_BYTES;
use sortie_plugins::surfaces::scanner::RawFinding;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest diff of a case; people read cases.
const MAX_DIFF_BYTES: u64 = 64 << 20;

/// The largest file of expected findings: a thousand of the longest.
const MAX_EXPECTED_BYTES: usize = 16 << 20;

/// A case.
pub struct Case {
    pub name: String,
    pub diff: Arc<UnifiedDiff>,
    /// Null when it has none of its own.
    pub config: Value,
    /// None when nobody said yet.
    pub expected: Option<Vec<Expected>>,
    pub answers: PathBuf,
}

/// A finding as case files write it. Path, line and side are null for one
/// about the whole change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub rule: String,
    pub severity: Severity,
    pub path: Option<String>,
    pub line: Option<u32>,
    pub side: Option<Side>,
    pub message: String,
    pub evidence: String,
}

impl From<RawFinding> for Expected {
    fn from(finding: RawFinding) -> Self {
        let (path, line, side) = match finding.place {
            Some(place) => (Some(place.path), Some(place.line), Some(place.side)),
            None => (None, None, None),
        };
        Self {
            rule: finding.rule,
            severity: finding.severity,
            path,
            line,
            side,
            message: finding.message,
            evidence: finding.evidence,
        }
    }
}

/// How an answer differs from what was expected.
#[derive(Debug, Default, Serialize)]
pub struct Mismatch {
    /// Expected and not there.
    pub missing: Vec<Expected>,
    /// There and not expected.
    pub unexpected: Vec<Expected>,
}

impl Mismatch {
    /// Compares regardless of order; the same finding twice counts twice.
    pub fn of(expected: &[Expected], found: &[Expected]) -> Self {
        let mut unexpected = found.to_vec();
        let mut missing = Vec::new();
        for wanted in expected {
            match unexpected.iter().position(|found| found == wanted) {
                Some(at) => drop(unexpected.remove(at)),
                None => missing.push(wanted.clone()),
            }
        }
        Self {
            missing,
            unexpected,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty()
    }
}

/// The cases of a project by name.
pub fn all(project: &Project) -> Result<Vec<Case>, CliError> {
    let dir = project.dir.join("tests");
    let Ok(entries) = std::fs::read_dir(&dir) else {
        return Ok(Vec::new());
    };
    let mut diffs: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "diff"))
        .collect();
    diffs.sort();
    let schema = project.manifest.config_schema();
    let schema = schema.unwrap_or_else(|_| ConfigSchema::nothing());
    diffs.iter().map(|diff| read(diff, &schema)).collect()
}

fn read(path: &Path, schema: &ConfigSchema) -> Result<Case, CliError> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| {
        CliError::usage(format!("read the case {}: {error}", path.display()))
    };
    let file = std::fs::File::open(path).map_err(|error| wrong(path, &error))?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let diff = UnifiedDiff::read(file, length, MAX_DIFF_BYTES);
    let diff = diff.map_err(|error| wrong(path, &error))?;

    let answers = path.with_extension("json");
    let expected = json(&answers, MAX_EXPECTED_BYTES).map_err(|error| wrong(&answers, &error))?;
    let settings = path.with_extension("config.json");
    let config: Option<Map<String, Value>> =
        json(&settings, MAX_CONFIG_BYTES).map_err(|error| wrong(&settings, &error))?;
    let config = config.map_or(Value::Null, Value::Object);
    if !config.is_null()
        && let Err(problems) = schema.validate(&config)
    {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(wrong(&settings, &problems.join("; "))
            .with_hint("[config] in sortie-plugin.toml says what a configuration may have"));
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Case {
        name: name.into_owned(),
        diff: Arc::new(diff),
        config,
        expected,
        answers,
    })
}

/// A file of JSON; none when there is no such file.
fn json<T: serde::de::DeserializeOwned>(path: &Path, limit: usize) -> std::io::Result<Option<T>> {
    match super::read_text(path, limit) {
        Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Case {
    /// Takes an answer for right from now on: one line for each finding, in
    /// the order of the change's places, so that a change of it reads well.
    pub fn accept(&self, found: &[Expected]) -> Result<(), CliError> {
        let mut found = found.to_vec();
        found.sort_by(|a, b| {
            (&a.path, a.line, &a.rule, &a.message).cmp(&(&b.path, b.line, &b.rule, &b.message))
        });
        let lines: Result<Vec<String>, _> = found.iter().map(serde_json::to_string).collect();
        let lines = lines.map_err(CliError::failed)?;
        let text = match lines.is_empty() {
            true => "[]\n".to_owned(),
            false => format!("[\n  {}\n]\n", lines.join(",\n  ")),
        };
        super::write(&self.answers, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(line: u32) -> Expected {
        Expected {
            rule: "r".into(),
            severity: Severity::Warn,
            path: Some("a".into()),
            line: Some(line),
            side: Some(Side::New),
            message: "m".into(),
            evidence: String::new(),
        }
    }

    #[test]
    fn order_does_not_matter_and_number_does() {
        let (one, two) = (finding(1), finding(2));
        let same = Mismatch::of(&[one.clone(), two.clone()], &[two.clone(), one.clone()]);
        assert!(same.is_empty());
        let twice = Mismatch::of(std::slice::from_ref(&one), &[one.clone(), one.clone()]);
        assert_eq!((twice.missing.len(), twice.unexpected.len()), (0, 1));
        let other = Mismatch::of(&[one], &[two]);
        assert_eq!((other.missing.len(), other.unexpected.len()), (1, 1));
    }
}

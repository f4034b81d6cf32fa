//! Labels: how containers and volumes are found again, and told from others'.

use crate::sandbox::Part;
use std::collections::HashMap;

pub const INSTANCE: &str = "dev.sortie.instance";
pub const RUN: &str = "dev.sortie.run";
pub const JOB: &str = "dev.sortie.job";
pub const NONCE: &str = "dev.sortie.nonce";
/// Which of a run's containers it is; the one where the work is done has none.
pub const PART: &str = "dev.sortie.part";
/// On images: the digest of the runner in them.
pub const RUNNER: &str = "dev.sortie.runner";

/// What marks everything of one of a run's containers.
pub fn of(instance: &str, run: u64, part: Part, job: u64, nonce: &str) -> HashMap<String, String> {
    let part = part.name().map(|name| (PART, name.to_owned()));
    [
        (INSTANCE, instance.to_owned()),
        (RUN, run.to_string()),
        (JOB, job.to_string()),
        (NONCE, nonce.to_owned()),
    ]
    .into_iter()
    .chain(part)
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// An engine filter for this instance's things, or for one run's.
pub fn filter(instance: &str, run: Option<u64>) -> HashMap<String, Vec<String>> {
    let mut labels = vec![format!("{INSTANCE}={instance}")];
    labels.extend(run.map(|run| format!("{RUN}={run}")));
    HashMap::from([("label".to_owned(), labels)])
}

/// Which of its run's containers or volumes has these labels.
pub fn part(labels: &HashMap<String, String>) -> Part {
    match labels.get(PART) {
        None => Part::Work,
        Some(_) => Part::Check,
    }
}

/// A number from a label.
pub fn number(labels: &HashMap<String, String>, name: &str) -> Option<u64> {
    labels.get(name)?.parse().ok()
}

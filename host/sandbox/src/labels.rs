//! Labels: how containers and volumes are found again, and told from others'.

use std::collections::HashMap;

pub const INSTANCE: &str = "dev.sortie.instance";
pub const RUN: &str = "dev.sortie.run";
pub const JOB: &str = "dev.sortie.job";
pub const NONCE: &str = "dev.sortie.nonce";
/// On images: the digest of the runner in them.
pub const RUNNER: &str = "dev.sortie.runner";

/// What marks everything of one run.
pub fn of(instance: &str, run: u64, job: u64, nonce: &str) -> HashMap<String, String> {
    [
        (INSTANCE, instance.to_owned()),
        (RUN, run.to_string()),
        (JOB, job.to_string()),
        (NONCE, nonce.to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// An engine filter for this instance's things, or for one run's.
pub fn filter(instance: &str, run: Option<u64>) -> HashMap<String, Vec<String>> {
    let mut labels = vec![format!("{INSTANCE}={instance}")];
    labels.extend(run.map(|run| format!("{RUN}={run}")));
    HashMap::from([("label".to_owned(), labels)])
}

/// A number from a label.
pub fn number(labels: &HashMap<String, String>, name: &str) -> Option<u64> {
    labels.get(name)?.parse().ok()
}

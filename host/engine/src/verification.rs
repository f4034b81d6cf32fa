//! What verifies a run's result: the project's own commands, or those that the
//! base commit's files name. Fixed by the base commit and the policy, so every
//! stretch of a run finds the same; never taken from what an agent left.

use crate::drive::RunContext;
use crate::fault::Fault;
use sortie_git::{CommitId, Mirror};
use sortie_model::project::Policy;
use sortie_store::persist;
use sortie_verify::detect::{self, Detected, Purpose};
use sortie_verify::inventory::{Probe, probe};
use std::collections::BTreeMap;

/// The most files of a commit that are looked at for its build files; those of
/// a larger repository are near its root all the same.
const MAX_FILES: usize = 200_000;

/// The kind of the event that tells what was found.
const EVENT: &str = "verification.detected";

/// What verifies a result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verification {
    /// The commands in order.
    pub(crate) commands: Vec<String>,
    /// Whether the first of them were found by the host.
    pub(crate) detected: bool,
    /// Files of the base commit that say how the repository is worked on.
    pub(crate) conventions: Vec<String>,
    /// What names the tests that these run.
    probes: Vec<Probe>,
    /// What was found; none where the project says itself what verifies.
    found: Option<Detected>,
}

impl Verification {
    /// Reads the base commit in the mirror.
    pub(crate) async fn of(
        mirror: &Mirror,
        base: &CommitId,
        policy: &Policy,
    ) -> Result<Self, Fault> {
        let paths = mirror.files(base, MAX_FILES).await?;
        let mut contents = BTreeMap::new();
        if policy.detect {
            for path in detect::wanted(&paths) {
                if let Some(bytes) = mirror.file(base, &path, detect::MAX_FILE_BYTES).await? {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    contents.insert(path, text);
                }
            }
        }
        let found = detect::detect(&paths, &contents);
        let conventions = found.conventions.clone();
        let mut commands = Vec::new();
        if policy.detect {
            commands.extend(found.commands.iter().map(|found| found.command.clone()));
        }
        let detected = !commands.is_empty();
        for command in &policy.verify {
            if !commands.contains(command) {
                commands.push(command.clone());
            }
        }
        Ok(Self {
            probes: probes(mirror, base, policy, &found).await?,
            commands,
            detected,
            conventions,
            found: policy.detect.then_some(found),
        })
    }

    /// The commands that name the tests, in the order in which they run.
    pub(crate) fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// Puts what was found on the timeline, and that nothing was: when it comes
    /// to be used, since a workflow may verify nothing.
    pub(crate) async fn tell(&self, context: &RunContext) -> Result<(), Fault> {
        let (store, fence) = (&context.options.store, context.fence);
        let Some(found) = &self.found else {
            return Ok(());
        };
        let message = match found.commands.as_slice() {
            [] => "the base commit names no command that builds or tests it".to_owned(),
            commands => commands
                .iter()
                .map(|found| format!("{} ({})", found.command, found.because))
                .collect::<Vec<_>>()
                .join("; "),
        };
        let data = serde_json::json!({ "message": message, "commands": found.commands });
        // Told once, also when the run goes on after a crash or is tried again.
        let told = store.newest_event(fence.job, EVENT).await?;
        if told.is_some_and(|event| event.data == data) {
            return Ok(());
        }
        persist(|| store.emit(fence, EVENT, data.clone())).await?;
        Ok(())
    }
}

/// What names the tests: of the commands that were found, those that fetch and
/// those that test; of the project's own, each, since it does not say which is
/// which.
async fn probes(
    mirror: &Mirror,
    base: &CommitId,
    policy: &Policy,
    found: &Detected,
) -> Result<Vec<Probe>, Fault> {
    let mut commands: Vec<&str> = Vec::new();
    if policy.detect {
        let testing = |purpose| matches!(purpose, Purpose::Setup | Purpose::Test);
        let found = found.commands.iter().filter(|found| testing(found.purpose));
        commands.extend(found.map(|found| found.command.as_str()));
    }
    commands.extend(policy.verify.iter().map(String::as_str));
    let manifest = mirror
        .file(base, "package.json", detect::MAX_FILE_BYTES)
        .await?
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
        .unwrap_or_default();
    let script = |name: &str| manifest.get("scripts")?.get(name)?.as_str();
    Ok(commands
        .into_iter()
        .map(|command| probe(command, script))
        .collect())
}

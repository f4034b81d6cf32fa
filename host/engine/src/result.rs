//! What a run came to, for the event that tells of its end: read from what the
//! store knows, so that a run that was halted is told of like any other.

use crate::EngineOptions;
use crate::drive::outcome_of;
use crate::fault::Fault;
use serde_json::{Map, Value, json};
use sortie_git::RemoteUrl;
use sortie_model::diff::DiffSource as _;
use sortie_model::finding::{Finding, Severity};
use sortie_model::id::Fence;
use sortie_model::link;
use sortie_model::llm::TokenUsage;
use sortie_plugins::surfaces::workflow::{Action, Exit, Outcome};
use sortie_store::{Published, RunEnd};

/// The checks that are told of, the last of each command.
const CHECKS: usize = 16;

/// The characters of a command that are told: it may be as long as a script.
const COMMAND_CHARS: usize = 500;

/// The files that are named; more are counted.
const PATHS: usize = 5;

/// The characters of a file's path that are told.
const PATH_CHARS: usize = 200;

/// The rules that are named, those that block first.
const RULES: usize = 8;

/// The result of the run that ends so.
pub(crate) async fn of(
    options: &EngineOptions,
    fence: Fence,
    end: &RunEnd,
) -> Result<Value, Fault> {
    let store = &options.store;
    let state = store.run_state(fence.run).await?;
    let mut result = Map::new();
    if let Some(summary) = &end.summary {
        result.insert("summary".into(), summary.as_str().into());
    }
    if let Some(published) = &end.published {
        result.insert("branch".into(), published.branch.as_str().into());
        result.insert("commit".into(), published.commit.as_str().into());
        if let Some(link) = link_to(options, fence, published).await? {
            result.insert("link".into(), link.into());
        }
    }
    // No forge opens one yet.
    result.insert("pull_request".into(), Value::Null);
    result.insert("usage".into(), json!(state.usage));
    if let Some(limits) = state.limits {
        result.insert("limits".into(), json!(limits));
    }
    let mut tokens = (0_u64, 0_u64);
    for call in store.model_calls(fence.run).await? {
        let used: TokenUsage = call.usage.unwrap_or_default();
        tokens.0 += used.all_input();
        tokens.1 += used.output;
    }
    result.insert(
        "tokens".into(),
        json!({ "input": tokens.0, "output": tokens.1 }),
    );
    result.insert("checks".into(), checks(options, fence).await?);
    let findings = store.findings(fence.job).await?;
    let count = |severity: Severity| findings.iter().filter(|f| f.severity == severity).count();
    result.insert(
        "findings".into(),
        json!({
            "info": count(Severity::Info),
            "warn": count(Severity::Warn),
            "block": count(Severity::Block),
            "rules": rules(&findings),
        }),
    );
    if let (Some(base), Some(head)) = (&state.run.base_commit, &state.run.head_commit)
        && base != head
        && let Some(job) = store.job(fence.job).await?
    {
        let mirror = options.git.open(&RemoteUrl::parse(&job.repository)?)?;
        let diff = mirror.diff(&base.parse()?, &head.parse()?).await?;
        result.insert("files".into(), diff.files().len().into());
        if diff.files().len() <= PATHS {
            let told = |path: &str| -> String {
                let path = options.redactor.redact(path);
                path.chars().take(PATH_CHARS).collect()
            };
            let paths: Vec<String> = diff.files().iter().map(|file| told(file.path())).collect();
            result.insert("paths".into(), paths.into());
        }
    }
    let took = options.clock.now().since(state.run.started_at);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    result.insert("took_ms".into(), took_ms.into());
    Ok(Value::Object(result))
}

/// The rules that found something a person should look at.
fn rules(findings: &[Finding]) -> Vec<&str> {
    let mut rules: Vec<&str> = Vec::new();
    for severity in [Severity::Block, Severity::Warn] {
        for finding in findings.iter().filter(|f| f.severity == severity) {
            if rules.len() < RULES && !rules.contains(&finding.rule.as_str()) {
                rules.push(&finding.rule);
            }
        }
    }
    rules
}

async fn link_to(
    options: &EngineOptions,
    fence: Fence,
    published: &Published,
) -> Result<Option<String>, Fault> {
    let Some(job) = options.store.job(fence.job).await? else {
        return Ok(None);
    };
    let base = match job.base_branch {
        Some(branch) => branch,
        None => {
            let mirror = options.git.open(&RemoteUrl::parse(&job.repository)?)?;
            mirror.default_branch().await?
        }
    };
    Ok(link::compare(&job.repository, &base, &published.branch))
}

/// The commands that the run ran, each with how it ended last.
async fn checks(options: &EngineOptions, fence: Fence) -> Result<Value, Fault> {
    let mut checks: Vec<(String, bool)> = Vec::new();
    for step in options.store.steps(fence.run).await? {
        let Some(Outcome::Exec(outcome)) = outcome_of(&step)? else {
            continue;
        };
        let Action::Exec(asked) = crate::drive::action_of(&step)? else {
            continue;
        };
        let passed = outcome.exit == Exit::Code(0);
        let known = checks
            .iter()
            .position(|(command, _)| *command == asked.command);
        match known {
            Some(known) => checks[known].1 = passed,
            None if checks.len() < CHECKS => checks.push((asked.command, passed)),
            None => {}
        }
    }
    let told = |command: &str| -> String {
        let command = options.redactor.redact(command);
        command.chars().take(COMMAND_CHARS).collect()
    };
    Ok(checks
        .into_iter()
        .map(|(command, passed)| json!({ "command": told(&command), "passed": passed }))
        .collect())
}

//! What each step and each call to a model took, one row each.

use super::moment;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sortie_model::run::{Run, Step};
use sortie_store::ModelCall;
use utoipa::ToSchema;

/// What the steps of a job and its calls to models took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TelemetryList {
    /// Each step of each attempt, oldest first, followed by the calls that were
    /// made during it.
    pub rows: Vec<TelemetryRow>,
}

impl TelemetryList {
    /// Adds the rows of a run.
    pub(crate) fn add(&mut self, run: &Run, steps: &[Step], calls: &[ModelCall]) {
        let of = |position: Option<u32>| {
            let made = calls.iter().filter(move |call| call.position == position);
            made.map(|call| TelemetryRow::of_call(run, steps, call))
        };
        for step in steps {
            self.rows.push(TelemetryRow::of_step(run, step));
            self.rows.extend(of(Some(step.position)));
        }
        self.rows.extend(of(None));
    }
}

/// One step of a run, or one call to a model that was made during one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TelemetryRow {
    /// `step` or `call`.
    #[schema(example = "call")]
    pub kind: String,
    /// When it began (RFC 3339).
    #[schema(format = DateTime)]
    pub at: String,
    /// The job.
    pub job: u64,
    /// The run.
    pub run: u64,
    /// Which attempt the run is, from 1.
    pub attempt: u32,
    /// The step's position in the run, from 0; none for a call outside of
    /// steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// The step's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What it did: of a step `agent`, `exec`, `scan` and so on, of a call how
    /// the model was asked.
    #[schema(example = "agent")]
    pub what: String,
    /// What the agent or the model was wanted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The provider and its model, as `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How it ended, in a word or two; none while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "exit 0")]
    pub outcome: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Time until the first byte of a model's answer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// Tokens sent to the model, without those read from or written to a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Tokens read from the provider's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_tokens: Option<u64>,
    /// Tokens written to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// What a call cost, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
}

impl TelemetryRow {
    /// The row of a step.
    fn of_step(run: &Run, step: &Step) -> Self {
        let took = step.finished_at.map(|end| end.since(step.started_at));
        Self {
            kind: "step".to_owned(),
            at: moment(step.started_at),
            job: run.job.0,
            run: run.id.0,
            attempt: run.attempt,
            position: Some(step.position),
            step: Some(step.name.clone()),
            what: variant(&step.action).unwrap_or_else(|| "other".to_owned()),
            role: step.action["agent"]["role"].as_str().map(str::to_owned),
            outcome: match &step.outcome {
                None if run.finished_at.is_some() => Some("stopped".to_owned()),
                ended => ended.as_ref().map(outcome),
            },
            duration_ms: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            ..Self::default()
        }
    }

    /// The row of a call to a model.
    fn of_call(run: &Run, steps: &[Step], call: &ModelCall) -> Self {
        let step = call
            .position
            .and_then(|at| steps.iter().find(|step| step.position == at));
        Self {
            kind: "call".to_owned(),
            at: moment(call.reserved_at),
            job: run.job.0,
            run: run.id.0,
            attempt: run.attempt,
            position: call.position,
            step: step.map(|step| step.name.clone()),
            what: call.api.as_str().to_owned(),
            role: Some(call.role.clone()),
            model: Some(format!("{}/{}", call.provider, call.model)),
            outcome: Some(match (&call.error, call.status) {
                (Some(error), _) => error.clone(),
                (None, Some(status)) => format!("{} {status}", call.state.as_str()),
                (None, None) => call.state.as_str().to_owned(),
            }),
            duration_ms: call.duration_ms,
            first_byte_ms: call.first_byte_ms,
            input_tokens: call.usage.map(|usage| usage.input),
            output_tokens: call.usage.map(|usage| usage.output),
            cache_read_tokens: call.usage.map(|usage| usage.cache_read),
            cache_write_tokens: call.usage.map(|usage| usage.cache_write),
            cost_micro_usd: Some(call.cost.0),
        }
    }
}

/// The one name in a value that is a word or an object of one key.
fn variant(value: &Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name.clone()),
        Value::Object(fields) => fields.keys().next().cloned(),
        _ => None,
    }
}

/// How a step ended, in a word or two.
fn outcome(outcome: &Value) -> String {
    let exit = outcome["agent"]["exit"]
        .as_object()
        .or_else(|| outcome["exec"]["exit"].as_object());
    if let Some((how, code)) = exit.and_then(|exit| exit.iter().next()) {
        let how = if how == "code" { "exit" } else { how.as_str() };
        return match code {
            Value::String(why) => format!("{how}: {why}"),
            code => format!("{how} {code}"),
        };
    }
    if let Some(word) = outcome["agent"]["exit"]
        .as_str()
        .or(outcome["exec"]["exit"].as_str())
    {
        return word.to_owned();
    }
    if let Some(scan) = outcome.get("scan") {
        let count = |severity: &str| scan[severity].as_u64().unwrap_or(0);
        return format!(
            "{} block, {} warn, {} info",
            count("block"),
            count("warn"),
            count("info")
        );
    }
    match (outcome.get("approval"), outcome.get("failed")) {
        (Some(decision), _) => decision.as_str().unwrap_or("decided").to_owned(),
        (_, Some(why)) => format!("failed: {}", why.as_str().unwrap_or_default()),
        _ => variant(outcome).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn outcomes_are_a_word_or_two() {
        for (stored, said) in [
            (json!({ "agent": { "exit": { "code": 0 } } }), "exit 0"),
            (json!({ "exec": { "exit": { "signal": 9 } } }), "signal 9"),
            (json!({ "exec": { "exit": "timed-out" } }), "timed-out"),
            (
                json!({ "exec": { "exit": { "stopped": "full" } } }),
                "stopped: full",
            ),
            (
                json!({ "scan": { "info": 1, "warn": 0, "block": 2 } }),
                "2 block, 0 warn, 1 info",
            ),
            (json!({ "approval": "rejected" }), "rejected"),
            (json!({ "failed": "no engine" }), "failed: no engine"),
            (json!({ "publish": { "branch": "b" } }), "publish"),
            (json!("done"), "done"),
        ] {
            assert_eq!(outcome(&stored), said, "{stored}");
        }
    }
}

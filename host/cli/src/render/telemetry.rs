//! Telemetry as a table and as comma-separated values.

use super::jobs::table;
use super::plain;
use sortie_api::view::TelemetryRow;
use sortie_model::budget::MicroUsd;

/// One row each, calls below their step.
pub fn telemetry(rows: &[TelemetryRow]) -> String {
    let mut table = table(&[
        "JOB", "TRY", "STEP", "WHAT", "MODEL", "TOOK", "TOKENS", "COST", "OUTCOME",
    ]);
    for row in rows {
        let step = row.step.as_deref().unwrap_or("-");
        let step = match row.kind.as_str() {
            "call" => format!("  {}", plain(step)),
            _ => plain(step).into_owned(),
        };
        table.add_row(vec![
            format!("#{}", row.job),
            row.attempt.to_string(),
            step,
            plain(&row.what).into_owned(),
            row.model.as_deref().map_or("-".into(), plain).into_owned(),
            row.duration_ms.map_or("-".to_owned(), took),
            tokens(row),
            row.cost_micro_usd
                .map_or("-".to_owned(), |cost| MicroUsd(cost).to_string()),
            row.outcome
                .as_deref()
                .map_or("under way".into(), plain)
                .into_owned(),
        ]);
    }
    table.trim_fmt()
}

fn took(ms: u64) -> String {
    format!("{}.{:01}s", ms / 1000, ms % 1000 / 100)
}

/// `sent+answered`, with what came from the cache among what was sent.
fn tokens(row: &TelemetryRow) -> String {
    match (row.input_tokens, row.output_tokens) {
        (Some(sent), Some(answered)) => {
            let cached = [row.cache_read_tokens, row.cache_write_tokens];
            let sent = cached.into_iter().flatten().fold(sent, u64::saturating_add);
            format!("{sent}+{answered}")
        }
        _ => "-".to_owned(),
    }
}

/// Comma-separated values with a line of names, as RFC 4180 has them: what a
/// row does not say is empty.
///
/// # Errors
/// Those of the writer.
pub fn telemetry_csv(rows: &[TelemetryRow]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "kind",
        "at",
        "job",
        "run",
        "attempt",
        "position",
        "step",
        "what",
        "role",
        "model",
        "outcome",
        "duration_ms",
        "first_byte_ms",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cost_micro_usd",
    ])?;
    for row in rows {
        let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
        let word = |value: &Option<String>| value.clone().unwrap_or_default();
        writer.write_record([
            row.kind.clone(),
            row.at.clone(),
            row.job.to_string(),
            row.run.to_string(),
            row.attempt.to_string(),
            number(row.position.map(u64::from)),
            word(&row.step),
            row.what.clone(),
            word(&row.role),
            word(&row.model),
            word(&row.outcome),
            number(row.duration_ms),
            number(row.first_byte_ms),
            number(row.input_tokens),
            number(row.output_tokens),
            number(row.cache_read_tokens),
            number(row.cache_write_tokens),
            number(row.cost_micro_usd),
        ])?;
    }
    writer.flush()?;
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

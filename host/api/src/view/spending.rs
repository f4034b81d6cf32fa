//! Where the money went, as clients see it.

use serde::{Deserialize, Serialize};
use sortie_store::UsageSum;
use time::Date;
use time::macros::date;
use utoipa::ToSchema;

/// What calls to models add up to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpendingList {
    /// What is added up: `job`, `project`, `model`, `day` or `step`.
    pub by: String,
    /// The sums.
    pub sums: Vec<SpendingView>,
}

/// One sum. Those names are there that it is by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpendingView {
    /// The job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<u64>,
    /// The project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The run, where sums are by step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// The step's position in its run; none for calls outside of steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// The step's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The provider, as the configuration names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The day in UTC, such as `2026-01-02`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// Calls.
    pub calls: u64,
    /// Those of them under way.
    pub open_calls: u64,
    /// Tokens that were read anew, as the providers reported.
    pub input_tokens: u64,
    /// Tokens that were written.
    pub output_tokens: u64,
    /// Tokens that were read from a provider's cache.
    pub cache_read_tokens: u64,
    /// Tokens that were written to a provider's cache.
    pub cache_write_tokens: u64,
    /// What it cost, in millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// What the calls under way may still cost, in millionths of a US dollar.
    pub reserved_micro_usd: u64,
}

impl From<UsageSum> for SpendingView {
    fn from(sum: UsageSum) -> Self {
        Self {
            job: sum.job.map(|job| job.0),
            project: sum.project,
            run: sum.run.map(|run| run.0),
            position: sum.position,
            step: sum.step,
            provider: sum.provider,
            model: sum.model,
            day: sum.day.map(day),
            calls: sum.calls,
            open_calls: sum.open,
            input_tokens: sum.usage.input,
            output_tokens: sum.usage.output,
            cache_read_tokens: sum.usage.cache_read,
            cache_write_tokens: sum.usage.cache_write,
            cost_micro_usd: sum.cost.0,
            reserved_micro_usd: sum.reserved.0,
        }
    }
}

/// A day as people write it.
fn day(since_1970: i64) -> String {
    const EPOCH: Date = date!(1970 - 01 - 01);
    i32::try_from(since_1970)
        .ok()
        .and_then(|days| Date::from_julian_day(EPOCH.to_julian_day().checked_add(days)?).ok())
        .map_or_else(|| format!("day {since_1970}"), |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(20_786), "2026-11-29");
        assert_eq!(day(i64::MAX), "day 9223372036854775807");
    }
}

//! How much a run may use, and how much it used. Money is integers.

use serde::{Deserialize, Serialize};

/// Millionths of a US dollar.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MicroUsd(pub u64);

impl std::fmt::Display for MicroUsd {
    /// Dollars with as many decimals as are needed, at least two: `$0.05`,
    /// `$0.000125`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = format!("{:06}", self.0 % 1_000_000);
        let kept = digits.trim_end_matches('0').len().max(2);
        write!(f, "${}.{}", self.0 / 1_000_000, &digits[..kept])
    }
}

/// How much a run may use; every limit is inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Metered calls: each launch of an agent and each model request is one.
    pub calls: u32,
    /// Money.
    pub cost_micro_usd: MicroUsd,
    /// Wall-clock time in milliseconds, waits for people excluded.
    pub time_ms: u64,
}

impl Limits {
    /// The tighter of the two in each dimension: how the host's own ceilings
    /// are laid over what a plugin allows.
    #[must_use]
    pub fn tightened_by(self, ceiling: Self) -> Self {
        Self {
            calls: self.calls.min(ceiling.calls),
            cost_micro_usd: self.cost_micro_usd.min(ceiling.cost_micro_usd),
            time_ms: self.time_ms.min(ceiling.time_ms),
        }
    }

    /// Both together in each dimension: a budget that a person raised.
    #[must_use]
    pub fn raised_by(self, more: Self) -> Self {
        let cost = self.cost_micro_usd.0.saturating_add(more.cost_micro_usd.0);
        Self {
            calls: self.calls.saturating_add(more.calls),
            cost_micro_usd: MicroUsd(cost),
            time_ms: self.time_ms.saturating_add(more.time_ms),
        }
    }

    /// What is missing to `other` in each dimension, nothing where there is
    /// more.
    #[must_use]
    pub fn missing_to(self, other: Self) -> Self {
        let cost = other.cost_micro_usd.0.saturating_sub(self.cost_micro_usd.0);
        Self {
            calls: other.calls.saturating_sub(self.calls),
            cost_micro_usd: MicroUsd(cost),
            time_ms: other.time_ms.saturating_sub(self.time_ms),
        }
    }
}

impl std::fmt::Display for Limits {
    /// `20 calls, $0.05 and 10 min`; seconds below two minutes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.time_ms.div_ceil(1000);
        let (time, unit) = match seconds {
            0..120 => (seconds, "s"),
            _ => (seconds.div_ceil(60), "min"),
        };
        let calls = if self.calls == 1 { "call" } else { "calls" };
        write!(
            f,
            "{} {calls}, {} and {time} {unit}",
            self.calls, self.cost_micro_usd
        )
    }
}

/// What a run used, counted by the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Metered calls.
    pub calls: u32,
    /// Money.
    pub cost_micro_usd: MicroUsd,
    /// Wall-clock time in milliseconds.
    pub time_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_shown_in_dollars() {
        assert_eq!(MicroUsd(50_000).to_string(), "$0.05");
        assert_eq!(MicroUsd(1_000_000).to_string(), "$1.00");
        assert_eq!(MicroUsd(125).to_string(), "$0.000125");
    }

    #[test]
    fn a_raise_adds_and_what_is_missing_is_what_it_added() {
        let before = Limits {
            calls: 20,
            cost_micro_usd: MicroUsd(50_000),
            time_ms: 600_000,
        };
        let more = Limits {
            calls: 1,
            cost_micro_usd: MicroUsd(u64::MAX),
            time_ms: 90_000,
        };
        let raised = before.raised_by(more);
        assert_eq!(raised.calls, 21);
        assert_eq!(raised.cost_micro_usd, MicroUsd(u64::MAX));
        assert_eq!(before.missing_to(raised).time_ms, 90_000);
        assert_eq!(raised.missing_to(before).calls, 0);
        assert_eq!(before.to_string(), "20 calls, $0.05 and 10 min");
        let one = Limits { calls: 1, ..before };
        assert_eq!(
            Limits {
                time_ms: 90_000,
                ..one
            }
            .to_string(),
            "1 call, $0.05 and 90 s"
        );
    }

    #[test]
    fn ceilings_only_tighten() {
        let plugin = Limits {
            calls: 1_000,
            cost_micro_usd: MicroUsd(5),
            time_ms: 10,
        };
        let ceiling = Limits {
            calls: 10,
            cost_micro_usd: MicroUsd(50),
            time_ms: 10,
        };
        assert_eq!(
            plugin.tightened_by(ceiling),
            Limits {
                calls: 10,
                cost_micro_usd: MicroUsd(5),
                time_ms: 10
            }
        );
    }
}

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

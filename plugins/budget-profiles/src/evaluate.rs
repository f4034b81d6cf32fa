//! Whether something more may be used, and a word when little is left.

use crate::bindings::exports::sortie::budget::budget::{Limits, Pending, Usage, Verdict};

/// From which part of a limit people are told, in percent.
const WARN_PERCENT: u128 = 80;

pub(crate) fn evaluate(usage: &Usage, limits: &Limits, pending: &Pending) -> Verdict {
    let rows = [
        (
            "calls",
            u64::from(usage.calls),
            u64::from(pending.calls),
            u64::from(limits.calls),
        ),
        (
            "micro-USD",
            usage.cost_micro_usd,
            pending.cost_micro_usd,
            limits.cost_micro_usd,
        ),
        ("ms", usage.time_ms, 0, limits.time_ms),
    ];
    let mut near = Vec::new();
    for (unit, used, pending, limit) in rows {
        // Summed wide: nothing a host says overflows.
        let total = u128::from(used) + u128::from(pending);
        if total > u128::from(limit) {
            let (limit, total) = (limit.to_string(), total.to_string());
            return Verdict::Deny(
                [
                    "the budget of ",
                    &limit,
                    " ",
                    unit,
                    " does not allow ",
                    &total,
                ]
                .concat(),
            );
        }
        if limit > 0 && total * 100 >= u128::from(limit) * WARN_PERCENT {
            let (limit, total) = (limit.to_string(), total.to_string());
            near.push([&total, " of ", &limit, " ", unit].concat());
        }
    }
    if near.is_empty() {
        return Verdict::Allow;
    }
    Verdict::Warn(["the budget is nearly used: ", &near.join(", ")].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        calls: 10,
        cost_micro_usd: 1_000,
        time_ms: 60_000,
    };

    fn ask(calls: u32, cost: u64, time_ms: u64, next_cost: u64) -> Verdict {
        evaluate(
            &Usage {
                calls,
                cost_micro_usd: cost,
                time_ms,
            },
            &LIMITS,
            &Pending {
                calls: 1,
                cost_micro_usd: next_cost,
            },
        )
    }

    #[test]
    fn there_is_enough() {
        assert_eq!(ask(6, 0, 0, 0), Verdict::Allow);
        assert_eq!(ask(0, 700, 47_999, 99), Verdict::Allow);
    }

    #[test]
    fn people_are_told_from_eighty_percent() {
        assert_eq!(
            ask(7, 0, 0, 0),
            Verdict::Warn("the budget is nearly used: 8 of 10 calls".into())
        );
        assert!(matches!(ask(0, 700, 0, 100), Verdict::Warn(_)));
        assert!(matches!(ask(0, 0, 48_000, 0), Verdict::Warn(_)));
    }

    #[test]
    fn limits_are_inclusive_and_final() {
        assert!(matches!(ask(9, 0, 0, 0), Verdict::Warn(_)));
        assert!(matches!(ask(10, 0, 0, 0), Verdict::Deny(why) if why.contains("calls")));
        assert!(matches!(ask(0, 999, 0, 2), Verdict::Deny(why) if why.contains("micro-USD")));
        assert!(matches!(ask(0, 0, 60_001, 0), Verdict::Deny(why) if why.contains("ms")));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        assert!(matches!(
            ask(u32::MAX, u64::MAX, u64::MAX, u64::MAX),
            Verdict::Deny(_)
        ));
    }

    #[test]
    fn a_budget_of_nothing_allows_what_costs_nothing() {
        let limits = Limits {
            calls: 10,
            cost_micro_usd: 0,
            time_ms: 60_000,
        };
        let free = Pending {
            calls: 1,
            cost_micro_usd: 0,
        };
        let usage = Usage {
            calls: 0,
            cost_micro_usd: 0,
            time_ms: 0,
        };
        assert_eq!(evaluate(&usage, &limits, &free), Verdict::Allow);
    }
}

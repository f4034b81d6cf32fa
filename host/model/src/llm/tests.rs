//! The arithmetic of money: never down, never over the edge of a type.

use super::*;
use proptest::prelude::*;

fn rates() -> impl Strategy<Value = Rates> {
    let micro = prop_oneof![0..=100_000_000_u64, any::<u64>()];
    [micro.clone(), micro.clone(), micro.clone(), micro].prop_map(|[input, output, read, write]| {
        Rates {
            input: MicroUsd(input),
            output: MicroUsd(output),
            cache_read: MicroUsd(read),
            cache_write: MicroUsd(write),
        }
    })
}

fn price() -> impl Strategy<Value = Price> {
    (rates(), proptest::option::of((0..=2_000_000_u64, rates()))).prop_map(|(rates, long)| Price {
        rates,
        long: long.map(|(above_tokens, rates)| LongRates {
            above_tokens,
            rates,
        }),
    })
}

fn tokens() -> impl Strategy<Value = u64> {
    prop_oneof![0..=2_000_000_u64, any::<u64>()]
}

#[test]
fn a_cost_is_what_the_price_list_says() {
    let mut price = Price {
        rates: Rates {
            input: MicroUsd(3_000_000),
            output: MicroUsd(15_000_000),
            cache_read: MicroUsd(300_000),
            cache_write: MicroUsd(3_750_000),
        },
        long: None,
    };
    let used = TokenUsage {
        input: 1_000,
        output: 200,
        cache_read: 10_000,
        cache_write: 2_000,
        cache_write_long: 1_000,
    };
    // 3000 + 3000 + 3000 + 3750 + 6000 millionths.
    assert_eq!(price.cost(&used), MicroUsd(18_750));
    let one = TokenUsage {
        cache_read: 1,
        ..TokenUsage::default()
    };
    assert_eq!(price.cost(&one), MicroUsd(1), "0.3 is rounded up");
    assert_eq!(Price::FREE.cost(&used), MicroUsd(0));
    // A long call is dearer as a whole.
    price.long = Some(LongRates {
        above_tokens: 12_999,
        rates: Rates {
            output: MicroUsd(20_000_000),
            ..price.rates
        },
    });
    assert_eq!(price.cost(&used), MicroUsd(19_750));
    assert_eq!(price.cost(&one), MicroUsd(1));
}

#[test]
fn the_worst_case_is_the_smaller_of_what_is_asked_and_what_there_is() {
    let bounds = ModelBounds {
        context: Some(200_000),
        output: Some(8_000),
    };
    let worst = |body_bytes, asked_output, answers| {
        let size = RequestSize {
            body_bytes,
            asked_output,
            answers,
            long_cache: false,
        };
        worst_tokens(&size, &bounds).expect("bounded")
    };
    assert_eq!(worst(100, Some(10), 1).output, 10);
    assert_eq!(worst(100, Some(u64::MAX), 1).output, 8_000);
    assert_eq!(worst(100, None, 3).output, 24_000);
    assert_eq!(worst(100, None, 3).output_each, 8_000);
    assert_eq!(worst(100, None, 1).input, 2_100);
    assert_eq!(worst(u64::MAX, None, 1).input, 200_000);
    assert_eq!(
        worst_tokens(&RequestSize::default(), &ModelBounds::default()),
        None
    );
}

#[test]
fn names_are_those_of_serde_and_can_be_read_back() {
    for api in ModelApi::ALL {
        let json = serde_json::to_string(&api).expect("a unit variant serialises");
        assert_eq!(json, format!("\"{api}\""));
        assert_eq!(ModelApi::parse(api.as_str()), Some(api));
    }
}

#[test]
fn a_policy_falls_back_to_its_default() {
    let policy = ModelPolicy {
        default: Some("a".into()),
        roles: [("plan".to_owned(), "b".to_owned())].into(),
        allow: Vec::new(),
    };
    assert_eq!(policy.of_role(role::PLAN), Some("b"));
    assert_eq!(policy.of_role(role::BUILD), Some("a"));
    assert_eq!(ModelPolicy::default().of_role(role::BUILD), None);
}

proptest! {
    /// What was used within the worst case never costs more than was reserved.
    #[test]
    fn the_worst_case_covers_every_split_of_its_tokens(
        price in price(),
        input in tokens(),
        output in tokens(),
        cuts in [0..=1_000_u64, 0..=1_000_u64, 0..=1_000_u64],
        answers in 1..=8_u64,
        long_cache: bool,
    ) {
        let mut cuts = cuts.map(|cut| (u128::from(input) * u128::from(cut) / 1_000) as u64);
        cuts.sort_unstable();
        let [a, b, c] = cuts;
        let used = TokenUsage {
            input: input - c,
            output,
            cache_read: a,
            cache_write: c - a,
            cache_write_long: if long_cache { c - b } else { 0 },
        };
        prop_assert_eq!(used.all_input(), input);
        let worst = WorstTokens {
            input,
            output: output.saturating_mul(answers),
            output_each: output,
            long_cache,
        };
        prop_assert!(price.cost(&used) <= price.worst(&worst));
    }

    /// More of anything never costs less, and nothing costs nothing.
    #[test]
    fn cost_grows_with_what_is_used(rates in rates(), a in [tokens(), tokens(), tokens(), tokens()], more in any::<u32>(), which in 0..4_usize) {
        let usage = |t: [u64; 4]| TokenUsage {
            input: t[0],
            output: t[1],
            cache_read: t[2],
            cache_write: t[3],
            cache_write_long: 0,
        };
        let mut b = a;
        b[which] = b[which].saturating_add(u64::from(more));
        let price = Price { rates, long: None };
        prop_assert!(price.cost(&usage(a)) <= price.cost(&usage(b)));
        prop_assert_eq!(price.cost(&TokenUsage::default()), MicroUsd(0));
    }

    /// The exact sum lies less than a millionth below the cost.
    #[test]
    fn rounding_adds_less_than_a_millionth(input in 0..=10_000_000_u64, per in 0..=1_000_000_000_u64) {
        let rates = Rates { input: MicroUsd(per), ..Rates::default() };
        let price = Price { rates, long: None };
        let cost = price.cost(&TokenUsage { input, ..TokenUsage::default() }).0;
        let exact = u128::from(input) * u128::from(per);
        prop_assert!(u128::from(cost) * 1_000_000 >= exact);
        prop_assert!(u128::from(cost) * 1_000_000 < exact + 1_000_000);
    }

    #[test]
    fn the_worst_case_never_exceeds_the_bounds(body_bytes: u64, asked in proptest::option::of(any::<u64>()), answers in 0..=100_u64, context in 1..=2_000_000_u32, output in 1..=500_000_u32) {
        let size = RequestSize { body_bytes, asked_output: asked, answers, long_cache: false };
        let bounds = ModelBounds { context: Some(context), output: Some(output) };
        let worst = worst_tokens(&size, &bounds).expect("bounded");
        prop_assert!(worst.input <= u64::from(context));
        prop_assert!(worst.output_each <= u64::from(output));
        prop_assert!(asked.is_none_or(|asked| worst.output_each <= asked));
    }

    /// Whatever a provider reports, the booked cost is within reason.
    #[test]
    fn nonsense_is_never_booked(fields in [tokens(), tokens(), tokens(), tokens(), tokens()]) {
        let [input, output, cache_read, cache_write, cache_write_long] = fields;
        let used = TokenUsage { input, output, cache_read, cache_write, cache_write_long };
        let worst = WorstTokens { input: 1_000, output: 1_000, output_each: 1_000, long_cache: false };
        match check_usage(Some(&used), &worst) {
            UsageCheck::Within => prop_assert!(used.all_input() <= 1_000 && output <= 1_000),
            UsageCheck::Over => prop_assert!(used.all_input() <= ABSURD_TOKENS && output <= ABSURD_TOKENS),
            UsageCheck::Unusable => prop_assert!(used.is_absurd()),
        }
    }
}

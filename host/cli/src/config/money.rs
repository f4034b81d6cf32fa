//! Dollars as people write them, exact to the millionth. No floating point is
//! kept: what cannot be said exactly is refused.

use schemars::JsonSchema;
use serde::de::{self, Visitor};
use sortie_model::budget::MicroUsd;
use std::fmt;

/// An amount of US dollars: `"5.00"`, `5` or `0.05` in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usd(pub MicroUsd);

impl Usd {
    /// Whole dollars.
    pub const fn dollars(dollars: u64) -> Self {
        Self(MicroUsd(dollars * 1_000_000))
    }

    /// Reads `12`, `12.5` or `$12.50`; at most six decimals.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse =
            || format!("write {text:?} as dollars with at most six decimals, such as \"5.00\"");
        let digits = text.trim().strip_prefix('$').unwrap_or(text.trim());
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(decimals) || decimals.len() > 6 {
            return Err(refuse());
        }
        let whole: u64 = whole.parse().map_err(|_| refuse())?;
        let decimals: u64 = format!("{decimals:0<6}").parse().map_err(|_| refuse())?;
        whole
            .checked_mul(1_000_000)
            .and_then(|micro| micro.checked_add(decimals))
            .map(|micro| Self(MicroUsd(micro)))
            .ok_or_else(refuse)
    }
}

impl JsonSchema for Usd {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "number"],
            "pattern": r"^\$?[0-9]+(\.[0-9]{1,6})?$",
            "minimum": 0,
        })
    }
}

impl<'de> de::Deserialize<'de> for Usd {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = Usd;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount of dollars, such as \"5.00\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Usd, E> {
                Usd::parse(text).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, dollars: i64) -> Result<Usd, E> {
                Usd::parse(&dollars.to_string()).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, dollars: u64) -> Result<Usd, E> {
                Usd::parse(&dollars.to_string()).map_err(E::custom)
            }
            fn visit_f64<E: de::Error>(self, dollars: f64) -> Result<Usd, E> {
                // The shortest text that reads back as the same number is what
                // the operator wrote.
                Usd::parse(&dollars.to_string()).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, micro) in [
            ("5", 5_000_000),
            ("5.00", 5_000_000),
            ("$0.05", 50_000),
            ("0.000001", 1),
            ("12.5", 12_500_000),
        ] {
            assert_eq!(Usd::parse(text), Ok(Usd(MicroUsd(micro))), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "-1",
            "1.",
            "1.0000001",
            "1e3",
            "five",
            "99999999999999999999",
        ] {
            let error = Usd::parse(text).expect_err(text);
            assert!(error.contains("dollars"), "{error}");
        }
    }
}

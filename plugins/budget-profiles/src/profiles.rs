//! The profiles: three built in, changed and added to by the configuration.
//!
//! ```toml
//! default = "quick"                 # used when nobody names one
//! [profiles.quick]
//! calls = 30                        # the rest stays as built in
//! [profiles.night]
//! summary = "While everybody sleeps."
//! calls = 500
//! cost_usd = 5.0
//! minutes = 240
//! ```

use serde_json::{Map, Value};

use crate::bindings::exports::sortie::budget::budget::{Limits, Profile, Refusal};

const MINUTE_MS: u64 = 60_000;
const USD_MICRO: f64 = 1_000_000.0;

/// The largest numbers taken: a week, and ten thousand dollars. Beyond them a
/// typing mistake is likelier than an intention.
const MAX_MINUTES: u64 = 7 * 24 * 60;
const MAX_COST_USD: f64 = 10_000.0;

/// What can be named, and what is meant when nothing is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Profiles {
    pub(crate) list: Vec<Profile>,
    default: String,
}

impl Default for Profiles {
    fn default() -> Self {
        let profile = |name: &str, summary: &str, calls, cost_micro_usd, minutes| Profile {
            name: name.into(),
            summary: summary.into(),
            limits: Limits {
                calls,
                cost_micro_usd,
                time_ms: minutes * MINUTE_MS,
            },
        };
        Self {
            list: vec![
                profile("quick", "A small, clear change.", 20, 50_000, 10),
                profile("default", "An ordinary task.", 60, 200_000, 30),
                profile("deep", "A task that needs thought.", 120, 1_000_000, 60),
            ],
            default: "default".into(),
        }
    }
}

impl Profiles {
    /// Reads the configuration, a JSON object.
    ///
    /// # Errors
    ///
    /// A sentence that names the key that is wrong and what it should be.
    pub(crate) fn parse(config: &str) -> Result<Self, String> {
        let mut profiles = Self::default();
        let Ok(Value::Object(config)) = serde_json::from_str(config) else {
            return Err("the configuration of budget-profiles is not a table".into());
        };
        for (key, value) in &config {
            match (key.as_str(), value) {
                ("profiles", Value::Object(named)) => {
                    for (name, fields) in named {
                        profiles.define(name, fields)?;
                    }
                }
                ("profiles", _) => return Err(wrong("profiles", "must be a table of profiles")),
                ("default", Value::String(name)) => profiles.default.clone_from(name),
                ("default", _) => return Err(wrong("default", "must be the name of a profile")),
                _ => return Err(wrong(key, "is unknown; the keys are default and profiles")),
            }
        }
        if profiles.find(&profiles.default).is_none() {
            return Err(wrong("default", "names a profile that is not there"));
        }
        Ok(profiles)
    }

    /// The limits of the named profile, or of the default one.
    pub(crate) fn resolve(&self, name: Option<&str>) -> Result<Limits, Refusal> {
        self.find(name.unwrap_or(&self.default))
            .map(|profile| profile.limits)
            .ok_or_else(|| {
                Refusal::UnknownProfile(self.list.iter().map(|p| p.name.clone()).collect())
            })
    }

    fn find(&self, name: &str) -> Option<&Profile> {
        self.list.iter().find(|profile| profile.name == name)
    }

    fn define(&mut self, name: &str, fields: &Value) -> Result<(), String> {
        let path = |field: &str| ["profiles.", name, ".", field].concat();
        let Value::Object(fields) = fields else {
            return Err(wrong(&["profiles.", name].concat(), "must be a table"));
        };
        if !is_kebab(name) {
            return Err(wrong(
                &["profiles.", name].concat(),
                "is not a name of lower-case words joined by hyphens",
            ));
        }
        const FIELDS: [&str; 4] = ["summary", "calls", "cost_usd", "minutes"];
        if let Some(unknown) = fields.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            return Err(wrong(
                &path(unknown),
                "is unknown; the keys are summary, calls, cost_usd and minutes",
            ));
        }
        let known = self.find(name);
        let calls = whole(fields, "calls")
            .or(known.map(|p| u64::from(p.limits.calls)))
            .and_then(|n| u32::try_from(n).ok())
            .filter(|_| fields.get("calls").is_none_or(Value::is_u64))
            .ok_or_else(|| wrong(&path("calls"), "must be a whole number"))?;
        let minutes_ms = match fields.get("minutes") {
            None => known.map(|p| p.limits.time_ms),
            Some(value) => value
                .as_u64()
                .filter(|n| (1..=MAX_MINUTES).contains(n))
                .map(|n| n * MINUTE_MS),
        }
        .ok_or_else(|| {
            wrong(
                &path("minutes"),
                "must be a whole number from 1 to 10080, which is a week",
            )
        })?;
        let cost_micro_usd = match fields.get("cost_usd") {
            None => known.map(|p| p.limits.cost_micro_usd),
            Some(value) => value
                .as_f64()
                .filter(|usd| (0.0..=MAX_COST_USD).contains(usd))
                // In range, so the rounded number fits.
                .map(|usd| (usd * USD_MICRO + 0.5) as u64),
        }
        .ok_or_else(|| {
            wrong(
                &path("cost_usd"),
                "must be a number from 0 to 10000, in US dollars",
            )
        })?;
        let summary = match fields.get("summary") {
            Some(Value::String(text)) => text.clone(),
            Some(_) => return Err(wrong(&path("summary"), "must be a sentence")),
            None => known.map_or_else(|| "As configured.".into(), |p| p.summary.clone()),
        };
        let profile = Profile {
            name: name.into(),
            summary,
            limits: Limits {
                calls,
                cost_micro_usd,
                time_ms: minutes_ms,
            },
        };
        match self.list.iter_mut().find(|p| p.name == name) {
            Some(old) => *old = profile,
            None => self.list.push(profile),
        }
        Ok(())
    }
}

fn whole(fields: &Map<String, Value>, key: &str) -> Option<u64> {
    fields.get(key).and_then(Value::as_u64)
}

fn is_kebab(name: &str) -> bool {
    name.len() <= 64
        && name.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

fn wrong(key: &str, why: &str) -> String {
    ["in the configuration of budget-profiles, `", key, "` ", why].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(calls: u32, cost_micro_usd: u64, minutes: u64) -> Limits {
        Limits {
            calls,
            cost_micro_usd,
            time_ms: minutes * MINUTE_MS,
        }
    }

    #[test]
    fn three_are_built_in() {
        let profiles = Profiles::parse("{}").unwrap();
        assert_eq!(profiles.resolve(Some("quick")), Ok(limits(20, 50_000, 10)));
        assert_eq!(
            profiles.resolve(Some("default")),
            Ok(limits(60, 200_000, 30))
        );
        assert_eq!(
            profiles.resolve(Some("deep")),
            Ok(limits(120, 1_000_000, 60))
        );
        assert_eq!(profiles.resolve(None), Ok(limits(60, 200_000, 30)));
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_there_are() {
        let refused = Profiles::default().resolve(Some("huge"));
        let Err(Refusal::UnknownProfile(names)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(names, ["quick", "default", "deep"]);
    }

    #[test]
    fn the_operator_changes_and_adds() {
        let profiles = Profiles::parse(
            r#"{"default": "night", "profiles": {
                "quick": {"calls": 30},
                "night": {"calls": 500, "cost_usd": 5.1, "minutes": 240}}}"#,
        )
        .unwrap();
        assert_eq!(profiles.resolve(Some("quick")), Ok(limits(30, 50_000, 10)));
        assert_eq!(profiles.resolve(None), Ok(limits(500, 5_100_000, 240)));
        assert_eq!(profiles.list.len(), 4);
        assert_eq!(profiles.list[0].summary, "A small, clear change.");
    }

    #[test]
    fn a_mistake_is_named() {
        for (config, key) in [
            ("[]", "not a table"),
            (r#"{"profile": {}}"#, "`profile`"),
            (r#"{"profiles": []}"#, "`profiles`"),
            (r#"{"default": "x"}"#, "`default`"),
            (r#"{"default": 1}"#, "`default`"),
            (r#"{"profiles": {"quick": 1}}"#, "`profiles.quick`"),
            (r#"{"profiles": {"Big One": {}}}"#, "`profiles.Big One`"),
            (
                r#"{"profiles": {"new": {"calls": 1, "minutes": 1}}}"#,
                "`profiles.new.cost_usd`",
            ),
            (
                r#"{"profiles": {"quick": {"calls": 1.5}}}"#,
                "`profiles.quick.calls`",
            ),
            (
                r#"{"profiles": {"quick": {"calls": 5000000000}}}"#,
                "`profiles.quick.calls`",
            ),
            (
                r#"{"profiles": {"quick": {"minutes": 0}}}"#,
                "`profiles.quick.minutes`",
            ),
            (
                r#"{"profiles": {"quick": {"cost_usd": -1}}}"#,
                "`profiles.quick.cost_usd`",
            ),
            (
                r#"{"profiles": {"quick": {"cost": 1}}}"#,
                "`profiles.quick.cost`",
            ),
        ] {
            let error = Profiles::parse(config).unwrap_err();
            assert!(error.contains(key), "{config}: {error}");
        }
    }
}

//! What an operator may set under `[plugins.workflow-task]`.

/// How often a failed verification goes back to the agent unless the operator
/// says otherwise. What five tries with the errors in hand do not mend, a
/// sixth rarely does.
const ROUNDS: u32 = 5;

/// The most rounds that may be set: each costs an agent and a verification.
const MAX_ROUNDS: u32 = 50;

/// What an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// How often a failed verification goes back to the agent.
    pub(crate) rounds: u32,
    /// Whether an agent plans before one builds.
    pub(crate) plan: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rounds: ROUNDS,
            plan: false,
        }
    }
}

impl Options {
    /// Reads `rounds`, a number up to 50, and `plan`, true or false; the error
    /// says what to set instead.
    pub(crate) fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut options = Self::default();
        if let Some(rounds) = get("rounds") {
            options.rounds = rounds
                .parse()
                .ok()
                .filter(|&rounds| rounds <= MAX_ROUNDS)
                .ok_or("set `rounds` of [plugins.workflow-task] to a number from 0 to 50")?;
        }
        if let Some(plan) = get("plan") {
            options.plan = match plan.as_str() {
                "true" => true,
                "false" => false,
                _ => return Err("set `plan` of [plugins.workflow-task] to true or false".into()),
            };
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Options, String> {
        Options::read(|key| {
            let found = pairs.iter().find(|(name, _)| *name == key)?;
            Some(found.1.into())
        })
    }

    #[test]
    fn what_is_not_set_has_a_default() {
        assert_eq!(read(&[]), Ok(Options::default()));
        let set = Options {
            rounds: 0,
            plan: true,
        };
        assert_eq!(read(&[("rounds", "0"), ("plan", "true")]), Ok(set));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for pair in [
            ("rounds", "many"),
            ("rounds", "51"),
            ("rounds", "-1"),
            ("plan", "yes"),
        ] {
            let why = read(&[pair]).unwrap_err();
            assert!(why.contains(pair.0), "{why}");
        }
    }
}

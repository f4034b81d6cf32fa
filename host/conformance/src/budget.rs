//! The suite of the budget surface.

use crate::{Check, shown};
use sortie_plugins::Plugins;
use sortie_plugins::surfaces::budget::{
    Limits, Pending, Profile, Refusal, Request, Usage, Verdict,
};

/// Asks the budget plugin that is loaded as `name`. Every check is reported.
pub async fn check(plugins: &Plugins, name: &str) -> Vec<Check> {
    let suite = Suite { plugins, name };
    let (profiles, problem) = match plugins.budget_profiles(name).await {
        Ok(profiles) => {
            let problem = sensible(&profiles);
            (profiles, problem)
        }
        Err(error) => (Vec::new(), Some(shown(error))),
    };
    // Without profiles there are still limits to be asked about.
    let limits: Vec<Limits> = match profiles.is_empty() {
        true => vec![ORDINARY],
        false => profiles.iter().map(|profile| profile.limits).collect(),
    };
    vec![
        Check::new("B1 profiles leave room to work and say what for", problem),
        Check::all(
            "B2 a profile resolves to no more than it shows",
            suite.resolved(&profiles).await,
        ),
        Check::all(
            "B3 an unknown profile is refused with the names there are",
            suite.unknown(&profiles).await,
        ),
        Check::all("B4 any request is answered", suite.requests().await),
        Check::all(
            "B5 a run that used nothing may begin",
            suite.beginning(&limits).await,
        ),
        Check::all(
            "B6 what would pass a limit is asked about or denied",
            suite.beyond(&limits).await,
        ),
        Check::all(
            "B7 more use is never judged more mildly",
            suite.ladder(&limits).await,
        ),
        Check::all("B8 any number is judged", suite.extremes().await),
    ]
}

const ORDINARY: Limits = Limits {
    calls: 60,
    cost_micro_usd: 200_000,
    time_ms: 1_800_000,
};

const ONE_CALL: Pending = Pending {
    calls: 1,
    cost_micro_usd: 0,
};

/// Above what any task has, and far below what a call may hand over.
const LONG_BYTES: usize = 1 << 20;

fn sensible(profiles: &[Profile]) -> Option<String> {
    if profiles.is_empty() {
        return Some("it has none, so nobody can choose".into());
    }
    profiles.iter().find_map(|profile| {
        let Profile { name, limits, .. } = profile;
        if profile.summary.trim().is_empty() {
            return Some(format!("`{name}` has no summary; people choose by it"));
        }
        (limits.calls == 0 || limits.time_ms == 0)
            .then(|| format!("`{name}` allows no call or no time, so no run can begin"))
    })
}

fn request(profile: Option<&str>) -> Request {
    Request {
        project: "site".into(),
        profile: profile.map(str::to_owned),
        workflow: "workflow-task".into(),
        task: "Fix the typo in README.md".into(),
    }
}

struct Suite<'a> {
    plugins: &'a Plugins,
    name: &'a str,
}

impl Suite<'_> {
    async fn resolve(&self, request: &Request) -> Result<Result<Limits, Refusal>, String> {
        let answer = self.plugins.budget_resolve(self.name, request).await;
        match answer.map_err(shown)? {
            Err(Refusal::Denied(why)) if why.trim().is_empty() => {
                Err("it denies without saying why".into())
            }
            answer => Ok(answer),
        }
    }

    async fn resolved(&self, profiles: &[Profile]) -> Vec<String> {
        let mut problems = Vec::new();
        for profile in profiles {
            let Profile { name, limits, .. } = profile;
            match self.resolve(&request(Some(name))).await {
                Ok(Ok(got)) if within(&got, limits) => {}
                Ok(Ok(got)) => {
                    problems.push(format!("`{name}` shows {limits:?} and resolves to {got:?}"))
                }
                // Its own policy may be about the project or the task.
                Ok(Err(Refusal::Denied(_))) => {}
                Ok(Err(refusal)) => {
                    problems.push(format!("it shows `{name}` and answers {refusal:?}"));
                }
                Err(problem) => problems.push(format!("`{name}`: {problem}")),
            }
        }
        match self.resolve(&request(None)).await {
            Ok(Ok(limits)) if limits.calls == 0 || limits.time_ms == 0 => {
                problems.push(format!("without a name it resolves to {limits:?}"));
            }
            Ok(Ok(_) | Err(Refusal::Denied(_))) => {}
            Ok(Err(refusal)) => problems.push(format!("without a name it answers {refusal:?}")),
            Err(problem) => problems.push(format!("without a name: {problem}")),
        }
        problems
    }

    async fn unknown(&self, profiles: &[Profile]) -> Vec<String> {
        let mut problems = Vec::new();
        let long = "x".repeat(LONG_BYTES);
        for unknown in ["", "no-such-profile", " ", "../../etc", "\u{0}", &long] {
            let asked = unknown.get(..20).unwrap_or(unknown);
            match self.resolve(&request(Some(unknown))).await {
                Ok(Err(Refusal::UnknownProfile(names))) => {
                    let missing = profiles.iter().find(|p| !names.contains(&p.name));
                    if let Some(missing) = missing {
                        problems.push(format!(
                            "refusing {asked:?} it does not name `{}`",
                            missing.name
                        ));
                    }
                }
                Ok(other) => problems.push(format!("asked for {asked:?} it answers {other:?}")),
                Err(problem) => problems.push(format!("asked for {asked:?}: {problem}")),
            }
        }
        problems
    }

    async fn requests(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let long = "ü\u{1}".repeat(LONG_BYTES / 3);
        for (what, text) in [
            ("empty texts", ""),
            ("the longest texts", &*long),
            (
                "texts of other scripts",
                "修复\u{202e} e\u{301} 👩\u{200d}👧",
            ),
        ] {
            let request = Request {
                project: text.into(),
                profile: None,
                workflow: text.into(),
                task: text.into(),
            };
            if let Err(problem) = self.resolve(&request).await {
                problems.push(format!("{what}: {problem}"));
            }
        }
        problems
    }

    /// A verdict, with words where people read some.
    async fn judge(
        &self,
        usage: &Usage,
        limits: &Limits,
        pending: &Pending,
    ) -> Result<Verdict, String> {
        let answer = self
            .plugins
            .budget_evaluate(self.name, usage, limits, pending);
        let verdict = answer.await.map_err(shown)?;
        match &verdict {
            Verdict::Warn(text) | Verdict::Ask(text) | Verdict::Deny(text)
                if text.trim().is_empty() =>
            {
                Err(format!("{verdict:?} says nothing to people"))
            }
            _ => Ok(verdict),
        }
    }

    async fn beginning(&self, limits: &[Limits]) -> Vec<String> {
        let mut problems = Vec::new();
        for limits in limits {
            match self.judge(&Usage::default(), limits, &ONE_CALL).await {
                Ok(Verdict::Deny(why)) => problems.push(format!("of {limits:?} it denies: {why}")),
                Ok(_) => {}
                Err(problem) => problems.push(problem),
            }
        }
        problems
    }

    async fn beyond(&self, limits: &[Limits]) -> Vec<String> {
        let mut problems = Vec::new();
        for limits in limits {
            for (what, usage, pending) in over(limits) {
                match self.judge(&usage, limits, &pending).await {
                    Ok(Verdict::Ask(_) | Verdict::Deny(_)) => {}
                    Ok(verdict) => {
                        problems.push(format!("{what} of {limits:?} gets {verdict:?}"));
                    }
                    Err(problem) => problems.push(format!("{what}: {problem}")),
                }
            }
        }
        problems
    }

    async fn ladder(&self, limits: &[Limits]) -> Vec<String> {
        let mut problems = Vec::new();
        for limits in limits {
            let mut worst = 0;
            for percent in [0, 25, 50, 75, 80, 90, 99, 100, 101, 150, 1_000] {
                let usage = part(limits, percent);
                match self.judge(&usage, limits, &ONE_CALL).await {
                    Ok(verdict) if rank(&verdict) < worst => {
                        problems.push(format!("at {percent} % of {limits:?} it is milder again"));
                    }
                    Ok(verdict) => worst = rank(&verdict),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        problems
    }

    async fn extremes(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let most = Limits {
            calls: u32::MAX,
            cost_micro_usd: u64::MAX,
            time_ms: u64::MAX,
        };
        let nothing = part(&most, 0);
        let all = Usage {
            calls: most.calls,
            cost_micro_usd: most.cost_micro_usd,
            time_ms: most.time_ms,
        };
        let none = Limits {
            calls: 0,
            cost_micro_usd: 0,
            time_ms: 0,
        };
        let largest = Pending {
            calls: u32::MAX,
            cost_micro_usd: u64::MAX,
        };
        for (usage, limits) in [
            (&nothing, &none),
            (&all, &none),
            (&nothing, &most),
            (&all, &most),
        ] {
            for pending in [&ONE_CALL, &largest] {
                if let Err(problem) = self.judge(usage, limits, pending).await {
                    problems.push(format!("{usage:?} of {limits:?}: {problem}"));
                }
            }
        }
        problems
    }
}

fn within(got: &Limits, shown: &Limits) -> bool {
    got.calls <= shown.calls
        && got.cost_micro_usd <= shown.cost_micro_usd
        && got.time_ms <= shown.time_ms
}

/// One more than is left of each, and far more.
fn over(limits: &Limits) -> Vec<(&'static str, Usage, Pending)> {
    let none = Usage::default();
    let free = Pending {
        calls: 0,
        cost_micro_usd: 0,
    };
    let full = part(limits, 100);
    let calls = |usage| ("a call more than all", usage, ONE_CALL);
    let cost = Pending {
        cost_micro_usd: limits.cost_micro_usd.saturating_add(1),
        ..free
    };
    let late = Usage {
        time_ms: limits.time_ms.saturating_add(1),
        ..none
    };
    let spent = Usage {
        cost_micro_usd: limits.cost_micro_usd.saturating_mul(10).max(10),
        ..none
    };
    vec![
        calls(Usage {
            calls: full.calls,
            ..none
        }),
        ("more than all of the money", none, cost),
        ("more than all of the time", late, free),
        ("ten times the money", spent, free),
    ]
}

fn part(limits: &Limits, percent: u64) -> Usage {
    let of = |limit: u64| u64::try_from(u128::from(limit) * u128::from(percent) / 100);
    let of = |limit: u64| of(limit).unwrap_or(u64::MAX);
    Usage {
        calls: u32::try_from(of(limits.calls.into())).unwrap_or(u32::MAX),
        cost_micro_usd: of(limits.cost_micro_usd),
        time_ms: of(limits.time_ms),
    }
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Allow => 0,
        Verdict::Warn(_) => 1,
        Verdict::Ask(_) => 2,
        Verdict::Deny(_) => 3,
    }
}

//! What every effectful plugin promises, whichever of the two surfaces it has.

use crate::Check;
use crate::asked::Import;
use crate::stage::{Done, Play, Stage};
use crate::world::{Kept, Script};
use serde_json::Value;
use sortie_model::surface::Surface;
use sortie_plugins::outside::{ChatError, HttpError, JobsError, KvError};
use std::collections::BTreeSet;

impl Stage<'_> {
    /// What every effectful plugin promises. `played` are calls that went as
    /// well as they can, `fresh` gives the nth of many new ones.
    pub(crate) async fn promises(
        &self,
        played: &[(Play, Done)],
        fresh: impl Fn(&Play, u64) -> Play,
    ) -> Vec<Check> {
        let denied = played.iter().flat_map(|(play, done)| {
            let told = |what: &String| format!("{}: {what}", play.what);
            done.record.denied.iter().map(told)
        });
        let broken = played
            .iter()
            .filter_map(|(play, done)| Some(format!("{}: {}", play.what, done.broken()?)));
        let mut checks = vec![
            Check::new("E1 it exports what its manifest names", self.exports()),
            Check::all("E2 its manifest asks for all that it does", denied),
            Check::all("E3 nothing that it is told breaks it", broken),
            Check::all(
                "E4 the same call asks for the same things",
                self.again(played).await,
            ),
            self.errors(played).await,
            self.unconfigured(played).await,
        ];
        if self.imports(Import::Kv) {
            checks.push(self.bounded(played, fresh).await);
        }
        checks
    }

    fn exports(&self) -> Option<String> {
        let info = self.plugins.get(self.name())?;
        let exported: BTreeSet<Surface> = info.surfaces.iter().map(|found| found.surface).collect();
        let named: BTreeSet<Surface> = self.subject.manifest.surfaces.iter().copied().collect();
        (exported != named)
            .then(|| format!("it exports {exported:?}, its manifest names {named:?}"))
    }

    async fn again(&self, played: &[(Play, Done)]) -> Vec<String> {
        let mut problems = Vec::new();
        for (play, first) in played {
            let second = self.play(play).await;
            if !first.same(&second) {
                problems.push(format!("{}: {}", play.what, differs(first, &second)));
            }
        }
        problems
    }

    async fn errors(&self, played: &[(Play, Done)]) -> Check {
        const NAME: &str = "E5 an error of the host breaks nothing";
        if played.iter().all(|(_, done)| done.record.asked.is_empty()) {
            return Check::untried(NAME, "nothing made it ask anything; add a case that does");
        }
        let mut problems = Vec::new();
        for import in Import::ALL {
            for (error, change) in errors(import) {
                for (play, _) in played.iter().filter(|(_, done)| done.asks(import)) {
                    let done = self.play(&play.with(|script| change(script))).await;
                    if let Some(why) = done.broken() {
                        problems.push(format!(
                            "{}, {} answers `{error}`: {why}",
                            play.what,
                            import.name()
                        ));
                    }
                }
            }
        }
        Check::all(NAME, problems)
    }

    /// Everything again without a configuration, and with those that the
    /// schema gives as examples.
    async fn unconfigured(&self, played: &[(Play, Done)]) -> Check {
        const NAME: &str = "E6 it runs without a configuration and with its examples";
        let subject = self.subject;
        let untried = |why: &str| Check::untried(NAME, why);
        let Ok(schema) = subject.manifest.config_schema() else {
            return untried("its schema is none");
        };
        let examples = subject.manifest.config.as_ref();
        let examples = examples.and_then(|schema| schema.get("examples")?.as_array());
        let mut configs: Vec<Value> = examples.cloned().unwrap_or_default();
        configs.push(Value::Object(serde_json::Map::new()));
        // Without one is how everything else was tried.
        let usual = match &subject.config {
            Value::Null => Value::Object(serde_json::Map::new()),
            config => config.clone(),
        };
        configs.retain(|config| *config != usual && schema.validate(config).is_ok());
        if configs.is_empty() {
            return untried("its schema allows no other than the one of all other checks");
        }
        let mut problems = Vec::new();
        for config in configs {
            if let Err(why) = self.load(config.clone()).await {
                problems.push(why);
                continue;
            }
            for (play, _) in played.iter().filter(|(_, done)| done.broken().is_none()) {
                if let Some(why) = self.play(play).await.broken() {
                    problems.push(format!("{}, configured with {config}: {why}", play.what));
                }
            }
        }
        problems.extend(self.load(subject.config.clone()).await.err());
        Check::all(NAME, problems)
    }

    /// Plays new calls one after the other until what is kept no longer grows.
    async fn bounded(&self, played: &[(Play, Done)], fresh: impl Fn(&Play, u64) -> Play) -> Check {
        /// More than any plugin needs to remember.
        const CALLS: u64 = 20_000;
        const BATCH: u64 = 500;
        const NAME: &str = "E7 what it keeps is bounded";
        let keeping: Vec<&Play> = played
            .iter()
            .filter(|(_, done)| done.asks(Import::Kv))
            .map(|(play, _)| play)
            .collect();
        if keeping.is_empty() {
            return Check::untried(NAME, "nothing made it keep anything; add a case that does");
        }
        let mut kept = Kept::default();
        let mut before = 0;
        for n in 0..CALLS {
            let turn = usize::try_from(n).unwrap_or(0) % keeping.len();
            let mut play = fresh(keeping[turn], n);
            play.kept = kept;
            let done = self.play(&play).await;
            if done.record.full {
                return Check::new(NAME, Some(format!("its quota is full after {n} new calls")));
            }
            kept = done.kept;
            if (n + 1) % BATCH == 0 {
                // Less than a byte for each call is a counter that grows a digit.
                if kept.bytes() < before + BATCH {
                    return Check::new(NAME, None);
                }
                before = kept.bytes();
            }
        }
        Check::new(
            NAME,
            Some(format!(
                "after {CALLS} new calls it keeps {before} bytes and still keeps more with each; \
                 forget what is oldest"
            )),
        )
    }
}

/// How two runs of one call differ.
pub(crate) fn differs(first: &Done, second: &Done) -> String {
    let pairs = first.record.asked.iter().zip(&second.record.asked);
    if let Some((one, other)) = pairs.clone().find(|(one, other)| one != other) {
        return format!(
            "it asks for {} and then for {}",
            cut(&one.to_json().to_string()),
            cut(&other.to_json().to_string())
        );
    }
    let (one, other) = (first.record.asked.len(), second.record.asked.len());
    match one == other {
        true => format!(
            "it answers {} and then {}",
            cut(&format!("{:?}", first.answer)),
            cut(&format!("{:?}", second.answer))
        ),
        false => format!("it asks for {one} things and then for {other}"),
    }
}

/// The beginning of a text, for a person to recognise it.
pub(crate) fn cut(text: &str) -> &str {
    const SHOWN_BYTES: usize = 300;
    &text[..text.floor_char_boundary(SHOWN_BYTES)]
}

type Change = Box<dyn Fn(&mut Script) + Send + Sync>;

/// Every error of an import, by its name.
fn errors(import: Import) -> Vec<(&'static str, Change)> {
    let why = || "that is how it is".to_owned();
    match import {
        Import::Jobs => jobs_errors()
            .into_iter()
            .map(|(name, error)| {
                let change: Change = Box::new(move |script| script.jobs = Some(error.clone()));
                (name, change)
            })
            .collect(),
        Import::Chat => chat_errors()
            .into_iter()
            .map(|(name, error)| {
                let change: Change = Box::new(move |script| script.chat = Some(error.clone()));
                (name, change)
            })
            .collect(),
        Import::Http => http_errors()
            .into_iter()
            .map(|(name, error)| {
                let change: Change = Box::new(move |script| script.http = vec![Err(error.clone())]);
                (name, change)
            })
            .collect(),
        Import::Kv => [
            ("invalid", KvError::Invalid(why())),
            ("quota", KvError::Quota(0)),
            ("other", KvError::Other(why())),
        ]
        .into_iter()
        .map(|(name, error)| {
            let change: Change = Box::new(move |script| script.kv = Some(error.clone()));
            (name, change)
        })
        .collect(),
    }
}

const WHY: &str = "that is how it is";

pub(crate) fn jobs_errors() -> [(&'static str, JobsError); 5] {
    [
        ("denied", JobsError::Denied(WHY.into())),
        ("not-found", JobsError::NotFound),
        ("conflict", JobsError::Conflict(WHY.into())),
        ("invalid", JobsError::Invalid(WHY.into())),
        ("other", JobsError::Other(WHY.into())),
    ]
}

pub(crate) fn chat_errors() -> [(&'static str, ChatError); 4] {
    [
        ("denied", ChatError::Denied(WHY.into())),
        ("invalid", ChatError::Invalid(WHY.into())),
        ("not-found", ChatError::NotFound),
        ("other", ChatError::Other(WHY.into())),
    ]
}

pub(crate) fn http_errors() -> [(&'static str, HttpError); 6] {
    [
        ("invalid", HttpError::Invalid(WHY.into())),
        ("denied", HttpError::Denied(WHY.into())),
        ("unreachable", HttpError::Unreachable(WHY.into())),
        ("timed-out", HttpError::TimedOut),
        ("too-large", HttpError::TooLarge(4 << 20)),
        ("failed", HttpError::Failed(WHY.into())),
    ]
}

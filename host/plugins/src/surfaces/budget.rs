//! How much a job may use, as budget plugins see it. The host lays its own
//! ceilings over every answer.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{check_count, cut_to, is_kebab, nonsense, quote};
use crate::{
    bindings::budget::exports::sortie::budget::budget as wit,
    error::{At, PluginError},
};

/// The most profiles of one plugin.
pub const MAX_PROFILES: usize = 100;
/// The longest text for people in bytes; longer ones are cut.
const MAX_TEXT_BYTES: usize = 1_000;

/// How much a run may use; every limit is inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Metered calls: each launch of an agent and each model request is one.
    pub calls: u32,
    /// Millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// Wall-clock time in milliseconds, waits for people excluded.
    pub time_ms: u64,
}

/// What a run has used so far, counted by the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Metered calls.
    pub calls: u32,
    /// Millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// Wall-clock time in milliseconds.
    pub time_ms: u64,
}

/// A profile people can name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Stable kebab-case name, such as `quick`.
    pub name: String,
    /// One sentence for people.
    pub summary: String,
    /// What it allows.
    pub limits: Limits,
}

/// What a budget is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The project's name.
    pub project: String,
    /// The profile the person or the project named; none for the default.
    pub profile: Option<String>,
    /// The workflow that will run.
    pub workflow: String,
    /// The text of the task.
    pub task: String,
}

/// Why there is no budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No profile of that name; the names there are.
    UnknownProfile(Vec<String>),
    /// The plugin's own policy, in a sentence for people.
    Denied(String),
}

/// What is about to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Metered calls, usually one.
    pub calls: u32,
    /// Worst-case cost in millionths of a US dollar.
    pub cost_micro_usd: u64,
}

/// What may happen next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Go on.
    Allow,
    /// Go on, and tell people this.
    Warn(String),
    /// Stop and ask a person; this is the question.
    Ask(String),
    /// Stop; this is the reason.
    Deny(String),
}

pub(crate) fn profiles(at: &At, profiles: Vec<wit::Profile>) -> Result<Vec<Profile>, PluginError> {
    check_count(at, "profiles", profiles.len(), MAX_PROFILES)?;
    let mut seen = HashSet::new();
    profiles
        .into_iter()
        .map(|profile| {
            if !is_kebab(&profile.name) {
                return Err(nonsense(
                    at,
                    format!(
                        "the profile name {} is not kebab-case",
                        quote(&profile.name)
                    ),
                ));
            }
            if !seen.insert(profile.name.clone()) {
                return Err(nonsense(
                    at,
                    format!("two profiles are named `{}`", profile.name),
                ));
            }
            Ok(Profile {
                name: profile.name,
                summary: cut_to(profile.summary, MAX_TEXT_BYTES),
                limits: profile.limits.into(),
            })
        })
        .collect()
}

pub(crate) fn resolved(
    at: &At,
    answer: Result<wit::Limits, wit::Refusal>,
) -> Result<Result<Limits, Refusal>, PluginError> {
    Ok(match answer {
        Ok(limits) => Ok(limits.into()),
        Err(wit::Refusal::UnknownProfile(names)) => {
            check_count(at, "profile names", names.len(), MAX_PROFILES)?;
            Err(Refusal::UnknownProfile(
                names
                    .into_iter()
                    .map(|name| cut_to(name, super::MAX_NAME_BYTES))
                    .collect(),
            ))
        }
        Err(wit::Refusal::Denied(reason)) => Err(Refusal::Denied(cut_to(reason, MAX_TEXT_BYTES))),
    })
}

pub(crate) fn verdict(verdict: wit::Verdict) -> Verdict {
    match verdict {
        wit::Verdict::Allow => Verdict::Allow,
        wit::Verdict::Warn(text) => Verdict::Warn(cut_to(text, MAX_TEXT_BYTES)),
        wit::Verdict::Ask(text) => Verdict::Ask(cut_to(text, MAX_TEXT_BYTES)),
        wit::Verdict::Deny(text) => Verdict::Deny(cut_to(text, MAX_TEXT_BYTES)),
    }
}

impl From<wit::Limits> for Limits {
    fn from(limits: wit::Limits) -> Self {
        Self {
            calls: limits.calls,
            cost_micro_usd: limits.cost_micro_usd,
            time_ms: limits.time_ms,
        }
    }
}

impl From<Limits> for wit::Limits {
    fn from(limits: Limits) -> Self {
        Self {
            calls: limits.calls,
            cost_micro_usd: limits.cost_micro_usd,
            time_ms: limits.time_ms,
        }
    }
}

impl From<Usage> for wit::Usage {
    fn from(usage: Usage) -> Self {
        Self {
            calls: usage.calls,
            cost_micro_usd: usage.cost_micro_usd,
            time_ms: usage.time_ms,
        }
    }
}

impl From<Pending> for wit::Pending {
    fn from(pending: Pending) -> Self {
        Self {
            calls: pending.calls,
            cost_micro_usd: pending.cost_micro_usd,
        }
    }
}

impl From<Request> for wit::Request {
    fn from(request: Request) -> Self {
        Self {
            project: request.project,
            profile: request.profile,
            workflow: request.workflow,
            task: request.task,
        }
    }
}

//! What people decide.

use super::intake::Job;
use serde::Serialize;
use sortie_model::approval::{Approval, Decision};
use sortie_model::budget::Limits;
use sortie_model::id::{ApprovalId, RunId};
use sortie_model::start::StartMode;

/// A person's answer to the question about a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewAnswer {
    /// The answer.
    pub decision: Decision,
    /// The question that is answered; none for the one that is open.
    pub approval: Option<ApprovalId>,
    /// The commit that the person looked at. When it is given, the answer
    /// counts for a question about that very commit and for no other.
    pub commit: Option<String>,
    /// With a yes to a question about the budget: what to add to it, instead of
    /// what the question proposes. The project's ceiling holds in any case.
    pub raise: Option<Limits>,
    /// Who answers.
    pub by: String,
    /// Through which door.
    pub via: String,
    /// The reason, if one is given.
    pub comment: Option<String>,
}

/// A person's wish to have a job done again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewRetry {
    /// Where it begins.
    pub start: StartMode,
    /// Another budget profile from now on; none to keep the job's.
    pub budget_profile: Option<String>,
    /// Who asks.
    pub by: String,
    /// Through which door.
    pub via: String,
}

impl NewRetry {
    /// From the beginning and with the budget that it had.
    pub fn of(by: &str, via: &str) -> Self {
        Self {
            start: StartMode::Base,
            budget_profile: None,
            by: by.to_owned(),
            via: via.to_owned(),
        }
    }
}

/// What became of a person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// The job as it stands now.
    pub job: Job,
    /// The question and its answer.
    pub approval: Approval,
    /// False when the same answer had been given before.
    pub changed: bool,
}

/// What became of a cancellation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// The job as it stands now.
    pub job: Job,
    /// The run that lost its lease or its turn, if one was under way.
    pub run: Option<RunId>,
    /// False when it had been cancelled before.
    pub changed: bool,
}

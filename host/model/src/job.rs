//! A job's life: its states, the events that move it, and the one function
//! that does.
//!
//! The table [`TRANSITIONS`] is the whole truth; `docs/ARCHITECTURE.md` draws
//! it and a test holds the drawing equal. An event that the table does not
//! list for a state is an [`IllegalTransition`], never a silent write.

use crate::clock::Timestamp;
use crate::halt::HaltReason;
use serde::{Deserialize, Serialize};

/// Where a job stands, with what belongs to that state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// Waits for a free place, and until `not_before` after a failed attempt.
    Queued {
        /// Not to be leased before this moment.
        not_before: Option<Timestamp>,
    },
    /// A run has it.
    Running,
    /// A gate of the workflow waits for a person.
    AwaitingApproval,
    /// A scan flagged the result; a person must decide.
    NeedsReview,
    /// A person said yes; it waits for a place to go on.
    Approved,
    /// A person said no; nothing was published.
    Rejected,
    /// Done, and published if that was asked for.
    Succeeded,
    /// The last attempt failed.
    Failed {
        /// What happened, for people.
        error: String,
    },
    /// A person stopped it.
    Cancelled,
    /// It stopped early for one of the closed set of reasons.
    Halted {
        /// Which.
        reason: HaltReason,
        /// What was seen, for people.
        detail: String,
    },
}

/// The state without its data: what is stored in a column and shown to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobPhase {
    /// See [`JobState::Queued`].
    Queued,
    /// See [`JobState::Running`].
    Running,
    /// See [`JobState::AwaitingApproval`].
    AwaitingApproval,
    /// See [`JobState::NeedsReview`].
    NeedsReview,
    /// See [`JobState::Approved`].
    Approved,
    /// See [`JobState::Rejected`].
    Rejected,
    /// See [`JobState::Succeeded`].
    Succeeded,
    /// See [`JobState::Failed`].
    Failed,
    /// See [`JobState::Cancelled`].
    Cancelled,
    /// See [`JobState::Halted`].
    Halted,
}

impl JobPhase {
    /// Every phase, in the order of a job's life.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Running,
        Self::AwaitingApproval,
        Self::NeedsReview,
        Self::Approved,
        Self::Rejected,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Halted,
    ];

    /// The stable snake_case name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::AwaitingApproval => "awaiting_approval",
            Self::NeedsReview => "needs_review",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Halted => "halted",
        }
    }

    /// The phase of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }

    /// Nothing moves it any more unless a person retries it.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Rejected | Self::Succeeded | Self::Failed | Self::Cancelled | Self::Halted
        )
    }

    /// A person has to decide before it goes on.
    pub fn waits_for_person(self) -> bool {
        matches!(self, Self::AwaitingApproval | Self::NeedsReview)
    }
}

impl std::fmt::Display for JobPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl JobState {
    /// The state without its data.
    pub fn phase(&self) -> JobPhase {
        match self {
            Self::Queued { .. } => JobPhase::Queued,
            Self::Running => JobPhase::Running,
            Self::AwaitingApproval => JobPhase::AwaitingApproval,
            Self::NeedsReview => JobPhase::NeedsReview,
            Self::Approved => JobPhase::Approved,
            Self::Rejected => JobPhase::Rejected,
            Self::Succeeded => JobPhase::Succeeded,
            Self::Failed { .. } => JobPhase::Failed,
            Self::Cancelled => JobPhase::Cancelled,
            Self::Halted { .. } => JobPhase::Halted,
        }
    }
}

/// What moves a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JobEvent {
    /// A run took it.
    Leased,
    /// The attempt failed for a reason that may pass.
    Postponed {
        /// When to try again.
        not_before: Timestamp,
    },
    /// The workflow asks a person at a gate.
    Gated,
    /// The scan asks for a person.
    Flagged,
    /// A person said yes.
    Approve,
    /// A person said no.
    Reject,
    /// The workflow is done.
    Finished,
    /// It failed for good.
    Failed {
        /// What happened, for people.
        error: String,
    },
    /// It stops early.
    Halted {
        /// Why.
        reason: HaltReason,
        /// What was seen, for people.
        detail: String,
    },
    /// A person stops it.
    Cancel,
    /// A person starts it again.
    Retry,
}

/// The event without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is documented on JobEvent")]
pub enum JobEventKind {
    Leased,
    Postponed,
    Gated,
    Flagged,
    Approve,
    Reject,
    Finished,
    Failed,
    Halted,
    Cancel,
    Retry,
}

impl JobEventKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Leased,
        Self::Postponed,
        Self::Gated,
        Self::Flagged,
        Self::Approve,
        Self::Reject,
        Self::Finished,
        Self::Failed,
        Self::Halted,
        Self::Cancel,
        Self::Retry,
    ];

    /// The stable snake_case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leased => "leased",
            Self::Postponed => "postponed",
            Self::Gated => "gated",
            Self::Flagged => "flagged",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Halted => "halted",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
        }
    }
}

impl JobEvent {
    /// The event without its data.
    pub fn kind(&self) -> JobEventKind {
        match self {
            Self::Leased => JobEventKind::Leased,
            Self::Postponed { .. } => JobEventKind::Postponed,
            Self::Gated => JobEventKind::Gated,
            Self::Flagged => JobEventKind::Flagged,
            Self::Approve => JobEventKind::Approve,
            Self::Reject => JobEventKind::Reject,
            Self::Finished => JobEventKind::Finished,
            Self::Failed { .. } => JobEventKind::Failed,
            Self::Halted { .. } => JobEventKind::Halted,
            Self::Cancel => JobEventKind::Cancel,
            Self::Retry => JobEventKind::Retry,
        }
    }
}

use JobEventKind as E;
use JobPhase as P;

/// Every legal move: from, event, to.
pub const TRANSITIONS: &[(JobPhase, JobEventKind, JobPhase)] = &[
    (P::Queued, E::Leased, P::Running),
    (P::Approved, E::Leased, P::Running),
    (P::Running, E::Postponed, P::Queued),
    (P::Running, E::Gated, P::AwaitingApproval),
    (P::Running, E::Flagged, P::NeedsReview),
    (P::Running, E::Finished, P::Succeeded),
    (P::Running, E::Failed, P::Failed),
    (P::Running, E::Halted, P::Halted),
    (P::Running, E::Reject, P::Rejected),
    (P::AwaitingApproval, E::Approve, P::Approved),
    (P::AwaitingApproval, E::Reject, P::Rejected),
    (P::AwaitingApproval, E::Halted, P::Halted),
    (P::NeedsReview, E::Approve, P::Approved),
    (P::NeedsReview, E::Reject, P::Rejected),
    (P::NeedsReview, E::Halted, P::Halted),
    (P::Queued, E::Cancel, P::Cancelled),
    (P::Running, E::Cancel, P::Cancelled),
    (P::AwaitingApproval, E::Cancel, P::Cancelled),
    (P::NeedsReview, E::Cancel, P::Cancelled),
    (P::Approved, E::Cancel, P::Cancelled),
    (P::Rejected, E::Retry, P::Queued),
    (P::Failed, E::Retry, P::Queued),
    (P::Cancelled, E::Retry, P::Queued),
    (P::Halted, E::Retry, P::Queued),
];

/// An event that a state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} a job that is {phase}", event = event.as_str())]
pub struct IllegalTransition {
    /// Where the job stands.
    pub phase: JobPhase,
    /// What was tried.
    pub event: JobEventKind,
}

/// The phase that `event` leads to, by the table.
pub fn next_phase(phase: JobPhase, event: JobEventKind) -> Result<JobPhase, IllegalTransition> {
    TRANSITIONS
        .iter()
        .find(|(from, by, _)| *from == phase && *by == event)
        .map(|(_, _, to)| *to)
        .ok_or(IllegalTransition { phase, event })
}

/// The state that `event` leads to. The only maker of new states.
pub fn transition(state: &JobState, event: &JobEvent) -> Result<JobState, IllegalTransition> {
    let to = next_phase(state.phase(), event.kind())?;
    Ok(match (to, event) {
        (P::Queued, JobEvent::Postponed { not_before }) => JobState::Queued {
            not_before: Some(*not_before),
        },
        (P::Queued, _) => JobState::Queued { not_before: None },
        (P::Failed, JobEvent::Failed { error }) => JobState::Failed {
            error: error.clone(),
        },
        (P::Halted, JobEvent::Halted { reason, detail }) => JobState::Halted {
            reason: *reason,
            detail: detail.clone(),
        },
        (P::Running, _) => JobState::Running,
        (P::AwaitingApproval, _) => JobState::AwaitingApproval,
        (P::NeedsReview, _) => JobState::NeedsReview,
        (P::Approved, _) => JobState::Approved,
        (P::Rejected, _) => JobState::Rejected,
        (P::Succeeded, _) => JobState::Succeeded,
        (P::Cancelled, _) => JobState::Cancelled,
        (P::Failed | P::Halted, _) => {
            return Err(IllegalTransition {
                phase: state.phase(),
                event: event.kind(),
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(phase: JobPhase) -> JobState {
        match phase {
            P::Queued => JobState::Queued { not_before: None },
            P::Running => JobState::Running,
            P::AwaitingApproval => JobState::AwaitingApproval,
            P::NeedsReview => JobState::NeedsReview,
            P::Approved => JobState::Approved,
            P::Rejected => JobState::Rejected,
            P::Succeeded => JobState::Succeeded,
            P::Failed => JobState::Failed {
                error: "it broke".into(),
            },
            P::Cancelled => JobState::Cancelled,
            P::Halted => JobState::Halted {
                reason: HaltReason::NoChanges,
                detail: "nothing".into(),
            },
        }
    }

    fn event(kind: JobEventKind) -> JobEvent {
        match kind {
            E::Leased => JobEvent::Leased,
            E::Postponed => JobEvent::Postponed {
                not_before: Timestamp(7),
            },
            E::Gated => JobEvent::Gated,
            E::Flagged => JobEvent::Flagged,
            E::Approve => JobEvent::Approve,
            E::Reject => JobEvent::Reject,
            E::Finished => JobEvent::Finished,
            E::Failed => JobEvent::Failed {
                error: "it broke".into(),
            },
            E::Halted => JobEvent::Halted {
                reason: HaltReason::NoChanges,
                detail: "nothing".into(),
            },
            E::Cancel => JobEvent::Cancel,
            E::Retry => JobEvent::Retry,
        }
    }

    #[test]
    fn every_pair_is_either_in_the_table_or_an_error() {
        for phase in JobPhase::ALL {
            for kind in JobEventKind::ALL {
                let listed = TRANSITIONS
                    .iter()
                    .filter(|(from, by, _)| *from == phase && *by == kind)
                    .collect::<Vec<_>>();
                assert!(listed.len() <= 1, "{phase} {kind:?} is listed twice");
                match transition(&sample(phase), &event(kind)) {
                    Ok(next) => assert_eq!(Some(next.phase()), listed.first().map(|t| t.2)),
                    Err(error) => {
                        assert!(listed.is_empty());
                        assert_eq!((error.phase, error.event), (phase, kind));
                    }
                }
            }
        }
    }

    #[test]
    fn final_phases_move_only_by_retry() {
        for (from, by, _) in TRANSITIONS {
            assert!(
                !from.is_final() || *by == E::Retry,
                "{from} moves by {by:?}"
            );
        }
        assert!(
            TRANSITIONS.iter().all(|(from, _, _)| *from != P::Succeeded),
            "what succeeded is not done again"
        );
    }

    #[test]
    fn nothing_is_published_after_a_rejection() {
        let reachable: Vec<_> = TRANSITIONS
            .iter()
            .filter(|(from, _, _)| *from == P::Rejected)
            .map(|t| t.2)
            .collect();
        assert_eq!(reachable, [P::Queued], "only a new attempt leaves it");
    }

    #[test]
    fn names_round_trip() {
        for phase in JobPhase::ALL {
            assert_eq!(JobPhase::parse(phase.as_str()), Some(phase));
            let json = serde_json::to_string(&phase).expect("a unit variant serialises");
            assert_eq!(json, format!("\"{phase}\""));
        }
    }
}

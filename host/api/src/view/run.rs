//! Runs, steps, approvals and findings as clients see them.

use super::{LimitsView, UsageView, moment};
use serde::{Deserialize, Serialize};
use sortie_model::approval::{Approval, Subject};
use sortie_model::finding::{Finding, Side};
use sortie_model::run::{Run, Step, StepPhase};
use sortie_store::Artifact;
use utoipa::ToSchema;

/// One attempt at a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunView {
    /// Its id.
    pub id: u64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// `leased`, `preparing`, `executing`, `publishing`, `parked` or
    /// `finished`.
    #[schema(example = "executing")]
    pub phase: String,
    /// The commit the work starts from, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_commit: Option<String>,
    /// The commit that holds the work so far, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_commit: Option<String>,
    /// What went wrong, when something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was leased first (RFC 3339).
    #[schema(format = DateTime)]
    pub started_at: String,
    /// When it ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub finished_at: Option<String>,
    /// What it did, in order.
    pub steps: Vec<StepView>,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// Position in the run, from 0.
    pub position: u32,
    /// The workflow's name for it.
    #[schema(example = "verify-1")]
    pub name: String,
    /// `pending` or `done`.
    #[schema(example = "done")]
    pub phase: String,
    /// What it does; the shape depends on the kind of step.
    pub action: serde_json::Value,
    /// How it ended; the shape depends on the kind of step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<serde_json::Value>,
    /// When it began (RFC 3339).
    #[schema(format = DateTime)]
    pub started_at: String,
    /// When it ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub finished_at: Option<String>,
    /// How long it took in milliseconds, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// A question put to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalView {
    /// Its id.
    pub id: u64,
    /// The step that asked.
    pub step: String,
    /// What it is about: `gate`, `review` (findings) or `budget`.
    #[schema(example = "review")]
    pub about: String,
    /// What is used up, as `budget-calls`, `budget-cost`, `budget-time`, or
    /// `budget-denied` when the budget plugin asks; only when it is about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "budget-time")]
    pub exhausted: Option<String>,
    /// What a yes adds to the budget; only when it is about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raise: Option<LimitsView>,
    /// What is asked.
    pub question: String,
    /// The commit the answer is about; only this commit is released by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// `approved`, `rejected`, `expired`, or `withdrawn` when the job was
    /// cancelled; none while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Through which door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_via: Option<String>,
    /// The reason given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When it was asked (RFC 3339).
    #[schema(format = DateTime)]
    pub asked_at: String,
    /// When it expires (RFC 3339).
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// When it was decided (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub decided_at: Option<String>,
}

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// The plugin's rule.
    pub rule: String,
    /// `info`, `warn` or `block`.
    #[schema(example = "block")]
    pub severity: String,
    /// Where; none when it is about the change as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// 1-based line on that side; 1 for a whole file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// `old` or `new`: which side of the change path and line are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "new")]
    pub side: Option<String>,
    /// One sentence.
    pub message: String,
    /// The line or lines it rests on.
    pub evidence: String,
    /// Stays the same when code around it moves.
    pub fingerprint: String,
    /// The plugin that said it.
    pub scanner: String,
}

/// The findings of a job's newest run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingList {
    /// The findings, worst first.
    pub findings: Vec<FindingView>,
}

/// A file that a step left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactView {
    /// Its id.
    pub id: u64,
    /// The run.
    pub run: u64,
    /// The step's position in the run, from 0.
    pub position: u32,
    /// `prompt` (what an agent was asked) or `output` (what a program said
    /// last).
    #[schema(example = "output")]
    pub kind: String,
    /// The name to show.
    #[schema(example = "output of verify-1")]
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was written (RFC 3339).
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// The files that the steps of a job left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactList {
    /// The files, oldest first.
    pub artifacts: Vec<ArtifactView>,
}

impl From<Artifact> for ArtifactView {
    fn from(artifact: Artifact) -> Self {
        Self {
            id: artifact.id,
            run: artifact.run.0,
            position: artifact.position,
            kind: artifact.kind,
            name: artifact.name,
            size_bytes: artifact.size_bytes,
            created_at: moment(artifact.created_at),
        }
    }
}

impl RunView {
    /// A run with its steps.
    pub(crate) fn new(run: Run, steps: Vec<Step>) -> Self {
        Self {
            id: run.id.0,
            attempt: run.attempt,
            phase: run.phase.as_str().to_owned(),
            base_commit: run.base_commit,
            head_commit: run.head_commit,
            error: run.error,
            started_at: moment(run.started_at),
            finished_at: run.finished_at.map(moment),
            steps: steps.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Step> for StepView {
    fn from(step: Step) -> Self {
        let duration = step
            .finished_at
            .map(|finished| finished.since(step.started_at));
        Self {
            position: step.position,
            name: step.name,
            phase: match step.phase {
                StepPhase::Pending => "pending",
                StepPhase::Done => "done",
            }
            .to_owned(),
            action: step.action,
            outcome: step.outcome,
            started_at: moment(step.started_at),
            finished_at: step.finished_at.map(moment),
            duration_ms: duration.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl From<Approval> for ApprovalView {
    fn from(approval: Approval) -> Self {
        Self {
            id: approval.id.0,
            step: approval.step,
            about: approval.subject.as_str().to_owned(),
            exhausted: match approval.subject {
                Subject::Budget { exhausted, .. } => Some(exhausted.as_str().to_owned()),
                Subject::Gate | Subject::Review => None,
            },
            raise: match approval.subject {
                Subject::Budget { raise, .. } => Some(raise.into()),
                Subject::Gate | Subject::Review => None,
            },
            question: approval.question,
            commit: approval.commit,
            decision: approval.decision.map(|d| d.as_str().to_owned()),
            decided_by: approval.decided_by,
            decided_via: approval.decided_via,
            comment: approval.comment,
            asked_at: moment(approval.asked_at),
            expires_at: moment(approval.expires_at),
            decided_at: approval.decided_at.map(moment),
        }
    }
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        let (path, line, side) = match finding.place {
            Some(place) => {
                let side = match place.side {
                    Side::Old => "old",
                    Side::New => "new",
                };
                (Some(place.path), Some(place.line), Some(side.to_owned()))
            }
            None => (None, None, None),
        };
        Self {
            rule: finding.rule,
            severity: finding.severity.as_str().to_owned(),
            path,
            line,
            side,
            message: finding.message,
            evidence: finding.evidence,
            fingerprint: finding.fingerprint,
            scanner: finding.scanner,
        }
    }
}

impl UsageView {
    /// Time, as people write it: `0.4s`, `12s`, `1m 05s`, `2h 00m`.
    pub fn time(&self) -> String {
        let seconds = self.time_ms / 1000;
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, s @ 0..10) => format!("{s}.{}s", self.time_ms % 1000 / 100),
            (0, 0, s) => format!("{s}s"),
            (0, m, s) => format!("{m}m {s:02}s"),
            (h, m, _) => format!("{h}h {m:02}m"),
        }
    }
}

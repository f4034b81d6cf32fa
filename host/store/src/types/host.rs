//! What the host says of itself.

use serde::{Deserialize, Serialize};
use sortie_model::approval::Approval;
use sortie_model::budget::MicroUsd;
use sortie_model::clock::Timestamp;
use sortie_model::id::{ApprovalId, JobId};
use sortie_model::job::JobPhase;

/// That no new run begins, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who said so.
    pub by: String,
    /// Through which door.
    pub via: String,
    /// The reason, if one was given.
    pub why: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

/// What happened in a stretch of time, and how the queue stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// Its length.
    pub hours: u32,
    /// Its beginning.
    pub since: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// The jobs that ended.
    pub tasks: TaskCounts,
    /// How many of a hundred succeeded, of those that nobody cancelled; none
    /// when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_percent: Option<u32>,
    /// What models read and wrote.
    pub tokens: Tokens,
    /// What calls to models cost.
    pub cost_micro_usd: MicroUsd,
    /// What they cost for jobs that stand without success.
    pub unsuccessful_cost_micro_usd: MicroUsd,
    /// How the queue stands now.
    pub queue: QueueCounts,
    /// Whether no new run begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseLine>,
    /// The jobs that ended, newest first, when lines were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Vec<JobLine>>,
    /// How many more there are than lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<u64>,
    /// The open questions, the first to expire first, when lines were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Vec<WaitingLine>>,
}

/// Jobs that ended, by how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is a final state")]
pub struct TaskCounts {
    pub total: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub halted: u64,
    pub cancelled: u64,
    pub rejected: u64,
}

impl TaskCounts {
    /// Counts jobs that ended so.
    pub(crate) fn add(&mut self, phase: JobPhase, count: u64) {
        let of = match phase {
            JobPhase::Succeeded => &mut self.succeeded,
            JobPhase::Failed => &mut self.failed,
            JobPhase::Halted => &mut self.halted,
            JobPhase::Cancelled => &mut self.cancelled,
            JobPhase::Rejected => &mut self.rejected,
            _ => return,
        };
        *of += count;
        self.total += count;
    }

    /// How many of a hundred succeeded, of those that nobody cancelled.
    pub(crate) fn success_percent(&self) -> Option<u32> {
        let judged = self.total - self.cancelled;
        let percent = (self.succeeded * 100 + judged / 2).checked_div(judged)?;
        u32::try_from(percent).ok()
    }
}

/// What models read and wrote, as they reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Read, out of a cache or not.
    pub input: u64,
    /// Written.
    pub output: u64,
}

/// Jobs that did not end, by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueCounts {
    /// They wait for a place, or for another job.
    pub queued: u64,
    /// A run has them.
    pub running: u64,
    /// They wait for a person.
    pub waiting: u64,
    /// A person released them.
    pub approved: u64,
}

/// A pause in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PauseLine {
    /// Who said so.
    pub by: String,
    /// The reason, if one was given.
    pub why: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

/// A job that ended, in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobLine {
    /// The job.
    pub job: JobId,
    /// Its project.
    pub project: String,
    /// How it ended.
    pub state: JobPhase,
    /// The beginning of its task.
    pub title: String,
    /// What all its runs cost.
    pub cost_micro_usd: MicroUsd,
}

/// An open question, in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingLine {
    /// The job.
    pub job: JobId,
    /// The question.
    pub approval: ApprovalId,
    /// What it is about.
    pub about: &'static str,
    /// The beginning of what is asked.
    pub question: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl WaitingLine {
    /// The line of a question, cut to so many characters.
    pub(crate) fn of(approval: &Approval, chars: usize) -> Self {
        Self {
            job: approval.job,
            approval: approval.id,
            about: approval.subject.as_str(),
            question: approval.question.chars().take(chars).collect(),
            expires_at: approval.expires_at,
        }
    }
}

/// How a configured project stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectTally {
    /// The project.
    pub name: String,
    /// Its jobs that run.
    pub running: u64,
    /// Its jobs that wait for a place, counted up to [`MAX_QUEUED_COUNTED`].
    ///
    /// [`MAX_QUEUED_COUNTED`]: crate::limits::MAX_QUEUED_COUNTED
    pub queued: u64,
    /// What its calls to models cost since the UTC day began.
    pub spent_today: MicroUsd,
    /// What those under way may still cost.
    pub reserved_today: MicroUsd,
}

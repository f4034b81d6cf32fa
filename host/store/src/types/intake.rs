//! Jobs as they come in and as they are shown.

use serde::{Deserialize, Serialize};
use sortie_model::budget::Usage;
use sortie_model::clock::Timestamp;
use sortie_model::finding::Finding;
use sortie_model::id::{JobId, ThreadId};
use sortie_model::job::{JobPhase, JobState};
use sortie_model::project::Policy;
use sortie_model::start::Start;

/// A request for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// The project's name; it must be configured.
    pub project: String,
    /// The remote, without credentials.
    pub repository: String,
    /// The branch work starts from; none for the remote's default branch.
    pub base_branch: Option<String>,
    /// What to do.
    pub task: String,
    /// What holds for this job from now on.
    pub policy: Policy,
    /// The job whose work it continues, of the same project: it belongs to that
    /// one's thread and waits until the thread's other jobs are over.
    pub follows: Option<JobId>,
    /// Who asked.
    pub requested_by: String,
    /// Through which door, such as `cli` or `http`.
    pub via: String,
    /// What makes a repeated request the same one.
    pub idempotency: Option<IdempotencyKey>,
}

/// The caller's name for a request, and a digest of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The name.
    pub key: String,
    /// SHA-256 over whatever must be the same for the same request.
    pub request_hash: [u8; 32],
}

/// What became of a request for work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Submitted {
    /// The job.
    pub job: Job,
    /// False when an earlier request with the same key had made it.
    pub created: bool,
}

/// What stands on the remote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The branch.
    pub branch: String,
    /// The commit it points at.
    pub commit: String,
}

/// A job, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    /// The number people see.
    pub id: JobId,
    /// The thread it belongs to.
    pub thread: ThreadId,
    /// The job whose work it continues.
    pub follows: Option<JobId>,
    /// The job of its thread that it waits for.
    pub behind: Option<JobId>,
    /// The project's name.
    pub project: String,
    /// The remote, without credentials.
    pub repository: String,
    /// The branch work starts from; none for the remote's default branch.
    pub base_branch: Option<String>,
    /// What to do.
    pub task: String,
    /// What held when it was submitted.
    pub policy: Policy,
    /// Where it stands.
    pub state: JobState,
    /// How many runs it has had.
    pub attempts: u32,
    /// How many of them came before the last time a person retried it; the
    /// policy's `max_attempts` counts from there.
    pub attempts_before_retry: u32,
    /// Where its next run begins.
    pub start: Start,
    /// Who asked.
    pub requested_by: String,
    /// Through which door.
    pub via: String,
    /// The branch its result is published to, once known.
    pub branch: Option<String>,
    /// The commit that holds its newest run's work, once there is one.
    pub head_commit: Option<String>,
    /// What was published, once something was.
    pub published: Option<Published>,
    /// The result in a sentence or two, once there is one.
    pub summary: Option<String>,
    /// What went wrong in the last attempt, when something did.
    pub error: Option<String>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What all its runs used.
    pub usage: Usage,
}

/// Which jobs to list. The default lists the newest of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only these phases; empty for all.
    pub phases: Vec<JobPhase>,
    /// Only this project.
    pub project: Option<String>,
    /// Only jobs older than this one: the last of the page before.
    pub before: Option<JobId>,
    /// At most so many; 0 for the largest page, see
    /// [`MAX_PAGE`](crate::limits::MAX_PAGE).
    pub limit: u32,
}

/// How the queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueStats {
    /// Jobs that wait for a place, the ones below included.
    pub queued: u64,
    /// Queued jobs that wait for their `not_before`.
    pub postponed: u64,
    /// Jobs that a run has.
    pub running: u64,
    /// Jobs that wait for a person.
    pub waiting: u64,
    /// Jobs that a person released and that wait for a place.
    pub approved: u64,
    /// Since when the oldest job that is due waits for a place.
    pub oldest_due: Option<Timestamp>,
    /// Deliveries to notifiers that are not made yet.
    pub undelivered: u64,
}

/// A job that came before another of the same thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThreadEntry {
    /// The job.
    pub job: JobId,
    /// Where it stands.
    pub state: JobState,
    /// What was asked.
    pub task: String,
    /// The result in a sentence or two.
    pub summary: Option<String>,
    /// What it published.
    pub published: Option<Published>,
    /// What the newest scan of its newest run found.
    pub findings: Vec<Finding>,
}

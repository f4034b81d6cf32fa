//! What the scripted host answers, and the jobs and answers that scripts are
//! written with.

use sortie_plugins::outside::{
    ChatError, Header, HttpError, HttpResponse, JobView, JobsError, KvError,
};

/// What the host answers.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// To everything about jobs, instead of doing it.
    pub(crate) jobs: Option<JobsError>,
    /// To everything about messages, instead of queueing it.
    pub(crate) chat: Option<ChatError>,
    /// To every change of a key, instead of keeping it.
    pub(crate) kv: Option<KvError>,
    /// To requests, in order; the last for all that follow.
    pub(crate) http: Vec<Result<HttpResponse, HttpError>>,
    /// Every job there is; none for one of every number, like `job`.
    pub(crate) known: Option<Vec<JobView>>,
    /// How a job stands that is not among them.
    pub(crate) job: JobView,
    /// The numbers of questions about jobs; none for every number.
    pub(crate) questions: Option<Vec<u64>>,
    /// The numbers of questions about hosts; none for every number.
    pub(crate) hosts: Option<Vec<u64>>,
    /// What happened, as `GET /v1/stats` gives it.
    pub(crate) stats: String,
    /// The projects, as `GET /v1/projects` gives them.
    pub(crate) projects: String,
}

impl Default for Script {
    /// All goes well, and every number is a job's that runs, and a question's.
    fn default() -> Self {
        Self {
            jobs: None,
            chat: None,
            kv: None,
            http: vec![Ok(answer(200, &[], "{}"))],
            known: None,
            job: job(1, "running"),
            questions: None,
            hosts: None,
            stats: STATS.trim().to_owned(),
            projects: PROJECTS.trim().to_owned(),
        }
    }
}

/// A day of three tasks.
const STATS: &str = include_str!("../stats.json");
/// One project.
const PROJECTS: &str = include_str!("../projects.json");

impl Script {
    /// A job as it stands.
    pub(super) fn found(&self, id: u64) -> Option<JobView> {
        match &self.known {
            Some(known) => known.iter().find(|job| job.id == id).cloned(),
            None => Some(JobView {
                id,
                ..self.job.clone()
            }),
        }
    }

    /// What a job asks about.
    pub(crate) fn asked_commit(&self, id: u64) -> Option<String> {
        self.found(id)?.asked_commit
    }

    /// Has every job ask about this commit.
    pub(crate) fn ask_about(&mut self, commit: &str) {
        let known = self.known.iter_mut().flatten();
        for job in known.chain([&mut self.job]) {
            job.asked_commit = Some(commit.to_owned());
        }
    }
}

/// An answer to a request.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
    HttpResponse {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| Header {
                name: (*name).into(),
                value: (*value).into(),
            })
            .collect(),
        body: body.into(),
    }
}

/// A job as most are.
pub(crate) fn job(id: u64, state: &str) -> JobView {
    JobView {
        id,
        project: "site".into(),
        state: state.into(),
        is_final: matches!(state, "succeeded" | "failed" | "cancelled" | "halted"),
        title: "Fix the typo in README.md".into(),
        requested_by: "ana".into(),
        branch: None,
        asked_commit: None,
        detail: None,
        created_at_ms: 1_760_000_000_000,
        updated_at_ms: 1_760_000_060_000,
    }
}

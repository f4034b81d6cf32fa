//! Why a request was refused: what happened, to what, and after the last
//! semicolon what to do next.

use crate::limits;
use sortie_git::UrlError;
use sortie_model::id::JobId;
use sortie_model::surface::Surface;
use sortie_store::StoreError;

/// Why a request did not become a job. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The request names no place to work in.
    #[error("find the project: the request names none; name a project or a repository")]
    NoTarget,
    /// The request names two places to work in.
    #[error("find the project: the request names a project and a repository; name one of them")]
    TwoTargets,
    /// The request names a place to work in and a job whose place it takes.
    #[error(
        "find the project: the request continues a job and names a place of its own; leave the \
         project and the repository out"
    )]
    ContinuesElsewhere,
    /// The job that is to be continued is none.
    #[error("continue {job}: there is no such job; see `sortie list`")]
    NoSuchJob {
        /// The job.
        job: JobId,
    },
    /// No project of that name is configured.
    #[error("find project {name:?}: none of that name is configured; {}", known_hint("projects", nearest.as_deref(), known))]
    UnknownProject {
        /// The name.
        name: String,
        /// The one that was probably meant.
        nearest: Option<String>,
        /// All of them.
        known: Vec<String>,
    },
    /// The repository's URL is not acceptable.
    #[error("work on the repository: {0}")]
    BadRepository(#[from] UrlError),
    /// A configured project's URL is not acceptable.
    #[error("use project {project:?}: {source}")]
    BadProject {
        /// The project.
        project: String,
        /// What is wrong with its URL.
        source: UrlError,
    },
    /// The repository belongs to no project, and jobs may not name it.
    #[error(
        "work on {repository}: no project has it; add it to [projects], or a pattern for it to \
         intake.allow_repositories"
    )]
    RepositoryNotAllowed {
        /// The repository, as shown.
        repository: String,
    },
    /// Several projects have that repository.
    #[error("work on {repository}: projects {} have it; name one of them as the project", projects.join(", "))]
    AmbiguousRepository {
        /// The repository, as shown.
        repository: String,
        /// The projects.
        projects: Vec<String>,
    },
    /// A pattern in the configuration is no glob.
    #[error("use the pattern {pattern:?} of intake.{key}: {reason}; mend the glob")]
    BadPattern {
        /// The key it stands under.
        key: &'static str,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The task is empty.
    #[error("accept the task: it is empty; say what is to be done")]
    EmptyTask,
    /// The task is too long.
    #[error(
        "accept the task: it has {bytes} bytes and {limit} are allowed; put the details into a \
         file of the repository",
        limit = limits::MAX_TASK_BYTES
    )]
    TaskTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The task holds a character that no shell and no agent takes.
    #[error("accept the task: it holds a NUL character; remove it")]
    TaskNul,
    /// The base branch cannot be a branch's name.
    #[error(
        "use the base branch {branch:?}: git allows no such name; write it as `git branch` shows it"
    )]
    BadBranch {
        /// The name, cut.
        branch: String,
    },
    /// The request adds more verification than is taken.
    #[error(
        "add the verification commands: at most {} of at most {} bytes each, none of them empty, \
         are taken; put them into one script of the repository",
        limits::MAX_EXTRA_VERIFY,
        limits::MAX_VERIFY_BYTES
    )]
    BadVerify,
    /// A plugin that the policy or the request names is not installed.
    #[error("use the {surface} {name:?}: it is not installed; {}", installed_hint(*surface, installed))]
    NotInstalled {
        /// What it should be.
        surface: Surface,
        /// Its name.
        name: String,
        /// Those of that surface that are.
        installed: Vec<String>,
    },
    /// A plugin that the policy or the request names is installed, and off.
    #[error(
        "use the {surface} {name:?}: it does not run: {why}; see `sortie plugin inspect {name}`"
    )]
    Off {
        /// What it should be.
        surface: Surface,
        /// Its name.
        name: String,
        /// Why it does not.
        why: String,
    },
    /// A submitter may not choose that plugin.
    #[error(
        "use the {surface} {name:?}: this project's is {own:?}; leave it out, or add it to intake.{key}"
    )]
    NotAllowed {
        /// What it is.
        surface: Surface,
        /// Its name.
        name: String,
        /// The project's own.
        own: String,
        /// The key of the configuration that would allow it.
        key: &'static str,
    },
    /// The budget plugin has no such profile.
    #[error(
        "use the budget {profile:?}: plugin {plugin:?} has no such profile; {}",
        known_hint("profiles", None, known)
    )]
    UnknownProfile {
        /// The profile.
        profile: String,
        /// The budget plugin.
        plugin: String,
        /// Its profiles.
        known: Vec<String>,
    },
    /// The budget plugin could not say what profiles it has.
    #[error("ask the budget plugin {plugin:?} for its profiles: {reason}; mend or replace it")]
    Profiles {
        /// The plugin.
        plugin: String,
        /// What went wrong.
        reason: String,
    },
    /// The agent would not take what the workflow asks of it.
    #[error("give the task to the agent {agent:?}: {reason}")]
    AgentRefuses {
        /// The agent plugin.
        agent: String,
        /// Its own words, with what to do instead.
        reason: String,
    },
    /// The idempotency key is unusable.
    #[error(
        "use the idempotency key: 1 to {} visible ASCII characters are taken; a UUID is a good one",
        limits::MAX_KEY_BYTES
    )]
    BadKey,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn known_hint(what: &str, nearest: Option<&str>, known: &[String]) -> String {
    match (nearest, known) {
        (Some(nearest), _) => format!("did you mean {nearest:?}?"),
        (None, []) => format!("there are no {what}; add one to the configuration"),
        (None, known) => format!("known {what}: {}", known.join(", ")),
    }
}

fn installed_hint(surface: Surface, installed: &[String]) -> String {
    match installed {
        [] => format!("no {surface} is; see `sortie plugin list`"),
        installed => format!("installed: {}", installed.join(", ")),
    }
}

//! Finds the project that a request is about. Never touches the network: a
//! repository is known by its URL.

use crate::error::IntakeError;
use crate::request::SubmitRequest;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use sha2::{Digest, Sha256};
use sortie_git::{RemoteUrl, RepositoryId};
use sortie_model::project::{Policy, Project};

/// The least likeness of two names, on the scale of Jaro-Winkler, to ask
/// whether the other was meant.
const LEAST_LIKENESS: f64 = 0.75;

/// What submitters may choose, as globs.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Repositories outside the configured projects; `*` stays within one
    /// part of the path, `**` does not.
    pub repositories: Vec<String>,
    /// Agents.
    pub agents: Vec<String>,
    /// Workflows.
    pub workflows: Vec<String>,
}

/// [`Allowed`], ready for use.
pub(crate) struct AllowedSets {
    pub(crate) repositories: GlobSet,
    pub(crate) agents: GlobSet,
    pub(crate) workflows: GlobSet,
}

impl Allowed {
    pub(crate) fn compile(&self) -> Result<AllowedSets, IntakeError> {
        Ok(AllowedSets {
            repositories: compile("allow_repositories", &self.repositories)?,
            agents: compile("allow_agents", &self.agents)?,
            workflows: compile("allow_workflows", &self.workflows)?,
        })
    }
}

fn compile(key: &'static str, patterns: &[String]) -> Result<GlobSet, IntakeError> {
    let bad = |pattern: &str, reason: &globset::Error| IntakeError::BadPattern {
        key,
        pattern: pattern.to_owned(),
        reason: reason.kind().to_string(),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .map_err(|reason| bad(pattern, &reason))?;
        set.add(glob);
    }
    set.build().map_err(|reason| bad("", &reason))
}

/// The configured projects and what may be worked on beside them.
pub(crate) struct Targets {
    projects: Vec<(Project, RemoteUrl)>,
    defaults: Policy,
    repositories: GlobSet,
}

/// Where a request is to be worked on.
#[derive(Debug)]
pub(crate) enum Target {
    /// In a configured project.
    Configured(Project),
    /// In a repository that a pattern allows, under the defaults' policy.
    Allowed(Project),
}

impl Targets {
    pub(crate) fn new(
        projects: Vec<Project>,
        defaults: Policy,
        repositories: GlobSet,
    ) -> Result<Self, IntakeError> {
        let projects = projects
            .into_iter()
            .map(|project| match RemoteUrl::parse(&project.repository) {
                Ok(url) => Ok((project, url)),
                Err(source) => Err(IntakeError::BadProject {
                    project: project.name,
                    source,
                }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            projects,
            defaults,
            repositories,
        })
    }

    /// The configured projects.
    pub(crate) fn projects(&self) -> impl Iterator<Item = &Project> {
        self.projects.iter().map(|(project, _)| project)
    }

    /// The project of the request.
    pub(crate) fn find(&self, request: &SubmitRequest) -> Result<Target, IntakeError> {
        match (&request.project, &request.repository) {
            (None, None) => Err(IntakeError::NoTarget),
            (Some(_), Some(_)) => Err(IntakeError::TwoTargets),
            (Some(name), None) => self.by_name(name),
            (None, Some(repository)) => self.by_repository(repository),
        }
    }

    /// The project that a job was of, as it is allowed today.
    pub(crate) fn find_again(
        &self,
        project: &str,
        repository: &str,
    ) -> Result<Target, IntakeError> {
        match self.projects().any(|known| known.name == project) {
            true => self.by_name(project),
            false => self.by_repository(repository),
        }
    }

    fn by_name(&self, name: &str) -> Result<Target, IntakeError> {
        if let Some(project) = self.projects().find(|project| project.name == name) {
            return Ok(Target::Configured(project.clone()));
        }
        let known: Vec<String> = self
            .projects()
            .map(|project| project.name.clone())
            .collect();
        let nearest = known
            .iter()
            .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
            .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, candidate)| candidate.clone());
        Err(IntakeError::UnknownProject {
            name: name.chars().take(80).collect(),
            nearest,
            known,
        })
    }

    fn by_repository(&self, repository: &str) -> Result<Target, IntakeError> {
        let repository = repository.trim();
        let url = RemoteUrl::parse(repository)?;
        let id = url.repository();
        let mut found = self.of_repository(&id);
        match (found.pop(), found.is_empty()) {
            (Some(project), true) => Ok(Target::Configured(project.clone())),
            (Some(last), false) => Err(IntakeError::AmbiguousRepository {
                repository: url.to_string(),
                projects: found
                    .iter()
                    .map(|project| project.name.clone())
                    .chain([last.name.clone()])
                    .collect(),
            }),
            (None, _) if self.repositories.is_match(url.to_string()) => {
                Ok(Target::Allowed(Project {
                    name: name_of(&id),
                    repository: repository.to_owned(),
                    base_branch: None,
                    policy: self.defaults.clone(),
                }))
            }
            (None, _) => Err(IntakeError::RepositoryNotAllowed {
                repository: url.to_string(),
            }),
        }
    }

    /// The projects of a repository, however either spells it. Where no path
    /// is the same to the letter, its case does not count: to most hosts it
    /// makes no difference, and it must not lead around a project's policy.
    fn of_repository(&self, id: &RepositoryId) -> Vec<&Project> {
        let own: Vec<(&Project, RepositoryId)> = self
            .projects
            .iter()
            .map(|(project, url)| (project, url.repository()))
            .collect();
        let those = |same: &dyn Fn(&RepositoryId) -> bool| -> Vec<&Project> {
            let mine = own.iter().filter(|(_, own)| same(own));
            mine.map(|(project, _)| *project).collect()
        };
        let exact = those(&|own| own == id);
        if !exact.is_empty() {
            return exact;
        }
        let wanted = id.without_case();
        those(&|own| own.without_case() == wanted)
    }
}

/// A name for a repository that is no configured project: readable, and the
/// same for the same repository.
fn name_of(id: &RepositoryId) -> String {
    let whole = id.without_case().to_string();
    let last = whole.rsplit(['/', ':']).next().unwrap_or_default();
    let readable: String = last
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    let digest = hex::encode(&Sha256::digest(whole.as_bytes())[..4]);
    format!("{}-{digest}", readable.trim_matches('-'))
}

#[cfg(test)]
mod tests;

//! The door itself: one request in, one stored job out.

use crate::catalog::Catalog;
use crate::error::IntakeError;
use crate::policy;
use crate::request::{Requester, SubmitRequest};
use crate::scanners;
use crate::target::{Allowed, AllowedSets, Target, Targets};
use sortie_model::id::JobId;
use sortie_model::project::{Policy, Project};
use sortie_model::surface::Surface;
use sortie_store::{InstalledPlugin, Job, NewJob, NewRetry, Store, Submitted};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// What intake works with.
pub struct IntakeOptions {
    /// Where jobs are written.
    pub store: Store,
    /// What is installed.
    pub catalog: Arc<dyn Catalog>,
    /// The configured projects.
    pub projects: Vec<Project>,
    /// The policy for repositories outside them.
    pub defaults: Policy,
    /// What submitters may choose.
    pub allowed: Allowed,
}

/// Turns requests into jobs; clones share it.
#[derive(Clone)]
pub struct Intake {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    catalog: Arc<dyn Catalog>,
    targets: Targets,
    allowed: AllowedSets,
    /// The globs of repositories outside the configuration, as configured.
    repositories: Vec<String>,
    /// Repositories outside the configuration that were asked for since the
    /// start, by the name they were given. The lock also orders the writes of
    /// the list of projects, which replaces the one before.
    extra: Mutex<BTreeMap<String, Project>>,
}

impl Intake {
    /// Checks the configured projects and makes them the store's.
    pub async fn open(options: IntakeOptions) -> Result<Self, IntakeError> {
        let repositories = options.allowed.repositories.clone();
        let allowed = options.allowed.compile()?;
        let targets = Targets::new(
            options.projects,
            options.defaults,
            allowed.repositories.clone(),
        )?;
        options
            .store
            .put_projects(targets.projects().cloned().collect())
            .await?;
        Ok(Self {
            shared: Arc::new(Shared {
                store: options.store,
                catalog: options.catalog,
                targets,
                allowed,
                repositories,
                extra: Mutex::default(),
            }),
        })
    }

    /// What is installed.
    pub fn catalog(&self) -> &dyn Catalog {
        self.shared.catalog.as_ref()
    }

    /// Globs of the repositories outside the configured projects that jobs may
    /// name.
    pub fn allowed_repositories(&self) -> &[String] {
        &self.shared.repositories
    }

    /// Makes the request a job. The job is on disk when this returns; a
    /// repeated request with the same idempotency key returns the first one's,
    /// whatever became of the configuration since.
    pub async fn submit(
        &self,
        request: SubmitRequest,
        requester: &Requester,
    ) -> Result<Submitted, IntakeError> {
        // A repetition asks what became of the first request. What would hold
        // for a new one today is no answer to that.
        if let Some(job) = self.submitted_before(&request).await? {
            return Ok(Submitted {
                job,
                created: false,
            });
        }
        let job = self.prepare(request, requester).await?;
        let submitted = self.shared.store.submit(job).await?;
        if submitted.created {
            tracing::info!(
                job = submitted.job.id.0,
                project = submitted.job.project,
                via = requester.via,
                "job submitted"
            );
        }
        Ok(submitted)
    }

    /// The job that this very request made before, by its idempotency key.
    pub async fn submitted_before(
        &self,
        request: &SubmitRequest,
    ) -> Result<Option<Job>, IntakeError> {
        match request.idempotency()? {
            Some(key) => Ok(self.shared.store.submitted_before(key).await?),
            None => Ok(None),
        }
    }

    /// Checks a request and makes it ready to be stored: by [`Intake::submit`],
    /// or by whoever stores it together with something else.
    pub async fn prepare(
        &self,
        request: SubmitRequest,
        requester: &Requester,
    ) -> Result<NewJob, IntakeError> {
        let shared = &self.shared;
        let idempotency = request.idempotency()?;
        request.check()?;
        let followed = self.followed(&request).await?;
        let target = match &followed {
            Some(job) => shared.targets.find_again(&job.project, &job.repository)?,
            None => shared.targets.find(&request)?,
        };
        let (Target::Configured(project) | Target::Allowed(project)) = &target;
        let catalog = shared.catalog.as_ref();
        // What held for the work so far holds for the rest of it, but who judges
        // is what the operator says now.
        let (own, base) = match &followed {
            Some(job) => (&job.policy, &job.base_branch),
            None => (&project.policy, &project.base_branch),
        };
        let own = Policy {
            scanners: scanners::demanded(&project.policy.scanners, catalog, &shared.store).await?,
            ..own.clone()
        };
        let policy = match policy::resolve(own, &request, &shared.allowed, catalog).await {
            Err(IntakeError::NotInstalled {
                surface,
                name,
                installed,
            }) => return Err(self.absent(surface, name, installed).await?),
            policy => policy?,
        };
        if let Target::Allowed(project) = &target {
            self.remember(project).await?;
        }
        Ok(NewJob {
            project: project.name.clone(),
            repository: match &followed {
                Some(job) => job.repository.clone(),
                None => project.repository.clone(),
            },
            base_branch: request.base.or_else(|| base.clone()),
            task: request.task,
            policy,
            follows: followed.as_ref().map(|job| job.id),
            requested_by: requester.by.clone(),
            via: requester.via.clone(),
            idempotency,
        })
    }

    /// Why a plugin that is not there is not.
    async fn absent(
        &self,
        surface: Surface,
        name: String,
        installed: Vec<String>,
    ) -> Result<IntakeError, IntakeError> {
        let is_it = |plugin: &InstalledPlugin| {
            let surfaces = plugin.manifest["surfaces"].as_array();
            surfaces.is_some_and(|all| all.iter().any(|own| own == surface.name()))
        };
        let found = self.shared.store.plugin(&name).await?;
        let Some(off) = found.filter(is_it) else {
            return Ok(IntakeError::NotInstalled {
                surface,
                name,
                installed,
            });
        };
        let why = match (off.enabled, off.disabled_why) {
            (true, _) => "it is broken".to_owned(),
            (false, why) => {
                let why = why.as_deref().unwrap_or("no reason was given");
                format!("it is disabled: {why}")
            }
        };
        Ok(IntakeError::Off { surface, name, why })
    }

    /// The job that the request continues, if it continues one.
    async fn followed(&self, request: &SubmitRequest) -> Result<Option<Job>, IntakeError> {
        let Some(number) = request.continues else {
            return Ok(None);
        };
        if request.project.is_some() || request.repository.is_some() {
            return Err(IntakeError::ContinuesElsewhere);
        }
        let job = JobId(number);
        match self.shared.store.job(job).await? {
            Some(job) => Ok(Some(job)),
            None => Err(IntakeError::NoSuchJob { job }),
        }
    }

    /// Starts a job that ended without success again.
    ///
    /// # Errors
    /// When its state does not allow it, when it should go on with work that is
    /// not there, or when its budget plugin does not have the profile.
    pub async fn retry(&self, job: JobId, wish: NewRetry) -> Result<Job, IntakeError> {
        let store = &self.shared.store;
        if let (Some(profile), Some(known)) = (&wish.budget_profile, store.job(job).await?) {
            let plugin = &known.policy.budget_plugin;
            policy::require_profile(self.catalog(), plugin, profile).await?;
        }
        Ok(store.retry(job, wish).await?)
    }

    /// Makes a repository outside the configuration known to the store.
    async fn remember(&self, project: &Project) -> Result<(), IntakeError> {
        let mut extra = self.shared.extra.lock().await;
        if extra.contains_key(&project.name) {
            return Ok(());
        }
        let all = self
            .shared
            .targets
            .projects()
            .chain(extra.values())
            .chain([project])
            .cloned()
            .collect();
        self.shared.store.put_projects(all).await?;
        extra.insert(project.name.clone(), project.clone());
        Ok(())
    }
}

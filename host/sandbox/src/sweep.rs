//! What of ours the engine has, and getting rid of it.

use crate::error::SandboxError;
use crate::labels;
use crate::limits::{REMOVE_PAUSE, REMOVE_TRIES};
use crate::sandbox::{Part, Sandbox};
use bollard::models::ContainerSummaryStateEnum;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptionsBuilder,
};
use std::collections::BTreeSet;

/// A container of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its run.
    pub run: u64,
    /// Which of the run's containers it is.
    pub part: Part,
    /// Its job.
    pub job: u64,
    /// The engine's id of it.
    pub container: String,
    /// Whether it runs.
    pub running: bool,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Containers.
    pub containers: usize,
    /// Volumes, also those of the containers.
    pub volumes: usize,
}

struct FoundVolume {
    run: u64,
    part: Part,
    name: String,
}

impl Sandbox {
    /// The containers of this instance, running or not.
    pub async fn list(&self) -> Result<Vec<Found>, SandboxError> {
        self.containers(None).await
    }

    /// The container where a run works.
    pub(crate) async fn find(&self, run: u64) -> Result<Option<Found>, SandboxError> {
        let mut all = self.containers(Some(run)).await?.into_iter();
        Ok(all.find(|found| found.part == Part::Work))
    }

    async fn containers(&self, run: Option<u64>) -> Result<Vec<Found>, SandboxError> {
        let filter = labels::filter(&self.0.options.instance, run);
        let query = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filter)
            .build();
        let all = self
            .0
            .engine
            .call("list containers", |docker| async move {
                docker.list_containers(Some(query)).await
            })
            .await?;
        let ours = all.into_iter().filter_map(|summary| {
            let labels = summary.labels?;
            Some(Found {
                run: labels::number(&labels, labels::RUN)?,
                part: labels::part(&labels),
                job: labels::number(&labels, labels::JOB).unwrap_or_default(),
                container: summary.id?,
                running: summary.state == Some(ContainerSummaryStateEnum::RUNNING),
            })
        });
        Ok(ours.collect())
    }

    async fn volumes(&self, run: Option<u64>) -> Result<Vec<FoundVolume>, SandboxError> {
        let filter = labels::filter(&self.0.options.instance, run);
        let query = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let all = self
            .0
            .engine
            .call("list volumes", |docker| async move {
                docker.list_volumes(Some(query)).await
            })
            .await?;
        let ours = all
            .volumes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|volume| {
                Some(FoundVolume {
                    run: labels::number(&volume.labels, labels::RUN)?,
                    part: labels::part(&volume.labels),
                    name: volume.name,
                })
            });
        Ok(ours.collect())
    }

    /// Kills and removes all containers of a run and their volumes. Returns
    /// whether there was anything; doing it again is no error.
    pub async fn remove(&self, run: u64) -> Result<bool, SandboxError> {
        let removed = self.clear(Some(run), |_, _| true).await;
        // Also after a failure: the next sweep must find what is left.
        for part in [Part::Work, Part::Check] {
            self.0.release(run, part);
        }
        Ok(removed? != Swept::default())
    }

    /// The same for one of its containers.
    pub async fn remove_part(&self, run: u64, part: Part) -> Result<bool, SandboxError> {
        let removed = self.clear(Some(run), |_, found| found == part).await;
        self.0.release(run, part);
        Ok(removed? != Swept::default())
    }

    /// Removes everything of this instance that belongs to no run in `keep`.
    /// Runs that this process launched or adopted are kept in any case, so
    /// that a sweep beside a launch takes nothing away from it.
    pub async fn sweep(&self, keep: &BTreeSet<u64>) -> Result<Swept, SandboxError> {
        self.clear(None, |run, _| !keep.contains(&run) && !self.0.is_live(run))
            .await
    }

    /// Removes containers, then volumes, and looks again while a volume is in
    /// use: a launch that was given up may still be coming into being.
    async fn clear(
        &self,
        run: Option<u64>,
        unwanted: impl Fn(u64, Part) -> bool,
    ) -> Result<Swept, SandboxError> {
        // A container may still be listed while it goes; it counts once.
        let mut containers = BTreeSet::new();
        let mut volumes = 0;
        let mut tries = 0;
        loop {
            for found in self.containers(run).await? {
                if unwanted(found.run, found.part) {
                    self.remove_container(&found.container).await?;
                    containers.insert(found.container);
                }
            }
            let mut in_use = None;
            for found in self.volumes(run).await? {
                if unwanted(found.run, found.part) {
                    match self.remove_volume(&found.name).await {
                        Ok(()) => volumes += 1,
                        Err(e @ SandboxError::EngineRefused { status: 409, .. }) => {
                            in_use = Some(e)
                        }
                        Err(e) => return Err(e),
                    }
                }
            }
            match in_use {
                None => {
                    return Ok(Swept {
                        containers: containers.len(),
                        volumes,
                    });
                }
                Some(error) if tries >= REMOVE_TRIES => return Err(error),
                Some(_) => tries += 1,
            }
            tokio::time::sleep(REMOVE_PAUSE).await;
        }
    }

    pub(crate) async fn remove_container(&self, container: &str) -> Result<(), SandboxError> {
        let remove = || async {
            let id = container.to_owned();
            let query = RemoveContainerOptionsBuilder::new()
                .force(true)
                .v(true)
                .build();
            self.0
                .engine
                .call("remove a container", |docker| async move {
                    docker.remove_container(&id, Some(query)).await
                })
                .await
        };
        until_gone(remove).await
    }

    async fn remove_volume(&self, name: &str) -> Result<(), SandboxError> {
        let name = name.to_owned();
        let query = RemoveVolumeOptionsBuilder::new().force(true).build();
        let removed = self.0.engine.call("remove a volume", |docker| async move {
            docker.remove_volume(&name, Some(query)).await
        });
        match removed.await {
            Err(SandboxError::EngineRefused { status: 404, .. }) => Ok(()),
            done => done,
        }
    }
}

/// Repeats a removal while the engine says that it is under way already.
async fn until_gone<F>(remove: impl Fn() -> F) -> Result<(), SandboxError>
where
    F: Future<Output = Result<(), SandboxError>>,
{
    let mut tries = 0;
    loop {
        match remove().await {
            Err(SandboxError::EngineRefused { status: 404, .. }) => return Ok(()),
            Err(SandboxError::EngineRefused {
                status: 409 | 500, ..
            }) if tries < REMOVE_TRIES => {
                tries += 1;
                tokio::time::sleep(REMOVE_PAUSE).await;
            }
            done => return done,
        }
    }
}

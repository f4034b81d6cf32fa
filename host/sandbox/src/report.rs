//! What `sortie doctor` wants to know of the engine.

use crate::error::SandboxError;
use crate::labels;
use crate::sandbox::Sandbox;
use std::fmt;

/// The engine as it is found. Never an error: what is wrong is in `problems`.
#[derive(Clone, Debug, Default)]
pub struct EngineReport {
    /// Where it was looked for.
    pub endpoint: String,
    /// Its name and version, when it answers.
    pub version: Option<String>,
    /// The API version it speaks.
    pub api_version: Option<String>,
    /// Operating system and processor of its machine.
    pub platform: Option<String>,
    /// Version of its control groups.
    pub cgroup_version: Option<String>,
    /// Its security options, such as seccomp and AppArmor profiles.
    pub security: Vec<String>,
    /// The OCI runtime that launches will use.
    pub runtime: Option<String>,
    /// The configured image.
    pub image: Option<ImageReport>,
    /// Everything that keeps runs from working, or from being safe.
    pub problems: Vec<Problem>,
}

/// An image as the engine has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReport {
    /// Its name.
    pub name: String,
    /// The engine's id of it.
    pub id: String,
    /// The digest of the runner in it, from its label.
    pub runner: Option<String>,
}

/// Something to put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, and what to do.
    pub what: String,
    /// Whether runs cannot work at all with it.
    pub fatal: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl EngineReport {
    /// Whether runs can work.
    pub fn is_usable(&self) -> bool {
        !self.problems.iter().any(|problem| problem.fatal)
    }

    fn fatal(&mut self, what: impl Into<String>) {
        self.problems.push(Problem {
            what: what.into(),
            fatal: true,
        });
    }

    fn warn(&mut self, what: impl Into<String>) {
        self.problems.push(Problem {
            what: what.into(),
            fatal: false,
        });
    }
}

impl Sandbox {
    /// Looks at the engine and the image. Bounded by the timeouts of the options.
    pub async fn check(&self) -> EngineReport {
        let mut report = EngineReport {
            endpoint: self.0.engine.endpoint(),
            ..Default::default()
        };
        if let Err(e) = self.look(&mut report).await {
            report.fatal(format!("failed to {e}"));
        }
        report
    }

    async fn look(&self, report: &mut EngineReport) -> Result<(), SandboxError> {
        let (engine, options) = (&self.0.engine, &self.0.options);
        let version = engine
            .call("ask for the version", |docker| async move {
                docker.version().await
            })
            .await?;
        let name = version
            .platform
            .map(|platform| platform.name)
            .filter(|name| !name.is_empty());
        let number = version.version.unwrap_or_default();
        report.version =
            Some(name.map_or_else(|| number.clone(), |name| format!("{name} {number}")));
        report.api_version = version.api_version;
        report.platform = Some(format!(
            "{}/{}",
            version.os.unwrap_or_default(),
            version.arch.unwrap_or_default()
        ));
        let info = engine
            .call("ask for the engine's settings", |docker| async move {
                docker.info().await
            })
            .await?;
        report.cgroup_version = info.cgroup_version.map(|version| version.to_string());
        report.security = info.security_options.unwrap_or_default();
        if !report
            .security
            .iter()
            .any(|option| option.contains("seccomp"))
        {
            report
                .warn("the engine filters no system calls (seccomp); use an engine built with it");
        }
        if info.swap_limit == Some(false) {
            report.warn(
                "the engine cannot bound swap; a run may use the machine's, unless it has none",
            );
        }
        let runtimes = info.runtimes.unwrap_or_default();
        report.runtime = options.runtime.clone().or(info.default_runtime);
        if let Some(runtime) = &options.runtime
            && !runtimes.contains_key(runtime)
        {
            report.fatal(format!(
                "the engine has no OCI runtime {runtime:?}; add it to the engine, or set another"
            ));
        }
        let image = options.image.clone();
        let found = engine
            .call("look for the image", |docker| async move {
                docker.inspect_image(&image).await
            })
            .await;
        match found {
            Ok(image) => {
                let labels = image
                    .config
                    .and_then(|config| config.labels)
                    .unwrap_or_default();
                let runner = labels.get(labels::RUNNER).cloned();
                if runner.is_none() {
                    report.warn(format!("the image {:?} does not say which runner is in it; build it with `cargo xtask image`", options.image));
                }
                report.image = Some(ImageReport {
                    name: options.image.clone(),
                    id: image.id.unwrap_or_default(),
                    runner,
                });
            }
            Err(SandboxError::EngineRefused { status: 404, .. }) => {
                report.fatal(format!(
                    "the image {:?} is not in the engine; build it with `cargo xtask image`",
                    options.image
                ));
            }
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

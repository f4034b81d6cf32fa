//! Lays a request over a project's policy. The result is never looser than
//! the project's own: a request chooses among what the operator allows and
//! adds verification. The ceiling, the scanners, the review threshold and the
//! project's own verification are not a request's to change.

use crate::catalog::{Catalog, Surface, names};
use crate::error::IntakeError;
use crate::request::SubmitRequest;
use crate::target::AllowedSets;
use globset::GlobSet;
use sortie_model::project::Policy;

/// The policy that holds for a job.
pub(crate) async fn resolve(
    project: &Policy,
    request: &SubmitRequest,
    allowed: &AllowedSets,
    catalog: &dyn Catalog,
) -> Result<Policy, IntakeError> {
    let mut policy = project.clone();
    choose(
        &mut policy.agent,
        request.agent.as_deref(),
        Surface::Agent,
        &allowed.agents,
    )?;
    choose(
        &mut policy.workflow,
        request.workflow.as_deref(),
        Surface::Workflow,
        &allowed.workflows,
    )?;
    if request.budget.is_some() {
        policy.budget_profile.clone_from(&request.budget);
    }
    for command in &request.verify {
        if !policy.verify.contains(command) {
            policy.verify.push(command.clone());
        }
    }
    require(catalog, Surface::Agent, &policy.agent)?;
    require(catalog, Surface::Workflow, &policy.workflow)?;
    require(catalog, Surface::Budget, &policy.budget_plugin)?;
    for scanner in &policy.scanners {
        require(catalog, Surface::Scanner, scanner)?;
    }
    if let Some(profile) = &policy.budget_profile {
        let plugin = &policy.budget_plugin;
        let known =
            catalog
                .budget_profiles(plugin)
                .await
                .map_err(|reason| IntakeError::Profiles {
                    plugin: plugin.clone(),
                    reason,
                })?;
        if !known.contains(profile) {
            return Err(IntakeError::UnknownProfile {
                profile: profile.chars().take(80).collect(),
                plugin: plugin.clone(),
                known,
            });
        }
    }
    Ok(policy)
}

fn choose(
    own: &mut String,
    wanted: Option<&str>,
    surface: Surface,
    allowed: &GlobSet,
) -> Result<(), IntakeError> {
    match wanted {
        Some(name) if name != own => {
            if !allowed.is_match(name) {
                return Err(IntakeError::NotAllowed {
                    surface,
                    name: name.chars().take(80).collect(),
                    own: own.clone(),
                    key: match surface {
                        Surface::Workflow => "allow_workflows",
                        _ => "allow_agents",
                    },
                });
            }
            name.clone_into(own);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn require(catalog: &dyn Catalog, surface: Surface, name: &str) -> Result<(), IntakeError> {
    let installed = names(catalog, surface);
    if installed.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(IntakeError::NotInstalled {
        surface,
        name: name.chars().take(80).collect(),
        installed,
    })
}

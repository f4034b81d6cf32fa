//! Lays a request over a project's policy. The result is never looser than
//! the project's own: a request chooses among what the operator allows and
//! adds verification. The ceiling, the scanners, the review threshold and the
//! project's own verification are not a request's to change.

use crate::catalog::{Catalog, Refused, names};
use crate::error::IntakeError;
use crate::request::SubmitRequest;
use crate::target::AllowedSets;
use globset::GlobSet;
use sortie_model::project::Policy;
use sortie_model::surface::Surface;

/// The policy that holds for a job.
pub(crate) async fn resolve(
    mut policy: Policy,
    request: &SubmitRequest,
    allowed: &AllowedSets,
    catalog: &dyn Catalog,
) -> Result<Policy, IntakeError> {
    choose(
        &mut policy.agent,
        in_full(catalog, Surface::Agent, request.agent.as_deref()).as_deref(),
        Surface::Agent,
        &allowed.agents,
    )?;
    choose(
        &mut policy.workflow,
        in_full(catalog, Surface::Workflow, request.workflow.as_deref()).as_deref(),
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
        require_profile(catalog, &policy.budget_plugin, profile).await?;
    }
    // A project's own pair is the operator's, and is found out by its first run.
    if (request.workflow.is_some() || request.agent.is_some())
        && let Some(Refused { agent, reason }) = catalog.refusal(&policy, &request.task).await
    {
        return Err(IntakeError::AgentRefuses { agent, reason });
    }
    Ok(policy)
}

/// Refuses a profile that the budget plugin does not have.
pub async fn require_profile(
    catalog: &dyn Catalog,
    plugin: &str,
    profile: &str,
) -> Result<(), IntakeError> {
    let known = catalog.budget_profiles(plugin).await;
    let known = known.map_err(|reason| IntakeError::Profiles {
        plugin: plugin.to_owned(),
        reason,
    })?;
    if known.iter().any(|name| name == profile) {
        return Ok(());
    }
    Err(IntakeError::UnknownProfile {
        profile: profile.chars().take(80).collect(),
        plugin: plugin.to_owned(),
        known,
    })
}

/// The name of a plugin by what people call it: `pi` is `agent-pi`, unless a
/// plugin is called just `pi`.
fn in_full(catalog: &dyn Catalog, surface: Surface, wanted: Option<&str>) -> Option<String> {
    let wanted = wanted?;
    let full = format!("{}-{wanted}", surface.name());
    let installed = names(catalog, surface);
    let is_short = !installed.iter().any(|name| name == wanted) && installed.contains(&full);
    Some(if is_short { full } else { wanted.to_owned() })
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
    if catalog.has(name, surface) {
        return Ok(());
    }
    Err(IntakeError::NotInstalled {
        surface,
        name: name.chars().take(80).collect(),
        installed: names(catalog, surface),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::catalog::Installed;
    use crate::target::Allowed;
    use async_trait::async_trait;
    use proptest::prelude::*;
    use sortie_model::budget::{Limits, MicroUsd};
    use sortie_model::finding::Severity;
    use sortie_model::project::PublishMode;

    struct Two;

    #[async_trait]
    impl Catalog for Two {
        fn installed(&self) -> Vec<Installed> {
            let surfaces = [
                Surface::Agent,
                Surface::Workflow,
                Surface::Budget,
                Surface::Scanner,
            ];
            ["one", "two"]
                .map(|name| Installed {
                    name: name.into(),
                    digest: String::new(),
                    surfaces: surfaces.into(),
                    shipped: false,
                })
                .into()
        }

        async fn budget_profiles(&self, plugin: &str) -> Result<Vec<String>, String> {
            match plugin {
                "one" => Ok(vec!["quick".into(), "deep".into()]),
                _ => Err("it trapped".into()),
            }
        }
    }

    pub(crate) fn policy() -> Policy {
        Policy {
            workflow: "one".into(),
            agent: "one".into(),
            budget_plugin: "one".into(),
            budget_profile: Some("quick".into()),
            ceiling: Limits {
                calls: 1,
                cost_micro_usd: MicroUsd(2),
                time_ms: 3,
            },
            verify: vec!["make test".into(), "make lint".into()],
            scanners: vec!["one".into()],
            review_from: Severity::Warn,
            publish: PublishMode::Branch,
            branch_prefix: "sortie".into(),
            max_attempts: 3,
            detect: false,
            base_tests: false,
            approval_expires_ms: 4,
            guard: Default::default(),
            image: None,
            egress: sortie_model::egress::EgressPolicy::default(),
            models: Default::default(),
        }
    }

    fn resolved(request: &SubmitRequest, project: &Policy) -> Result<Policy, IntakeError> {
        let allowed = Allowed {
            agents: vec!["*".into()],
            ..Allowed::default()
        };
        let allowed = allowed.compile().expect("valid globs");
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
            .block_on(resolve(project.clone(), request, &allowed, &Two))
    }

    fn word() -> impl Strategy<Value = Option<String>> {
        prop_oneof![
            Just(None),
            prop_oneof![
                "one",
                "two",
                "three",
                "quick",
                "deep",
                "",
                "make test",
                ".{0,8}"
            ]
            .prop_map(Some)
        ]
    }

    proptest! {
        #[test]
        fn no_request_loosens_a_policy(
            agent in word(),
            workflow in word(),
            budget in word(),
            verify in proptest::collection::vec("make test|make lint|true|.{0,8}", 0..6),
        ) {
            let project = policy();
            let request = SubmitRequest {
                task: "x".into(),
                agent,
                workflow,
                budget,
                verify,
                ..SubmitRequest::default()
            };
            if let Ok(policy) = resolved(&request, &project) {
                prop_assert_eq!(&policy.workflow, &project.workflow);
                prop_assert!(["one", "two"].contains(&policy.agent.as_str()));
                prop_assert!(policy.verify.starts_with(&project.verify));
                // Whatever else there is, is the project's own.
                let rest = Policy {
                    agent: project.agent.clone(),
                    verify: project.verify.clone(),
                    budget_profile: project.budget_profile.clone(),
                    ..policy
                };
                prop_assert_eq!(rest, project);
            }
        }
    }

    #[test]
    fn plugins_have_short_names() {
        struct Agents(&'static [&'static str]);

        #[async_trait]
        impl Catalog for Agents {
            fn installed(&self) -> Vec<Installed> {
                let one = |name: &str| Installed {
                    name: name.into(),
                    digest: String::new(),
                    surfaces: vec![Surface::Agent],
                    shipped: true,
                };
                self.0.iter().map(|name| one(name)).collect()
            }

            async fn budget_profiles(&self, _: &str) -> Result<Vec<String>, String> {
                Ok(Vec::new())
            }
        }

        let named = |installed, wanted| in_full(&Agents(installed), Surface::Agent, Some(wanted));
        assert_eq!(named(&["agent-pi"], "pi").as_deref(), Some("agent-pi"));
        assert_eq!(named(&["agent-pi", "pi"], "pi").as_deref(), Some("pi"));
        assert_eq!(
            named(&["agent-pi"], "agent-pi").as_deref(),
            Some("agent-pi")
        );
        assert_eq!(named(&["agent-pi"], "codex").as_deref(), Some("codex"));
        assert_eq!(in_full(&Agents(&[]), Surface::Agent, None), None);
    }

    #[test]
    fn what_the_project_names_must_be_installed_too() {
        let request = SubmitRequest::default();
        let changes: [fn(&mut Policy); 4] = [
            |policy| policy.agent = "gone".into(),
            |policy| policy.workflow = "gone".into(),
            |policy| policy.budget_plugin = "gone".into(),
            |policy| policy.scanners.push("gone".into()),
        ];
        for change in changes {
            let mut project = policy();
            change(&mut project);
            let error = resolved(&request, &project).expect_err("refused");
            assert!(error.to_string().contains("installed: one, two"), "{error}");
        }
    }

    #[test]
    fn what_the_agent_would_not_take_is_refused_with_its_words() {
        struct Refuses;

        #[async_trait]
        impl Catalog for Refuses {
            fn installed(&self) -> Vec<Installed> {
                Two.installed()
            }

            async fn budget_profiles(&self, plugin: &str) -> Result<Vec<String>, String> {
                Two.budget_profiles(plugin).await
            }

            async fn refusal(&self, _: &Policy, task: &str) -> Option<Refused> {
                Some(Refused {
                    agent: "two".into(),
                    reason: format!("it runs commands, not {task:?}"),
                })
            }
        }

        let question = |workflow: Option<&str>, agent: Option<&str>| SubmitRequest {
            task: "why?".into(),
            workflow: workflow.map(Into::into),
            agent: agent.map(Into::into),
            ..SubmitRequest::default()
        };
        let allowed = Allowed::default().compile().expect("valid globs");
        let asked = |question: &SubmitRequest| {
            tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime")
                .block_on(resolve(policy(), question, &allowed, &Refuses))
        };
        for chosen in [question(Some("one"), None), question(None, Some("one"))] {
            let error = asked(&chosen).expect_err("refused");
            assert_eq!(
                error.to_string(),
                "give the task to the agent \"two\": it runs commands, not \"why?\""
            );
            assert!(resolved(&chosen, &policy()).is_ok(), "another one takes it");
        }
        assert!(
            asked(&question(None, None)).is_ok(),
            "a pair of the operator's is not rehearsed"
        );
    }

    #[test]
    fn a_budget_plugin_that_fails_closes_the_door() {
        let mut project = policy();
        project.budget_plugin = "two".into();
        let error = resolved(&SubmitRequest::default(), &project).expect_err("refused");
        assert!(error.to_string().contains("it trapped"), "{error}");
    }
}

//! What the host asks of plugins: one method per function of a surface. Each
//! runs on a fresh store and checks the answer before anyone sees it.

use std::sync::Arc;

use serde::Serialize;
use sortie_model::diff::DiffSource;
use sortie_model::surface::Surface;
use wasmtime::component::Resource;

use crate::{
    bindings::{
        agent::exports::sortie::agent::agent as wit_agent,
        budget::exports::sortie::budget::budget as wit_budget,
        workflow::exports::sortie::workflow::workflow as wit_workflow,
    },
    call::instantiating,
    diff::Diff,
    error::PluginError,
    plugin::Plugin,
    registry::Plugins,
    surfaces::{
        agent::{self, LaunchSpec, Task},
        budget::{self, Limits, Pending, Profile, Refusal, Request, Usage, Verdict},
        scanner::{self, RawFinding, Rule},
        workflow::{self, Advance, Context, Description, StepResult},
    },
};

impl Plugins {
    /// The rules of a scanner.
    ///
    /// # Errors
    ///
    /// When there is no such scanner, it fails, or its rules make no sense.
    pub async fn rules(&self, plugin: &str) -> Result<Arc<Vec<Rule>>, PluginError> {
        let plugin = self.find(plugin)?;
        self.rules_of(&plugin).await
    }

    async fn rules_of(&self, plugin: &Arc<Plugin>) -> Result<Arc<Vec<Rule>>, PluginError> {
        const EXPORT: &str = "sortie:scanner/scan#rules";
        plugin
            .rules
            .get_or_try_init(|| async {
                let pre = plugin
                    .scanner
                    .clone()
                    .ok_or_else(|| plugin.lacks(Surface::Scanner))?;
                let answer = self
                    .call(plugin, EXPORT, Vec::new, move |store| {
                        Box::pin(async move {
                            let guest = pre
                                .instantiate_async(&mut *store)
                                .await
                                .map_err(instantiating)?;
                            guest.sortie_scanner_scan().call_rules(store).await
                        })
                    })
                    .await?;
                scanner::rules(&plugin.at(EXPORT), answer).map(Arc::new)
            })
            .await
            .cloned()
    }

    /// Lets a scanner judge a change.
    ///
    /// # Errors
    ///
    /// When there is no such scanner, it fails, the change cannot be read, or
    /// its findings make no sense. The gate stays shut then.
    pub async fn scan(
        &self,
        plugin: &str,
        diff: Arc<dyn DiffSource>,
    ) -> Result<Vec<RawFinding>, PluginError> {
        const EXPORT: &str = "sortie:scanner/scan#scan";
        let plugin = self.find(plugin)?;
        let pre = plugin
            .scanner
            .clone()
            .ok_or_else(|| plugin.lacks(Surface::Scanner))?;
        let rules = self.rules_of(&plugin).await?;
        let source = Arc::clone(&diff);
        let answer = self
            .call_within(
                self.limits_for(&*diff),
                &plugin,
                EXPORT,
                || json(&diff.files()),
                move |store| {
                    Box::pin(async move {
                        let guest = pre
                            .instantiate_async(&mut *store)
                            .await
                            .map_err(instantiating)?;
                        let handle = store.data_mut().table.push(Diff(source))?;
                        let borrow = Resource::new_borrow(handle.rep());
                        guest.sortie_scanner_scan().call_scan(store, borrow).await
                    })
                },
            )
            .await?;
        scanner::findings(&plugin.at(EXPORT), answer, &rules, &*diff)
    }

    /// The profiles of a budget plugin, in the order to show them.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, it fails, or its answer makes no sense.
    pub async fn budget_profiles(&self, plugin: &str) -> Result<Vec<Profile>, PluginError> {
        const EXPORT: &str = "sortie:budget/budget#profiles";
        let plugin = self.find(plugin)?;
        let pre = plugin
            .budget
            .clone()
            .ok_or_else(|| plugin.lacks(Surface::Budget))?;
        let answer = self
            .call(&plugin, EXPORT, Vec::new, move |store| {
                Box::pin(async move {
                    let guest = pre
                        .instantiate_async(&mut *store)
                        .await
                        .map_err(instantiating)?;
                    guest.sortie_budget_budget().call_profiles(store).await
                })
            })
            .await?;
        budget::profiles(&plugin.at(EXPORT), answer)
    }

    /// The budget of one job, or why it gets none. The caller lays its own
    /// ceilings over it.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, it fails, or its answer makes no sense.
    pub async fn budget_resolve(
        &self,
        plugin: &str,
        request: &Request,
    ) -> Result<Result<Limits, Refusal>, PluginError> {
        const EXPORT: &str = "sortie:budget/budget#resolve";
        let plugin = self.find(plugin)?;
        let pre = plugin
            .budget
            .clone()
            .ok_or_else(|| plugin.lacks(Surface::Budget))?;
        let asked = wit_budget::Request::from(request.clone());
        let answer = self
            .call(
                &plugin,
                EXPORT,
                || json(request),
                move |store| {
                    Box::pin(async move {
                        let guest = pre
                            .instantiate_async(&mut *store)
                            .await
                            .map_err(instantiating)?;
                        guest
                            .sortie_budget_budget()
                            .call_resolve(store, &asked)
                            .await
                    })
                },
            )
            .await?;
        budget::resolved(&plugin.at(EXPORT), answer)
    }

    /// Whether something more may be used.
    ///
    /// # Errors
    ///
    /// When there is no such plugin or it fails. The caller denies then.
    pub async fn budget_evaluate(
        &self,
        plugin: &str,
        usage: &Usage,
        limits: &Limits,
        pending: &Pending,
    ) -> Result<Verdict, PluginError> {
        const EXPORT: &str = "sortie:budget/budget#evaluate";
        let plugin = self.find(plugin)?;
        let pre = plugin
            .budget
            .clone()
            .ok_or_else(|| plugin.lacks(Surface::Budget))?;
        let (used, allowed, next) = ((*usage).into(), (*limits).into(), (*pending).into());
        let answer = self
            .call(
                &plugin,
                EXPORT,
                || json(&(usage, limits, pending)),
                move |store| {
                    Box::pin(async move {
                        let guest = pre
                            .instantiate_async(&mut *store)
                            .await
                            .map_err(instantiating)?;
                        guest
                            .sortie_budget_budget()
                            .call_evaluate(store, used, allowed, next)
                            .await
                    })
                },
            )
            .await?;
        Ok(budget::verdict(answer))
    }

    /// How to launch an agent for a task, or in a sentence why this agent
    /// cannot do it.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, it fails, or its answer makes no sense.
    pub async fn agent_plan(
        &self,
        plugin: &str,
        task: &Task,
    ) -> Result<Result<LaunchSpec, String>, PluginError> {
        const EXPORT: &str = "sortie:agent/agent#plan";
        let plugin = self.find(plugin)?;
        let pre = plugin
            .agent
            .clone()
            .ok_or_else(|| plugin.lacks(Surface::Agent))?;
        let asked = wit_agent::Task::from(task.clone());
        let answer = self
            .call(
                &plugin,
                EXPORT,
                || json(task),
                move |store| {
                    Box::pin(async move {
                        let guest = pre
                            .instantiate_async(&mut *store)
                            .await
                            .map_err(instantiating)?;
                        guest.sortie_agent_agent().call_plan(store, &asked).await
                    })
                },
            )
            .await?;
        match answer {
            Ok(spec) => agent::launch(&plugin.at(EXPORT), task, spec).map(Ok),
            Err(reason) => Ok(Err(crate::surfaces::cut_to(reason, agent::MAX_TEXT_BYTES))),
        }
    }

    /// What a workflow is.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, it fails, or its answer makes no sense.
    pub async fn workflow_describe(&self, plugin: &str) -> Result<Description, PluginError> {
        const EXPORT: &str = "sortie:workflow/workflow#describe";
        let plugin = self.find(plugin)?;
        let pre = plugin
            .workflow
            .clone()
            .ok_or_else(|| plugin.lacks(Surface::Workflow))?;
        let answer = self
            .call(&plugin, EXPORT, Vec::new, move |store| {
                Box::pin(async move {
                    let guest = pre
                        .instantiate_async(&mut *store)
                        .await
                        .map_err(instantiating)?;
                    guest.sortie_workflow_workflow().call_describe(store).await
                })
            })
            .await?;
        workflow::description(&plugin.at(EXPORT), answer)
    }

    /// What happens next on a job. `state` and `results` are empty in the
    /// first call of a run.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, it fails, or its answer makes no sense.
    pub async fn workflow_advance(
        &self,
        plugin: &str,
        context: &Context,
        state: &[u8],
        results: &[StepResult],
    ) -> Result<Advance, PluginError> {
        const EXPORT: &str = "sortie:workflow/workflow#advance";
        let plugin = self.find(plugin)?;
        let pre = plugin
            .workflow
            .clone()
            .ok_or_else(|| plugin.lacks(Surface::Workflow))?;
        let asked = wit_workflow::Context::from(context.clone());
        let told: Vec<wit_workflow::StepResult> = results.iter().cloned().map(Into::into).collect();
        let remembered = state.to_vec();
        let answer = self
            .call(
                &plugin,
                EXPORT,
                || json(&(context, state, results)),
                move |store| {
                    Box::pin(async move {
                        let guest = pre
                            .instantiate_async(&mut *store)
                            .await
                            .map_err(instantiating)?;
                        guest
                            .sortie_workflow_workflow()
                            .call_advance(store, &asked, &remembered, &told)
                            .await
                    })
                },
            )
            .await?;
        workflow::advance(&plugin.at(EXPORT), answer)
    }
}

/// The input of a call as bytes; only ever hashed.
fn json(input: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(input).unwrap_or_default()
}

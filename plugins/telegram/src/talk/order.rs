//! Where a task is done: the one place that compares what was written with the
//! projects there are.

use serde_json::Value;

use crate::bindings::sortie::host::jobs::{Error, Submission};
use crate::command::{Order, Target};
use crate::options::Options;
use crate::pages::{list, text};
use crate::world::World;

/// Names of projects in an answer.
const NAMED: usize = 10;

/// Submits what was ordered, in a workflow when it names one itself or is given
/// one.
pub(super) fn submit(
    order: Order,
    workflow: Option<String>,
    key: String,
    options: &Options,
    world: &mut impl World,
) -> Result<u64, Error> {
    let (target, task) = placed(&order, options, world)?;
    let (project, repository) = match target {
        Target::Project(name) => (Some(name), None),
        Target::Repository(url) => (None, Some(url)),
    };
    world.submit(&Submission {
        project,
        repository,
        task,
        base: order.base,
        agent: order.agent,
        workflow: order.workflow.or(workflow),
        budget: order.budget,
        idempotency_key: Some(key),
    })
}

/// Where, and what is left of the text. A repository is its URL from here on.
fn placed(
    order: &Order,
    options: &Options,
    world: &mut impl World,
) -> Result<(Target, String), Error> {
    if let Some(Target::Project(name)) = &order.target {
        return Ok((Target::Project(name.clone()), order.text.clone()));
    }
    let data: Value = serde_json::from_str(&world.projects()?).unwrap_or(Value::Null);
    if let Some(Target::Repository(name)) = &order.target {
        let own = list(&data, "projects").find(|project| is_at(text(project, "repository"), name));
        let target = match own {
            Some(project) => Target::Project(text(project, "name").to_owned()),
            None => Target::Repository(options.repository_url.replace("{repo}", name)),
        };
        return Ok((target, order.text.clone()));
    }
    let names: Vec<&str> = list(&data, "projects")
        .map(|project| text(project, "name"))
        .collect();
    if let Some((word, rest)) = order.first_word()
        && names.contains(&word)
    {
        return Ok((Target::Project(word.to_owned()), rest.to_owned()));
    }
    let usual = match (&options.project, names.as_slice()) {
        (Some(usual), _) => usual.clone(),
        (None, [only]) => (*only).to_owned(),
        (None, names) => return Err(Error::Invalid(which(names))),
    };
    Ok((Target::Project(usual), order.text.clone()))
}

fn which(names: &[&str]) -> String {
    match names {
        [] => "No project is configured; begin with owner/repo.".into(),
        names => {
            let shown: Vec<&str> = names.iter().take(NAMED).copied().collect();
            format!(
                "Say where: begin with a project ({}) or with owner/repo.",
                shown.join(", ")
            )
        }
    }
}

/// Whether a repository's address ends in `owner/repo`.
fn is_at(url: &str, name: &str) -> bool {
    let url = url.strip_suffix(".git").unwrap_or(url);
    url.strip_suffix(name)
        .is_some_and(|before| before.ends_with(['/', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_recognised_by_its_end() {
        assert!(is_at("https://github.com/acme/web.git", "acme/web"));
        assert!(is_at("git@github.com:acme/web", "acme/web"));
        assert!(!is_at("https://github.com/not-acme/web", "acme/web"));
        assert!(!is_at("acme/web", "acme/web"));
    }
}

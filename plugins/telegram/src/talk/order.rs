//! Where a task is done: the one place that compares what was written with the
//! projects there are.

use serde_json::Value;

use crate::bindings::sortie::host::jobs::{Error, Submission};
use crate::command::{Order, Refusal, TWO_PLACES, Target};
use crate::options::Options;
use crate::pages::{list, text};
use crate::world::World;

/// Names of projects in an answer.
const NAMED: usize = 10;

/// Submits what was ordered, in a workflow when it names one itself or is given
/// one.
pub(super) fn submit(
    mut order: Order,
    workflow: Option<String>,
    key: String,
    options: &Options,
    world: &mut impl World,
) -> Result<u64, Error> {
    let target = placed(&mut order, options, world)?;
    let (project, repository) = match target {
        Target::Project(name) => (Some(name), None),
        Target::Repository(url) => (None, Some(url)),
    };
    world.submit(&Submission {
        project,
        repository,
        task: order.text,
        base: order.base,
        agent: order.agent,
        workflow: order.workflow.or(workflow),
        budget: order.budget,
        idempotency_key: Some(key),
    })
}

/// Where. A project that the text begins with is taken off it, and a repository is
/// its URL from here on.
fn placed(order: &mut Order, options: &Options, world: &mut impl World) -> Result<Target, Error> {
    if let Some(Target::Project(name)) = &order.target {
        return Ok(Target::Project(name.clone()));
    }
    let data: Value = serde_json::from_str(&world.projects()?).unwrap_or(Value::Null);
    if let Some(Target::Repository(name)) = &order.target {
        let own = list(&data, "projects").find(|project| is_at(text(project, "repository"), name));
        return Ok(match own {
            Some(project) => Target::Project(text(project, "name").to_owned()),
            None => Target::Repository(options.repository_url.replace("{repo}", name)),
        });
    }
    let names: Vec<&str> = list(&data, "projects")
        .map(|project| text(project, "name"))
        .collect();
    let (word, rest) = order.first_word();
    let (word, rest) = (word.to_owned(), rest.to_owned());
    if names.contains(&word.as_str()) {
        // Settings may stand behind the project as well.
        order.begin_anew(&rest).map_err(refused)?;
        return match &order.target {
            _ if order.text.is_empty() => Err(Error::Invalid(nothing_to_do(&word))),
            Some(_) => Err(Error::Invalid(TWO_PLACES.to_owned())),
            None => Ok(Target::Project(word)),
        };
    }
    let usual = match (&options.project, names.as_slice()) {
        (Some(usual), _) => usual.clone(),
        (None, [only]) => (*only).to_owned(),
        (None, names) => return Err(Error::Invalid(which(names))),
    };
    Ok(Target::Project(usual))
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Malformed(why) => Error::Invalid(why.to_owned()),
        Refusal::Unknown(name, _) => Error::Invalid(name),
    }
}

fn nothing_to_do(project: &str) -> String {
    format!("Say what to do in {project}, such as: /task {project} WHAT TO DO.")
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

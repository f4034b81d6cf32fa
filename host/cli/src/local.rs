//! What a range of commits means in a repository of the person's own, for
//! `sortie scan`. Looking into it is the business of `sortie_git`, which lets
//! nothing in the repository have a say and runs nothing of it.

use crate::exit::{CliError, Exit};
use sortie_git::{CommitId, Git, GitError, LocalRepo, RepoDiff};
use std::path::Path;

/// Computes the change that `range` names: `BASE..HEAD`, `BASE...HEAD` from
/// where they parted, or `BASE` alone for up to `HEAD`. Without one, what a
/// push would send: from where `HEAD` parted from its upstream. The repository
/// is the one around `dir`, or the one where the command was started.
pub async fn change(
    git: &Git,
    dir: Option<&Path>,
    range: Option<&str>,
) -> Result<RepoDiff, CliError> {
    let repo = match dir {
        Some(dir) => git.local(dir).await,
        None => git.local_here().await,
    };
    let repo = repo.map_err(told)?;
    let (base, head) = ends(&repo, range).await?;
    repo.diff(&base, &head).await.map_err(told)
}

async fn ends(repo: &LocalRepo, range: Option<&str>) -> Result<(CommitId, CommitId), CliError> {
    let or_head = |name: &str| if name.is_empty() { "HEAD" } else { name }.to_owned();
    let commit = async |name: &str| repo.resolve(&or_head(name)).await.map_err(told);
    let Some(range) = range else {
        let upstream = repo
            .resolve("@{upstream}")
            .await
            .map_err(|error| match error {
                GitError::NoSuchRevision { .. } => {
                    CliError::usage("find what to scan: the branch has no upstream")
                        .with_hint("name a range such as main..HEAD, or a file with --diff")
                }
                error => told(error),
            })?;
        return parted(repo, upstream, commit("HEAD").await?).await;
    };
    if let Some((base, head)) = range.split_once("...") {
        return parted(repo, commit(base).await?, commit(head).await?).await;
    }
    let (base, head) = range.split_once("..").unwrap_or((range, "HEAD"));
    Ok((commit(base).await?, commit(head).await?))
}

/// From where the two parted to `head`.
async fn parted(
    repo: &LocalRepo,
    base: CommitId,
    head: CommitId,
) -> Result<(CommitId, CommitId), CliError> {
    let from = repo.merge_base(&base, &head).await.map_err(told)?;
    let from = from.ok_or_else(|| {
        CliError::failed("find where the two parted: they have no commit in common")
            .with_hint("fetch more history, or use BASE..HEAD")
    })?;
    Ok((from, head))
}

fn told(error: GitError) -> CliError {
    let message = error.to_string();
    match error {
        GitError::NotInstalled { .. } => CliError::new(Exit::Failed, "no-git", message),
        GitError::RepositoryNotFound { url, detail } => {
            CliError::usage(format!("find the repository {url}: {detail}"))
                .with_hint("name one with --repo, or a file with --diff")
        }
        GitError::NoSuchRevision { .. } => {
            CliError::usage(message).with_hint("check the name, and which repository it is in")
        }
        GitError::DiffTooLarge { .. } => {
            CliError::failed(message).with_hint("scan a smaller range")
        }
        _ => CliError::failed(message),
    }
}

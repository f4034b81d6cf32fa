//! Takes what an agent left in the workspace as one commit of the host's own.

use crate::drive::RunContext;
use crate::fault::Fault;
use crate::workspace::taken_as;
use sortie_git::{CommitId, Expected, GitError};
use sortie_model::diff::DiffSource;
use sortie_sandbox::{CollectRequest, Collected, SandboxError, Workspace};

/// How often something of a sandbox is asked for over a new wire.
pub(super) const MAX_REATTACHES: u32 = 20;
/// The longest title of a commit, in characters.
const TITLE_CHARS: usize = 72;

/// The commit that holds the result, over as many wires as it takes. Without
/// changes that is the base itself. No container is made for it.
pub(super) async fn collect(
    context: &RunContext,
    step: &str,
    mut workspace: Workspace,
) -> Result<CommitId, Fault> {
    for _ in 0..MAX_REATTACHES {
        match take(context, &workspace).await {
            Err(Taking::Wire(error)) => {
                tracing::warn!(%error, run = context.fence.run.0, "the wire broke while the result was taken");
                context.workspace.lost().await;
                // Where the container is gone there is nothing to take, and in a
                // new one neither.
                let left = context.workspace.left(context).await?;
                let Some(found) = left else {
                    return Err(error.into());
                };
                if !knows(&found, step).await? {
                    return Err(error.into());
                }
                workspace = found;
            }
            Err(Taking::Fault(fault)) => return Err(fault),
            Ok(head) => return Ok(head),
        }
    }
    Err(Fault::Passing(
        "take the result: the wire broke too often".to_owned(),
    ))
}

/// Whether an earlier stretch of this run has the step running, or over, in the
/// sandbox.
pub(super) async fn known_to_sandbox(context: &RunContext, step: &str) -> Result<bool, Fault> {
    knows(&context.workspace.ensure(context).await?, step).await
}

async fn knows(workspace: &Workspace, step: &str) -> Result<bool, Fault> {
    let status = workspace.status().await?;
    Ok(status.steps.iter().any(|known| known.id == step))
}

/// Whether anything differs from the base commit.
pub(super) async fn differs(context: &RunContext, head: &CommitId) -> Result<bool, Fault> {
    let diff = context.mirror.diff(&context.base, head).await?;
    Ok(!diff.files().is_empty())
}

enum Taking {
    Wire(SandboxError),
    Fault(Fault),
}

impl From<SandboxError> for Taking {
    fn from(error: SandboxError) -> Self {
        match error.is_transient() {
            true => Self::Wire(error),
            false => Self::Fault(error.into()),
        }
    }
}

impl From<GitError> for Taking {
    fn from(error: GitError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<std::io::Error> for Taking {
    fn from(error: std::io::Error) -> Self {
        Self::Fault(error.into())
    }
}

async fn take(context: &RunContext, workspace: &Workspace) -> Result<CommitId, Taking> {
    let run = context.fence.run.0;
    let dir = context.options.data_dir.join("runs").join(run.to_string());
    tokio::fs::create_dir_all(&dir).await?;
    let bundle = dir.join("out.bundle");
    let title: String = context
        .job
        .task
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(TITLE_CHARS)
        .collect();
    let message = format!("{title}\n\nSortie-Job: {}\n", context.job.id.0);
    let collected = workspace
        .collect(CollectRequest {
            base: context.base.as_str(),
            message: &message,
            author_name: &context.options.author.name,
            author_email: &context.options.author.email,
            into: &bundle,
            max_bytes: context.options.limits.bundle_bytes,
        })
        .await?;
    let Collected::Bundle { .. } = collected else {
        workspace.reset(context.base.as_str(), true).await?;
        context.workspace.is_at(context.base.as_str()).await;
        return Ok(context.base.clone());
    };
    let keep_as = taken_as(context.fence.run);
    let expected = Expected {
        ref_name: "refs/heads/sortie/out",
        base: &context.base,
        keep_as: &keep_as,
    };
    let accepted = context.mirror.accept_bundle(&bundle, expected).await;
    let _ = tokio::fs::remove_file(&bundle).await;
    let taken = accepted?.head;
    // What is verified next is exactly what was taken: no ignored file, no
    // setting and no tool that the agent left has a say in it.
    workspace.reset(taken.as_str(), true).await?;
    context.workspace.is_at(taken.as_str()).await;
    // One commit of the host's own with the same files: what came and went in
    // the agent's history is in no diff, so it must be in no push either.
    let result = format!("refs/sortie/runs/{run}/result");
    let made_at_s = context.run.started_at.0.div_euclid(1000);
    Ok(context
        .mirror
        .squash(&context.base, &taken, &message, made_at_s, &result)
        .await?)
}

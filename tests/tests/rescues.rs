//! What an agent did is taken out of its container. When the container goes
//! while that is under way, nothing is left to take, and none is made to look.

use anyhow::{Context, Result};
use sortie_tests::{Host, HostOptions, Inside, Moment, Remote};

/// Half of a task, with a pipe in place of the repository's settings: whoever
/// looks at the repository waits until somebody writes into it.
const CLOGS: &str = "echo begun; sed -i s/teh/the/ README.md; rm .git/config; mkfifo .git/config";

/// Waits until somebody looks, and has them wait on.
const HOLDS: &str = "[ -p /work/repo/.git/config ] || exit; exec 3> /work/repo/.git/config; \
    echo held; exec sleep 600";

/// Ends whoever looks.
const FREES: &str = "for p in /proc/[0-9]*; do read -r name < $p/comm && [ \"$name\" = git ] \
    && kill -9 ${p#/proc/} && echo freed; done";

async fn start(remote: &Remote) -> Result<Host> {
    let options = HostOptions {
        defaults: "max_attempts = 1".to_owned(),
        ..HostOptions::default()
    };
    Host::start(remote, options).await
}

/// Kills the container and waits for the end of its job; none was made since.
async fn dies(host: &Host, id: u64, held: Inside) -> Result<serde_json::Value> {
    let before = Moment::now()?;
    host.kill_container(&held.container)?;
    let job = host.settled(id).await?;
    assert_eq!(host.made_since(&before)?, Vec::<String>::new(), "{job}");
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(job)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_dies_while_its_result_is_taken_is_followed_by_none() -> Result<()> {
    let remote = Remote::with(&[("README.md", "teh start\n")])?;
    let host = start(&remote).await?;
    let id = host.submit(CLOGS).await?;
    let held = host.inside(HOLDS).await?;
    let job = dies(&host, id, held).await?;
    assert_eq!(job["state"], "failed", "{job}");
    Ok(())
}

/// The agent fills its workspace, so it is stopped; its host dies before it has
/// what the agent did, and the container does while the next host takes it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_agent_did_is_looked_for_in_no_new_container() -> Result<()> {
    let remote = Remote::with(&[("README.md", "teh start\n")])?;
    let mut host = start(&remote).await?;
    let id = host
        .submit(&format!(
            "{CLOGS}; head -c 100000000 /dev/zero > /work/full"
        ))
        .await?;
    let held = host.inside(HOLDS).await?;
    host.kill().await?;
    let freed = host.inside(FREES).await?;
    assert_eq!(held.container, freed.container);
    drop((held, freed));
    host.serve().await?;
    // The first look is over, so this one is the second host's.
    let held = host.inside(HOLDS).await.context("the next host looks")?;
    let job = dies(&host, id, held).await?;
    assert_eq!(job["halt"]["reason"], "workspace-full", "{job}");
    assert_eq!(job["attempts"], 1, "{job}");
    Ok(())
}

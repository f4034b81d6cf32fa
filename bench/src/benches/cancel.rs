//! From `/cancel 42` in a chat until the engine says that the container is
//! gone: a host as its users have it, the shell agent that waits in its
//! container, and people who write to the bot. The peer is `docker rm --force`
//! of a container of the same image, which nobody asks for by chat and of which
//! nothing is kept.

use super::{Setting, launch, telegram};
use crate::host::Home;
use crate::measure::{Plan, millis, paired};
use crate::program;
use crate::report::{Bar, Row, Unit};
use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OptionalExtension};
use sortie_sandbox::{EngineOptions, Sandbox, WireKey};
use sortie_servers::BotApi;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// A turn takes a launch and two removals: two or three seconds.
const PLAN: Plan = Plan {
    warm_up: 1,
    turns: 50,
    at_most: Duration::from_secs(600),
};

/// How long a launch, a removal or a program may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at the ledger or at the engine.
const LOOK: Duration = Duration::from_millis(10);

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let report = engine(setting, "bench").await?.check().await;
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    ensure!(
        report.is_usable(),
        "run jobs in containers: {}",
        problems.join("; ")
    );
    let sortie = setting.sortie().await?;
    let place = setting.directory("cancel-repository")?;
    launch::repository(place.path()).await?;
    let api = BotApi::start().await;
    let more = configuration(setting, &api, place.path());
    let home = Home::new(setting, "cancel", &more)?;
    let host = home.start(&sortie).await?;
    telegram::prepare(setting, &host).await?;
    let watch = Watch::open(setting, &home.data()).await?;

    let mut turn = 0;
    let both = paired(
        PLAN.shortened(setting.quick),
        async || cancel(&api, &watch, &mut turn).await,
        async || remove(&setting.image).await,
    )
    .await;
    host.end().await?;
    // Of a turn that failed something may be left.
    watch.sandbox.sweep(&BTreeSet::new()).await?;
    let both = both?;

    let p99 = both.ours.percentile(99);
    let row = Row::paired(
        "cancel",
        "/cancel of a running job → its container is gone",
        Unit::Millis,
        &both,
        "docker rm --force",
    );
    Ok(vec![row.under(Bar::at_most(p99, 2_000.0, Unit::Millis))])
}

/// A host with that engine, whose containers are small, and one project.
fn configuration(setting: &Setting, api: &BotApi, place: &Path) -> String {
    let repository = format!("file://{}", place.join("repo").display());
    format!(
        "[engine]\nimage = {:?}\n\
         [sandbox]\nmemory_mib = 256\nworkspace_mib = 64\n\
         [defaults]\ndetect = false\n\
         [projects.shop]\nrepository = {repository:?}\n\
         [telegram]\napi_url = {:?}\n",
        setting.image,
        api.url()
    )
}

/// The engine, as a host of that name sees it.
async fn engine(setting: &Setting, instance: &str) -> Result<Sandbox> {
    let options = EngineOptions::new(&setting.image, instance, WireKey::ephemeral()?);
    Ok(Sandbox::connect(options).await?)
}

/// What the host wrote down, and what the engine has of it.
struct Watch {
    ledger: Connection,
    sandbox: Sandbox,
}

impl Watch {
    async fn open(setting: &Setting, data: &Path) -> Result<Self> {
        let ledger = telegram::ledger(data)?;
        let instance: String = ledger.query_row(
            "SELECT value FROM meta WHERE key = 'store.instance_id'",
            [],
            |row| row.get(0),
        )?;
        let sandbox = engine(setting, &instance).await?;
        Ok(Self { ledger, sandbox })
    }

    /// The job of a task once its agent has said something.
    fn at_work(&self, task: &str) -> Result<Option<u64>> {
        let sql = "SELECT r.job_id FROM requests r JOIN events e ON e.job_id = r.job_id
             WHERE r.task = ?1 AND e.kind = 'agent.progress' LIMIT 1";
        let found = self
            .ledger
            .query_row(sql, [task], |row| row.get::<_, i64>(0));
        Ok(found.optional()?.map(u64::try_from).transpose()?)
    }

    /// Whether the engine has a container of that job.
    async fn has_container(&self, job: u64) -> Result<bool> {
        let found = self.sandbox.list().await?;
        Ok(found.iter().any(|found| found.job == job))
    }
}

/// A task of the next person, which is cancelled when its agent is at work; how
/// long that took from the command on, in milliseconds.
async fn cancel(api: &BotApi, watch: &Watch, turn: &mut i64) -> Result<f64> {
    let person = telegram::FIRST + *turn % telegram::PEOPLE;
    *turn += 1;
    let task = format!("echo begun {turn}; sleep 600");
    api.says(person, person, &format!("/task {task}"));
    let asked = Instant::now();
    let job = loop {
        if let Some(job) = watch.at_work(&task)? {
            break job;
        }
        ensure!(
            asked.elapsed() < LIMIT,
            "see an agent at work within {LIMIT:?}"
        );
        tokio::time::sleep(LOOK).await;
    };
    ensure!(
        watch.has_container(job).await?,
        "find the container of job {job}"
    );
    let begun = Instant::now();
    api.says(person, person, &format!("/cancel {job}"));
    while watch.has_container(job).await? {
        ensure!(
            begun.elapsed() < LIMIT,
            "cancel job {job}: its container is there after {LIMIT:?}"
        );
        tokio::time::sleep(LOOK).await;
    }
    Ok(millis(begun.elapsed()))
}

/// A container that sleeps, removed by the engine's own program, in
/// milliseconds.
async fn remove(image: &str) -> Result<f64> {
    let run = [
        "docker",
        "run",
        "--detach",
        "--network",
        "none",
        "--entrypoint",
        "sleep",
        image,
        "600",
    ];
    let made = program::succeed(&run, LIMIT).await;
    let made = made.context("start the peer's container")?;
    let begun = Instant::now();
    program::succeed(&["docker", "rm", "--force", made.trim()], LIMIT).await?;
    Ok(millis(begun.elapsed()))
}

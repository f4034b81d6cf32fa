//! A hundred jobs that run and tell of their progress every two seconds, in
//! private chats and in a group: none of Telegram's limits is passed, and what
//! is shown in the end is the last state of each.
//!
//! Store, platform, the shipped plugin and the Telegram source are in this
//! process, as a host has them. In place of the engine stands the benchmark,
//! which takes the jobs that people ask for and tells what their agents do.

use super::{Setting, jobs, telegram};
use crate::measure::millis;
use crate::report::{Bar, Figure, Row, Unit};
use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use futures::future::try_join_all;
use serde_json::{Value, json};
use sortie_gateway::outbound::{Outbound, OutboundOptions};
use sortie_intake::{Allowed, Catalog, Installed, Intake, IntakeOptions};
use sortie_model::clock::SystemClock;
use sortie_model::id::{Fence, JobId};
use sortie_model::people::Role;
use sortie_model::project::Project;
use sortie_model::surface::Surface;
use sortie_platform::lifecycle::{Consent, Package};
use sortie_platform::{DayLimits, Platform, PlatformOptions, Trust};
use sortie_plugins::{PluginOptions, Plugins};
use sortie_servers::BotApi;
use sortie_store::{ChatChange, ChatKind, ClaimLimits, NewPerson, Store};
use sortie_telegram::limits::TOKEN_SECRET;
use sortie_telegram::{Diffs, Mode, Telegram, TelegramConfig, TelegramOptions};
use sortie_vault::{Secret, SecretSource, Vault};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How many people there are, and how many jobs each asks for in private.
const PEOPLE: i64 = 6;
const EACH: i64 = 15;

/// The group, and how many jobs the first of them asks for there.
const GROUP: i64 = -77;
const IN_GROUP: i64 = 10;

/// All jobs.
const JOBS: u32 = 100;

/// How often each tells of its progress, and how often in all.
const EVERY: Duration = Duration::from_secs(2);
const ROUNDS: u32 = 30;

/// How long it may take until all jobs are there, and until the last state of
/// each is shown. A group gets twenty messages a minute, and each of its ten
/// jobs has three at least.
const LIMIT: Duration = Duration::from_secs(300);

/// Between two looks for more jobs.
const LOOK: Duration = Duration::from_millis(20);

/// Who acts here.
const ACTOR: &str = "bench";

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let rounds = if setting.quick { ROUNDS / 5 } else { ROUNDS };
    let place = setting.directory("progress")?;
    let api = BotApi::start().await;
    let host = Host::start(setting, place.path(), &api).await?;
    let measured = tell(&host.store, &api, rounds).await;
    host.end().await?;
    let (shown, took) = measured?;

    let shown = f64::from(u32::try_from(shown)?);
    let over = f64::from(u32::try_from(api.violations().len())?);
    let what = format!("{JOBS} running jobs, {rounds} reports of each: last states that are shown");
    let row = Row::alone("progress", what, Unit::Count, Figure::once(shown));
    let all = row.under(Bar::at_least(shown, f64::from(JOBS), Unit::Count));
    let what = "the same: requests beyond Telegram's limits, and messages sent twice";
    let limits = Row::alone("progress", what, Unit::Count, Figure::once(over));
    let limits = limits.under(Bar::at_most(over, 0.0, Unit::Count));
    let what = "the same: from the last report until all last states are shown";
    let late = Row::alone("progress", what, Unit::Millis, Figure::once(took));
    Ok(vec![all, limits, late])
}

/// Has jobs asked for, takes them and tells of their progress; how many last
/// states are shown in the end, and after how many milliseconds.
async fn tell(store: &Store, api: &BotApi, rounds: u32) -> Result<(usize, f64)> {
    for number in 0..PEOPLE * EACH {
        let person = telegram::FIRST + number % PEOPLE;
        api.says(person, person, &format!("/task Mend part {number}"));
    }
    for number in 0..IN_GROUP {
        let text = format!("/task Mend place {number}");
        api.says(GROUP, telegram::FIRST, &text);
    }
    let running = claim(store).await?;
    let mut clock = tokio::time::interval(EVERY);
    for round in 1..=rounds {
        clock.tick().await;
        let told = running
            .iter()
            .map(|fence| store.emit(*fence, "agent.progress", report(*fence, round)));
        try_join_all(told).await?;
    }
    let begun = Instant::now();
    let last = format!("iter {rounds} ");
    let chats: Vec<i64> = (telegram::FIRST..telegram::FIRST + PEOPLE)
        .chain([GROUP])
        .collect();
    let shown = |api: &BotApi| {
        let messages = chats.iter().flat_map(|chat| api.shown(*chat));
        let at_last = messages.filter(|message| message.is_own && message.text.contains(&last));
        at_last.count()
    };
    let all = api.until(|api| shown(api) >= JOBS as usize);
    // What is not shown by then is in the figure.
    let _ = tokio::time::timeout(LIMIT, all).await;
    Ok((shown(api), millis(begun.elapsed())))
}

/// Takes all jobs as they come.
async fn claim(store: &Store) -> Result<Vec<Fence>> {
    let limits = ClaimLimits {
        max_running_total: JOBS,
        max_running_per_project: JOBS,
    };
    let begun = Instant::now();
    let mut running = Vec::new();
    while running.len() < JOBS as usize {
        match store.claim(limits).await? {
            Some(claim) => running.push(claim.fence),
            None => tokio::time::sleep(LOOK).await,
        }
        ensure!(
            begun.elapsed() < LIMIT,
            "have {JOBS} jobs asked for: {} within {LIMIT:?}",
            running.len()
        );
    }
    Ok(running)
}

/// What the engine tells of an agent at work.
fn report(fence: Fence, round: u32) -> Value {
    json!({
        "run": fence.run.0,
        "phase": "executing",
        "step": "agent",
        "text": format!("turn {round}"),
        "iteration": round,
        "tool": "write",
        "calls": round,
        "cost_micro_usd": round * 1_000,
        "elapsed_ms": round * 2_000,
        "limits": jobs::policy().ceiling,
    })
}

/// The parts of a host that speak to people.
struct Host {
    store: Store,
    until: CancellationToken,
    working: JoinHandle<()>,
}

impl Host {
    async fn start(setting: &Setting, data: &Path, api: &BotApi) -> Result<Self> {
        let store = jobs::open(data, &["shop".to_owned()]).await?;
        let token = SecretSource::Value(Secret::new(BotApi::TOKEN.to_owned()));
        let vault = Vault::new(BTreeMap::from([(TOKEN_SECRET.to_owned(), token)]))?;
        let platform = platform(&store, &vault, data).await?;
        let package = Package {
            bytes: telegram::package(setting)?.into(),
            source: ACTOR.to_owned(),
            signature: None,
            beside: None,
        };
        let consent = Consent::Everything(BTreeMap::new());
        platform.install(package, consent, ACTOR).await?;
        admit(&store, api).await?;
        let source = Telegram::new(TelegramOptions {
            store: store.clone(),
            platform: platform.clone(),
            vault,
            clock: Arc::new(SystemClock),
            data_dir: data.to_owned(),
            config: TelegramConfig {
                plugin: "telegram".to_owned(),
                mode: Mode::Poll,
                api_url: api.url(),
                webhook_url: None,
                levels: BTreeMap::new(),
            },
            diffs: Arc::new(NoDiffs),
        });
        let until = CancellationToken::new();
        let end = until.clone();
        let working = tokio::spawn(async move {
            tokio::join!(platform.run(end.clone()), source.run(end));
        });
        Ok(Self {
            store,
            until,
            working,
        })
    }

    async fn end(self) -> Result<()> {
        self.until.cancel();
        self.working.await.context("end the host's parts")?;
        self.store.close().await;
        Ok(())
    }
}

async fn platform(store: &Store, vault: &Vault, data: &Path) -> Result<Platform> {
    let plugins = Plugins::new(PluginOptions::default())?;
    let project = Project {
        name: "shop".to_owned(),
        repository: jobs::REPOSITORY.to_owned(),
        base_branch: None,
        policy: jobs::policy(),
    };
    let intake = Intake::open(IntakeOptions {
        store: store.clone(),
        catalog: Arc::new(Known),
        projects: vec![project],
        defaults: jobs::policy(),
        allowed: Allowed::default(),
    })
    .await?;
    let audit = Platform::audit_of(store.clone());
    let outbound = Outbound::new(OutboundOptions::new(vault.clone(), audit))?;
    let platform = Platform::open(PlatformOptions {
        store: store.clone(),
        plugins,
        intake,
        outbound,
        vault: vault.clone(),
        clock: Arc::new(SystemClock),
        data_dir: data.to_owned(),
        configs: Arc::new(|_| Ok(Value::Null)),
        trust: Trust::default(),
        day_limits: DayLimits::default(),
    })
    .await?;
    Ok(platform)
}

/// Lets the people in, and the group.
async fn admit(store: &Store, api: &BotApi) -> Result<()> {
    for person in telegram::FIRST..telegram::FIRST + PEOPLE {
        let new = NewPerson {
            source: "telegram".to_owned(),
            user: person.to_string(),
            name: Some(format!("Person {person}")),
            role: Role::Requester,
        };
        store.put_person(new, ACTOR).await?;
    }
    api.group(GROUP, false);
    let change = ChatChange {
        admitted: Some(true),
        kind: Some(ChatKind::Group),
        ..ChatChange::default()
    };
    let group = GROUP.to_string();
    store.change_chat("telegram", &group, change, ACTOR).await?;
    Ok(())
}

/// The plugins that the jobs' policy names. None of them is asked anything.
struct Known;

#[async_trait]
impl Catalog for Known {
    fn installed(&self) -> Vec<Installed> {
        let plugins = [
            ("workflow-task", Surface::Workflow),
            ("agent-shell", Surface::Agent),
            ("budget-profiles", Surface::Budget),
            ("reward-hacking", Surface::Scanner),
        ];
        let installed = plugins.map(|(name, surface)| Installed {
            name: name.to_owned(),
            digest: "00".repeat(32),
            surfaces: vec![surface],
            shipped: true,
        });
        installed.into()
    }

    async fn budget_profiles(&self, _plugin: &str) -> Result<Vec<String>, String> {
        Ok(vec!["default".to_owned()])
    }
}

/// Nothing here makes a change that could be shown.
struct NoDiffs;

#[async_trait]
impl Diffs for NoDiffs {
    async fn diff(&self, _job: JobId, _base: &str, _head: &str) -> Option<String> {
        None
    }
}

//! A host without an engine and without an API, on a clock that stands still
//! until it is moved.

use crate::parts::{Configs, Parts, platform};
use crate::worker::{idler, manifest, packed};
use async_trait::async_trait;
use bytes::Bytes;
use sortie_intake::{Allowed, Catalog, Installed, Intake, IntakeOptions};
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::finding::Severity;
use sortie_model::project::{Policy, Project, PublishMode};
use sortie_model::surface::Surface;
use sortie_platform::lifecycle::{Consent, Package};
use sortie_platform::sources::http::{Answer, Refusal, Request};
use sortie_platform::{Platform, PluginLogs, PluginView, Trust};
use sortie_plugins::Plugins;
use sortie_store::{JobFilter, MessageState, PluginEvent, PluginEventFilter, Store, StoreOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The longest a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that stands still until it is moved.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.now().0).unwrap()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

pub struct Rig {
    pub store: Store,
    pub platform: Platform,
    pub plugins: Plugins,
    pub logs: PluginLogs,
    pub clock: Arc<TestClock>,
    pub configs: Configs,
    dir: Arc<tempfile::TempDir>,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

struct Known;

#[async_trait]
impl Catalog for Known {
    fn installed(&self) -> Vec<Installed> {
        [
            ("workflow-task", Surface::Workflow),
            ("agent-shell", Surface::Agent),
            ("budget-profiles", Surface::Budget),
        ]
        .map(|(name, surface)| Installed {
            name: name.into(),
            digest: "00".repeat(32),
            surfaces: vec![surface],
            shipped: true,
        })
        .into()
    }

    async fn budget_profiles(&self, _: &str) -> Result<Vec<String>, String> {
        Ok(vec!["default".into()])
    }
}

fn policy() -> Policy {
    Policy {
        workflow: "workflow-task".into(),
        agent: "agent-shell".into(),
        budget_plugin: "budget-profiles".into(),
        budget_profile: None,
        ceiling: Limits {
            calls: 10,
            cost_micro_usd: MicroUsd(1_000_000),
            time_ms: 60_000,
        },
        verify: Vec::new(),
        scanners: Vec::new(),
        review_from: Severity::Warn,
        publish: PublishMode::Branch,
        branch_prefix: "sortie".into(),
        max_attempts: 3,
        detect: false,
        base_tests: false,
        approval_expires_ms: 3_600_000,
        guard: Default::default(),
        image: None,
        egress: sortie_model::egress::EgressPolicy::default(),
        models: Default::default(),
    }
}

impl Rig {
    pub async fn new() -> Self {
        Self::trusting(Trust::default()).await
    }

    pub async fn trusting(trust: Trust) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        // Beyond the first hour, so that a timer's first tick lies ahead.
        let clock = Arc::new(TestClock(AtomicI64::new(10_000_000_000)));
        Self::at(dir, clock, Configs::default(), trust).await
    }

    async fn at(
        dir: Arc<tempfile::TempDir>,
        clock: Arc<TestClock>,
        configs: Configs,
        trust: Trust,
    ) -> Self {
        let options = StoreOptions::new(dir.path()).with_clock(clock.clone());
        let store = Store::open(options).unwrap();
        let intake = Intake::open(IntakeOptions {
            store: store.clone(),
            catalog: Arc::new(Known),
            projects: vec![Project {
                name: "shop".into(),
                repository: "https://git.example.com/shop.git".into(),
                base_branch: None,
                policy: policy(),
            }],
            defaults: policy(),
            allowed: Allowed {
                repositories: Vec::new(),
                agents: Vec::new(),
                workflows: Vec::new(),
            },
        })
        .await
        .unwrap();
        let Parts {
            platform,
            plugins,
            logs,
        } = platform(dir.path(), &store, &intake, clock.clone(), &configs, trust).await;
        Self {
            store,
            platform,
            plugins,
            logs,
            clock,
            configs,
            dir,
            running: None,
        }
    }

    /// Lets the workers work.
    pub fn run(&mut self) {
        let shutdown = CancellationToken::new();
        let (platform, until) = (self.platform.clone(), shutdown.clone());
        let task = tokio::spawn(async move { platform.run(until).await });
        self.running = Some((shutdown, task));
    }

    /// Stops the workers, and waits until they have.
    pub async fn halt(&mut self) {
        if let Some((shutdown, task)) = self.running.take() {
            shutdown.cancel();
            task.await.unwrap();
        }
    }

    /// The host is started again on the same data.
    pub async fn reopen(self) -> Self {
        self.reopen_trusting(Trust::default()).await
    }

    /// The same under another setting of whom it trusts.
    pub async fn reopen_trusting(mut self, trust: Trust) -> Self {
        self.halt().await;
        let (dir, clock) = (self.dir.clone(), self.clock.clone());
        let configs = self.configs.clone();
        self.store.clone().close().await;
        drop(self);
        Self::at(dir, clock, configs, trust).await
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("plugins")
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub async fn install(&self, bytes: Vec<u8>) -> PluginView {
        self.platform
            .install(package(bytes), everything(), "ann")
            .await
            .unwrap()
    }

    /// A request to the worker's hook, with an id of its own.
    pub async fn hook(&self, plugin: &str, id: &str, body: &str) -> Result<Answer, Refusal> {
        let request = Request {
            method: "POST".into(),
            path: "/".into(),
            query: String::new(),
            headers: vec![("x-delivery".into(), id.as_bytes().to_vec())],
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        self.platform.hook(plugin, "hook", request).await
    }

    /// What the worker counted.
    pub async fn counted(&self, plugin: &str) -> u8 {
        let kept = self.store.kv_get(plugin, "n").await.unwrap();
        kept.map_or(0, |bytes| bytes[0])
    }

    pub async fn jobs(&self) -> usize {
        self.store.jobs(JobFilter::default()).await.unwrap().len()
    }

    pub async fn events(&self, state: MessageState) -> Vec<PluginEvent> {
        let filter = PluginEventFilter {
            state: Some(state),
            ..PluginEventFilter::default()
        };
        self.store.plugin_events(filter).await.unwrap()
    }

    /// Wakes the workers, who sleep by another clock than this one.
    pub async fn wake(&self) {
        const WAKER: &str = "waker";
        if self.platform.plugin(WAKER).await.is_err() {
            let waker = packed(&idler(0), &manifest(WAKER, "1.0.0", ""));
            self.install(waker).await;
        }
        self.platform.enable(WAKER, "ann").await.unwrap();
    }
}

/// Asks until it is so.
pub async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let wait = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, wait).await;
    done.unwrap_or_else(|_| panic!("{what}: it does not come to pass"));
}

pub fn everything() -> Consent {
    Consent::Everything(BTreeMap::new())
}

pub fn package(bytes: Vec<u8>) -> Package {
    Package {
        bytes: bytes.into(),
        source: "./plugin.wasm".into(),
        signature: None,
        beside: None,
    }
}

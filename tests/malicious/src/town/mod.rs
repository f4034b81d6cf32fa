//! A whole host on loopback: store, grants, egress service, two plugins, a
//! server that is granted and one that is not.

mod attack;
mod identity;
mod network;
mod server;
mod timing;

pub use attack::{Attack, Told};

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use sortie_gateway::outbound::{Outbound, OutboundOptions, Resolve};
use sortie_guests::answers;
use sortie_intake::{Allowed, Catalog, Installed, Intake, IntakeOptions};
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::clock::SystemClock;
use sortie_model::finding::Severity;
use sortie_model::project::{Policy, Project, PublishMode};
use sortie_model::surface::Surface;
use sortie_platform::lifecycle::{Consent, Package};
use sortie_platform::sources::http::{Answer, Request};
use sortie_platform::{DayLimits, Platform, PlatformOptions, Trust};
use sortie_plugins::{PluginOptions, Plugins};
use sortie_store::{AuditFilter, JobFilter, PluginData, Store, StoreOptions};
use sortie_vault::{Secret, SecretSource, Vault};

use crate::town::server::Server;

/// The value of the secret `token`.
pub const TOKEN: &str = "t0ken-of-the-operator/+?";

/// The name that leads to the granted server.
pub(crate) const GRANTED: &str = "api.example.com";

/// The host, the servers, and what names lead to.
pub struct Town {
    platform: Platform,
    store: Store,
    names: Arc<Names>,
    /// The one that grants name.
    pub granted: Server,
    /// The one that nobody may reach.
    pub private: Server,
    calls: std::sync::atomic::AtomicU64,
    _dir: tempfile::TempDir,
}

/// What goes wrong with the town itself, in words.
type Trouble = Box<dyn std::error::Error + Send + Sync>;

impl Town {
    /// Builds it.
    ///
    /// # Errors
    ///
    /// When a part of it cannot run here.
    pub async fn new() -> Result<Self, Trouble> {
        let dir = tempfile::tempdir()?;
        let store = Store::open(StoreOptions::new(dir.path().join("data")))?;
        let intake = Intake::open(IntakeOptions {
            store: store.clone(),
            catalog: Arc::new(Shipped),
            projects: vec![Project {
                name: "shop".into(),
                repository: "https://git.example.com/shop.git".into(),
                base_branch: Some("main".into()),
                policy: policy(),
            }],
            defaults: policy(),
            allowed: Allowed::default(),
        })
        .await?;
        let secret = SecretSource::Value(Secret::new(TOKEN.to_owned()));
        let vault = Vault::new(BTreeMap::from([("token".to_owned(), secret)]))?;
        let names = Arc::new(Names::default());
        let mut outbound = OutboundOptions::new(vault.clone(), Platform::audit_of(store.clone()));
        outbound.resolver = names.clone();
        let platform = Platform::open(PlatformOptions {
            store: store.clone(),
            plugins: Plugins::new(PluginOptions::default())?,
            intake,
            outbound: Outbound::new(outbound)?,
            vault,
            clock: Arc::new(SystemClock),
            data_dir: dir.path().join("data"),
            configs: Arc::new(|_| Ok(Value::Null)),
            trust: Trust::default(),
            day_limits: DayLimits::default(),
        })
        .await?;
        let (granted, private) = (Server::start().await?, Server::start().await?);
        names.set(GRANTED, &[&["127.0.0.1"]]);
        names.set("localhost", &[&["127.0.0.1"]]);
        names.set("inside.example.com", &[&["127.0.0.1"]]);
        names.set("mixed.example.com", &[&["8.8.8.8", "127.0.0.1"]]);
        Ok(Self {
            platform,
            store,
            names,
            granted,
            private,
            calls: std::sync::atomic::AtomicU64::new(0),
            _dir: dir,
        })
    }

    /// Every attack on the network and on others' identity, by group.
    pub fn attacks(&self) -> Vec<(&'static str, Vec<Attack>)> {
        attacks(self.granted.port(), self.private.port())
    }

    /// A request through `wasi:http` that is granted with a secret.
    pub fn granted_by_wasi(&self) -> Attack {
        network::granted_by_wasi(self.granted.port())
    }

    /// What is in the audit log of requests that plugins sent, newest first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn requests(&self) -> Result<Vec<Value>, Trouble> {
        let sent = AuditFilter {
            action: "egress.".to_owned(),
            ..AuditFilter::default()
        };
        let log = self.store.audit_log(sent).await?;
        Ok(log.into_iter().map(|row| row.detail).collect())
    }

    /// Installs the plugin of an attack with all that it asks for, lets it
    /// handle one event, and takes it out again.
    ///
    /// # Errors
    ///
    /// When it cannot be installed or nothing comes of it.
    pub async fn run(&self, attack: &Attack) -> Result<Told, Trouble> {
        // A name that changes its answer begins anew.
        let metadata: &[&[&str]] = &[&["127.0.0.1"], &["169.254.169.254"]];
        self.names.set("rebind.example.com", metadata);
        self.private.forget();
        self.granted.forget();
        let before = self.store.jobs(JobFilter::default()).await?.len();
        let rows_before = self.requests().await?.len();
        let plugins = || attack.first.iter().chain([&attack.plugin]);
        for (name, wasm, manifest) in plugins() {
            self.install(name, wasm, manifest).await?;
        }
        let mut told = Told::default();
        for (name, ..) in plugins() {
            told = self.call(name).await?;
        }
        told.kept_bytes = self.store.kv_bytes("eve").await?;
        for (name, ..) in plugins() {
            self.platform
                .remove(name, PluginData::Erase, "test")
                .await?;
        }
        told.reached_private = self.private.connections();
        told.heads = self.granted.heads();
        told.rows = self.requests().await?.len() - rows_before;
        told.jobs = self.store.jobs(JobFilter::default()).await?.len() - before;
        Ok(told)
    }

    async fn install(&self, name: &str, wasm: &[u8], manifest: &str) -> Result<(), Trouble> {
        let package = Package {
            bytes: wasm.to_vec().into(),
            source: "test".into(),
            signature: None,
            beside: Some(manifest.to_owned()),
        };
        let consent = Consent::Everything(BTreeMap::new());
        let view = self.platform.install(package, consent, "test").await?;
        match view.plugin.enabled {
            true => Ok(()),
            false => Err(format!("{name} is not granted: {:?}", view.beyond).into()),
        }
    }

    async fn call(&self, name: &str) -> Result<Told, Trouble> {
        let nth = self
            .calls
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let request = Request {
            method: "POST".into(),
            path: "/".into(),
            query: format!("call={nth}"),
            headers: Vec::new(),
            body: bytes::Bytes::from_static(b"{}"),
        };
        Ok(match self.platform.hook(name, "hook", request).await? {
            Answer::Handled(Some(reply)) => {
                let (verdict, text) = answers::read(&reply.body);
                Told {
                    verdict,
                    text,
                    ..Told::default()
                }
            }
            Answer::Handled(None) => Told::of("silent"),
            Answer::Taken(_) => Told::of("failed call"),
            Answer::Duplicate(..) => Told::of("duplicate"),
            Answer::Host(_) => Told::of("answered by the host"),
        })
    }
}

/// The attacks, for servers at these ports.
pub(crate) fn attacks(granted: u16, private: u16) -> Vec<(&'static str, Vec<Attack>)> {
    vec![
        ("Addresses that nobody granted", network::addresses(private)),
        (
            "What a grant does not say",
            network::grants(granted, private),
        ),
        ("Secrets on their way out", network::secrets(granted)),
        ("Secrets in the time of requests", timing::attacks(granted)),
        ("In others' names", identity::attacks()),
    ]
}

/// A name server: each question takes the next answer, the last one stays.
#[derive(Default)]
struct Names(Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>);

impl Names {
    fn set(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers
            .iter()
            .map(|ips| ips.iter().filter_map(|ip| ip.parse().ok()).collect())
            .collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_owned(), answers);
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = all.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        if answers.len() > 1 {
            return answers.pop_front().ok_or(io::ErrorKind::NotFound.into());
        }
        Ok(answers[0].clone())
    }
}

/// What the policy of the project names.
struct Shipped;

#[async_trait]
impl Catalog for Shipped {
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

//! A host without an engine: everything of it but runs, which the tests play
//! themselves through the store.

use crate::contract::Contract;
use crate::parts::{Configs, Parts, platform};
use async_trait::async_trait;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use sortie_api::view::{BotView, PairingView, TelegramBody, TelegramView};
use sortie_api::{
    Api, ApiOptions, ChatDoor, ChatFault, DiffFault, DoorFault, EngineState, EngineView, Token,
    router, serve,
};
use sortie_intake::{Allowed, Catalog, Installed, Intake, IntakeOptions};
use sortie_model::approval::Subject;
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::clock::{Clock, SystemClock};
use sortie_model::finding::{Finding, Place, Severity, Side, fingerprint};
use sortie_model::id::{JobId, RunId};
use sortie_model::job::JobEvent;
use sortie_model::people::Role;
use sortie_model::project::{Policy, Project, PublishMode};
use sortie_model::run::RunPhase;
use sortie_model::surface::Surface;
use sortie_platform::{Platform, Trust};
use sortie_store::{
    Artifact, Claim, ClaimLimits, NewApproval, NewDecision, NewStep, RunEnd, ScanReport,
    StepRecord, Store, StoreOptions,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "sortie_0123456789abcdef0123456789abcdef";

/// The longest a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const BASE: &str = "1111111111111111111111111111111111111111";
pub const HEAD: &str = "2222222222222222222222222222222222222222";

pub struct Rig {
    pub store: Store,
    pub platform: Platform,
    pub configs: Configs,
    pub client: reqwest::Client,
    pub url: String,
    pub dir: PathBuf,
    pub shutdown: CancellationToken,
    pub serving: JoinHandle<()>,
    contract: Contract,
    _own: Option<tempfile::TempDir>,
}

/// A package on its way in, with everything that it asks for.
pub struct Upload {
    pub package: Option<Vec<u8>>,
    pub texts: Vec<(&'static str, String)>,
}

impl Upload {
    pub fn of(package: Vec<u8>) -> Self {
        Self {
            package: Some(package),
            texts: vec![("consent", r#"{"everything":{}}"#.into())],
        }
    }

    pub fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.texts.retain(|(own, _)| *own != name);
        self.texts.push((name, text.into()));
        self
    }

    fn form(self) -> reqwest::multipart::Form {
        let mut form = reqwest::multipart::Form::new();
        for (name, text) in self.texts {
            form = form.text(name, text);
        }
        if let Some(bytes) = self.package {
            form = form.part("package", reqwest::multipart::Part::bytes(bytes));
        }
        form
    }
}

/// An answer, already held against the description.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// The last part of a problem's type.
    pub fn problem(&self) -> &str {
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{self:?}"
        );
        assert_eq!(self.body["status"], self.status, "{self:?}");
        assert!(
            self.body["hint"]
                .as_str()
                .is_some_and(|hint| !hint.is_empty()),
            "no hint: {self:?}"
        );
        self.body["type"]
            .as_str()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap()
    }
}

struct Engine {
    dir: PathBuf,
}

#[async_trait]
impl EngineView for Engine {
    async fn diff(&self, job: JobId) -> Result<Option<String>, DiffFault> {
        let path = self.dir.join(format!("{}.diff", job.0));
        match std::fs::read_to_string(path) {
            Ok(text) if text == "panic" => panic!("the diff panicked"),
            Ok(text) if text == "large" => Err(DiffFault::TooLarge(
                "show the diff: it is over 1 byte; fetch the branch".into(),
            )),
            Ok(text) => Ok(Some(text)),
            Err(_) => Ok(None),
        }
    }

    fn log_path(&self, run: RunId) -> PathBuf {
        self.dir.join(format!("{}.jsonl", run.0))
    }

    fn artifact_path(&self, artifact: &Artifact) -> PathBuf {
        self.dir.join(&artifact.path)
    }

    fn state(&self) -> EngineState {
        EngineState::Down("reach the engine: it is not there; start it".into())
    }
}

/// A chat source that takes the token `right` and the secret `shown`.
struct Chat;

#[async_trait]
impl ChatDoor for Chat {
    async fn connect(&self, body: TelegramBody) -> Result<BotView, ChatFault> {
        match body.token.as_str() {
            "away" => Err(ChatFault::Away(
                "speak to Telegram: x refuses the connection; check the network".into(),
            )),
            "right" => Ok(BotView {
                id: 7,
                username: "shop_bot".into(),
                name: "Shop".into(),
            }),
            _ => Err(ChatFault::Invalid(
                "use the token: it is wrong; copy it again".into(),
            )),
        }
    }

    async fn pairing(&self, role: Role, _: &str) -> Result<PairingView, ChatFault> {
        match role {
            Role::Viewer => Err(ChatFault::Off("pair: there is no bot; set one up".into())),
            role => Ok(PairingView {
                code: "ABCD1234".into(),
                link: "https://t.me/shop_bot?start=ABCD1234".into(),
                role: role.as_str().into(),
                expires_at: "2026-05-01T12:00:00.000Z".into(),
            }),
        }
    }

    fn state(&self) -> TelegramView {
        TelegramView {
            state: "off".into(),
            ..TelegramView::default()
        }
    }

    async fn disconnect(&self, actor: &str) -> Result<(), ChatFault> {
        match actor {
            "somebody" => Ok(()),
            _ => Err(ChatFault::Off(
                "disconnect the bot: there is none; set one up".into(),
            )),
        }
    }

    async fn look(&self) -> TelegramView {
        TelegramView {
            state: "refused".into(),
            ..TelegramView::default()
        }
    }

    async fn webhook(&self, secret: Option<&[u8]>, body: &[u8]) -> Result<(), DoorFault> {
        match (secret, body) {
            (Some(b"shown"), b"busy") => Err(DoorFault::Busy("keep the update: later".into())),
            (Some(b"shown"), b"{}") => Ok(()),
            (Some(b"shown"), _) => Err(DoorFault::Body("read the update: it is none".into())),
            _ => Err(DoorFault::Secret("take the update: no secret".into())),
        }
    }
}

struct Plugins;

#[async_trait]
impl Catalog for Plugins {
    fn installed(&self) -> Vec<Installed> {
        [
            ("workflow-task", Surface::Workflow),
            ("agent-shell", Surface::Agent),
            ("budget-profiles", Surface::Budget),
            ("reward-hacking", Surface::Scanner),
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
        Ok(vec!["quick".into(), "default".into()])
    }
}

pub fn policy() -> Policy {
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
        verify: vec!["make test".into()],
        scanners: vec!["reward-hacking".into()],
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
        let own = tempfile::tempdir().unwrap();
        let mut rig = Self::with(own.path(), trust).await;
        rig._own = Some(own);
        rig
    }

    /// A host on that data directory.
    pub async fn at(dir: &Path) -> Self {
        Self::with(dir, Trust::default()).await
    }

    async fn with(dir: &Path, trust: Trust) -> Self {
        let options = StoreOptions {
            // The test that locks the database must not wait for itself.
            busy_timeout: Duration::from_millis(50),
            ..StoreOptions::new(dir.join("data"))
        };
        let store = Store::open(options).unwrap();
        let project = |name: &str| Project {
            name: name.into(),
            repository: format!("https://git.example.com/{name}.git"),
            base_branch: Some("main".into()),
            policy: policy(),
        };
        let intake = Intake::open(IntakeOptions {
            store: store.clone(),
            catalog: Arc::new(Plugins),
            projects: vec![project("shop"), project("blog")],
            defaults: policy(),
            allowed: Allowed {
                repositories: vec!["https://git.example.com/open/*".into()],
                agents: vec!["*".into()],
                workflows: Vec::new(),
            },
        })
        .await
        .unwrap();
        let shutdown = CancellationToken::new();
        let configs = Configs::default();
        let Parts { platform, logs, .. } =
            platform(dir, &store, &intake, Arc::new(SystemClock), &configs, trust).await;
        let api = Api::new(ApiOptions {
            store: store.clone(),
            intake,
            engine: Arc::new(Engine {
                dir: dir.to_path_buf(),
            }),
            platform: platform.clone(),
            chat: Arc::new(Chat),
            logs,
            token: Token::from_text(TOKEN),
            shutdown: shutdown.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(serve(listener, router(api), shutdown.clone()));
        Self {
            store,
            platform,
            configs,
            client: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0)
                .build()
                .unwrap(),
            url,
            dir: dir.to_path_buf(),
            shutdown,
            serving,
            contract: Contract::new(),
            _own: None,
        }
    }

    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// A request that shows the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(TOKEN)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Sends a package there.
    pub async fn upload(&self, path: &str, upload: Upload) -> Answer {
        self.send(self.request(Method::POST, path).multipart(upload.form()))
            .await
    }

    /// Installs a package with everything that it asks for.
    pub async fn install(&self, package: Vec<u8>) -> Answer {
        let answer = self.upload("/v1/plugins", Upload::of(package)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer
    }

    /// Sends it and holds the answer against the description.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let method = request.method().to_string();
        let path = request.url().path().to_owned();
        let work = async {
            let response = self.client.execute(request).await.unwrap();
            let status = response.status().as_u16();
            let headers = response.headers().clone();
            (status, headers, response.text().await.unwrap())
        };
        let (status, headers, text) = tokio::time::timeout(PATIENCE, work).await.unwrap();
        let media_type = headers["content-type"].to_str().unwrap();
        let essence = media_type.split(';').next().unwrap();
        self.contract
            .check(&method, &path, status, essence, text.as_bytes());
        Answer {
            status,
            body: serde_json::from_str(&text).unwrap_or_default(),
            headers,
            text,
        }
    }

    /// Submits a job; returns its number.
    pub async fn submit(&self, task: &str) -> u64 {
        let body = serde_json::json!({ "project": "shop", "task": task });
        let answer = self.post("/v1/jobs", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["id"].as_u64().unwrap()
    }

    /// Plays the engine: leases the next job.
    pub async fn claim(&self) -> Claim {
        let limits = ClaimLimits {
            max_running_total: 10,
            max_running_per_project: 10,
        };
        self.store.claim(limits).await.unwrap().unwrap()
    }

    /// Plays the engine: runs a job up to a scan with one finding.
    pub async fn flag(&self) -> Claim {
        let claim = self.claim().await;
        let fence = claim.fence;
        let store = &self.store;
        let limits = policy().ceiling;
        store
            .set_base(fence, BASE, limits, "sortie/1/task")
            .await
            .unwrap();
        store
            .set_run_phase(fence, RunPhase::Executing)
            .await
            .unwrap();
        let step = NewStep {
            name: "scan".into(),
            action: serde_json::json!({ "scan": {} }),
        };
        store
            .decide_steps(
                fence,
                NewDecision {
                    index: 0,
                    state: Vec::new(),
                    decision: serde_json::json!({ "run": ["scan"] }),
                    steps: vec![step],
                },
            )
            .await
            .unwrap();
        let findings = [(Severity::Warn, 3), (Severity::Block, 9)].map(|(severity, line)| {
            let place = Place {
                path: "test_a.py".into(),
                line,
                side: Side::New,
            };
            let evidence = format!("@skip {line}");
            Finding {
                scanner: "reward-hacking".into(),
                rule: "py-skip".into(),
                severity,
                fingerprint: fingerprint("reward-hacking", "py-skip", Some(&place), &evidence),
                place: Some(place),
                message: "a test is skipped".into(),
                evidence,
            }
        });
        let record = StepRecord {
            findings: Some(ScanReport {
                commit: HEAD.into(),
                scanners: vec!["reward-hacking".into()],
                findings: findings.into(),
            }),
            head: Some(HEAD.into()),
            ..StepRecord::default()
        };
        store
            .finish_step(fence, 0, serde_json::json!({ "scanned": 2 }), record)
            .await
            .unwrap();
        claim
    }

    /// Plays the engine: runs a job until it waits for a person.
    pub async fn park(&self) -> Claim {
        let claim = self.flag().await;
        let approval = NewApproval {
            step: "scan".into(),
            subject: Subject::Review,
            question: "Publish in spite of 2 findings?".into(),
            commit: Some(HEAD.into()),
            expires_at: SystemClock.now().plus(Duration::from_secs(3600)),
            remind_at: None,
            evidence: None,
        };
        self.store.park(claim.fence, approval).await.unwrap();
        claim
    }

    /// Plays the engine: ends a run.
    pub async fn finish(&self, claim: &Claim, event: JobEvent) {
        self.store
            .finish(claim.fence, event, RunEnd::default())
            .await
            .unwrap();
    }
}

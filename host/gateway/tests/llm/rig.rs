//! A run with its gateway, its ledger and a provider that does as it is told.

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sortie_gateway::llm::{
    Llm, LlmOptions, ModelSpec, Models, ModelsOptions, Provider, ProviderKind,
};
use sortie_gateway::{CallPlan, Gateway, Meter, MeterError, Reserved, RunGateway};
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::finding::Severity;
use sortie_model::id::{CallId, Fence};
use sortie_model::llm::{CallRecord, ModelApi, ModelBounds, ModelPolicy, NewCall, Price, Rates};
use sortie_model::project::{Policy, Project, PublishMode};
use sortie_servers::ModelServer;
use sortie_store::{
    CallLedger, CallLimits, ClaimLimits, ModelCall, NewJob, Store, StoreError, StoreOptions,
};
use sortie_vault::{Secret, SecretSource, Vault};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::sync::watch;

/// The provider's key.
pub const KEY: &str = "sk-canary-00-main-provider";

/// What the model of the tests costs: a dollar a million in, ten out.
pub const PRICE: Price = Price {
    rates: Rates {
        input: MicroUsd(1_000_000),
        output: MicroUsd(10_000_000),
        cache_read: MicroUsd(1_000_000),
        cache_write: MicroUsd(1_000_000),
    },
    long: None,
};

pub const PLENTY: CallLimits = CallLimits {
    run: Limits {
        calls: 10_000,
        cost_micro_usd: MicroUsd(1_000_000_000),
        time_ms: 60_000,
    },
    project_day: MicroUsd(1_000_000_000),
    host_day: MicroUsd(1_000_000_000),
};

/// The ledger of one run, as the engine has it.
struct Ledger {
    store: Store,
    fence: Fence,
    calls: CallLedger,
    settled: watch::Sender<usize>,
}

#[async_trait]
impl Meter for Ledger {
    async fn reserve(&self, plan: CallPlan) -> Result<Reserved, MeterError> {
        let call = NewCall {
            provider: plan.provider,
            model: plan.model,
            api: plan.api,
            role: "build".into(),
            position: None,
            worst: plan.worst,
        };
        match self.calls.reserve(call).await {
            Ok(Ok(call)) => Ok(Reserved::Call(call)),
            Ok(Err(refused)) => Ok(Reserved::Refused(refused)),
            Err(StoreError::Stale { .. }) => Err(MeterError::Over),
            Err(error) => Err(MeterError::Ledger(error.to_string())),
        }
    }

    async fn settle(&self, call: CallId, record: CallRecord) {
        self.calls.settle(call, record).await;
        // What it wrote can be read from here on.
        self.calls.used().await.expect("the ledger works");
        self.settled.send_modify(|count| *count += 1);
    }

    async fn check(&self) -> Result<(), MeterError> {
        match self.store.check_lease(self.fence).await {
            Ok(()) => Ok(()),
            Err(StoreError::Stale { .. }) => Err(MeterError::Over),
            Err(error) => Err(MeterError::Ledger(error.to_string())),
        }
    }
}

/// What a rig is made of.
pub struct Parts {
    pub provider: Provider,
    pub limits: CallLimits,
    pub secrets: BTreeMap<String, SecretSource>,
    pub max_request_bytes: usize,
    pub request_timeout: Duration,
}

pub struct Rig {
    pub server: ModelServer,
    pub store: Store,
    pub fence: Fence,
    pub dir: TempDir,
    pub llm: Llm,
    gateway: Gateway,
    settled: watch::Receiver<usize>,
}

pub fn secret(value: &str) -> SecretSource {
    SecretSource::Value(Secret::new(value.to_owned()))
}

impl Rig {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Parts)) -> Self {
        let server = ModelServer::start().await;
        let mut provider =
            Provider::new(ProviderKind::Compatible, &server.base_url()).expect("a URL");
        provider.apis = ModelApi::ALL.to_vec();
        provider.secret = Some("main-key".into());
        provider.retry_pause = Duration::from_millis(1);
        let mut parts = Parts {
            provider,
            limits: PLENTY,
            secrets: [("main-key".to_owned(), secret(KEY))].into(),
            max_request_bytes: 32 * 1024 * 1024,
            request_timeout: Duration::from_secs(60),
        };
        change(&mut parts);
        let spec = |price| ModelSpec {
            price,
            bounds: ModelBounds {
                context: Some(10_000),
                output: Some(1_000),
            },
            ..ModelSpec::default()
        };
        let models = Models::new(ModelsOptions {
            providers: [(
                "main".to_owned(),
                (parts.provider.kind, parts.provider.apis.clone()),
            )]
            .into(),
            aliases: BTreeMap::new(),
            specs: [
                ("m-1".to_owned(), spec(Some(PRICE))),
                ("free".to_owned(), spec(Some(Price::FREE))),
                ("unpriced".to_owned(), spec(None)),
            ]
            .into(),
            max_output_tokens: None,
        });
        let vault = Vault::new(parts.secrets).expect("names are valid");
        let providers = [("main".to_owned(), parts.provider)].into();
        let mut options = LlmOptions::new(vault, providers, models);
        options.max_request_bytes = parts.max_request_bytes;
        options.request_timeout = parts.request_timeout;
        let llm = Llm::new(options).expect("certificates are readable");
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(StoreOptions::new(dir.path())).expect("a store");
        let fence = claim(&store).await;
        let (counted, settled) = watch::channel(0);
        let gateway = gateway(&llm, &store, fence, parts.limits, counted);
        Self {
            server,
            store,
            fence,
            dir,
            llm,
            gateway,
            settled,
        }
    }

    /// The gateway of another run on the same host.
    pub async fn other_run(&self) -> (Gateway, Fence) {
        let fence = claim(&self.store).await;
        let counted = watch::channel(0).0;
        let gateway = gateway(&self.llm, &self.store, fence, PLENTY, counted);
        (gateway, fence)
    }

    /// A connection of a client in the sandbox.
    pub async fn connect(&self) -> SendRequest<Full<Bytes>> {
        connect(&self.gateway).await
    }

    /// A connection of a client that writes its bytes itself.
    pub fn raw(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let gateway = self.gateway.clone();
        tokio::spawn(async move { gateway.serve(server).await });
        client
    }

    /// Sends JSON and reads the whole answer.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(request(path, body.to_string())).await
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let mut sender = self.connect().await;
        let response = sender.send_request(request).await.expect("it answers");
        Answer::of(response).await
    }

    /// The calls on the ledger.
    pub async fn calls(&self) -> Vec<ModelCall> {
        self.store.model_calls(self.fence.run).await.expect("reads")
    }

    /// Waits until so many calls are settled.
    pub async fn has_settled(&self, calls: usize) {
        let mut settled = self.settled.clone();
        let waited = settled.wait_for(|count| *count >= calls).await;
        waited.expect("the gateway lives");
    }

    pub async fn spent(&self) -> (u32, u64) {
        let state = self.store.run_state(self.fence.run).await.expect("reads");
        (state.usage.calls, state.usage.cost_micro_usd.0)
    }
}

fn gateway(
    llm: &Llm,
    store: &Store,
    fence: Fence,
    limits: CallLimits,
    settled: watch::Sender<usize>,
) -> Gateway {
    Gateway::new(RunGateway {
        meter: Arc::new(Ledger {
            store: store.clone(),
            fence,
            calls: CallLedger::new(store.clone(), fence, limits),
            settled,
        }),
        llm: llm.clone(),
        models: ModelPolicy {
            default: Some("m-1".into()),
            roles: BTreeMap::new(),
            allow: vec!["free".into(), "unpriced".into()],
        },
        web: None,
    })
}

pub async fn connect(gateway: &Gateway) -> SendRequest<Full<Bytes>> {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let gateway = gateway.clone();
    tokio::spawn(async move { gateway.serve(server).await });
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client))
        .await
        .expect("the gateway speaks HTTP/1");
    tokio::spawn(connection);
    sender
}

pub fn request(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("host", "127.0.0.1:3129")
        .header("authorization", "Bearer of-the-client")
        .header("x-api-key", "of-the-client")
        .body(Full::new(body.into()))
        .expect("a valid request")
}

/// An answer, whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether it was cut.
    pub cut: bool,
}

impl Answer {
    pub async fn of(response: Response<Incoming>) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        let mut cut = false;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |d| d)),
                Err(_) => {
                    cut = true;
                    break;
                }
            }
        }
        Self {
            status,
            headers,
            body: bytes.into(),
            cut,
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The host's word for what went wrong.
    pub fn code(&self) -> String {
        let body = self.json();
        assert_eq!(
            body["type"], "error",
            "Anthropic's clients look here: {body}"
        );
        assert!(body["error"]["message"].is_string() && body["error"]["type"].is_string());
        body["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

async fn claim(store: &Store) -> Fence {
    let policy = Policy {
        workflow: "workflow-task".into(),
        agent: "agent-shell".into(),
        budget_plugin: "budget-profiles".into(),
        budget_profile: None,
        ceiling: PLENTY.run,
        verify: Vec::new(),
        scanners: Vec::new(),
        review_from: Severity::Warn,
        publish: PublishMode::None,
        branch_prefix: "sortie".into(),
        max_attempts: 1,
        detect: false,
        base_tests: false,
        approval_expires_ms: 1,
        guard: Default::default(),
        image: None,
        egress: Default::default(),
        models: ModelPolicy::default(),
    };
    let project = Project {
        name: "alpha".into(),
        repository: "file:///srv/alpha.git".into(),
        base_branch: None,
        policy: policy.clone(),
    };
    store.put_projects(vec![project]).await.expect("a project");
    let job = NewJob {
        project: "alpha".into(),
        repository: "file:///srv/alpha.git".into(),
        base_branch: None,
        task: "t".into(),
        policy,
        follows: None,
        requested_by: "ann".into(),
        via: "test".into(),
        idempotency: None,
    };
    store.submit(job).await.expect("a job");
    let limits = ClaimLimits {
        max_running_total: 100,
        max_running_per_project: 100,
    };
    let claim = store.claim(limits).await.expect("claims");
    claim.expect("a job is queued").fence
}

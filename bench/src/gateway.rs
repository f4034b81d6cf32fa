//! The host's gateway for models in a process of its own, so that its
//! processor time can be told from everything else's: this program again, on a
//! loopback port instead of a sandbox's wire, with a ledger on disk and the
//! shipped budget plugin, as a run has them.

use crate::benches::jobs;
use anyhow::{Context, Result};
use async_trait::async_trait;
use sortie_gateway::llm::{
    Llm, LlmOptions, ModelSpec, Models, ModelsOptions, Provider, ProviderKind,
};
use sortie_gateway::{CallPlan, Gateway, Meter, MeterError, Reserved, RunGateway};
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::id::CallId;
use sortie_model::llm::{
    CallRecord, ModelApi, ModelBounds, ModelPolicy, NewCall, Price, Rates, role,
};
use sortie_plugins::surfaces::budget::{self, Pending, Verdict};
use sortie_plugins::{PluginOptions, Plugins};
use sortie_store::{CallLedger, CallLimits, ClaimLimits};
use sortie_vault::Vault;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The first argument that makes this program a gateway.
pub const GATEWAY: &str = "__gateway";

/// Beyond what any benchmark spends.
const PLENTY: CallLimits = CallLimits {
    run: Limits {
        calls: u32::MAX,
        cost_micro_usd: MicroUsd(i64::MAX as u64),
        time_ms: u64::MAX,
    },
    project_day: MicroUsd(i64::MAX as u64),
    host_day: MicroUsd(i64::MAX as u64),
};

/// As the engine charges a run.
struct Ledger {
    calls: CallLedger,
    plugins: Plugins,
}

#[async_trait]
impl Meter for Ledger {
    async fn reserve(&self, plan: CallPlan) -> Result<Reserved, MeterError> {
        let failed = |error: String| MeterError::Ledger(error);
        let used = self.calls.used().await;
        let used = used.map_err(|error| failed(error.to_string()))?;
        let verdict = self
            .plugins
            .budget_evaluate(
                "budget-profiles",
                &budget::Usage {
                    calls: used.calls,
                    cost_micro_usd: used.cost_micro_usd.0,
                    time_ms: used.time_ms,
                },
                &budget::Limits {
                    calls: u32::MAX,
                    cost_micro_usd: u64::MAX,
                    time_ms: u64::MAX,
                },
                &Pending {
                    calls: 1,
                    cost_micro_usd: plan.worst.0,
                },
            )
            .await
            .map_err(|error| failed(error.to_string()))?;
        if let Verdict::Deny(why) | Verdict::Ask(why) = verdict {
            return Ok(Reserved::Denied(why));
        }
        let call = NewCall {
            provider: plan.provider,
            model: plan.model,
            api: plan.api,
            role: role::BUILD.into(),
            position: None,
            worst: plan.worst,
        };
        let reserved = self.calls.reserve(call).await;
        match reserved.map_err(|error| failed(error.to_string()))? {
            Ok(call) => Ok(Reserved::Call(call)),
            Err(refused) => Ok(Reserved::Refused(refused)),
        }
    }

    async fn settle(&self, call: CallId, record: CallRecord) {
        self.calls.settle(call, record).await;
    }

    async fn check(&self) -> Result<(), MeterError> {
        Ok(())
    }
}

/// Serves until it is killed: `UPSTREAM DIRECTORY`. Says its address in a line.
///
/// # Errors
/// When it cannot begin.
pub fn run(arguments: &[OsString]) -> Result<()> {
    let [upstream, directory] = arguments else {
        anyhow::bail!("start a gateway without an upstream and a directory");
    };
    let upstream = upstream.to_str().context("read the upstream's address")?;
    tokio::runtime::Runtime::new()
        .context("start the runtime")?
        .block_on(serve(upstream, Path::new(directory)))
}

async fn serve(upstream: &str, directory: &Path) -> Result<()> {
    let gateway = open(upstream, directory).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&listener.local_addr()?.to_string());
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        let gateway = gateway.clone();
        tokio::spawn(async move { gateway.serve(connection).await });
    }
}

/// The model endpoint of a run, with a ledger in that directory.
///
/// # Errors
/// When one of its parts cannot begin.
pub async fn open(upstream: &str, directory: &Path) -> Result<Gateway> {
    let store = jobs::open(directory, &["shop".to_owned()]).await?;
    store.submit(jobs::request("shop")).await?;
    let limits = ClaimLimits {
        max_running_total: 1,
        max_running_per_project: 1,
    };
    let claim = store.claim(limits).await?.context("claim the run")?;
    let plugins = Plugins::new(PluginOptions::default())?;
    plugins.load_shipped(&BTreeMap::new()).await?;
    Ok(Gateway::new(RunGateway {
        meter: Arc::new(Ledger {
            calls: CallLedger::new(store, claim.fence, PLENTY),
            plugins,
        }),
        llm: llm(upstream)?,
        models: ModelPolicy {
            default: Some("m-1".into()),
            ..ModelPolicy::default()
        },
        web: None,
    }))
}

fn llm(upstream: &str) -> Result<Llm> {
    let mut provider = Provider::new(ProviderKind::Compatible, upstream)
        .map_err(|error| anyhow::anyhow!("use the upstream: {error}"))?;
    provider.apis = ModelApi::ALL.to_vec();
    provider.max_parallel = 256;
    let micro = MicroUsd(1_000_000);
    let spec = ModelSpec {
        price: Some(Price {
            rates: Rates {
                input: micro,
                output: micro,
                cache_read: micro,
                cache_write: micro,
            },
            long: None,
        }),
        bounds: ModelBounds {
            context: Some(100_000),
            output: Some(1_000),
        },
        ..ModelSpec::default()
    };
    let models = Models::new(ModelsOptions {
        providers: [("main".to_owned(), (provider.kind, provider.apis.clone()))].into(),
        specs: [("m-1".to_owned(), spec)].into(),
        ..ModelsOptions::default()
    });
    let providers = [("main".to_owned(), provider)].into();
    Ok(Llm::new(LlmOptions::new(
        Vault::default(),
        providers,
        models,
    ))?)
}

#[expect(clippy::print_stdout, reason = "whoever started it reads this line")]
fn say(line: &str) {
    println!("{line}");
}

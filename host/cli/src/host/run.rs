//! A host from start to end: opens what it needs, says when it is ready, and
//! ends in order. It never waits for the container engine.

use super::engine::{View, watch as watch_engine};
use super::logging::{self, LogFormat};
use super::record::Record;
use super::{TOKEN_FILE, WIRE_KEY_FILE, catalog, options, people, telegram};
use crate::config::Loaded;
use crate::exit::{CliError, Exit};
use sortie_api::{Api, ApiOptions, EngineState, Token};
use sortie_engine::{Engine, EngineOptions};
use sortie_gateway::outbound::{Outbound, OutboundOptions};
use sortie_intake::{Allowed, Intake, IntakeError, IntakeOptions};
use sortie_model::clock::SystemClock;
use sortie_people::People;
use sortie_platform::{Platform, PlatformOptions, PluginLogs};
use sortie_plugins::Plugins;
use sortie_sandbox::{Sandbox, WireKey};
use sortie_store::{Store, StoreError, StoreOptions};
use sortie_telegram::Telegram;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long the ready line waits to be able to tell how the container engine
/// is. It is ready without.
const ENGINE_LOOK: Duration = Duration::from_millis(100);

/// How long to wait before the engine is started again after the store failed
/// it, as a full disk does.
const ENGINE_PAUSE: Duration = Duration::from_secs(2);

/// How long the engine gets to let go of its runs at the end.
const ENGINE_GRACE: Duration = Duration::from_secs(10);

/// How long the platform gets to let go of the calls under way; what they were
/// about comes again.
const PLATFORM_GRACE: Duration = Duration::from_secs(5);

/// How long Telegram and the clockwork get. What was begun is found again at
/// the next start.
const CHAT_GRACE: Duration = Duration::from_secs(5);

/// Runs a host until it is told to end.
pub async fn run(loaded: Loaded, format: LogFormat) -> Result<(), CliError> {
    logging::start(format);
    let shutdown = CancellationToken::new();
    end_on_signal(shutdown.clone())?;
    let host = Host::open(&loaded, shutdown.clone()).await?;
    let ready = Ready {
        address: host.address,
        data_dir: &loaded.data_dir,
        token_file: host.token_file.clone(),
        token_made: host.token_made,
        engine: host.look().await,
    };
    ready.say(format, &loaded);
    host.serve(shutdown).await;
    Ok(())
}

struct Host {
    store: Store,
    api: Api,
    platform: Platform,
    telegram: Telegram,
    people: People,
    engine: Engine,
    sandbox: Sandbox,
    seen: watch::Sender<EngineState>,
    listener: TcpListener,
    address: SocketAddr,
    token_file: PathBuf,
    token_made: bool,
}

impl Host {
    async fn open(loaded: &Loaded, shutdown: CancellationToken) -> Result<Self, CliError> {
        let config = &loaded.config;
        let data_dir = &loaded.data_dir;
        let vault = options::vault(loaded)?;
        // First, because it makes the data directory and is the lock on it.
        let store = {
            let options = StoreOptions::new(data_dir);
            blocking(move || Store::open(options))
                .await?
                .map_err(|error| {
                    let kind = match error {
                        StoreError::Held { .. } => "held",
                        _ => "store",
                    };
                    CliError::new(Exit::Failed, kind, error.to_string())
                })?
        };
        let logs = PluginLogs::new(Arc::new(SystemClock));
        let kept = logs.clone();
        let plugin_options =
            options::plugins(data_dir, config.limits.parallel).with_log_sink(move |line| {
                line.trace();
                kept.keep(line);
            });
        let plugins = Plugins::new(plugin_options).map_err(CliError::failed)?;
        plugins
            .load_shipped(&options::plugin_configs(config))
            .await
            .map_err(CliError::failed)?;
        let mirrors = options::mirrors(config);
        let intake = Intake::open(IntakeOptions {
            store: store.clone(),
            catalog: Arc::new(catalog::Loaded(plugins.clone())),
            projects: config.projects(&mirrors),
            defaults: config.default_policy(&mirrors),
            allowed: Allowed {
                repositories: config.intake.allow_repositories.clone(),
                agents: config.intake.allow_agents.clone(),
                workflows: config.intake.allow_workflows.clone(),
            },
        })
        .await
        .map_err(|error| match error {
            IntakeError::Store(error) => CliError::new(Exit::Failed, "store", error.to_string()),
            error => CliError::new(Exit::Usage, "configuration", error.to_string()),
        })?;
        let audit = Platform::audit_of(store.clone());
        let outbound =
            Outbound::new(OutboundOptions::new(vault.clone(), audit)).map_err(CliError::failed)?;
        let configured = loaded.clone();
        let platform = Platform::open(PlatformOptions {
            store: store.clone(),
            plugins: plugins.clone(),
            intake: intake.clone(),
            outbound: outbound.clone(),
            vault: vault.clone(),
            clock: Arc::new(SystemClock),
            data_dir: data_dir.clone(),
            configs: Arc::new(move |name| {
                let config = configured.plugin_config(name);
                config.map_err(|error| error.to_string())
            }),
            trust: options::trust(config)?,
            day_limits: options::day_limits(config),
        })
        .await
        .map_err(|error| CliError::new(Exit::Failed, "store", error.to_string()))?;
        let key =
            WireKey::load_or_create(&data_dir.join(WIRE_KEY_FILE)).map_err(CliError::failed)?;
        let sandbox = Sandbox::connect(options::engine(config, store.instance_id(), key)?)
            .await
            .map_err(CliError::failed)?;
        let engine = Engine::new(EngineOptions {
            store: store.clone(),
            llm: options::llm(config, vault.clone())?,
            redactor: vault.redactor(),
            git: options::git(loaded, vault.clone()),
            sandbox: sandbox.clone(),
            plugins,
            clock: Arc::new(SystemClock),
            data_dir: data_dir.clone(),
            author: options::author(config),
            limits: options::engine_limits(config),
            web: config.web.service(&outbound),
        });
        let telegram = telegram::open(loaded, &store, &platform, vault, &engine);
        let people = people::open(loaded, &store)?;
        let token_file = data_dir.join(TOKEN_FILE);
        let (token, token_made) = Token::open(&token_file).map_err(CliError::failed)?;
        let listen = config.api.listen;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            CliError::failed(format!("listen on {listen}: {error}"))
                .with_hint("stop what listens there, or set another api.listen")
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| CliError::failed(format!("listen on {listen}: {error}")))?;
        let (seen, now_seen) = watch::channel(EngineState::Unknown);
        let api = Api::new(ApiOptions {
            store: store.clone(),
            intake,
            engine: Arc::new(View {
                engine: engine.clone(),
                seen: now_seen,
            }),
            platform: platform.clone(),
            chat: Arc::new(telegram::Door(telegram.clone())),
            logs,
            token,
            shutdown,
        });
        let record = Record {
            address,
            instance: store.instance_id().to_owned(),
            pid: std::process::id(),
        };
        if let Err(error) = record.write(data_dir) {
            // A courtesy to commands on this machine; a full disk must not
            // keep a host from starting.
            tracing::warn!(%error, "could not note where the host listens");
        }
        Ok(Self {
            store,
            api,
            platform,
            telegram,
            people,
            engine,
            sandbox,
            seen,
            listener,
            address,
            token_file,
            token_made,
        })
    }

    /// How the container engine is, if it says so soon.
    async fn look(&self) -> EngineState {
        match tokio::time::timeout(ENGINE_LOOK, self.sandbox.check()).await {
            Ok(report) => super::engine::state(&report),
            Err(_) => EngineState::Unknown,
        }
    }

    async fn serve(self, shutdown: CancellationToken) {
        let watching = tokio::spawn(watch_engine(self.sandbox, self.seen, shutdown.clone()));
        let working = tokio::spawn(work(self.engine, shutdown.clone()));
        let (platform, until) = (self.platform, shutdown.clone());
        let platform = tokio::spawn(async move { platform.run(until).await });
        let (telegram, people, until) = (self.telegram, self.people, shutdown.clone());
        let chats = tokio::spawn(async move {
            tokio::join!(telegram.run(until.clone()), people.run(until));
        });
        sortie_api::serve(self.listener, sortie_api::router(self.api), shutdown).await;
        tracing::info!("ending; runs under way go on in their containers");
        if tokio::time::timeout(ENGINE_GRACE, working).await.is_err() {
            tracing::warn!("the engine did not end in time");
        }
        if tokio::time::timeout(PLATFORM_GRACE, platform)
            .await
            .is_err()
        {
            tracing::warn!("the platform did not end in time");
        }
        if tokio::time::timeout(CHAT_GRACE, chats).await.is_err() {
            tracing::warn!("Telegram did not end in time");
        }
        watching.abort();
        self.store.close().await;
    }
}

/// Keeps the engine working. It fails only before it has started anything.
async fn work(engine: Engine, shutdown: CancellationToken) {
    while let Err(error) = engine.run(shutdown.clone()).await {
        tracing::error!(%error, "the engine could not start; trying again");
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(ENGINE_PAUSE) => {}
        }
    }
}

/// Asks for the end on the first signal, and ends on the second.
fn end_on_signal(shutdown: CancellationToken) -> Result<(), CliError> {
    let failed = |error| CliError::failed(format!("wait for signals: {error}"));
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
        };
        next().await;
        shutdown.cancel();
        next().await;
        // Everything that matters is on disk at any moment; whoever asks twice
        // does not want to wait.
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).ok();
    });
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CliError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| CliError::failed(format!("start: {error}")))
}

struct Ready<'h> {
    address: SocketAddr,
    data_dir: &'h Path,
    token_file: PathBuf,
    token_made: bool,
    engine: EngineState,
}

impl Ready<'_> {
    /// One line, whatever the log's filter is.
    fn say(&self, format: LogFormat, loaded: &Loaded) {
        use std::io::Write;
        let (state, detail) = match &self.engine {
            EngineState::Unknown => ("not known yet", None),
            EngineState::Up(detail) => ("up", Some(detail)),
            EngineState::Down(detail) => ("down", Some(detail)),
        };
        let line = match format {
            LogFormat::Human => {
                let detail = detail
                    .map(|detail| format!(" ({detail})"))
                    .unwrap_or_default();
                let made = if self.token_made { " (new)" } else { "" };
                format!(
                    "sortie is ready: http://{}  data {}  token {}{made}  engine {state}{detail}",
                    self.address,
                    self.data_dir.display(),
                    self.token_file.display(),
                )
            }
            LogFormat::Json => serde_json::json!({
                "level": "INFO",
                "message": "ready",
                "address": self.address,
                "data_dir": self.data_dir,
                "token_file": self.token_file,
                "config": loaded.file,
                "engine": state,
                "engine_detail": detail,
            })
            .to_string(),
        };
        // A host does not end because nobody reads its log.
        let _ = writeln!(std::io::stderr(), "{line}");
        if !self.address.ip().is_loopback() {
            tracing::warn!(
                address = %self.address,
                "the API is reachable from other machines and the token travels in the clear; put \
                 a TLS proxy in front of it"
            );
        }
    }
}

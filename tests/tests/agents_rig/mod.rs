//! One flight: a sandbox with a repository, an agent launched in it as its
//! plugin plans, and what came of it.

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use serde_json::Value;
use sortie_plugins::surfaces::agent::{
    Conclusion, Event, Exit, Mode, Model, ModelApi, Stream, Task,
};
use sortie_plugins::{PluginOptions, Plugins};
use sortie_sandbox::{
    BoxedIo, CollectRequest, Collected, EngineOptions, ExitStatus, LaunchSpec, OutputStream, Part,
    Sandbox, StepFile, StepSpec, WireGateway, WireKey, Workspace, place,
};
use sortie_servers::Models;
use sortie_tests::git;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

/// How long an agent may take: a cold start of a large program on a busy
/// machine, and the retries of one whose model fails.
const LIMIT: Duration = Duration::from_secs(300);

/// What the repository would have agents obey or execute.
const TRAPS: [(&str, &str); 6] = [
    (
        ".claude/settings.json",
        r#"{"hooks":{"SessionStart":[{"hooks":[{"type":"command","command":"touch /work/repo/trapped"}]}]},"model":"trap"}"#,
    ),
    (
        ".mcp.json",
        r#"{"mcpServers":{"trap":{"command":"touch","args":["/work/repo/trapped"]}}}"#,
    ),
    (
        ".pi/extensions/trap.js",
        "require('fs').writeFileSync('/work/repo/trapped', ''); module.exports = () => {};",
    ),
    (
        ".pi/settings.json",
        r#"{"defaultProvider":"trap","defaultModel":"trap"}"#,
    ),
    (
        "opencode.json",
        r#"{"model":"trap/trap","mcp":{"trap":{"type":"local","command":["touch","/work/repo/trapped"]}}}"#,
    ),
    (
        ".codex/config.toml",
        "model = \"trap\"\n[mcp_servers.trap]\ncommand = \"touch\"\nargs = [\"/work/repo/trapped\"]\n",
    ),
];

/// What came of it.
pub struct Flight {
    pub events: Vec<Event>,
    pub end: Conclusion,
    pub exit: ExitStatus,
    /// All that the agent printed.
    pub printed: String,
    /// First lines of what it asked the egress proxy for.
    pub outside: Vec<String>,
    /// The requests that the models got.
    pub requests: Vec<Value>,
    origin: tempfile::TempDir,
    commit: Option<String>,
}

impl std::fmt::Debug for Flight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let printed: Vec<_> = self
            .printed
            .lines()
            .map(|l| l.get(..600).unwrap_or(l))
            .collect();
        f.debug_struct("Flight")
            .field("events", &self.events)
            .field("end", &self.end)
            .field("exit", &self.exit)
            .field("outside", &self.outside)
            .field("requests", &self.requests.len())
            .field("printed", &printed)
            .finish_non_exhaustive()
    }
}

impl Flight {
    /// A file as the agent left it.
    pub fn file(&self, path: &str) -> Result<String> {
        let commit = self.commit.as_deref().context("nothing changed")?;
        git(self.origin.path(), &["show", &format!("{commit}:{path}")])
    }

    /// The files that it changed.
    pub fn changed(&self) -> Result<Vec<String>> {
        let Some(commit) = &self.commit else {
            return Ok(Vec::new());
        };
        let names = git(self.origin.path(), &["diff", "--name-only", "main", commit])?;
        Ok(names.lines().map(str::to_owned).collect())
    }
}

/// Leads the agent to the models, and nowhere else.
struct Doors {
    models: SocketAddr,
    outside: Mutex<Vec<String>>,
}

#[async_trait]
impl WireGateway for Doors {
    async fn llm(&self, mut io: BoxedIo) {
        if let Ok(mut models) = TcpStream::connect(self.models).await {
            let _ = copy_bidirectional(&mut io, &mut models).await;
        }
    }

    async fn egress(&self, mut io: BoxedIo) {
        let mut asked = vec![0; 1024];
        let length = io.read(&mut asked).await.unwrap_or(0);
        let text = String::from_utf8_lossy(&asked[..length]).into_owned();
        let line = text.lines().next().unwrap_or_default().to_owned();
        self.outside.lock().expect("unpoisoned").push(line);
        let _ = io
            .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            .await;
    }
}

/// Flies one task with a plugin, over one protocol.
pub async fn fly(
    plugin: &str,
    api: ModelApi,
    mode: Mode,
    prompt: &str,
    fixtures: &Value,
) -> Result<Flight> {
    fly_on(plugin, api, mode, prompt, None, fixtures).await
}

/// The same; with a nudge the agent is stopped when the first of its tools
/// ended, and launched again with that.
pub async fn fly_on(
    plugin: &str,
    api: ModelApi,
    mode: Mode,
    prompt: &str,
    nudge: Option<&str>,
    fixtures: &Value,
) -> Result<Flight> {
    let models = Models::start(&fixtures.to_string());
    let origin = repository()?;
    let doors = Arc::new(Doors {
        models: models.address(),
        outside: Mutex::default(),
    });
    let (sandbox, run) = sandbox().await?;
    let launch = LaunchSpec {
        run,
        part: Part::Work,
        job: run,
        token: 1,
        wall_limit: LIMIT + Duration::from_secs(60),
        image: None,
    };
    let workspace = sandbox
        .launch(launch, doors.clone())
        .await
        .context("launch a sandbox; `cargo xtask image full` makes its image")?;
    let flown = in_workspace(
        &workspace,
        plugin,
        api,
        mode,
        (prompt, nudge),
        origin.path(),
    )
    .await;
    workspace.destroy().await?;
    let (events, end, exit, printed, commit) = flown?;
    let journal = reqwest::get(format!("http://{}/__aimock/journal", models.address())).await?;
    let outside = doors.outside.lock().expect("unpoisoned").clone();
    Ok(Flight {
        events,
        end,
        exit,
        printed,
        outside,
        requests: journal.json().await?,
        origin,
        commit,
    })
}

async fn sandbox() -> Result<(Sandbox, u64)> {
    static RUN: AtomicU32 = AtomicU32::new(1);
    let image =
        std::env::var("SORTIE_TEST_AGENTS_IMAGE").unwrap_or_else(|_| "sortie-runner:full".into());
    let instance = format!("agents-{}", std::process::id());
    let mut options = EngineOptions::new(image, instance, WireKey::ephemeral()?);
    options.limits.memory_bytes = 2 << 30;
    let run = u64::from(RUN.fetch_add(1, Ordering::Relaxed));
    Ok((Sandbox::connect(options).await?, run))
}

fn repository() -> Result<tempfile::TempDir> {
    let dir = tempfile::tempdir()?;
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it has a folder"))?;
        std::fs::write(path, text)
    };
    write("hello.py", "# demo\nprint(\"helo\")\n")?;
    for (path, text) in TRAPS {
        write(path, text)?;
    }
    git(dir.path(), &["init", "-q", "-b", "main"])?;
    git(dir.path(), &["add", "-A", "-f"])?;
    git(dir.path(), &["commit", "-q", "-m", "Begin"])?;
    git(
        dir.path(),
        &["update-ref", "refs/heads/sortie/base", "main"],
    )?;
    git(
        dir.path(),
        &[
            "bundle",
            "create",
            "-q",
            "base.bundle",
            "refs/heads/sortie/base",
        ],
    )?;
    Ok(dir)
}

type Flown = (Vec<Event>, Conclusion, ExitStatus, String, Option<String>);

async fn in_workspace(
    workspace: &Workspace,
    plugin: &str,
    api: ModelApi,
    mode: Mode,
    (prompt, nudge): (&str, Option<&str>),
    origin: &Path,
) -> Result<Flown> {
    let base = git(origin, &["rev-parse", "main"])?.trim().to_owned();
    workspace.put(&origin.join("base.bundle"), &base).await?;
    let plugins = Plugins::new(PluginOptions::default())?;
    plugins.load_shipped(&Default::default()).await?;
    let task = Task {
        prompt: prompt.into(),
        instruction: prompt.into(),
        mode,
        role: "build".into(),
        workspace: place::REPO.into(),
        home: place::HOME.into(),
        model_endpoint: Some("http://127.0.0.1:3129".into()),
        model: Some(Model {
            name: "vendor/fake-model".into(),
            apis: vec![api],
            context_tokens: Some(100_000),
            output_tokens: Some(8_000),
            vision: false,
        }),
        time_limit_ms: 600_000,
        nudge: None,
    };
    if let Some(nudge) = nudge {
        launched(workspace, &plugins, plugin, &task, "agent", true).await?;
        let task = Task {
            nudge: Some(nudge.to_owned()),
            ..task
        };
        let ran = launched(workspace, &plugins, plugin, &task, "again", false).await?;
        return collected(workspace, ran, &base, origin).await;
    }
    let ran = launched(workspace, &plugins, plugin, &task, "agent", false).await?;
    collected(workspace, ran, &base, origin).await
}

type Ran = (Vec<Event>, Conclusion, ExitStatus, String);

/// Launches the agent and reads it to its end, or until a tool of its ended.
async fn launched(
    workspace: &Workspace,
    plugins: &Plugins,
    plugin: &str,
    task: &Task,
    id: &str,
    stops: bool,
) -> Result<Ran> {
    let plan = plugins.agent_plan(plugin, task).await?;
    let plan = plan.map_err(anyhow::Error::msg)?;
    let spec = StepSpec {
        id: id.into(),
        argv: plan.argv,
        env: plan.env,
        cwd: plan.cwd,
        files: plan
            .files
            .into_iter()
            .map(|file| StepFile {
                path: file.path,
                contents: file.contents.into(),
                executable: file.executable,
            })
            .collect(),
        stdin: plan.stdin.map(Into::into),
        wall_limit_ms: u64::try_from(LIMIT.as_millis())?,
        output_limit_bytes: 16 << 20,
    };
    let mut parser = plugins.agent_parser(plugin).await?;
    let mut step = workspace.start(spec).await?;
    let (mut events, mut printed) = (Vec::new(), Vec::new());
    let mut stopped = false;
    while let Some(output) = step.next_output().await? {
        let stream = match output.stream {
            OutputStream::Stdout => Stream::Stdout,
            OutputStream::Stderr => Stream::Stderr,
        };
        printed.extend_from_slice(&output.bytes);
        events.extend(parser.push(stream, &output.bytes).await?);
        let ended = |event: &Event| matches!(event, Event::ToolEnd(_));
        if stops && !stopped && events.iter().any(ended) {
            stopped = true;
            step.kill().await?;
        }
    }
    let exit = step.wait().await?.status;
    ensure!(
        stopped == stops
            && (stops || !matches!(exit, ExitStatus::TimedOut | ExitStatus::Killed(_))),
        "the agent did not end as it should: {exit:?}\n{}",
        String::from_utf8_lossy(&printed)
    );
    let end = parser
        .finish(match exit {
            ExitStatus::Code(code) => Exit::Code(code),
            ExitStatus::Signal(signal) => Exit::Signal(signal),
            other => Exit::Stopped(format!("{other:?}")),
        })
        .await?;
    events.extend(end.events.iter().cloned());
    Ok((
        events,
        end,
        exit,
        String::from_utf8_lossy(&printed).into_owned(),
    ))
}

async fn collected(
    workspace: &Workspace,
    (events, end, exit, printed): Ran,
    base: &str,
    origin: &Path,
) -> Result<Flown> {
    let into = origin.join("out.bundle");
    let collected = workspace
        .collect(CollectRequest {
            base,
            message: "What the agent did",
            author_name: "Agent",
            author_email: "agent@localhost",
            into: &into,
            max_bytes: 1 << 20,
        })
        .await?;
    let commit = match collected {
        Collected::Unchanged => None,
        Collected::Bundle { commit, .. } => {
            git(
                origin,
                &["fetch", "-q", "out.bundle", "refs/heads/sortie/out"],
            )?;
            Some(commit)
        }
    };
    Ok((events, end, exit, printed, commit))
}

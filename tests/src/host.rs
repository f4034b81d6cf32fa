//! A real host process, started and killed as an operator or a power cut
//! would.

use crate::{PATIENCE, Remote, code};
use anyhow::{Context, Result, bail, ensure};
use futures::StreamExt;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command as AsyncCommand};

/// How a host is set up.
pub struct HostOptions {
    /// The data directory; a temporary one by default.
    pub data_dir: Option<PathBuf>,
    /// Lines for the `[engine]` table.
    pub engine: String,
    /// Lines for the `[sandbox]` table.
    pub sandbox: String,
    /// Lines for the `[defaults]` table.
    pub defaults: String,
    /// Whole tables.
    pub more: String,
    /// What its environment has besides, by name.
    pub env: Vec<(String, String)>,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            data_dir: None,
            engine: String::new(),
            sandbox: "memory_mib = 256\nworkspace_mib = 64".to_owned(),
            defaults: String::new(),
            more: String::new(),
            env: Vec::new(),
        }
    }
}

/// A host, running or not.
pub struct Host {
    dir: tempfile::TempDir,
    data_dir: PathBuf,
    env: Vec<(String, String)>,
    child: Option<Child>,
    client: reqwest::Client,
}

impl Host {
    /// Writes a configuration for `remote` and starts a host on it. Jobs name
    /// the project `sample`.
    pub async fn start(remote: &Remote, options: HostOptions) -> Result<Self> {
        let mut host = Self::configured(remote, options)?;
        host.serve().await?;
        Ok(host)
    }

    /// The same without starting it.
    pub fn configured(remote: &Remote, options: HostOptions) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let data_dir = options.data_dir.unwrap_or_else(|| dir.path().join("data"));
        let port = free_port()?;
        // Most samples look like a project whose tools the small image lacks.
        let detect = match options.defaults.contains("detect") {
            true => "",
            false => "detect = false\n",
        };
        // One that comes at its usual hour has no place in what others look at.
        let digest = match options.more.contains("[digest]") {
            true => "",
            false => "[digest]\nat = \"\"\n",
        };
        let config = format!(
            "[host]\ndata_dir = \"{}\"\n[api]\nlisten = \"127.0.0.1:{port}\"\n\
             [engine]\n{}\n[sandbox]\n{}\n[defaults]\n{detect}{}\n{digest}\
             [projects.sample]\nrepository = \"{}\"\n{}\n",
            data_dir.display(),
            options.engine,
            options.sandbox,
            options.defaults,
            remote.url(),
            options.more,
        );
        std::fs::write(dir.path().join("sortie.toml"), config)?;
        code::lend(&binary()?, &data_dir)?;
        Ok(Self {
            dir,
            data_dir,
            env: options.env,
            child: None,
            // A host closes what was idle for long, perhaps while it is used again.
            client: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()?,
        })
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("sortie.toml")
    }

    /// Where the host keeps its things.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Starts the process and waits until it says it is ready.
    pub async fn serve(&mut self) -> Result<()> {
        let mut child = AsyncCommand::new(binary()?)
            .arg("--config")
            .arg(self.config())
            .arg("serve")
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("start sortie serve")?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let mut lines = BufReader::new(stderr).lines();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let mut ready = Some(ready);
            let mut seen = String::new();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(sender) = ready.take() {
                    seen.push_str(&line);
                    seen.push('\n');
                    match line.contains("ready") {
                        true => drop(sender.send(Ok(()))),
                        false => ready = Some(sender),
                    }
                }
                // Shown by the test runner when the test fails.
                println!("host: {line}");
            }
            if let Some(sender) = ready {
                let _ = sender.send(Err(seen));
            }
        });
        self.child = Some(child);
        match tokio::time::timeout(PATIENCE, is_ready).await {
            Ok(Ok(Ok(()))) => code::keep(&binary()?, &self.data_dir),
            Ok(Ok(Err(said))) => bail!("the host ended before it was ready:\n{said}"),
            _ => bail!("the host did not become ready"),
        }
    }

    /// `kill -9`, and waits until the process is gone.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Ends the process as an operator would, and waits for it.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().context("it runs")?.to_string();
            Command::new("kill").args(["-TERM", &pid]).status()?;
            let status = tokio::time::timeout(PATIENCE, child.wait()).await??;
            ensure!(status.success(), "the host ended with {status}");
        }
        Ok(())
    }

    /// Runs the command line against this host.
    pub fn cli(&self, args: &[&str]) -> Result<Output> {
        Ok(Command::new(binary()?)
            .arg("--config")
            .arg(self.config())
            .args(args)
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .output()?)
    }

    /// The words of a command line for this host.
    pub fn command_line(&self, args: &[&str]) -> Result<Vec<String>> {
        let program = binary()?.display().to_string();
        let config = self.config().display().to_string();
        let mut words = vec![program, "--config".to_owned(), config];
        words.extend(args.iter().map(|&word| word.to_owned()));
        Ok(words)
    }

    fn base(&self) -> Result<String> {
        let text = std::fs::read_to_string(self.config())?;
        let listen = text
            .lines()
            .find_map(|line| line.strip_prefix("listen = "))
            .context("the configuration has an address")?;
        Ok(format!("http://{}", listen.trim_matches('"')))
    }

    fn request(&self, method: reqwest::Method, path: &str) -> Result<reqwest::RequestBuilder> {
        let base = self.base()?;
        let token = std::fs::read_to_string(self.data_dir.join("api-token"))?;
        Ok(self
            .client
            .request(method, format!("{base}{path}"))
            .bearer_auth(token.trim()))
    }

    /// Uploads a plugin's package to be installed with everything it asks for,
    /// answered with status and JSON.
    pub async fn install(&self, package: Vec<u8>) -> Result<(u16, Value)> {
        let form = reqwest::multipart::Form::new()
            .part("package", reqwest::multipart::Part::bytes(package))
            .text("source", "the test")
            .text("consent", r#"{"everything":{}}"#);
        let request = self.request(reqwest::Method::POST, "/v1/plugins")?;
        answer(request.multipart(form)).await
    }

    /// A request, answered with status and JSON.
    pub async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value)> {
        let mut request = self.request(method, path)?;
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    /// Posts bytes without this host's token, as strangers do; answered with
    /// status and JSON.
    pub async fn send(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(u16, Value)> {
        let mut request = self
            .client
            .post(format!("{}{path}", self.base()?))
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }

    /// Submits a command for `agent-shell`; returns the job's number.
    pub async fn submit(&self, command: &str) -> Result<u64> {
        let body = serde_json::json!({ "project": "sample", "task": command });
        let (status, job) = self
            .call(reqwest::Method::POST, "/v1/jobs", Some(body))
            .await?;
        ensure!(status == 201, "submitting answered {status}: {job}");
        job["id"].as_u64().context("a job has a number")
    }

    /// A job as it is now.
    pub async fn job(&self, id: u64) -> Result<Value> {
        let (status, job) = self
            .call(reqwest::Method::GET, &format!("/v1/jobs/{id}"), None)
            .await?;
        ensure!(
            status == 200,
            "asking for job {id} answered {status}: {job}"
        );
        Ok(job)
    }

    /// Follows a job's events until `stop` is content with one; returns it.
    pub async fn wait_event(&self, id: u64, stop: impl Fn(&Value) -> bool) -> Result<Value> {
        let (_, event) = self.wait_event_after(id, None, stop).await?;
        Ok(event)
    }

    /// The same among the events after one; with the id of the one it found.
    async fn wait_event_after(
        &self,
        id: u64,
        after: Option<&str>,
        stop: impl Fn(&Value) -> bool,
    ) -> Result<(String, Value)> {
        let mut request = self.request(reqwest::Method::GET, &format!("/v1/jobs/{id}/events"))?;
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let wait = async {
            let mut stream = request.send().await?.error_for_status()?.bytes_stream();
            let mut text = String::new();
            while let Some(chunk) = stream.next().await {
                text.push_str(&String::from_utf8_lossy(&chunk?));
                while let Some(end) = text.find("\n\n") {
                    let frame: String = text.drain(..end + 2).collect();
                    let field = |name| -> String {
                        frame
                            .lines()
                            .filter_map(|line| line.strip_prefix(name))
                            .collect()
                    };
                    if let Ok(event) = serde_json::from_str::<Value>(field("data:").trim())
                        && stop(&event)
                    {
                        return Ok((field("id:").trim().to_owned(), event));
                    }
                }
            }
            bail!("the events ended")
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .with_context(|| format!("job {id} did not get there"))?
    }

    /// Waits until a job is in one of `states`; returns the job. That it was in
    /// one before and went on does not count.
    pub async fn wait_state(&self, id: u64, states: &[&str]) -> Result<Value> {
        let is_one = |state: Option<&str>| state.is_some_and(|state| states.contains(&state));
        let mut after = None;
        loop {
            let job = self.job(id).await?;
            if is_one(job["state"].as_str()) {
                return Ok(job);
            }
            let (seen, _) = self
                .wait_event_after(id, after.as_deref(), |event| {
                    let kind = event["kind"].as_str();
                    is_one(kind.and_then(|kind| kind.strip_prefix("job.")))
                })
                .await
                .with_context(|| format!("waiting for {states:?}"))?;
            after = Some(seen);
        }
    }

    /// Waits until a job is over or waits for a person.
    pub async fn settled(&self, id: u64) -> Result<Value> {
        self.wait_state(
            id,
            &[
                "succeeded",
                "failed",
                "halted",
                "cancelled",
                "rejected",
                "needs_review",
                "awaiting_approval",
            ],
        )
        .await
    }

    /// Runs a command that must succeed; returns what it printed.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        succeeded(self.cli(args)?, args)
    }

    /// The containers and volumes of this host that are there now.
    pub fn leftovers(&self) -> Result<Vec<String>> {
        let mut all = self.containers()?;
        all.extend(self.labelled(&["volume", "ls", "-q"])?);
        Ok(all)
    }

    /// The containers of this host that are there now.
    pub fn containers(&self) -> Result<Vec<String>> {
        self.labelled(&["ps", "-aq"])
    }

    pub(crate) fn labelled(&self, list: &[&str]) -> Result<Vec<String>> {
        let instance = self.instance()?;
        let output = Command::new("docker")
            .args(list)
            .arg("--filter")
            .arg(format!("label=dev.sortie.instance={instance}"))
            .output()?;
        ensure!(output.status.success(), "docker does not answer");
        let text = String::from_utf8(output.stdout)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn instance(&self) -> Result<String> {
        let output = self.cli(&["doctor", "--json"])?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        report["instance"]
            .as_str()
            .map(str::to_owned)
            .context("doctor names the instance")
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
    let response = tokio::time::timeout(PATIENCE, request.send()).await??;
    let status = response.status().as_u16();
    let text = response.text().await?;
    Ok((
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    ))
}

/// The binary that cargo built beside this test.
pub fn binary() -> Result<PathBuf> {
    let mut path = std::env::current_exe()?;
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.push("sortie");
    ensure!(
        path.exists(),
        "{} is not there: run `cargo build -p sortie-cli` first",
        path.display()
    );
    Ok(path)
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

/// What a command printed that was run with these arguments and must have succeeded.
pub fn succeeded(output: Output, args: &[&str]) -> Result<String> {
    ensure!(
        output.status.success(),
        "sortie {args:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

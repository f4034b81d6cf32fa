//! What every test needs: a sandbox of its own, and an end in bounded time.

use async_trait::async_trait;
use sortie_sandbox::{
    Adoption, BoxedIo, CollectRequest, EngineOptions, ExitReport, LaunchSpec, Sandbox, Step,
    StepSpec, WireGateway, WireKey, Workspace,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Longest a test may take; the engine is slow when many run at once.
const TEST_LIMIT: Duration = Duration::from_secs(180);
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A gateway that hangs up.
pub struct Closed;

#[async_trait]
impl WireGateway for Closed {
    async fn llm(&self, _: BoxedIo) {}
    async fn egress(&self, _: BoxedIo) {}
}

#[derive(Clone)]
pub struct Rig {
    pub options: EngineOptions,
    pub sandbox: Sandbox,
    pub place: Arc<tempfile::TempDir>,
}

/// The image under test; `cargo xtask image` makes it.
pub fn image() -> String {
    std::env::var("SORTIE_TEST_IMAGE").unwrap_or_else(|_| "sortie-runner:base".into())
}

pub fn options() -> EngineOptions {
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let instance = format!("test-{}-{number}", std::process::id());
    EngineOptions::new(image(), instance, WireKey::ephemeral().unwrap())
}

/// Runs a test body on a sandbox of its own and removes what it left.
pub async fn with<F>(change: impl FnOnce(&mut EngineOptions), body: impl FnOnce(Rig) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut options = options();
    change(&mut options);
    let sandbox = Sandbox::connect(options.clone()).await.unwrap();
    let rig = Rig {
        options: options.clone(),
        sandbox,
        place: Arc::new(tempfile::tempdir().unwrap()),
    };
    let outcome = tokio::spawn(tokio::time::timeout(TEST_LIMIT, body(rig))).await;
    // Another handle, which holds no run to be live.
    let cleaner = Sandbox::connect(options).await.unwrap();
    cleaner
        .sweep(&BTreeSet::new())
        .await
        .expect("the test's containers can be removed");
    match outcome {
        Ok(in_time) => in_time.expect("the test ends in time"),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

pub fn spec(run: u64, token: u64) -> LaunchSpec {
    LaunchSpec {
        part: sortie_sandbox::Part::Work,
        run,
        job: run + 100,
        token,
        wall_limit: Duration::from_secs(120),
        image: None,
    }
}

pub fn shell(id: &str, script: &str) -> StepSpec {
    StepSpec {
        id: id.into(),
        argv: vec!["bash".into(), "-c".into(), script.into()],
        env: Vec::new(),
        cwd: "/work/repo".into(),
        files: Vec::new(),
        stdin: None,
        wall_limit_ms: 60_000,
        output_limit_bytes: 1 << 20,
    }
}

/// Everything a step says, both streams together, and how it ended.
pub async fn finish(step: &mut Step) -> (String, ExitReport) {
    let mut said = Vec::new();
    while let Some(output) = step.next_output().await.unwrap() {
        said.extend_from_slice(&output.bytes);
    }
    let exit = step.wait().await.unwrap();
    (String::from_utf8_lossy(&said).into_owned(), exit)
}

impl Rig {
    pub async fn launch(&self, run: u64) -> Workspace {
        self.sandbox
            .launch(spec(run, 1), Arc::new(Closed))
            .await
            .unwrap()
    }

    /// A host that starts anew: nothing but the options is left of the old one.
    pub async fn restarted(&self) -> Sandbox {
        Sandbox::connect(self.options.clone()).await.unwrap()
    }

    pub async fn adopt(&self, run: u64, token: u64) -> Workspace {
        match self
            .restarted()
            .await
            .adopt(run, token, Arc::new(Closed))
            .await
            .unwrap()
        {
            Adoption::Live(workspace) => workspace,
            other => panic!("not alive: {other:?}"),
        }
    }

    /// The engine's own client, for what only someone outside can do.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = command("docker")
            .args(arguments)
            .output()
            .expect("docker runs");
        assert!(
            output.status.success(),
            "docker {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a script in a container beside its steps.
    pub fn exec(&self, workspace: &Workspace, script: &str) {
        self.exec_in(workspace.container(), script);
    }

    pub fn exec_in(&self, container: &str, script: &str) {
        self.docker(&["exec", container, "sh", "-c", script]);
    }

    /// A repository with one commit, packed as the host packs it.
    pub fn repository(&self) -> Repository {
        let place = self.place.path().join("origin");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("hello.txt"), "hello\n").unwrap();
        std::fs::write(place.join(".gitignore"), "ignored/\n").unwrap();
        git(&place, &["init", "-q", "-b", "main"]);
        git(&place, &["add", "-A"]);
        git(&place, &["commit", "-q", "-m", "first"]);
        let base = git(&place, &["rev-parse", "HEAD"]);
        git(&place, &["update-ref", "refs/heads/sortie/base", &base]);
        let bundle = self.place.path().join("base.bundle");
        git(
            &place,
            &[
                "bundle",
                "create",
                "-q",
                bundle.to_str().unwrap(),
                "refs/heads/sortie/base",
            ],
        );
        Repository {
            place,
            base,
            bundle,
        }
    }

    pub fn request<'a>(&'a self, repository: &'a Repository, max_bytes: u64) -> CollectRequest<'a> {
        CollectRequest {
            base: &repository.base,
            message: "Do it",
            author_name: "Agent",
            author_email: "a@localhost",
            into: Box::leak(Box::new(self.result())),
            max_bytes,
        }
    }

    pub fn result(&self) -> PathBuf {
        self.place.path().join("result.bundle")
    }
}

pub struct Repository {
    pub place: PathBuf,
    pub base: String,
    pub bundle: PathBuf,
}

impl Repository {
    /// Fetches a collected bundle as the host would, and returns its commit.
    pub fn fetch(&self, bundle: &Path) -> String {
        let heads = git(
            &self.place,
            &["bundle", "list-heads", bundle.to_str().unwrap()],
        );
        assert_eq!(heads.lines().count(), 1, "one ref only: {heads}");
        git(
            &self.place,
            &[
                "fetch",
                "-q",
                bundle.to_str().unwrap(),
                "refs/heads/sortie/out:refs/out",
            ],
        );
        git(&self.place, &["rev-parse", "refs/out"])
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.place, arguments)
    }
}

#[expect(clippy::disallowed_methods, reason = "tests drive the real programs")]
pub fn command(program: &str) -> Command {
    Command::new(program)
}

pub fn git(place: &Path, arguments: &[&str]) -> String {
    let mut command = command("git");
    command
        .arg("-C")
        .arg(place)
        .args(["-c", "user.name=Test", "-c", "user.email=test@localhost"])
        .args(arguments);
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().expect("git runs");
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

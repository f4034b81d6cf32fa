//! The runner images: a static `sortie-runner`, the files of `runner-image/`, extra CA certificates
//! and, for `full`, Node, staged in a folder of their own and given to the engine's builder.
//!
//! An image carries a digest of everything it was made of, and is built again only when that
//! changes. It never contains a credential.

mod context;
mod npm;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use sha2::{Digest, Sha256};

use self::context::{Input, certificates, digest, stage};
use crate::proc::{Cmd, say};
use crate::workspace::{Workspace, remap_flags};

/// What images are called, before the flavour.
const REPOSITORY: &str = "sortie-runner";
/// Digest of the runner binary in the image.
const RUNNER_LABEL: &str = "dev.sortie.runner";
/// Digest of everything the image was made of.
const INPUTS_LABEL: &str = "dev.sortie.inputs";
/// Where Debian keeps certificates that an administrator added.
const DEFAULT_CA_DIR: &str = "/usr/local/share/ca-certificates";
/// The build takes about ten seconds, `full` a few minutes; `timeout` ends a hung one.
const BUILD_LIMIT_S: &str = "1800";
/// What Debian has for working on projects of the common languages. Go is the one of the backports:
/// modules of today ask for a newer one than the release has.
const TOOLCHAINS: &str = "--backports build-essential pkg-config cmake git-lfs ripgrep fd-find jq curl \
    less patch unzip xz-utils procps python3 python3-dev python3-pip python3-venv rustc-web cargo-web \
    golang-1.23-go";

/// The runner images there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Flavour {
    /// Git and a POSIX shell; what the host launches by default.
    Base,
    /// Also Python 3 with its standard library, for the demo's project.
    Python,
    /// Also build tools, Python, Node, Rust, Go and the pinned coding agents. Built only when named.
    Full,
}

impl Flavour {
    /// The image's name in the engine.
    pub fn tag(self) -> String {
        let name = match self {
            Self::Base => "base",
            Self::Python => "python",
            Self::Full => "full",
        };
        format!("{REPOSITORY}:{name}")
    }

    /// The Debian packages it adds.
    fn packages(self) -> &'static str {
        match self {
            Self::Base => "",
            Self::Python => "python3",
            Self::Full => TOOLCHAINS,
        }
    }

    /// What `cargo xtask test` and others need; the rest is built only when it is named.
    const USUAL: [Self; 2] = [Self::Base, Self::Python];
}

/// How to build the images.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Which ones; `base` and `python` when none is named.
    flavours: Vec<Flavour>,
    /// Build even when nothing changed.
    #[arg(long)]
    force: bool,
    /// A folder with extra CA certificates (*.crt) to trust inside the sandbox.
    #[arg(long, env = "SORTIE_EXTRA_CA_DIR")]
    extra_ca_dir: Option<PathBuf>,
}

impl Options {
    /// Every flavour there is.
    pub fn all() -> Self {
        Self {
            flavours: Flavour::value_variants().to_vec(),
            ..Self::default()
        }
    }
}

/// Builds those images that the engine lacks or has made of something else.
///
/// # Errors
/// When no engine answers and none can be started, the runner does not compile, no base image can
/// be had, or the engine's builder fails.
pub fn build(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    Cmd::new(workspace.script("engine.sh"))
        .args(["start"])
        .run("reach a container engine")?;
    let runner =
        fs::read(build_runner(workspace)?).context("read the runner that was just built")?;
    let runner_digest = hex::encode(Sha256::digest(&runner));
    let base = Cmd::new(workspace.script("base-image.sh")).capture("get a base image")?;
    let base_id = inspect(&base, "{{.Id}}")
        .with_context(|| format!("find the base image {base} in the engine"))?;

    let mut inputs = vec![Input {
        path: "sortie-runner".into(),
        bytes: runner,
        executable: true,
    }];
    for name in [
        "Dockerfile",
        "agents.sh",
        "agents/package.json",
        "agents/package-lock.json",
        "prepare.sh",
    ] {
        let path = workspace.root().join("runner-image").join(name);
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        inputs.push(Input::file(name, bytes));
    }
    let ca_dir = options
        .extra_ca_dir
        .clone()
        .unwrap_or_else(|| DEFAULT_CA_DIR.into());
    inputs.extend(certificates(&ca_dir, options.extra_ca_dir.is_some())?);

    let flavours: &[Flavour] = if options.flavours.is_empty() {
        &Flavour::USUAL
    } else {
        &options.flavours
    };
    for flavour in flavours {
        let with_node = *flavour == Flavour::Full;
        let mut inputs = inputs.clone();
        inputs.extend(npm::folders(workspace, with_node)?);
        let build = Build {
            tag: flavour.tag(),
            base: &base,
            packages: flavour.packages(),
            registry: npm::registry().filter(|_| with_node),
            runner_digest: &runner_digest,
            inputs_digest: digest(&[&base_id, flavour.packages()], &inputs),
        };
        build.unless_current(workspace, &inputs, options.force)?;
    }
    Ok(())
}

/// One image to make.
struct Build<'a> {
    tag: String,
    base: &'a str,
    packages: &'a str,
    /// The npm registry that the agents come from; none for the public one.
    registry: Option<String>,
    runner_digest: &'a str,
    inputs_digest: String,
}

impl Build<'_> {
    fn unless_current(
        &self,
        workspace: &Workspace,
        inputs: &[Input],
        force: bool,
    ) -> anyhow::Result<()> {
        let format = format!("{{{{index .Config.Labels {INPUTS_LABEL:?}}}}}");
        if !force && inspect(&self.tag, &format).is_some_and(|label| label == self.inputs_digest) {
            say("image", format_args!("{} is up to date", self.tag));
            return Ok(());
        }
        let old_id = inspect(&self.tag, "{{.Id}}");
        say(
            "image",
            format_args!("building {} on {}", self.tag, self.base),
        );
        let context = workspace
            .cache("image")
            .join(std::process::id().to_string());
        let built = stage(&context, inputs).and_then(|()| self.run(&context));
        // The folder is ours and holds copies only; leaving it behind would do no harm.
        let _ = fs::remove_dir_all(&context);
        built?;
        // The image that had the tag is of no use any more, unless a container still runs on it: then
        // the engine refuses, and a later `docker image prune` takes it.
        if let Some(old) = old_id.filter(|old| inspect(&self.tag, "{{.Id}}").as_ref() != Some(old))
        {
            let _ = docker(&["image", "rm", &old]).query();
        }
        Ok(())
    }

    fn run(&self, context: &Path) -> anyhow::Result<()> {
        let mut args = [
            "--kill-after=10",
            BUILD_LIMIT_S,
            "docker",
            "build",
            "--quiet",
        ]
        .map(str::to_owned)
        .to_vec();
        let mut option = |name: &str, value: String| args.extend([name.to_owned(), value]);
        option("--tag", self.tag.clone());
        option("--build-arg", format!("BASE={}", self.base));
        option("--build-arg", format!("PACKAGES={}", self.packages));
        if let Some(registry) = &self.registry {
            option("--build-arg", format!("npm_config_registry={registry}"));
        }
        option(
            "--label",
            format!("{RUNNER_LABEL}=sha256:{}", self.runner_digest),
        );
        option("--label", format!("{INPUTS_LABEL}={}", self.inputs_digest));
        // Builders know these names and keep them out of the image; packages may come through a proxy.
        for name in ["http_proxy", "https_proxy", "no_proxy"] {
            if std::env::var_os(name).is_some() {
                option("--build-arg", name.to_owned());
            }
        }
        let step = format!("build the image {}", self.tag);
        Cmd::new("timeout")
            .args(args)
            .args([context])
            .capture_quietly(&step)
            .map(drop)
    }
}

/// Compiles the runner so that it needs nothing of the image it runs in.
fn build_runner(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let triple = host_triple()?;
    let target_dir = workspace.cache("runner-target");
    workspace
        .cargo()
        .args([
            "build",
            "--quiet",
            "--package",
            "sortie-runner",
            "--release",
            "--target",
            &triple,
        ])
        .args([
            "--config",
            "profile.release.strip='symbols'",
            "--config",
            "profile.release.debug=false",
        ])
        .env("CARGO_TARGET_DIR", &target_dir)
        .env_remove(["CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"])
        .env(
            "RUSTFLAGS",
            format!("-C target-feature=+crt-static {}", remap_flags(workspace)),
        )
        .run("build the runner")?;
    Ok(target_dir.join(&triple).join("release/sortie-runner"))
}

/// The target for the machine that the engine runs on.
fn host_triple() -> anyhow::Result<String> {
    let version = Cmd::new("rustc")
        .args(["-vV"])
        .capture("ask rustc for its host")?;
    let triple = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("ask rustc for its host: `rustc -vV` does not say")?
        .to_owned();
    let engine = docker(&["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"])
        .capture("ask the container engine for its architecture")?;
    let expected = match engine.as_str() {
        "linux/amd64" => "x86_64-",
        "linux/arm64" => "aarch64-",
        _ => bail!(
            "build the runner: the container engine runs on {engine}, supported are linux/amd64 and linux/arm64"
        ),
    };
    if !triple.starts_with(expected) || !triple.contains("-linux-") {
        bail!(
            "build the runner: the container engine runs on {engine} and this compiler builds for {triple}; use an engine of this machine's kind"
        );
    }
    Ok(triple)
}

fn inspect(image: &str, format: &str) -> Option<String> {
    docker(&["image", "inspect", "--format", format, image]).query()
}

fn docker(args: &[&str]) -> Cmd {
    Cmd::new("docker").args(args)
}

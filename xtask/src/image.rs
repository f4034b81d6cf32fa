//! The runner image: a static `sortie-runner`, the files of `runner-image/` and extra CA
//! certificates, staged in a folder of their own and given to the engine's builder.
//!
//! The image carries a digest of everything it was made of, and is built again only when that
//! changes. It never contains a credential.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::proc::{Cmd, say};
use crate::workspace::{Workspace, remap_flags};

/// The tag that the host launches by default.
pub const TAG: &str = "sortie-runner:base";
/// Digest of the runner binary in the image.
const RUNNER_LABEL: &str = "dev.sortie.runner";
/// Digest of everything the image was made of.
const INPUTS_LABEL: &str = "dev.sortie.inputs";
/// Where Debian keeps certificates that an administrator added.
const DEFAULT_CA_DIR: &str = "/usr/local/share/ca-certificates";
/// The build takes about ten seconds, two minutes on a slow mirror; `timeout` ends a hung one.
const BUILD_LIMIT_S: &str = "900";

/// How to build the image.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Build even when nothing changed.
    #[arg(long)]
    force: bool,
    /// A folder with extra CA certificates (*.crt) to trust inside the sandbox.
    #[arg(long, env = "SORTIE_EXTRA_CA_DIR")]
    extra_ca_dir: Option<PathBuf>,
}

/// One file of the build context.
struct Input {
    /// Its path in the context.
    path: String,
    bytes: Vec<u8>,
    executable: bool,
}

/// Builds the image if the one in the engine was made of something else.
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
    for name in ["Dockerfile", "prepare.sh"] {
        let path = workspace.root().join("runner-image").join(name);
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        inputs.push(Input {
            path: name.into(),
            bytes,
            executable: false,
        });
    }
    let ca_dir = options
        .extra_ca_dir
        .clone()
        .unwrap_or_else(|| DEFAULT_CA_DIR.into());
    inputs.extend(certificates(&ca_dir, options.extra_ca_dir.is_some())?);

    let digest = digest(&base_id, &inputs);
    let old_id = inspect(TAG, "{{.Id}}");
    let format = format!("{{{{index .Config.Labels {INPUTS_LABEL:?}}}}}");
    if !options.force && inspect(TAG, &format).is_some_and(|label| label == digest) {
        say("image", format_args!("{TAG} is up to date"));
        return Ok(());
    }

    say("image", format_args!("building {TAG} on {base}"));
    let context = workspace
        .cache("image")
        .join(std::process::id().to_string());
    let built = stage(&context, &inputs)
        .and_then(|()| docker_build(&context, &base, &runner_digest, &digest));
    // The folder is ours and holds copies only; leaving it behind would do no harm.
    let _ = fs::remove_dir_all(&context);
    built?;
    // The image that had the tag is of no use any more, unless a container still runs on it: then the
    // engine refuses, and a later `docker image prune` takes it.
    if let Some(old) = old_id.filter(|old| inspect(TAG, "{{.Id}}").as_ref() != Some(old)) {
        let _ = docker(&["image", "rm", &old]).query();
    }
    Ok(())
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

/// The certificates in `dir`, by name. A folder that was asked for must exist, the default one need not.
fn certificates(dir: &Path, required: bool) -> anyhow::Result<Vec<Input>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
            return Ok(keep_folder(Vec::new()));
        }
        Err(error) => {
            return Err(error)
                .with_context(|| format!("read the CA certificates in {}", dir.display()));
        }
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("read the CA certificates in {}", dir.display()))?
            .path();
        let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| name.ends_with(".crt"))
        else {
            continue;
        };
        let bytes = fs::read(&path)
            .with_context(|| format!("read the CA certificate {}", path.display()))?;
        // A private key must never slip into an image.
        if String::from_utf8_lossy(&bytes).contains("PRIVATE KEY-----") {
            bail!(
                "add the CA certificate {}: the file holds a private key; give the certificate alone",
                path.display()
            );
        }
        found.push(Input {
            path: format!("ca/{name}"),
            bytes,
            executable: false,
        });
    }
    Ok(keep_folder(found))
}

/// The Dockerfile copies `ca/`, and a builder refuses to copy a folder that is not there.
fn keep_folder(mut inputs: Vec<Input>) -> Vec<Input> {
    let bytes =
        b"Extra CA certificates that this image trusts, if any, are beside this file.\n".to_vec();
    inputs.push(Input {
        path: "ca/README".into(),
        bytes,
        executable: false,
    });
    inputs.sort_by(|one, other| one.path.cmp(&other.path));
    inputs
}

/// One digest of the base image and of every file's path, mode and content, lengths included, so that
/// nothing can be moved from one into another unnoticed.
fn digest(base_id: &str, inputs: &[Input]) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(base_id.as_bytes());
    for input in inputs {
        add(input.path.as_bytes());
        add(&[u8::from(input.executable)]);
        add(&input.bytes);
    }
    hex::encode(hash.finalize())
}

fn stage(context: &Path, inputs: &[Input]) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for input in inputs {
        let path = context.join(&input.path);
        let folder = path.parent().expect("a file in the context has a folder");
        let mode = if input.executable { 0o755 } else { 0o644 };
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, &input.bytes))
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
            .with_context(|| format!("stage {}", path.display()))?;
    }
    Ok(())
}

fn docker_build(
    context: &Path,
    base: &str,
    runner_digest: &str,
    inputs_digest: &str,
) -> anyhow::Result<()> {
    let mut args = vec![
        BUILD_LIMIT_S.to_owned(),
        "docker".to_owned(),
        "build".to_owned(),
        "--quiet".to_owned(),
    ];
    let mut option = |name: &str, value: String| args.extend([name.to_owned(), value]);
    option("--tag", TAG.to_owned());
    option("--build-arg", format!("BASE={base}"));
    option("--label", format!("{RUNNER_LABEL}=sha256:{runner_digest}"));
    option("--label", format!("{INPUTS_LABEL}={inputs_digest}"));
    // Builders know these names and keep them out of the image; packages may come through a proxy.
    for name in ["http_proxy", "https_proxy", "no_proxy"] {
        if std::env::var_os(name).is_some() {
            option("--build-arg", name.to_owned());
        }
    }
    Cmd::new("timeout")
        .args(args)
        .args([context])
        .capture_quietly("build the runner image")
        .map(drop)
}

fn inspect(image: &str, format: &str) -> Option<String> {
    docker(&["image", "inspect", "--format", format, image]).query()
}

fn docker(args: &[&str]) -> Cmd {
    Cmd::new("docker").args(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &str, bytes: &[u8]) -> Input {
        Input {
            path: path.into(),
            bytes: bytes.into(),
            executable: false,
        }
    }

    #[test]
    fn the_digest_depends_on_everything() {
        let base = digest("id", &[input("a", b"1"), input("b", b"2")]);
        assert_eq!(base, digest("id", &[input("a", b"1"), input("b", b"2")]));
        for other in [
            digest("other", &[input("a", b"1"), input("b", b"2")]),
            digest("id", &[input("a", b"1"), input("b", b"3")]),
            digest("id", &[input("a", b"1"), input("c", b"2")]),
            digest("id", &[input("a", b"1")]),
            digest("id", &[input("a", b"1b"), input("", b"2")]),
            digest(
                "id",
                &[
                    input("a", b"1"),
                    Input {
                        executable: true,
                        ..input("b", b"2")
                    },
                ],
            ),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn only_certificates_are_taken_and_a_private_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("company.crt"),
            "-----BEGIN CERTIFICATE-----",
        )
        .unwrap();
        fs::write(dir.path().join("notes.txt"), "no").unwrap();
        let paths: Vec<_> = certificates(dir.path(), true)
            .unwrap()
            .into_iter()
            .map(|input| input.path)
            .collect();
        assert_eq!(paths, ["ca/README", "ca/company.crt"]);

        fs::write(
            dir.path().join("oops.crt"),
            "-----BEGIN RSA PRIVATE KEY-----",
        )
        .unwrap();
        let error = certificates(dir.path(), true).err().unwrap().to_string();
        assert!(
            error.contains("oops.crt") && error.contains("private key"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_folder_is_an_error_only_when_it_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none");
        assert_eq!(certificates(&missing, false).unwrap().len(), 1);
        assert!(certificates(&missing, true).is_err());
    }

    #[test]
    fn staged_files_have_their_mode() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let program = Input {
            executable: true,
            ..input("sortie-runner", b"x")
        };
        stage(dir.path(), &[program, input("ca/README", b"y")]).unwrap();
        let mode = |path: &str| {
            fs::metadata(dir.path().join(path))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!((mode("sortie-runner"), mode("ca/README")), (0o755, 0o644));
    }
}

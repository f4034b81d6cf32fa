//! Node and npm for the image `full`, as packages of the npm registry: fetched with curl, checked
//! against the digests of `runner-image/agents/node.toml`, and kept in the cache. It runs nothing of
//! them, and needs no Node on this machine.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use sha2::{Digest, Sha512};

use super::context::Input;
use crate::proc::{Cmd, say};
use crate::workspace::Workspace;

/// Where packages come from unless this machine says otherwise.
const PUBLIC_REGISTRY: &str = "https://registry.npmjs.org";
/// Node is 60 MB; a mirror that is slower than this is as good as gone.
const FETCH_LIMIT_S: &str = "600";

/// The folders `node/` and `npm/` of the build context, each with its package or only a note.
pub fn folders(workspace: &Workspace, with_packages: bool) -> anyhow::Result<Vec<Input>> {
    // The Dockerfile adds both, and a builder refuses to add nothing.
    let note = |name: &str| {
        let text = "The package of npm that this image has, if any, is beside this file.\n";
        Input::file(&format!("{name}/README"), text.into())
    };
    let mut inputs = vec![note("node"), note("npm")];
    if with_packages {
        for package in pinned(workspace)? {
            let bytes = fetch(workspace, &package)?;
            inputs.push(Input::file(
                &format!("{}/{}.tgz", package.folder, package.file),
                bytes,
            ));
        }
    }
    Ok(inputs)
}

/// The registry of this machine, when it is not the public one: what npm would ask.
pub fn registry() -> Option<String> {
    let named = ["npm_config_registry", "NPM_CONFIG_REGISTRY"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .or_else(|| Cmd::new("npm").args(["config", "get", "registry"]).query())?;
    let named = named.trim_end_matches('/').to_owned();
    (named.starts_with("http") && named != PUBLIC_REGISTRY).then_some(named)
}

/// A package and its digest.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    /// Its folder in the context.
    folder: &'static str,
    name: String,
    /// Its file in the registry, without the ending.
    file: String,
    /// As npm writes it: `sha512-` and base64.
    integrity: String,
}

fn pinned(workspace: &Workspace) -> anyhow::Result<[Package; 2]> {
    let path = workspace.root().join("runner-image/agents/node.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    // The engine is of this machine's kind, or the runner would not have been built.
    let cpu = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => bail!("find a Node for {other}: there is one for x86_64 and for aarch64"),
    };
    parse(&text, cpu).with_context(|| format!("read {}", path.display()))
}

fn parse(text: &str, cpu: &str) -> anyhow::Result<[Package; 2]> {
    let table: toml::Table = text.parse().context("read it as TOML")?;
    let value = |path: &[&str]| {
        let found = path[1..]
            .iter()
            .try_fold(table.get(path[0])?, |value, key| value.get(key))?;
        found.as_str().map(str::to_owned)
    };
    let get = |path: &[&str]| value(path).with_context(|| format!("find {}", path.join(".")));
    let node = format!("node-linux-{cpu}");
    Ok([
        Package {
            folder: "node",
            file: format!("{node}-{}", get(&["node", "version"])?),
            name: node,
            integrity: get(&["node", "integrity", cpu])?,
        },
        Package {
            folder: "npm",
            file: format!("npm-{}", get(&["npm", "version"])?),
            name: "npm".into(),
            integrity: get(&["npm", "integrity"])?,
        },
    ])
}

fn fetch(workspace: &Workspace, package: &Package) -> anyhow::Result<Vec<u8>> {
    let dir = workspace.cache("npm");
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    let kept = dir.join(format!("{}.tgz", package.file));
    if let Ok(bytes) = fs::read(&kept)
        && is_intact(&bytes, &package.integrity)
    {
        return Ok(bytes);
    }
    let base = registry().unwrap_or_else(|| PUBLIC_REGISTRY.into());
    say("image", format_args!("fetching {}", package.file));
    let part = dir.join(format!("{}.{}", package.file, std::process::id()));
    download(
        &format!("{base}/{}/-/{}.tgz", package.name, package.file),
        &part,
    )?;
    let bytes = fs::read(&part).with_context(|| format!("read {}", part.display()))?;
    if !is_intact(&bytes, &package.integrity) {
        let _ = fs::remove_file(&part);
        bail!(
            "fetch {}: its digest is not {}, as runner-image/agents/node.toml has it; correct the \
             pin if the version was changed on purpose",
            package.file,
            package.integrity
        );
    }
    fs::rename(&part, &kept).with_context(|| format!("write {}", kept.display()))?;
    Ok(bytes)
}

fn download(url: &str, into: &Path) -> anyhow::Result<()> {
    Cmd::new("curl")
        .args(["--fail", "--silent", "--show-error", "--location"])
        .args(["--retry", "3", "--max-time", FETCH_LIMIT_S, "--output"])
        .args([into.as_os_str()])
        .args([url])
        .run("fetch a package from the npm registry")
}

/// Whether the bytes have the digest, as npm writes it.
fn is_intact(bytes: &[u8], integrity: &str) -> bool {
    integrity
        .strip_prefix("sha512-")
        .is_some_and(|digest| digest == base64(&Sha512::digest(bytes)))
}

/// Standard base64 with padding; a digest is too small a thing for a dependency.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let group = (0..3).fold(0_usize, |group, at| {
            group << 8 | usize::from(three.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            let letter = LETTERS[group >> (18 - 6 * at) & 63];
            text.push(if at > three.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_everybody_writes_it() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"\xff\xfe\xfd\xfc", "//79/A=="),
        ] {
            assert_eq!(base64(bytes), text);
        }
    }

    #[test]
    fn a_digest_is_compared_whole() {
        let digest = format!("sha512-{}", base64(&Sha512::digest(b"node")));
        assert!(is_intact(b"node", &digest));
        assert!(!is_intact(b"nod", &digest));
        assert!(!is_intact(b"node", &digest[..20]));
        assert!(!is_intact(b"node", "sha1-abc"));
    }

    #[test]
    fn the_pins_of_this_repository_are_read_for_both_processors() {
        let text = include_str!("../../../runner-image/agents/node.toml");
        for cpu in ["x64", "arm64"] {
            let [node, npm] = parse(text, cpu).unwrap();
            assert!(
                node.file.starts_with(&format!("node-linux-{cpu}-")),
                "{node:?}"
            );
            assert!(npm.file.starts_with("npm-"), "{npm:?}");
            for package in [node, npm] {
                assert!(package.integrity.starts_with("sha512-"), "{package:?}");
                assert_eq!(package.integrity.len(), "sha512-".len() + 88);
            }
        }
        assert!(parse(text, "mips").is_err());
        assert!(parse("", "x64").is_err());
    }
}

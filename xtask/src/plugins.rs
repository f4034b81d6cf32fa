//! The plugins of this repository: a workspace of their own, compiled for `wasm32-unknown-unknown`,
//! each core module made into a component.
//!
//! One without a manifest belongs to the host, which embeds all of `dist/plugins/`. One with a
//! `sortie-plugin.toml` beside its `Cargo.toml` asks for grants, so an operator installs it: its
//! component carries the manifest and goes to `dist/optional/`.
//!
//! Such a guest imports its world and nothing else, so no WASI is needed to build it. Where rustup
//! has no such target, Debian's compiler builds the standard library for it from source.

mod manifest;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use wit_component::ComponentEncoder;

use crate::proc::{Cmd, say};
use crate::workspace::{Workspace, remap_flags};

const TARGET: &str = "wasm32-unknown-unknown";

/// A guest's memory at its start: a stack of 1 MiB, its data, and room for what it allocates. One that
/// has to grow is made smaller again by the host after each call, and both stop every processor.
const ROOM: &str = "-C link-arg=--initial-memory=2097152";

/// The compiler of Debian's packages. rustup's shims must not come in between: the two compilers
/// cannot use each other's standard library.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// What the process that started this one set for *its* compiler, and must not reach another one.
const FOREIGN_SETTINGS: [&str; 9] = [
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// One finished component.
pub struct Component {
    /// The package's name, and the file's.
    pub name: String,
    /// Where the file is.
    dir: PathBuf,
    /// Its size in bytes.
    pub size_bytes: usize,
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
}

/// Builds all plugins and returns them, ordered by name. Files that did not change are not written,
/// so what depends on them is not rebuilt; files of plugins that are gone are removed.
///
/// # Errors
/// When no compiler for the target is there, a plugin does not compile, or its module does not fit
/// its world.
pub fn build(workspace: &Workspace) -> anyhow::Result<Vec<Component>> {
    let target_dir = workspace.cache("plugins-wasm");
    compiler(workspace, &target_dir)?.run("build the plugins")?;

    let dist = workspace.root().join("dist");
    let (embedded, optional) = (dist.join("plugins"), dist.join("optional"));
    for dir in [&embedded, &optional] {
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    }
    let mut components = Vec::new();
    for package in packages(workspace)? {
        let name = &package.name;
        let module = target_dir
            .join(TARGET)
            .join("release")
            .join(name.replace('-', "_"))
            .with_extension("wasm");
        let core = fs::read(&module)
            .with_context(|| format!("read the module of {name}, {}", module.display()))?;
        let mut component =
            encode(&core).with_context(|| format!("make a component of plugin {name}"))?;
        let path = package.dir.join(manifest::FILE);
        let asks = path.is_file();
        if asks {
            manifest::read(&path, &package)
                .and_then(|manifest| manifest::embed(&mut component, &manifest))
                .with_context(|| format!("put {} into its component", path.display()))?;
        }
        let dir = if asks { &optional } else { &embedded };
        write_if_changed(&dir.join(name).with_extension("wasm"), &component)?;
        components.push(Component {
            size_bytes: component.len(),
            digest: hex::encode(Sha256::digest(&component)),
            dir: dir.clone(),
            name: package.name,
        });
    }
    for dir in [&embedded, &optional] {
        remove_others(dir, &components)?;
    }
    for component in &components {
        println!(
            "{:<20} {:>9} bytes  sha256:{}",
            component.name, component.size_bytes, component.digest
        );
    }
    Ok(components)
}

/// A core module with its embedded world becomes a component; the result is validated.
fn encode(core: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(core)?
        .encode()
}

/// The cargo that can build for the target: the active toolchain's, or Debian's.
fn compiler(workspace: &Workspace, target_dir: &Path) -> anyhow::Result<Cmd> {
    let (cargo, with) = if active_has_target() {
        (
            Cmd::cargo().env_remove(
                FOREIGN_SETTINGS
                    .into_iter()
                    .filter(|key| *key != "RUSTUP_TOOLCHAIN"),
            ),
            &[][..],
        )
    } else if debian_has_source() {
        let cargo = Cmd::new(DEBIAN_CARGO)
            .env_remove(FOREIGN_SETTINGS)
            .env("RUSTC", DEBIAN_RUSTC)
            // `-Z build-std` is unstable in name; this is the switch that distributions use.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld");
        (cargo, &["-Z", "build-std=std,panic_abort"][..])
    } else {
        bail!(
            "find a compiler for {TARGET}: neither the active toolchain nor Debian's packages have one; run scripts/setup.sh"
        );
    };
    Ok(cargo
        .args([
            "build",
            "--quiet",
            "--workspace",
            "--release",
            "--target",
            TARGET,
        ])
        .args(with)
        .dir(&workspace.plugins())
        .env("CARGO_TARGET_DIR", target_dir)
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            format!("{} {ROOM}", remap_flags(workspace)),
        ))
}

fn active_has_target() -> bool {
    Cmd::new("rustc")
        .args(["--print", "sysroot"])
        .query()
        .is_some_and(|sysroot| {
            Path::new(&sysroot)
                .join("lib/rustlib")
                .join(TARGET)
                .join("lib")
                .is_dir()
        })
}

fn debian_has_source() -> bool {
    let Some(sysroot) = Cmd::new(DEBIAN_RUSTC)
        .args(["--print", "sysroot"])
        .env_remove(FOREIGN_SETTINGS)
        .query()
    else {
        return false;
    };
    Path::new(&sysroot)
        .join("lib/rustlib/src/rust/library/Cargo.toml")
        .is_file()
        && Path::new(DEBIAN_CARGO).is_file()
        && Cmd::new("wasm-ld").args(["--version"]).query().is_some()
}

/// A package of the workspace that is a plugin.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    name: String,
    version: String,
    /// Where its `Cargo.toml` is.
    dir: PathBuf,
}

/// The workspace's packages that are made into a `cdylib`, ordered by name. Helper crates in the
/// same workspace are not plugins.
fn packages(workspace: &Workspace) -> anyhow::Result<Vec<Package>> {
    let text = workspace
        .cargo_plugins()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .capture("list the plugins")?;
    plugins_of(&text).context("list the plugins: cargo's metadata is not as expected")
}

fn plugins_of(metadata: &str) -> anyhow::Result<Vec<Package>> {
    let metadata: serde_json::Value = serde_json::from_str(metadata)?;
    let packages = metadata["packages"].as_array().context("no `packages`")?;
    let is_cdylib = |target: &serde_json::Value| {
        target["crate_types"]
            .as_array()
            .is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
    };
    let mut plugins = packages
        .iter()
        .filter(|package| {
            package["targets"]
                .as_array()
                .is_some_and(|targets| targets.iter().any(is_cdylib))
        })
        .map(|package| {
            let text = |key: &str| package[key].as_str().with_context(|| format!("no `{key}`"));
            let manifest = Path::new(text("manifest_path")?);
            Ok(Package {
                name: text("name")?.to_owned(),
                version: text("version")?.to_owned(),
                dir: manifest.parent().context("no folder")?.to_owned(),
            })
        })
        .collect::<anyhow::Result<Vec<Package>>>()?;
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(plugins)
}

/// Writes through a temporary file, so that nobody ever reads half a component.
fn write_if_changed(path: &Path, bytes: &[u8]) -> anyhow::Result<bool> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let temporary = path.with_extension(format!("wasm.{}", std::process::id()));
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .with_context(|| format!("write {}", path.display()))?;
    say("plugins", format_args!("wrote {}", path.display()));
    Ok(true)
}

fn remove_others(dist: &Path, components: &[Component]) -> anyhow::Result<()> {
    let entries = fs::read_dir(dist).with_context(|| format!("list {}", dist.display()))?;
    let stale: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .filter(|path| {
            !components.iter().any(|component| {
                component.dir == dist
                    && path
                        .file_stem()
                        .is_some_and(|stem| stem == component.name.as_str())
            })
        })
        .collect();
    for path in stale {
        fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        say(
            "plugins",
            format_args!("removed {}, its plugin is gone", path.display()),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cdylibs_are_plugins() {
        let metadata = r#"{"packages":[
            {"name":"z-scanner","version":"0.1.0","manifest_path":"/p/z/Cargo.toml",
             "targets":[{"crate_types":["cdylib","rlib"]}]},
            {"name":"helper","targets":[{"crate_types":["lib"]}]},
            {"name":"a-budget","version":"0.2.0","manifest_path":"/p/a/Cargo.toml",
             "targets":[{"crate_types":["bin"]},{"crate_types":["cdylib"]}]}]}"#;
        let plugin = |name: &str, version: &str, dir: &str| Package {
            name: name.into(),
            version: version.into(),
            dir: dir.into(),
        };
        assert_eq!(
            plugins_of(metadata).unwrap(),
            [
                plugin("a-budget", "0.2.0", "/p/a"),
                plugin("z-scanner", "0.1.0", "/p/z")
            ]
        );
        assert!(plugins_of("{}").is_err());
        assert!(plugins_of("nonsense").is_err());
    }

    #[test]
    fn an_unchanged_component_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        assert!(write_if_changed(&path, b"one").unwrap());
        assert!(!write_if_changed(&path, b"one").unwrap());
        assert!(write_if_changed(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no temporary file stays"
        );
    }

    #[test]
    fn components_of_plugins_that_are_gone_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["kept.wasm", "gone.wasm", "moved.wasm", "notes.txt"] {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        let component = |name: &str, dir: &Path| Component {
            name: name.into(),
            dir: dir.into(),
            size_bytes: 1,
            digest: String::new(),
        };
        let components = [
            component("kept", dir.path()),
            component("moved", Path::new("/elsewhere")),
        ];
        remove_others(dir.path(), &components).unwrap();
        let mut left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["kept.wasm", "notes.txt"]);
    }

    #[test]
    fn bytes_that_are_no_module_are_refused() {
        assert!(encode(b"not wasm").is_err());
        assert!(encode(b"").is_err());
    }

    #[test]
    fn a_module_becomes_a_component() {
        // The smallest core module. It declares no world, so its component exports nothing.
        let component = encode(b"\0asm\x01\0\0\0").unwrap();
        assert_eq!(
            component[..8],
            *b"\0asm\x0d\0\x01\0",
            "the component layer's preamble"
        );
    }
}

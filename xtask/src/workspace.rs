//! Where things are: the checkout, the folders for what is built, and cargo set up for them.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::proc::Cmd;

/// The checkout and the folders outside of it that hold what is built.
pub struct Workspace {
    root: PathBuf,
    cache: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Finds the checkout that this program was started for.
    ///
    /// # Errors
    /// When the checkout is gone, or neither `HOME` nor a cache folder is set.
    pub fn find() -> anyhow::Result<Self> {
        // At run time first: checkouts may share a target folder, and then the compiled-in path can
        // be another checkout's.
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = manifest
            .join("..")
            .canonicalize()
            .context("find the checkout")?;
        let cache = cache_dir(|key| env::var_os(key).map(PathBuf::from))
            .context("find a cache folder: set HOME, XDG_CACHE_HOME or SORTIE_CACHE_DIR")?;
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache.join("target"), PathBuf::from);
        Ok(Self {
            root,
            cache,
            target,
        })
    }

    /// The checkout's top folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A folder for something that can be rebuilt, outside the checkout.
    pub fn cache(&self, name: &str) -> PathBuf {
        self.cache.join(name)
    }

    /// The main workspace's target folder.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Makes the target folder this checkout's, which another may have used last.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn claim_target(&self) -> anyhow::Result<()> {
        Cmd::new(self.script("claim-target.sh"))
            .args([&self.target])
            .run("take over the target folder")
    }

    /// The workspace of the shipped plugins.
    pub fn plugins(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// A file in `scripts/`.
    pub fn script(&self, name: &str) -> PathBuf {
        self.root.join("scripts").join(name)
    }

    /// Cargo for the main workspace.
    pub fn cargo(&self) -> Cmd {
        Cmd::cargo()
            .dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
    }

    /// Cargo for the plugins, built natively for their tests and lints.
    pub fn cargo_plugins(&self) -> Cmd {
        Cmd::cargo()
            .dir(&self.plugins())
            .env("CARGO_TARGET_DIR", self.cache("plugins-target"))
    }

    /// Cargo for the Rust SDK, built natively for its tests and lints.
    pub fn cargo_sdk(&self) -> Cmd {
        self.cargo_in_sdk("rust")
    }

    /// Cargo for the program that writes the SDKs' bindings.
    pub fn cargo_bindgen(&self) -> Cmd {
        self.cargo_in_sdk("bindgen")
    }

    fn cargo_in_sdk(&self, folder: &str) -> Cmd {
        Cmd::cargo()
            .dir(&self.root.join("sdk").join(folder))
            .env("CARGO_TARGET_DIR", self.cache("sdk-target"))
    }
}

/// `SORTIE_CACHE_DIR`, or `sortie` in the user's cache folder; scripts/lib.sh says the same.
fn cache_dir(var: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    var("SORTIE_CACHE_DIR")
        .or_else(|| var("XDG_CACHE_HOME").map(|dir| dir.join("sortie")))
        .or_else(|| var("HOME").map(|dir| dir.join(".cache/sortie")))
}

/// Compiler options that keep this machine's folders out of what is built, so that the same source
/// gives the same bytes in another checkout.
pub fn remap_flags(workspace: &Workspace) -> String {
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let mut flags = format!("--remap-path-prefix={}=/sortie", workspace.root().display());
    if let Some(home) = cargo_home {
        flags.push_str(&format!(" --remap-path-prefix={}=/cargo", home.display()));
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_follows_the_most_specific_setting() {
        let all = |key: &str| Some(PathBuf::from(format!("/{key}")));
        assert_eq!(cache_dir(all), Some("/SORTIE_CACHE_DIR".into()));
        let xdg = |key: &str| (key != "SORTIE_CACHE_DIR").then(|| PathBuf::from(format!("/{key}")));
        assert_eq!(cache_dir(xdg), Some("/XDG_CACHE_HOME/sortie".into()));
        let home = |key: &str| (key == "HOME").then(|| PathBuf::from("/home/a"));
        assert_eq!(cache_dir(home), Some("/home/a/.cache/sortie".into()));
        assert_eq!(cache_dir(|_| None), None);
    }

    #[test]
    fn the_checkout_is_found() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.script("setup.sh").is_file());
        assert!(workspace.plugins().join("Cargo.toml").is_file());
    }
}

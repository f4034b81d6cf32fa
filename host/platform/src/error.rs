//! Why something about a plugin was not done, in words that say what to do
//! next.

use sortie_package::manifest::{ConfigProblem, Difference};
use sortie_package::section::SectionError;
use sortie_package::signature::SignatureError;
use sortie_package::{LayerError, ManifestError};
use sortie_plugins::PluginError;
use sortie_store::StoreError;
use std::path::PathBuf;

/// What went wrong. Texts complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The bytes are no component.
    #[error("install the plugin: {0}")]
    Layer(#[from] LayerError),
    /// The manifest inside cannot be read.
    #[error("install the plugin: {0}")]
    Section(#[from] SectionError),
    /// The manifest beside it cannot be read.
    #[error("install the plugin: {0}")]
    Manifest(#[from] ManifestError),
    /// A core module.
    #[error(
        "install the plugin: this is a core module and no component yet; `sortie plugin build` \
         makes it one"
    )]
    CoreModule,
    /// There is no manifest.
    #[error(
        "install the plugin: it has no manifest; build it with `sortie plugin build`, or put \
         {beside} beside it"
    )]
    NoManifest {
        /// What a manifest beside it would be called.
        beside: String,
    },
    /// What it exports is not what its manifest says.
    #[error(
        "install plugin `{plugin}`: its manifest names the surfaces {declared} and it exports \
         {exported}; say the same in both"
    )]
    Surfaces {
        /// Its name.
        plugin: String,
        /// From the manifest.
        declared: String,
        /// From the component.
        exported: String,
    },
    /// Its signature does not do.
    #[error("install plugin `{plugin}`: {reason}")]
    Signature {
        /// Its name.
        plugin: String,
        /// Why not.
        reason: SignatureError,
    },
    /// Its signature is of the component alone.
    #[error(
        "install plugin `{plugin}`: its signature does not cover the manifest beside it, which \
         anybody can change; build the package with `sortie plugin build`, which puts the manifest \
         in, and sign that one"
    )]
    SignedBeside {
        /// Its name.
        plugin: String,
    },
    /// It has none and needs one.
    #[error(
        "install plugin `{plugin}`: it is not signed, and platform.require_signatures is set; get \
         its `.sig` file from its author, or sign it with a key you trust"
    )]
    Unsigned {
        /// Its name.
        plugin: String,
    },
    /// It is installed, and nobody who is trusted now stands behind it.
    #[error(
        "run plugin `{plugin}`: {reason}; platform.require_signatures is set: put a signed package \
         in its place with `sortie plugin upgrade`, or trust the key that signed it in \
         platform.trusted_keys and start the host again"
    )]
    Untrusted {
        /// Its name.
        plugin: String,
        /// Why nobody does.
        reason: String,
    },
    /// The configuration does not fit its schema.
    #[error(
        "configure plugin `{plugin}`: {}; mend [plugins.{plugin}] in sortie.toml",
        joined(problems)
    )]
    Config {
        /// Its name.
        plugin: String,
        /// What is wrong.
        problems: Vec<ConfigProblem>,
    },
    /// The configuration cannot be read.
    #[error("read the configuration of plugin `{plugin}`: {reason}")]
    Unconfigured {
        /// Its name.
        plugin: String,
        /// Why not.
        reason: String,
    },
    /// It wants more than it was granted.
    #[error(
        "enable plugin `{plugin}`: it wants to {}; grant that with `sortie plugin grant {plugin}`",
        joined(beyond)
    )]
    NotGranted {
        /// Its name.
        plugin: String,
        /// What is missing.
        beyond: Vec<Difference>,
    },
    /// A grant that makes no sense.
    #[error("grant plugin `{plugin}`: {reason}")]
    Grant {
        /// Its name.
        plugin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A plugin of that name is installed.
    #[error(
        "install plugin `{plugin}`: it is installed, in version {version}; to replace it use \
         `sortie plugin upgrade`"
    )]
    Installed {
        /// The name.
        plugin: String,
        /// What is there.
        version: String,
    },
    /// No plugin of that name was installed.
    #[error(
        "find plugin `{plugin}`: it is not installed; `sortie plugin list` shows those that are"
    )]
    NotInstalled {
        /// The name.
        plugin: String,
    },
    /// It is part of the host.
    #[error(
        "{what} plugin `{plugin}`: it is part of this host; install another one of that name \
         with `--replace-shipped` to replace it"
    )]
    Shipped {
        /// What was to be done.
        what: &'static str,
        /// Its name.
        plugin: String,
    },
    /// One of the host's own has the name.
    #[error(
        "install plugin `{plugin}`: one of this host's own plugins has that name, and jobs rely on \
         it; give yours another name, or say that it may take its place with `--replace-shipped`"
    )]
    ReplacesShipped {
        /// The name.
        plugin: String,
    },
    /// There is no version before this one.
    #[error(
        "roll plugin `{plugin}` back: no version was there before this one; install the one you want with `sortie plugin upgrade`"
    )]
    NoPrevious {
        /// Its name.
        plugin: String,
    },
    /// A package's file is not what it was.
    #[error(
        "read the package {}: {reason}; put plugin `{plugin}` in its place again, from where it \
         came, with `sortie plugin upgrade`",
        path.display()
    )]
    Package {
        /// The plugin.
        plugin: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Its answer is not waited for any longer.
    #[error("handle the request while its sender waits: it takes too long")]
    TooSlow,
    /// A change panicked.
    #[error(
        "change a plugin: the host panicked; see `sortie plugin list` for what became of it, and report this with the host's log"
    )]
    Panicked,
    /// The engine does not take it.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn joined<T: std::fmt::Display>(items: &[T]) -> String {
    let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

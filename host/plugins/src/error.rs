//! Everything that can go wrong with a plugin, as types: who did it, in which
//! export, what happened and what to do about it.

use std::fmt;

use sortie_model::diff::DiffError;

/// The plugin and the export a failure belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// Name of the plugin.
    pub plugin: String,
    /// The export, such as `sortie:scanner/scan#scan`.
    pub export: String,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin `{}` ({})", self.plugin, self.export)
    }
}

/// Why a plugin could not be set up, loaded or called. Each message completes
/// "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The engine or its cache directory could not be set up.
    #[error("set up the plugin engine: {reason}")]
    Setup {
        /// What is in the way.
        reason: String,
    },
    /// No plugin of that name is loaded.
    #[error(
        "find plugin `{plugin}`: it is not installed; `sortie plugin list` shows those that are"
    )]
    NotInstalled {
        /// The name asked for.
        plugin: String,
    },
    /// The name cannot be a plugin's.
    #[error(
        "load plugin `{plugin}`: a name has 1 to 64 characters of a-z, 0-9 and -, and begins with a letter"
    )]
    BadName {
        /// The name given.
        plugin: String,
    },
    /// The configuration is not one JSON object, or is too large.
    #[error("load plugin `{plugin}`: its configuration {reason}")]
    BadConfig {
        /// Name of the plugin.
        plugin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bytes are no WebAssembly component.
    #[error("load plugin `{plugin}`: this is no WebAssembly component, or a damaged one: {reason}")]
    NotAComponent {
        /// Name of the plugin.
        plugin: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The bytes are a core module that nobody made into a component.
    #[error(
        "load plugin `{plugin}`: this is a core module; make it a component first, for example with `wasm-tools component new`"
    )]
    CoreModule {
        /// Name of the plugin.
        plugin: String,
    },
    /// The component is larger than this host takes.
    #[error("load plugin `{plugin}`: it has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Name of the plugin.
        plugin: String,
        /// Its size.
        bytes: usize,
        /// The largest size taken.
        limit: usize,
    },
    /// It is a component, and its smallest form is more than a slot holds.
    #[error("load plugin `{plugin}`: it does not fit the limits: {reason}")]
    DoesNotFit {
        /// Name of the plugin.
        plugin: String,
        /// What is too large.
        reason: String,
    },
    /// The component lacks an export, or exports another shape under its name.
    #[error("use plugin `{plugin}`: its export `{export}` {reason}")]
    WrongWorld {
        /// Name of the plugin.
        plugin: String,
        /// The export looked for.
        export: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The component speaks a version of an interface this host does not.
    #[error(
        "load plugin `{plugin}`: it uses `{interface}` in version {found} and this host speaks {wanted}; rebuild it against that version"
    )]
    WrongVersion {
        /// Name of the plugin.
        plugin: String,
        /// The interface without its version.
        interface: String,
        /// The versions this host speaks, such as `0.1.x`.
        wanted: String,
        /// The version found, or `none`.
        found: String,
    },
    /// The component imports what its surfaces do not offer.
    #[error("load plugin `{plugin}`: it imports `{import}`, {reason}")]
    UndeclaredImport {
        /// Name of the plugin.
        plugin: String,
        /// The import.
        import: String,
        /// Why that is not linked.
        reason: String,
    },
    /// The guest trapped.
    #[error("call {at}: it trapped: {reason}{}", Frames(.backtrace))]
    Trap {
        /// Who.
        at: At,
        /// What the trap was.
        reason: String,
        /// The innermost frames of the guest, innermost first.
        backtrace: Vec<String>,
    },
    /// The guest used up its processor time.
    #[error("call {at}: it used more than {limit_ms} ms of processor time")]
    CpuTimeout {
        /// Who.
        at: At,
        /// The limit.
        limit_ms: u64,
    },
    /// The call took too long, most likely waiting for the host.
    #[error("call {at}: it took longer than {limit_ms} ms")]
    WallTimeout {
        /// Who.
        at: At,
        /// The limit.
        limit_ms: u64,
    },
    /// The guest wanted more memory than it is granted and could not go on.
    #[error("call {at}: it needs more than {limit} bytes of memory")]
    MemoryLimit {
        /// Who.
        at: At,
        /// The limit in bytes.
        limit: usize,
    },
    /// The guest wanted larger tables than it is granted and could not go on.
    #[error("call {at}: it needs more than {limit} table elements")]
    TableLimit {
        /// Who.
        at: At,
        /// The limit in elements.
        limit: usize,
    },
    /// The guest logged too much.
    #[error("call {at}: log-limit: it logged more than {limit} lines")]
    LogLimit {
        /// Who.
        at: At,
        /// The limit in lines.
        limit: u32,
    },
    /// The guest called the host too often.
    #[error("call {at}: it called the host more than {limit} times")]
    HostCallLimit {
        /// Who.
        at: At,
        /// The limit in calls.
        limit: u32,
    },
    /// The guest gave more than the host takes.
    #[error("call {at}: it returned too much: {reason}")]
    ResultLimit {
        /// Who.
        at: At,
        /// What was too much, and the limit.
        reason: String,
    },
    /// The host could not give the guest what it asked for.
    #[error("call {at}: the host could not serve it: {source}")]
    HostRead {
        /// Who.
        at: At,
        /// What failed.
        source: DiffError,
    },
    /// What stands behind the guest's imports failed.
    #[error("call {at}: the host could not serve it: {reason}")]
    HostFailed {
        /// Who.
        at: At,
        /// What failed.
        reason: String,
    },
    /// The guest itself says that it could not do it.
    #[error("call {at}: it answered with an error: {reason}")]
    Refused {
        /// Who.
        at: At,
        /// The guest's words.
        reason: String,
    },
    /// The guest's answer makes no sense.
    #[error("call {at}: its answer makes no sense: {reason}")]
    Nonsense {
        /// Who.
        at: At,
        /// What is wrong with it.
        reason: String,
    },
    /// Too many calls were in front of this one.
    #[error("call {at}: no free slot within {waited_ms} ms; try again later")]
    Busy {
        /// Who.
        at: At,
        /// How long it waited.
        waited_ms: u64,
    },
    /// The parser failed before, or a call of it was abandoned.
    #[error("call {at}: this parser failed before; replay the output into a new one")]
    ParserGone {
        /// Who.
        at: At,
    },
}

impl PluginError {
    /// The name of the plugin this is about, when it is about one.
    pub fn plugin(&self) -> Option<&str> {
        match self {
            Self::Setup { .. } => None,
            Self::NotInstalled { plugin }
            | Self::BadName { plugin }
            | Self::BadConfig { plugin, .. }
            | Self::NotAComponent { plugin, .. }
            | Self::CoreModule { plugin }
            | Self::DoesNotFit { plugin, .. }
            | Self::TooLarge { plugin, .. }
            | Self::WrongWorld { plugin, .. }
            | Self::WrongVersion { plugin, .. }
            | Self::UndeclaredImport { plugin, .. } => Some(plugin),
            Self::Trap { at, .. }
            | Self::CpuTimeout { at, .. }
            | Self::WallTimeout { at, .. }
            | Self::MemoryLimit { at, .. }
            | Self::TableLimit { at, .. }
            | Self::LogLimit { at, .. }
            | Self::HostCallLimit { at, .. }
            | Self::ResultLimit { at, .. }
            | Self::HostRead { at, .. }
            | Self::HostFailed { at, .. }
            | Self::Refused { at, .. }
            | Self::Nonsense { at, .. }
            | Self::Busy { at, .. }
            | Self::ParserGone { at } => Some(&at.plugin),
        }
    }

    /// Whether the same call may succeed later without anyone changing
    /// anything: the host was busy or could not serve it. Everything else is
    /// the plugin's own doing and would happen again.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. }
                | Self::WallTimeout { .. }
                | Self::HostFailed { .. }
                | Self::HostRead {
                    source: DiffError::Source(_),
                    ..
                }
        )
    }
}

/// Shows a backtrace in one line.
struct Frames<'a>(&'a [String]);

impl fmt::Display for Frames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, " (in {})", self.0.join(" < "))
    }
}

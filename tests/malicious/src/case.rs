//! What a case is and how a call may end.

use sortie_guests::answers;
use sortie_plugins::{Capabilities, PluginError, surfaces::connector::Reply};

/// How something ended: the kind of the host's typed error, or what the guest
/// was told in place of what it wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The call ended with this kind of [`PluginError`].
    Error(&'static str),
    /// The call ended well, and this is what the host answered to the guest:
    /// the case of the error, or `ok`.
    Told(String),
    /// The call ended well and the guest says nothing.
    Fine,
}

impl End {
    /// What an error is called.
    pub fn of(error: &PluginError) -> Self {
        Self::Error(match error {
            PluginError::NotAComponent { .. } => "NotAComponent",
            PluginError::CoreModule { .. } => "CoreModule",
            PluginError::DoesNotFit { .. } => "DoesNotFit",
            PluginError::WrongWorld { .. } => "WrongWorld",
            PluginError::WrongVersion { .. } => "WrongVersion",
            PluginError::UndeclaredImport { .. } => "UndeclaredImport",
            PluginError::Trap { .. } => "Trap",
            PluginError::CpuTimeout { .. } => "CpuTimeout",
            PluginError::WallTimeout { .. } => "WallTimeout",
            PluginError::MemoryLimit { .. } => "MemoryLimit",
            PluginError::TableLimit { .. } => "TableLimit",
            PluginError::LogLimit { .. } => "LogLimit",
            PluginError::HostCallLimit { .. } => "HostCallLimit",
            PluginError::ResultLimit { .. } => "ResultLimit",
            PluginError::HostFailed { .. } => "HostFailed",
            PluginError::Refused { .. } => "Refused",
            PluginError::Nonsense { .. } => "Nonsense",
            PluginError::Busy { .. } => "Busy",
            _ => "another error",
        })
    }

    /// What a guest was told.
    pub fn told(name: &str) -> Self {
        Self::Told(name.to_owned())
    }

    pub(crate) fn of_reply(reply: Option<Reply>) -> Self {
        match reply {
            Some(reply) => Self::Told(answers::read(&reply.body).0),
            None => Self::Fine,
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(kind) => write!(f, "`{kind}`"),
            Self::Told(name) => write!(f, "the guest is told `{name}`"),
            Self::Fine => f.write_str("no harm is done"),
        }
    }
}

/// What is done with a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is loaded, which must fail.
    Load,
    /// It handles an event.
    Receive,
    /// It tells what happened.
    Notify,
    /// It is asked for its rules.
    Rules,
    /// It scans a change.
    Scan,
    /// It is asked for its budget profiles.
    Profiles,
}

/// What a case finds on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Setting {
    /// Nothing.
    #[default]
    Plain,
    /// Whatever is behind kv and http never answers.
    Silent,
    /// A directory `/door`, granted read-only, beside a secret.
    ReadOnly,
    /// The same, granted read-write.
    ReadWrite,
    /// The same, while somebody swaps `/door/swap` between a directory and a
    /// link out of it.
    Swapped,
}

/// One component, and what must become of it.
pub struct Case {
    /// A name in kebab-case.
    pub name: String,
    /// What it tries, in a few words.
    pub tries: String,
    /// The component.
    pub wasm: Vec<u8>,
    /// What is done with it.
    pub act: Act,
    /// How that must end.
    pub ends: End,
    /// What it finds.
    pub setting: Setting,
    /// What it may use.
    pub limits: Capabilities,
}

/// Processor time of a hostile call unless its case says more.
const CPU_MS: u64 = 50;
/// Memory of a hostile call unless its case says more.
const MEMORY_BYTES: usize = 4 << 20;

impl Case {
    pub(crate) fn new(
        name: impl Into<String>,
        tries: impl Into<String>,
        act: Act,
        ends: End,
        wasm: Vec<u8>,
    ) -> Self {
        Self {
            name: name.into(),
            tries: tries.into(),
            wasm,
            act,
            ends,
            setting: Setting::Plain,
            limits: Capabilities {
                memory_bytes: Some(MEMORY_BYTES),
                cpu_ms: Some(CPU_MS),
                ..Capabilities::default()
            },
        }
    }

    /// An event for a connector, which must end in this kind of error.
    pub(crate) fn receive(
        name: &'static str,
        tries: &'static str,
        ends: &'static str,
        wasm: Vec<u8>,
    ) -> Self {
        Self::new(name, tries, Act::Receive, End::Error(ends), wasm)
    }

    #[must_use]
    pub(crate) fn in_setting(mut self, setting: Setting) -> Self {
        self.setting = setting;
        self
    }

    #[must_use]
    pub(crate) fn with_cpu_ms(mut self, cpu_ms: u64) -> Self {
        self.limits.cpu_ms = Some(cpu_ms);
        self
    }

    #[must_use]
    pub(crate) fn with_wall_ms(mut self, wall_ms: u64) -> Self {
        self.limits.wall_ms = Some(wall_ms);
        self
    }

    #[must_use]
    pub(crate) fn with_memory(mut self, bytes: usize) -> Self {
        self.limits.memory_bytes = Some(bytes);
        self
    }

    /// The limit that ends it, in milliseconds, when it is a limit of time.
    pub fn deadline_ms(&self) -> Option<u64> {
        match self.ends {
            End::Error("CpuTimeout") => self.limits.cpu_ms,
            End::Error("WallTimeout") => self.limits.wall_ms,
            _ => None,
        }
    }
}

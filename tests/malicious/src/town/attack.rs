//! What an attack is, and what its guest was told.

use sortie_guests::component;

/// A plugin to install: its name, component and manifest.
pub(crate) type Plugin = (&'static str, Vec<u8>, String);

/// A plugin that tries something with all that it asked for granted.
pub struct Attack {
    /// A name in kebab-case.
    pub name: String,
    /// What it tries, in a few words.
    pub tries: String,
    /// An honest plugin that is called before it.
    pub(crate) first: Option<Plugin>,
    pub(crate) plugin: Plugin,
    /// What it must be told: the case of the host's error, or `ok`.
    pub ends: &'static str,
    /// A text that must be in what it is told.
    pub hears: Option<String>,
    /// How many jobs there must be more afterwards.
    pub jobs: usize,
    /// How many requests must reach the granted server; none for any number.
    pub requests: Option<usize>,
}

/// What became of an attack.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The case of the host's error, or `ok`; `failed call` when the call
    /// itself failed.
    pub verdict: String,
    /// The text that came with it.
    pub text: String,
    /// Connections that reached the server that nobody may reach.
    pub reached_private: usize,
    /// Heads of the requests that reached the granted server.
    pub heads: Vec<String>,
    /// Rows in the audit log of requests that it sent.
    pub rows: usize,
    /// Bytes that the plugin's keys and values have.
    pub kept_bytes: u64,
    /// How many jobs there are more than before.
    pub jobs: usize,
}

impl Told {
    pub(super) fn of(verdict: &str) -> Self {
        Self {
            verdict: verdict.to_owned(),
            ..Self::default()
        }
    }
}

/// The manifest of a connector with a hook that verifies nobody.
pub(crate) fn manifest(name: &str, more: &str) -> String {
    format!(
        "name = \"{name}\"\nversion = \"1.0.0\"\ndescription = \"a test\"\n\
         surfaces = [\"connector\"]\n{more}\n\
         [[sources]]\nname = \"hook\"\nkind = \"http\"\nverify = {{ scheme = \"none\" }}\n"
    )
}

impl Attack {
    pub(crate) fn new(
        name: impl Into<String>,
        tries: impl Into<String>,
        ends: &'static str,
        wasm: Vec<u8>,
        asks: &str,
    ) -> Self {
        Self {
            name: name.into(),
            tries: tries.into(),
            first: None,
            plugin: ("eve", wasm, manifest("eve", asks)),
            ends,
            hears: None,
            jobs: 0,
            requests: None,
        }
    }

    #[must_use]
    pub(crate) fn hearing(mut self, text: impl Into<String>) -> Self {
        self.hears = Some(text.into());
        self
    }

    #[must_use]
    pub(crate) fn leaving_jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    #[must_use]
    pub(crate) fn sending(mut self, requests: usize) -> Self {
        self.requests = Some(requests);
        self
    }

    #[must_use]
    pub(crate) fn after(mut self, wasm: Vec<u8>, asks: &str) -> Self {
        self.first = Some(("ann", wasm, manifest("ann", asks)));
        self
    }
}

/// A connector of the real world out of its module's text.
pub(crate) fn connector(wat: &str) -> Vec<u8> {
    component(&["host", "connector"], &[], "job-connector", wat)
}

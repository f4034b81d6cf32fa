//! The environment and the settings that every git process gets: all of it
//! written here, none of it inherited. No configuration file of the machine,
//! the user or a repository decides what runs.

use std::ffi::OsString;
use std::path::Path;

use crate::url::Transport;

/// The id of the empty tree: a source of attributes that holds none.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Settings of every command. Attributes, hooks, helpers, submodules and
/// background work are off; everything that is received is checked.
const SETTINGS: &[(&str, &str)] = &[
    ("attr.tree", EMPTY_TREE),
    ("core.askPass", ""),
    ("core.attributesFile", "/dev/null"),
    // Objects above this are streamed, not held in memory.
    ("core.bigFileThreshold", "32m"),
    ("core.excludesFile", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("credential.helper", ""),
    ("fetch.fsckObjects", "true"),
    // Three flaws that old, honest histories have and that harm nobody.
    ("fetch.fsck.badTimezone", "ignore"),
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("gc.auto", "0"),
    // A redirect could lead anywhere; a repository that moved gets a new URL
    // in the configuration.
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
    ("log.showSignature", "false"),
    ("maintenance.auto", "false"),
    ("protocol.allow", "never"),
    ("push.recurseSubmodules", "no"),
    ("submodule.recurse", "false"),
    ("transfer.fsckObjects", "true"),
];

/// What a process gets beside its arguments.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    variables: Vec<(String, OsString)>,
    settings: Vec<(String, String)>,
}

impl Environment {
    /// For a command that stays on this machine, in `git_dir` if one is given.
    pub(crate) fn local(git_dir: Option<&Path>) -> Self {
        let mut env = Self::default();
        // Git looks for its own helpers through PATH (ssh, sh, cat).
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        env.set("PATH", path);
        // A home that is none: no ~/.netrc, no ~/.gitconfig.
        env.set("HOME", "/nonexistent");
        env.set("LC_ALL", "C");
        env.set("GIT_CONFIG_NOSYSTEM", "1");
        env.set("GIT_CONFIG_GLOBAL", "/dev/null");
        env.set("GIT_ATTR_NOSYSTEM", "1");
        env.set("GIT_NO_REPLACE_OBJECTS", "1");
        env.set("GIT_NO_LAZY_FETCH", "1");
        env.set("GIT_OPTIONAL_LOCKS", "0");
        env.set("GIT_TERMINAL_PROMPT", "0");
        env.set("GIT_ALLOW_PROTOCOL", "none");
        if let Some(dir) = git_dir {
            env.set("GIT_DIR", dir);
        }
        env.settings = SETTINGS
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        env
    }

    /// Opens one transport, and no other.
    pub(crate) fn allow(&mut self, transport: Transport) {
        let protocol = transport.protocol();
        self.set("GIT_ALLOW_PROTOCOL", protocol);
        self.setting(&format!("protocol.{protocol}.allow"), "always");
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.variables.retain(|(n, _)| n != name);
        self.variables.push((name.to_owned(), value.into()));
    }

    pub(crate) fn setting(&mut self, key: &str, value: &str) {
        self.settings.push((key.to_owned(), value.to_owned()));
    }

    /// All variables, with the settings in `GIT_CONFIG_*` form.
    pub(crate) fn variables(&self) -> Vec<(OsString, OsString)> {
        let mut all: Vec<(OsString, OsString)> = self
            .variables
            .iter()
            .map(|(name, value)| (name.into(), value.clone()))
            .collect();
        all.push((
            "GIT_CONFIG_COUNT".into(),
            self.settings.len().to_string().into(),
        ));
        for (i, (key, value)) in self.settings.iter().enumerate() {
            all.push((format!("GIT_CONFIG_KEY_{i}").into(), key.into()));
            all.push((format!("GIT_CONFIG_VALUE_{i}").into(), value.into()));
        }
        all
    }
}

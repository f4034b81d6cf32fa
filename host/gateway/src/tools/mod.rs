//! What package managers ask for: the public hosts behind each preset, as data,
//! and the mirrors that this machine's own package managers are configured to
//! use, so that a company's mirror serves sandboxes without a word more.
//!
//! Configuration is read, never written, and only as far as it names where
//! packages come from. Credentials in it stay where they are: a URL that holds
//! one, or may, opens its host and is passed on to nobody.

mod apt;
mod cargo;
mod found;
mod go;
mod machine;
mod maven;
mod npm;
mod pip;

pub use found::{Detected, Mirror};
pub use machine::Machine;

use serde::{Deserialize, Serialize};
use sortie_model::egress::{EgressLimits, EgressPolicy, EgressRule, https_only};
use sortie_model::host::HostPattern;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

/// A named set of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Rust's packages.
    Cargo,
    /// JavaScript's packages.
    Npm,
    /// Python's packages.
    Pip,
    /// Debian's and Ubuntu's packages.
    Apt,
    /// Go's modules.
    Go,
    /// Java's packages, and Gradle itself.
    Maven,
    /// Repositories and releases on GitHub.
    Github,
    /// Compilers and runtimes.
    Toolchains,
    /// Networks that deliver JavaScript packages to browsers.
    Cdn,
    /// Web fonts.
    Fonts,
    /// Reference documentation.
    Docs,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 11] = [
        Self::Cargo,
        Self::Npm,
        Self::Pip,
        Self::Apt,
        Self::Go,
        Self::Maven,
        Self::Github,
        Self::Toolchains,
        Self::Cdn,
        Self::Fonts,
        Self::Docs,
    ];

    /// The name it is configured by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Npm => "npm",
            Self::Pip => "pip",
            Self::Apt => "apt",
            Self::Go => "go",
            Self::Maven => "maven",
            Self::Github => "github",
            Self::Toolchains => "toolchains",
            Self::Cdn => "cdn",
            Self::Fonts => "fonts",
            Self::Docs => "docs",
        }
    }

    /// Its public hosts.
    pub fn rules(self) -> Vec<EgressRule> {
        let set = PUBLIC.get(self.as_str());
        let rule = |set: &Public, host: &HostPattern| EgressRule {
            ports: set.ports.clone(),
            ..EgressRule::https(host.clone())
        };
        set.map(|set| set.hosts.iter().map(|host| rule(set, host)).collect())
            .unwrap_or_default()
    }

    /// What this machine's package manager is configured to use.
    fn detect(self, machine: &Machine, found: &mut Detected) {
        match self {
            Self::Cargo => cargo::detect(machine, found),
            Self::Npm => npm::detect(machine, found),
            Self::Pip => pip::detect(machine, found),
            Self::Apt => apt::detect(machine, found),
            Self::Go => go::detect(machine, found),
            Self::Maven => maven::detect(machine, found),
            Self::Github | Self::Toolchains | Self::Cdn | Self::Fonts | Self::Docs => {}
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Public {
    hosts: Vec<HostPattern>,
    #[serde(default = "https_only")]
    ports: Vec<u16>,
}

static PUBLIC: LazyLock<BTreeMap<String, Public>> = LazyLock::new(|| {
    toml::from_str(include_str!("presets.toml"))
        .expect("the shipped presets are valid; a test reads them")
});

/// Looks at what the package managers of these presets are configured to use on
/// this machine. Reads a few small files.
pub fn detect(machine: &Machine, presets: &[Preset]) -> Detected {
    let mut found = Detected::default();
    for preset in presets {
        preset.detect(machine, &mut found);
    }
    found
}

/// The policy of presets, detected mirrors and further rules.
pub fn policy(
    presets: &[Preset],
    detected: &Detected,
    allow: &[EgressRule],
    limits: EgressLimits,
) -> EgressPolicy {
    // What the operator wrote comes first: the first rule that fits decides.
    let mut rules: Vec<EgressRule> = allow.to_vec();
    let mirrors = detected.mirrors.iter();
    let mirrors = mirrors.filter(|mirror| presets.contains(&mirror.preset));
    rules.extend(mirrors.map(|mirror| mirror.rule.clone()));
    rules.extend(presets.iter().flat_map(|preset| preset.rules()));
    let mut seen = std::collections::HashSet::new();
    rules.retain(|rule| seen.insert(rule.clone()));
    let mine = |preset: &Preset| presets.contains(preset);
    EgressPolicy {
        rules,
        limits,
        env: detected.env_of(mine),
        files: detected.files_of(mine),
    }
}

#[cfg(test)]
mod tests;

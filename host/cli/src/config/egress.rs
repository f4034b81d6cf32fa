//! What sandboxes may reach: `[egress]`, and where a project differs. Never
//! looks at the machine; what its package managers use is handed in.

use schemars::JsonSchema;
use serde::Deserialize;
use sortie_gateway::tools::{self, Detected, Preset};
use sortie_model::egress::{EgressLimits, EgressPolicy, EgressRule, https_only};
use sortie_model::host::HostPattern;

const MIB: u64 = 1024 * 1024;
const MS_PER_SECOND: u64 = 1000;
const MS_PER_MINUTE: u64 = 60_000;

/// What sandboxes may reach.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EgressConfig {
    /// Sets of hosts by name.
    #[schemars(with = "Vec<PresetName>")]
    pub presets: Vec<String>,
    /// Whether the mirrors that this machine's package managers use are opened
    /// with their presets, and sandboxes told of them.
    pub mirrors: bool,
    /// Further hosts.
    pub allow: Vec<EgressRuleConfig>,
    /// What bounds a run.
    pub limits: EgressLimitsConfig,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            presets: ["cargo", "npm", "pip", "go", "maven"]
                .map(str::to_owned)
                .into(),
            mirrors: true,
            allow: Vec::new(),
            limits: EgressLimitsConfig::default(),
        }
    }
}

/// The names of presets, for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its description is used")]
enum PresetName {
    Cargo,
    Npm,
    Pip,
    Apt,
    Go,
    Maven,
    Github,
    Toolchains,
    Cdn,
    Fonts,
    Docs,
}

/// Hosts that may be reached.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressRuleConfig {
    /// A host, or `*.` and a domain for all below it.
    pub host: String,
    /// The ports; 443 when none is written.
    #[serde(default = "https_only")]
    pub ports: Vec<u16>,
    /// Whether a tunnel has to carry TLS to that very host.
    #[serde(default = "yes")]
    pub tls: bool,
    /// Whether the host may have a private or loopback address.
    #[serde(default)]
    pub allow_private: bool,
}

fn yes() -> bool {
    true
}

impl EgressRuleConfig {
    fn rule(&self) -> Result<EgressRule, String> {
        if self.ports.is_empty() || self.ports.contains(&0) {
            return Err(format!("{}: write ports from 1 to 65535", self.host));
        }
        let host: HostPattern = self.host.parse().map_err(|error| format!("{error}"))?;
        Ok(EgressRule {
            host,
            ports: self.ports.clone(),
            tls: self.tls,
            allow_private: self.allow_private,
        })
    }
}

/// What one run may use of the outside.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EgressLimitsConfig {
    /// Connections open at the same time.
    #[schemars(range(min = 1))]
    pub at_once: u32,
    /// Connections in all.
    #[schemars(range(min = 1))]
    pub connections: u32,
    /// What may leave, in MiB.
    #[schemars(range(min = 1))]
    pub up_mib: u64,
    /// What may be fetched, in MiB.
    #[schemars(range(min = 1))]
    pub down_mib: u64,
    /// For how long after the first connection, in minutes.
    #[schemars(range(min = 1))]
    pub time_minutes: u64,
    /// How long a connection may carry nothing, in seconds.
    #[schemars(range(min = 1))]
    pub idle_seconds: u64,
}

impl Default for EgressLimitsConfig {
    fn default() -> Self {
        let limits = EgressLimits::default();
        Self {
            at_once: limits.at_once,
            connections: limits.connections,
            up_mib: limits.up_bytes / MIB,
            down_mib: limits.down_bytes / MIB,
            time_minutes: limits.time_ms / MS_PER_MINUTE,
            idle_seconds: limits.idle_ms / MS_PER_SECOND,
        }
    }
}

impl EgressLimitsConfig {
    fn limits(&self) -> EgressLimits {
        EgressLimits {
            at_once: self.at_once,
            connections: self.connections,
            up_bytes: self.up_mib.saturating_mul(MIB),
            down_bytes: self.down_mib.saturating_mul(MIB),
            time_ms: self.time_minutes.saturating_mul(MS_PER_MINUTE),
            idle_ms: self.idle_seconds.saturating_mul(MS_PER_SECOND),
        }
    }
}

/// Where a project's sandboxes may reach other hosts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectEgressConfig {
    /// See `[egress]`; replaces that list.
    #[schemars(with = "Option<Vec<PresetName>>")]
    pub presets: Option<Vec<String>>,
    /// Hosts beside those of `[egress]`.
    pub allow: Vec<EgressRuleConfig>,
}

fn preset(name: &str) -> Result<Preset, String> {
    let known = Preset::ALL
        .into_iter()
        .find(|preset| preset.as_str() == name);
    known.ok_or_else(|| {
        let all = Preset::ALL.map(Preset::as_str).join(", ");
        format!("there is no preset {name:?}; write one of {all}")
    })
}

impl EgressConfig {
    /// The policy that these words mean for a project, or for one that the
    /// configuration does not name. What cannot be read is left out; the
    /// configuration was checked.
    pub fn policy(
        &self,
        project: Option<&ProjectEgressConfig>,
        detected: &Detected,
    ) -> EgressPolicy {
        let presets = project.and_then(|own| own.presets.as_ref());
        let presets: Vec<Preset> = presets
            .unwrap_or(&self.presets)
            .iter()
            .filter_map(|name| preset(name).ok())
            .collect();
        let own = project.map_or(&[][..], |own| &own.allow);
        let allow: Vec<EgressRule> = own
            .iter()
            .chain(&self.allow)
            .filter_map(|rule| rule.rule().ok())
            .collect();
        tools::policy(&presets, detected, &allow, self.limits.limits())
    }

    /// Values that cannot work, each as `key: what to do`.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = list_faults("egress", Some(&self.presets), &self.allow);
        let limits = &self.limits;
        let least = [
            u64::from(limits.at_once),
            u64::from(limits.connections),
            limits.up_mib,
            limits.down_mib,
            limits.time_minutes,
            limits.idle_seconds,
        ];
        if least.contains(&0) {
            faults.push(
                "egress.limits: write at least 1; to keep sandboxes in, empty presets and allow"
                    .to_owned(),
            );
        }
        faults
    }
}

impl ProjectEgressConfig {
    /// The same for a project.
    pub(super) fn faults(&self, key: &str) -> Vec<String> {
        list_faults(key, self.presets.as_deref(), &self.allow)
    }
}

fn list_faults(key: &str, presets: Option<&[String]>, allow: &[EgressRuleConfig]) -> Vec<String> {
    let presets = presets.unwrap_or_default().iter();
    let presets =
        presets.filter_map(|name| Some(format!("{key}.presets: {}", preset(name).err()?)));
    let allow = allow.iter();
    let allow = allow.filter_map(|rule| Some(format!("{key}.allow: {}", rule.rule().err()?)));
    presets.chain(allow).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> EgressConfig {
        toml::from_str(text).expect("the words are known")
    }

    #[test]
    fn a_project_replaces_presets_and_adds_hosts() {
        let config = read("presets = [\"cargo\"]\nallow = [{ host = \"a.example\" }]");
        let project: ProjectEgressConfig =
            toml::from_str("presets = [\"pip\"]\nallow = [{ host = \"b.example\", ports = [80] }]")
                .expect("the words are known");
        let policy = config.policy(Some(&project), &Detected::default());
        let hosts: Vec<String> = policy.rules.iter().map(|r| r.host.to_string()).collect();
        assert_eq!(hosts[..2], ["b.example", "a.example"]);
        assert!(hosts.contains(&"pypi.org".to_owned()), "{hosts:?}");
        assert!(!hosts.contains(&"crates.io".to_owned()), "{hosts:?}");
        assert!(policy.rules.iter().all(|rule| !rule.allow_private));
    }

    #[test]
    fn what_cannot_work_is_said_with_what_to_write() {
        let config = read(
            "presets = [\"cargoo\"]\nallow = [{ host = \"*\" }, { host = \"a.b\", ports = [] }]\n\
             limits = { at_once = 0 }",
        );
        let faults = config.faults().join("\n");
        for part in [
            "one of cargo, npm",
            "`*.example.com`",
            "from 1 to 65535",
            "egress.limits",
        ] {
            assert!(faults.contains(part), "{part} is missing in {faults}");
        }
        assert!(EgressConfig::default().faults().is_empty());
    }

    #[test]
    fn the_schema_knows_every_preset() {
        let schema = serde_json::to_string(&schemars::schema_for!(PresetName)).expect("writes");
        for preset in Preset::ALL {
            assert!(schema.contains(preset.as_str()), "{preset}");
        }
    }
}

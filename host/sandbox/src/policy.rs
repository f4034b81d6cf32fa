//! The hardening of every container: what is asked for, and the check that it
//! was given.
//!
//! The check reads the engine's own answer before the container is started.
//! It is a list of what must hold, not a comparison with the request, so that
//! an engine's default, a wrapper or a mistake here is found either way.
//!
//! The workspace is a labelled volume rather than a tmpfs: a tmpfs counts into
//! the container's memory, and a build of a real project takes gigabytes. The
//! price is that engines do not bound volumes everywhere, so the runner counts.

use crate::labels;
use crate::limits::{OPEN_FILES, RUN_BYTES, SHM_BYTES};
use crate::options::Limits;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, HealthConfig, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use sortie_wire::place;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// The user of every process in a container.
const USER: &str = "1000:1000";
const RUNNER: &str = "/usr/local/bin/sortie-runner";
const NO_NEW_PRIVILEGES: &str = "no-new-privileges";

/// What one container must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Its image.
    pub image: String,
    /// Its OCI runtime; none for the engine's default.
    pub runtime: Option<String>,
    /// Its limits.
    pub limits: Limits,
    /// Its labels.
    pub labels: HashMap<String, String>,
    /// Its volume's name.
    pub volume: String,
    /// How long it may live.
    pub wall_limit: Duration,
    /// Whether the engine can bound swap; where it says it cannot, a container
    /// may use as much swap as the machine has.
    pub swap_bounded: bool,
}

/// One rule that a container breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name in the engine's words.
    pub what: &'static str,
    /// What must hold.
    pub wanted: String,
    /// What the engine says.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} must be {}, not {}",
            self.what, self.wanted, self.found
        )
    }
}

impl Policy {
    fn tmpfs(&self) -> HashMap<String, String> {
        HashMap::from([
            // Compilers and test runners execute what they put there.
            (
                "/tmp".into(),
                format!(
                    "rw,nosuid,nodev,exec,mode=1777,size={}",
                    self.limits.tmp_bytes
                ),
            ),
            (
                "/run".into(),
                format!("rw,nosuid,nodev,noexec,mode=1777,size={RUN_BYTES}"),
            ),
        ])
    }

    fn memory(&self) -> i64 {
        i64::try_from(self.limits.memory_bytes).unwrap_or(i64::MAX)
    }

    fn nano_cpus(&self) -> i64 {
        i64::try_from(self.limits.cpu_milli.saturating_mul(1_000_000)).unwrap_or(i64::MAX)
    }

    fn command(&self) -> Vec<String> {
        let wall = u64::try_from(self.wall_limit.as_millis()).unwrap_or(u64::MAX);
        [
            ("--wall-limit-ms", wall),
            ("--workspace-bytes", self.limits.workspace_bytes),
            ("--workspace-files", self.limits.workspace_files),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value.to_string()])
        .collect()
    }

    /// The request that makes such a container.
    pub(crate) fn body(&self) -> ContainerCreateBody {
        let memory = self.memory();
        let ulimit = |name: &str, value| ResourcesUlimits {
            name: Some(name.into()),
            soft: Some(value),
            hard: Some(value),
        };
        ContainerCreateBody {
            image: Some(self.image.clone()),
            entrypoint: Some(vec![RUNNER.into()]),
            cmd: Some(self.command()),
            user: Some(USER.into()),
            working_dir: Some(place::WORK.into()),
            hostname: Some("sandbox".into()),
            labels: Some(self.labels.clone()),
            // The container's own input and output are its first wire; they end with it.
            open_stdin: Some(true),
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(false),
            network_disabled: Some(true),
            healthcheck: Some(HealthConfig {
                test: Some(vec!["NONE".into()]),
                ..Default::default()
            }),
            host_config: Some(HostConfig {
                network_mode: Some("none".into()),
                readonly_rootfs: Some(true),
                cap_drop: Some(vec!["ALL".into()]),
                security_opt: Some(vec![NO_NEW_PRIVILEGES.into()]),
                privileged: Some(false),
                pids_limit: Some(i64::from(self.limits.pids)),
                memory: Some(memory),
                memory_swap: Some(memory),
                nano_cpus: Some(self.nano_cpus()),
                ulimits: Some(vec![ulimit("core", 0), ulimit("nofile", OPEN_FILES)]),
                ipc_mode: Some("private".into()),
                cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
                shm_size: Some(SHM_BYTES),
                tmpfs: Some(self.tmpfs()),
                mounts: Some(vec![Mount {
                    target: Some(place::WORK.into()),
                    source: Some(self.volume.clone()),
                    typ: Some(MountType::VOLUME),
                    read_only: Some(false),
                    volume_options: Some(MountVolumeOptions {
                        labels: Some(self.labels.clone()),
                        ..Default::default()
                    }),
                    ..Default::default()
                }]),
                log_config: Some(HostConfigLogConfig {
                    typ: Some("none".into()),
                    config: None,
                }),
                restart_policy: Some(RestartPolicy {
                    name: Some(RestartPolicyNameEnum::NO),
                    maximum_retry_count: None,
                }),
                auto_remove: Some(false),
                init: Some(false),
                runtime: self.runtime.clone(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}

/// Collects what does not hold.
#[derive(Default)]
struct Check(Vec<Violation>);

impl Check {
    fn that(
        &mut self,
        holds: bool,
        what: &'static str,
        wanted: impl Into<String>,
        found: impl fmt::Debug,
    ) {
        if !holds {
            self.0.push(Violation {
                what,
                wanted: wanted.into(),
                found: format!("{found:?}"),
            });
        }
    }

    fn equal<T: PartialEq + fmt::Debug>(
        &mut self,
        what: &'static str,
        found: Option<&T>,
        wanted: &T,
    ) {
        self.that(found == Some(wanted), what, format!("{wanted:?}"), found);
    }

    fn none<T: fmt::Debug>(&mut self, what: &'static str, found: Option<&Vec<T>>) {
        self.that(found.is_none_or(Vec::is_empty), what, "empty", found);
    }

    /// A mode that must be the container's own: never the machine's, never
    /// another container's.
    fn own(&mut self, what: &'static str, found: Option<&String>, allowed: &[&str]) {
        let found = found.map_or("", String::as_str);
        self.that(
            allowed.contains(&found),
            what,
            format!("one of {allowed:?}"),
            found,
        );
    }
}

/// Compares what the engine made with what it must be. Pure.
pub fn verify(made: &ContainerInspectResponse, policy: &Policy) -> Result<(), Vec<Violation>> {
    let mut check = Check::default();
    let config = made.config.clone().unwrap_or_default();
    let host = made.host_config.clone().unwrap_or_default();
    user_and_command(&mut check, &config, policy);
    privileges(&mut check, &host);
    isolation(&mut check, &host, made);
    resources(&mut check, &host, policy);
    mounts(&mut check, &host, made, policy);
    match check.0 {
        violations if violations.is_empty() => Ok(()),
        violations => Err(violations),
    }
}

fn user_and_command(check: &mut Check, config: &bollard::models::ContainerConfig, policy: &Policy) {
    check.equal("User", config.user.as_ref(), &USER.to_owned());
    check.equal(
        "Entrypoint",
        config.entrypoint.as_ref(),
        &vec![RUNNER.to_owned()],
    );
    check.equal("Cmd", config.cmd.as_ref(), &policy.command());
    check.that(config.tty != Some(true), "Tty", "false", config.tty);
    let labels = config.labels.clone().unwrap_or_default();
    let ours = [labels::INSTANCE, labels::RUN, labels::JOB, labels::NONCE];
    let marked = ours
        .iter()
        .all(|name| labels.get(*name) == policy.labels.get(*name));
    check.that(marked, "Labels", "this run's", &labels);
    let probe = config
        .healthcheck
        .as_ref()
        .and_then(|probe| probe.test.clone())
        .unwrap_or_default();
    check.that(
        probe.is_empty() || probe == ["NONE"],
        "Healthcheck",
        "none",
        &probe,
    );
}

fn privileges(check: &mut Check, host: &HostConfig) {
    check.that(
        host.privileged != Some(true),
        "Privileged",
        "false",
        host.privileged,
    );
    check.equal("ReadonlyRootfs", host.readonly_rootfs.as_ref(), &true);
    let dropped = host.cap_drop.clone().unwrap_or_default();
    check.that(
        dropped.iter().any(|cap| cap.eq_ignore_ascii_case("ALL")),
        "CapDrop",
        "[\"ALL\"]",
        &dropped,
    );
    check.none("CapAdd", host.cap_add.as_ref());
    // Exactly this: another entry would be a profile taken away.
    let options = host.security_opt.clone().unwrap_or_default();
    let only = matches!(&options[..], [one] if [NO_NEW_PRIVILEGES, "no-new-privileges:true"].contains(&one.as_str()));
    check.that(only, "SecurityOpt", "[\"no-new-privileges\"]", &options);
    check.none("GroupAdd", host.group_add.as_ref());
    // An engine that says nothing of them uses its defaults; an empty list takes them away.
    let masked = host
        .masked_paths
        .as_ref()
        .is_none_or(|paths| !paths.is_empty());
    check.that(masked, "MaskedPaths", "the engine's", &host.masked_paths);
    let read_only = host
        .readonly_paths
        .as_ref()
        .is_none_or(|paths| !paths.is_empty());
    check.that(
        read_only,
        "ReadonlyPaths",
        "the engine's",
        &host.readonly_paths,
    );
    check.that(
        host.sysctls.as_ref().is_none_or(HashMap::is_empty),
        "Sysctls",
        "empty",
        &host.sysctls,
    );
}

fn isolation(check: &mut Check, host: &HostConfig, made: &ContainerInspectResponse) {
    check.equal(
        "NetworkMode",
        host.network_mode.as_ref(),
        &"none".to_owned(),
    );
    let networks = made
        .network_settings
        .as_ref()
        .and_then(|n| n.networks.clone())
        .unwrap_or_default();
    check.that(
        networks.keys().all(|name| name == "none"),
        "Networks",
        "none",
        networks.keys(),
    );
    check.that(
        host.port_bindings.as_ref().is_none_or(HashMap::is_empty),
        "PortBindings",
        "empty",
        &host.port_bindings,
    );
    check.that(
        host.publish_all_ports != Some(true),
        "PublishAllPorts",
        "false",
        host.publish_all_ports,
    );
    check.none("Links", host.links.as_ref());
    check.none("ExtraHosts", host.extra_hosts.as_ref());
    check.own("IpcMode", host.ipc_mode.as_ref(), &["private", "none"]);
    check.own("PidMode", host.pid_mode.as_ref(), &["", "private"]);
    check.own("UTSMode", host.uts_mode.as_ref(), &["", "private"]);
    check.own(
        "UsernsMode",
        host.userns_mode.as_ref(),
        &["", "private", "auto"],
    );
    let shared = host.cgroupns_mode == Some(HostConfigCgroupnsModeEnum::HOST);
    check.that(!shared, "CgroupnsMode", "private", host.cgroupns_mode);
    check.own("CgroupParent", host.cgroup_parent.as_ref(), &[""]);
}

fn resources(check: &mut Check, host: &HostConfig, policy: &Policy) {
    check.equal("Memory", host.memory.as_ref(), &policy.memory());
    if policy.swap_bounded {
        check.equal("MemorySwap", host.memory_swap.as_ref(), &policy.memory());
    }
    check.that(
        host.oom_kill_disable != Some(true),
        "OomKillDisable",
        "false",
        host.oom_kill_disable,
    );
    check.equal(
        "PidsLimit",
        host.pids_limit.as_ref(),
        &i64::from(policy.limits.pids),
    );
    // Some engines answer with a quota for a period instead.
    let quota = match (host.cpu_quota, host.cpu_period) {
        (Some(quota), Some(period)) if period > 0 => {
            i128::from(quota) * 1_000_000_000 / i128::from(period)
        }
        _ => 0,
    };
    let wanted = policy.nano_cpus();
    let bounded = host.nano_cpus == Some(wanted) || quota == i128::from(wanted);
    check.that(bounded, "NanoCpus", wanted.to_string(), host.nano_cpus);
    for (name, wanted) in [("core", 0), ("nofile", OPEN_FILES)] {
        let limit = host.ulimits.iter().flatten().find(|limit| {
            limit.name.as_deref().is_some_and(|found| {
                found
                    .trim_start_matches("RLIMIT_")
                    .eq_ignore_ascii_case(name)
            })
        });
        let holds =
            limit.is_some_and(|limit| limit.hard == Some(wanted) && limit.soft == Some(wanted));
        check.that(holds, "Ulimits", format!("{name}={wanted}"), limit);
    }
    if let Some(runtime) = &policy.runtime {
        check.equal("Runtime", host.runtime.as_ref(), runtime);
    }
    let log = host.log_config.as_ref().and_then(|log| log.typ.clone());
    check.equal("LogConfig", log.as_ref(), &"none".to_owned());
    let restart = host.restart_policy.as_ref().and_then(|policy| policy.name);
    let never = matches!(
        restart,
        None | Some(RestartPolicyNameEnum::NO | RestartPolicyNameEnum::EMPTY)
    );
    check.that(never, "RestartPolicy", "no", restart);
}

fn mounts(check: &mut Check, host: &HostConfig, made: &ContainerInspectResponse, policy: &Policy) {
    check.none("Binds", host.binds.as_ref());
    check.none("VolumesFrom", host.volumes_from.as_ref());
    check.none("Devices", host.devices.as_ref());
    check.none("DeviceRequests", host.device_requests.as_ref());
    check.none("DeviceCgroupRules", host.device_cgroup_rules.as_ref());
    // Temporary file systems may be listed here too, others may not.
    let others = made.mounts.iter().flatten().filter(|mount| {
        let ours = mount.typ.as_deref() == Some("volume")
            && mount.destination.as_deref() == Some(place::WORK)
            && mount.name.as_deref() == Some(&policy.volume);
        let temporary = mount.typ.as_deref() == Some("tmpfs")
            && mount
                .destination
                .as_ref()
                .is_some_and(|place| policy.tmpfs().contains_key(place));
        !ours && !temporary
    });
    let others: Vec<_> = others
        .map(|mount| (&mount.typ, &mount.source, &mount.destination))
        .collect();
    check.that(
        others.is_empty(),
        "Mounts",
        "the workspace volume only",
        &others,
    );
    let asked = host.mounts.iter().flatten().all(|mount| {
        mount.typ == Some(MountType::VOLUME) && mount.source.as_deref() == Some(&policy.volume)
    });
    check.that(
        asked,
        "HostConfig.Mounts",
        "the workspace volume only",
        &host.mounts,
    );
    let tmpfs = host.tmpfs.clone().unwrap_or_default();
    check.that(
        tmpfs == policy.tmpfs(),
        "Tmpfs",
        "/tmp and /run, bounded",
        &tmpfs,
    );
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

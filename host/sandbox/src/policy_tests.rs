//! Each rule of the policy, broken in turn.

use super::*;
use crate::Part;
use bollard::models::{
    ContainerConfig, DeviceMapping, DeviceRequest, EndpointSettings, MountPoint, NetworkSettings,
    PortBinding,
};

fn policy() -> Policy {
    Policy {
        image: "image".into(),
        runtime: Some("runc".into()),
        limits: Limits::default(),
        labels: labels::of("test", 1, Part::Work, 2, "nonce"),
        volume: "volume".into(),
        wall_limit: Duration::from_secs(60),
        swap_bounded: true,
    }
}

/// What an engine answers that did what it was asked.
fn made(policy: &Policy) -> ContainerInspectResponse {
    let body = policy.body();
    ContainerInspectResponse {
        config: Some(ContainerConfig {
            user: body.user,
            entrypoint: body.entrypoint,
            cmd: body.cmd,
            tty: body.tty,
            labels: body.labels,
            healthcheck: body.healthcheck,
            ..Default::default()
        }),
        host_config: Some(HostConfig {
            masked_paths: Some(vec!["/proc/kcore".into()]),
            readonly_paths: Some(vec!["/proc/sys".into()]),
            ..body.host_config.unwrap()
        }),
        mounts: Some(vec![MountPoint {
            typ: Some("volume".into()),
            name: Some("volume".into()),
            destination: Some(place::WORK.into()),
            ..Default::default()
        }]),
        network_settings: Some(NetworkSettings {
            networks: Some(HashMap::from([(
                "none".into(),
                EndpointSettings::default(),
            )])),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[test]
fn what_was_asked_for_passes() {
    verify(&made(&policy()), &policy()).unwrap();
}

#[test]
fn an_engine_that_says_nothing_does_not_pass() {
    let violations = verify(&ContainerInspectResponse::default(), &policy()).unwrap_err();
    for what in [
        "User",
        "NetworkMode",
        "ReadonlyRootfs",
        "CapDrop",
        "SecurityOpt",
        "Memory",
        "PidsLimit",
        "NanoCpus",
    ] {
        assert!(
            violations.iter().any(|violation| violation.what == what),
            "{what}: {violations:?}"
        );
    }
}

type Break = fn(&mut HostConfig);

#[test]
fn every_rule_is_checked() {
    let rules: &[(&str, Break)] = &[
        ("Privileged", |h| h.privileged = Some(true)),
        ("ReadonlyRootfs", |h| h.readonly_rootfs = Some(false)),
        ("CapDrop", |h| h.cap_drop = Some(vec!["NET_RAW".into()])),
        ("CapAdd", |h| h.cap_add = Some(vec!["NET_ADMIN".into()])),
        ("SecurityOpt", |h| h.security_opt = None),
        ("SecurityOpt", |h| {
            h.security_opt = Some(vec!["no-new-privileges:false".into()])
        }),
        ("SecurityOpt", |h| {
            h.security_opt
                .as_mut()
                .unwrap()
                .push("seccomp=unconfined".into())
        }),
        ("SecurityOpt", |h| {
            h.security_opt
                .as_mut()
                .unwrap()
                .push("apparmor=unconfined".into())
        }),
        ("GroupAdd", |h| h.group_add = Some(vec!["docker".into()])),
        ("MaskedPaths", |h| h.masked_paths = Some(vec![])),
        ("ReadonlyPaths", |h| h.readonly_paths = Some(vec![])),
        ("Sysctls", |h| {
            h.sysctls = Some(HashMap::from([("net.x".into(), "1".into())]))
        }),
        ("NetworkMode", |h| h.network_mode = Some("bridge".into())),
        ("NetworkMode", |h| {
            h.network_mode = Some("container:other".into())
        }),
        ("PortBindings", |h| {
            h.port_bindings = Some(HashMap::from([(
                "80/tcp".into(),
                Some(vec![PortBinding::default()]),
            )]))
        }),
        ("PublishAllPorts", |h| h.publish_all_ports = Some(true)),
        ("Links", |h| h.links = Some(vec!["db".into()])),
        ("ExtraHosts", |h| {
            h.extra_hosts = Some(vec!["host:1.2.3.4".into()])
        }),
        ("IpcMode", |h| h.ipc_mode = Some("host".into())),
        ("IpcMode", |h| h.ipc_mode = Some("shareable".into())),
        ("PidMode", |h| h.pid_mode = Some("host".into())),
        ("UTSMode", |h| h.uts_mode = Some("host".into())),
        ("UsernsMode", |h| h.userns_mode = Some("host".into())),
        ("CgroupnsMode", |h| {
            h.cgroupns_mode = Some(HostConfigCgroupnsModeEnum::HOST)
        }),
        ("CgroupParent", |h| h.cgroup_parent = Some("/system".into())),
        ("Memory", |h| h.memory = Some(0)),
        ("MemorySwap", |h| h.memory_swap = Some(-1)),
        ("OomKillDisable", |h| h.oom_kill_disable = Some(true)),
        ("PidsLimit", |h| h.pids_limit = Some(-1)),
        ("NanoCpus", |h| h.nano_cpus = None),
        ("Ulimits", |h| drop(h.ulimits.as_mut().unwrap().pop())),
        ("Ulimits", |h| {
            h.ulimits.as_mut().unwrap()[0].hard = Some(-1)
        }),
        ("Runtime", |h| h.runtime = Some("other".into())),
        ("LogConfig", |h| h.log_config = None),
        ("RestartPolicy", |h| {
            h.restart_policy.as_mut().unwrap().name = Some(RestartPolicyNameEnum::ALWAYS)
        }),
        ("Binds", |h| h.binds = Some(vec!["/:/host".into()])),
        ("VolumesFrom", |h| {
            h.volumes_from = Some(vec!["other".into()])
        }),
        ("Devices", |h| {
            h.devices = Some(vec![DeviceMapping::default()])
        }),
        ("DeviceRequests", |h| {
            h.device_requests = Some(vec![DeviceRequest::default()])
        }),
        ("DeviceCgroupRules", |h| {
            h.device_cgroup_rules = Some(vec!["a *:* rwm".into()])
        }),
        ("HostConfig.Mounts", |h| {
            h.mounts.as_mut().unwrap()[0].typ = Some(MountType::BIND)
        }),
        ("HostConfig.Mounts", |h| {
            h.mounts.as_mut().unwrap()[0].source = Some("another".into())
        }),
        ("Tmpfs", |h| h.tmpfs = None),
        ("Tmpfs", |h| {
            drop(h.tmpfs.as_mut().unwrap().insert("/tmp".into(), "rw".into()))
        }),
    ];
    for (number, (what, broken)) in rules.iter().enumerate() {
        let mut answer = made(&policy());
        broken(answer.host_config.as_mut().unwrap());
        let violations = verify(&answer, &policy()).expect_err(what);
        let found: Vec<_> = violations.iter().map(|violation| violation.what).collect();
        assert_eq!(found, [*what], "rule {number}: {violations:?}");
    }
}

type BreakAnswer = fn(&mut ContainerInspectResponse);

#[test]
fn what_the_engine_added_is_found() {
    let rules: &[(&str, BreakAnswer)] = &[
        ("User", |a| {
            a.config.as_mut().unwrap().user = Some(String::new())
        }),
        ("User", |a| {
            a.config.as_mut().unwrap().user = Some("0".into())
        }),
        ("Entrypoint", |a| {
            a.config.as_mut().unwrap().entrypoint = Some(vec!["sh".into()])
        }),
        ("Cmd", |a| a.config.as_mut().unwrap().cmd = None),
        ("Tty", |a| a.config.as_mut().unwrap().tty = Some(true)),
        ("Labels", |a| {
            drop(
                a.config
                    .as_mut()
                    .unwrap()
                    .labels
                    .as_mut()
                    .unwrap()
                    .remove(labels::RUN),
            )
        }),
        ("Healthcheck", |a| {
            a.config
                .as_mut()
                .unwrap()
                .healthcheck
                .as_mut()
                .unwrap()
                .test = Some(vec!["CMD".into(), "x".into()]);
        }),
        // A volume that the image declares.
        ("Mounts", |a| {
            a.mounts.as_mut().unwrap().push(MountPoint {
                typ: Some("volume".into()),
                destination: Some("/data".into()),
                ..Default::default()
            });
        }),
        ("Mounts", |a| {
            a.mounts.as_mut().unwrap().push(MountPoint {
                typ: Some("bind".into()),
                source: Some("/var/run/docker.sock".into()),
                destination: Some("/var/run/docker.sock".into()),
                ..Default::default()
            });
        }),
        ("Networks", |a| {
            let networks = a
                .network_settings
                .as_mut()
                .unwrap()
                .networks
                .as_mut()
                .unwrap();
            networks.insert("bridge".into(), EndpointSettings::default());
        }),
    ];
    for (what, broken) in rules {
        let mut answer = made(&policy());
        broken(&mut answer);
        let violations = verify(&answer, &policy()).expect_err(what);
        assert_eq!(
            violations
                .iter()
                .map(|violation| violation.what)
                .collect::<Vec<_>>(),
            [*what]
        );
    }
}

#[test]
fn other_engines_words_for_the_same_pass() {
    let mut answer = made(&policy());
    let host = answer.host_config.as_mut().unwrap();
    // Podman answers with a quota, its own names of limits, and all capabilities.
    (host.nano_cpus, host.cpu_period, host.cpu_quota) = (Some(0), Some(100_000), Some(200_000));
    for limit in host.ulimits.as_mut().unwrap() {
        limit.name = limit
            .name
            .as_ref()
            .map(|name| format!("RLIMIT_{}", name.to_uppercase()));
    }
    host.security_opt = Some(vec!["no-new-privileges:true".into()]);
    (host.masked_paths, host.readonly_paths) = (None, None);
    verify(&answer, &policy()).unwrap();
    // An engine that cannot bound swap says so when it makes the container.
    answer.host_config.as_mut().unwrap().memory_swap = Some(-1);
    verify(
        &answer,
        &Policy {
            swap_bounded: false,
            ..policy()
        },
    )
    .unwrap();
}

#[test]
fn a_violation_says_what_was_wanted_and_found() {
    let mut answer = made(&policy());
    answer.host_config.as_mut().unwrap().network_mode = Some("host".into());
    let text = verify(&answer, &policy()).unwrap_err()[0].to_string();
    assert_eq!(text, "NetworkMode must be \"none\", not Some(\"host\")");
}

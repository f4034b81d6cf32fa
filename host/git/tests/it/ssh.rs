//! Remotes over SSH, against a real server.

use std::collections::BTreeMap;
use std::path::Path;

use sortie_git::{
    ErrorClass, Git, GitError, GitOptions, PushExpect, RemoteUrl, SshKey, SshOptions,
};
use sortie_servers::{Sshd, keygen};
use sortie_vault::{SecretSource, Vault};

use crate::support::{World, accept, git};

fn url(sshd: &Sshd, path: &Path) -> RemoteUrl {
    RemoteUrl::parse(&sshd.url(path)).expect("an ssh URL")
}

fn host(world: &World, ssh: SshOptions) -> Git {
    let mut options = GitOptions::new(world.path("mirrors"));
    options.ssh = ssh;
    Git::new(options)
}

#[tokio::test]
async fn fetch_and_push_with_a_key_file() {
    let world = World::new();
    let sshd = Sshd::start(world.dir.path());
    let git_host = host(
        &world,
        SshOptions {
            key: Some(SshKey::File(sshd.key.clone())),
            known_hosts: Some(sshd.known_hosts.clone()),
            accept_new_hosts: false,
        },
    );
    let mirror = git_host
        .mirror(&url(&sshd, &world.remote))
        .await
        .expect("fetched");
    assert_eq!(mirror.default_branch().await.expect("there"), "main");
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write("new", "x\n");
    let head = sandbox.commit("work");
    accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("good");
    mirror
        .push(&head, "topic", &PushExpect::Absent)
        .await
        .expect("pushed");
    assert_eq!(git(&world.remote, &["rev-parse", "topic"]), head.as_str());

    let missing = git_host
        .mirror(&url(&sshd, &world.path("missing.git")))
        .await
        .err()
        .expect("not there");
    assert!(
        matches!(missing, GitError::RepositoryNotFound { .. }),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_key_from_the_vault_never_touches_a_disk_of_ours() {
    let world = World::new();
    let sshd = Sshd::start(world.dir.path());
    let source = SecretSource::File(sshd.key.clone());
    let mut options = GitOptions::new(world.path("mirrors"));
    options.vault = Vault::new(BTreeMap::from([("deploy".to_owned(), source)])).expect("a name");
    options.ssh = SshOptions {
        key: Some(SshKey::Secret("deploy".to_owned())),
        known_hosts: Some(sshd.known_hosts.clone()),
        accept_new_hosts: false,
    };
    let mirror = Git::new(options)
        .mirror(&url(&sshd, &world.remote))
        .await
        .expect("fetched");
    assert_eq!(
        mirror.resolve_branch("main").await.expect("there"),
        world.source.head()
    );
}

#[tokio::test]
async fn a_wrong_key_an_unknown_host_and_a_changed_host_have_names() {
    let world = World::new();
    let sshd = Sshd::start(world.dir.path());
    let url = url(&sshd, &world.remote);
    let stranger = world.path("stranger");
    keygen(&stranger);
    let wrong = SshOptions {
        key: Some(SshKey::File(stranger.clone())),
        known_hosts: Some(sshd.known_hosts.clone()),
        accept_new_hosts: false,
    };
    let error = host(&world, wrong)
        .mirror(&url)
        .await
        .err()
        .expect("refused");
    assert!(
        matches!(error, GitError::AuthenticationFailed { .. }),
        "{error:?}"
    );

    let mut unknown = SshOptions {
        key: Some(SshKey::File(sshd.key.clone())),
        known_hosts: Some(world.path("hosts")),
        accept_new_hosts: false,
    };
    let error = host(&world, unknown.clone())
        .mirror(&url)
        .await
        .err()
        .expect("refused");
    assert!(matches!(error, GitError::HostKey { .. }), "{error:?}");
    unknown.accept_new_hosts = true;
    host(&world, unknown.clone())
        .mirror(&url)
        .await
        .expect("taken on first sight");
    assert!(world.path("hosts").exists());

    let other = std::fs::read_to_string(stranger.with_extension("pub")).expect("a key");
    std::fs::write(
        world.path("hosts"),
        format!("[127.0.0.1]:{} {other}", sshd.port),
    )
    .expect("written");
    let error = host(&world, unknown)
        .mirror(&url)
        .await
        .err()
        .expect("refused");
    assert!(matches!(error, GitError::HostKey { .. }), "{error:?}");
}

#[tokio::test]
async fn a_dead_port_is_unreachable() {
    let world = World::new();
    let sshd = Sshd::start(world.dir.path());
    let url = url(&sshd, &world.remote);
    let options = SshOptions {
        key: Some(SshKey::File(sshd.key.clone())),
        known_hosts: Some(sshd.known_hosts.clone()),
        accept_new_hosts: false,
    };
    drop(sshd);
    let error = host(&world, options)
        .mirror(&url)
        .await
        .err()
        .expect("nobody there");
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Transient);
}

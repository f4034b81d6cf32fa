//! Engines that are not on a local socket: behind TLS, where either side proves
//! who it is, and behind SSH. A mission flies the same way there.

#![allow(
    clippy::disallowed_methods,
    reason = "a test makes the files that a machine's owner makes"
)]

use anyhow::{Context, Result, ensure};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sortie_servers::{Sshd, keygen};
use sortie_tests::{Host, HostOptions, Remote, engine_socket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;

/// Flies a mission there, and leaves nothing behind.
async fn flies(engine: String, env: Vec<(String, String)>) -> Result<()> {
    let remote = Remote::with(&[("a.txt", "one\n")])?;
    let options = HostOptions {
        engine,
        env,
        ..HostOptions::default()
    };
    let host = Host::start(&remote, options).await?;
    let id = host
        .submit("echo two >> a.txt; head -c 300000 /dev/zero | tr '\\0' x")
        .await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let branch = job["branch"].as_str().context("it has a branch")?;
    assert_eq!(remote.file(branch, "a.txt")?, "one\ntwo\n");
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(())
}

/// What `doctor` says of an engine that cannot be reached.
fn doctor(engine: String, env: Vec<(String, String)>) -> Result<String> {
    let remote = Remote::with(&[("a.txt", "one\n")])?;
    let options = HostOptions {
        engine,
        env,
        ..HostOptions::default()
    };
    let output = Host::configured(&remote, options)?.cli(&["doctor"])?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

fn issuer() -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

/// The files that a client of an engine keeps, as Docker names them.
fn write_client(
    dir: &Path,
    ca: &CertifiedIssuer<'static, KeyPair>,
    of: &CertifiedIssuer<'static, KeyPair>,
) -> Result<()> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["client".to_owned()])?.signed_by(&key, of)?;
    std::fs::write(dir.join("ca.pem"), ca.pem())?;
    std::fs::write(dir.join("cert.pem"), certificate.pem())?;
    std::fs::write(dir.join("key.pem"), key.serialize_pem())?;
    Ok(())
}

/// The engine of this machine behind TLS; lets in whom `ca` knows.
async fn behind_tls(ca: &CertifiedIssuer<'static, KeyPair>) -> Result<u16> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, ca)?;
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that is not let in is part of a test.
                if let Ok(mut client) = acceptor.accept(client).await
                    && let Ok(mut engine) = UnixStream::connect(engine_socket()).await
                {
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
                }
            });
        }
    });
    Ok(port)
}

fn tls(port: u16, dir: &Path) -> String {
    format!(
        "endpoint = \"tcp://localhost:{port}\"\ntls_dir = \"{}\"",
        dir.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mission_flies_behind_tls_for_those_who_are_let_in() -> Result<()> {
    let ca = issuer()?;
    let port = behind_tls(&ca).await?;
    let dir = tempfile::tempdir()?;
    write_client(dir.path(), &ca, &ca)?;
    flies(tls(port, dir.path()), Vec::new()).await?;

    let stranger = tempfile::tempdir()?;
    write_client(stranger.path(), &ca, &issuer()?)?;
    let said = doctor(tls(port, stranger.path()), Vec::new())?;
    assert!(said.contains(&format!("localhost:{port}")), "{said}");

    let mistrusting = tempfile::tempdir()?;
    write_client(mistrusting.path(), &issuer()?, &ca)?;
    let said = doctor(tls(port, mistrusting.path()), Vec::new())?;
    assert!(said.contains("certificate"), "{said}");
    Ok(())
}

/// An `ssh` that is configured as its owner would in `~/.ssh/config`.
fn configured_ssh(dir: &Path, sshd: &Sshd, key: &Path) -> Result<Vec<(String, String)>> {
    let config = dir.join("config");
    let lines = format!(
        "Host engine\nHostName 127.0.0.1\nPort {}\nIdentityFile \"{}\"\nIdentitiesOnly yes\n\
         UserKnownHostsFile \"{}\"\nBatchMode yes\n",
        sshd.port,
        key.display(),
        sshd.known_hosts.display()
    );
    std::fs::write(&config, lines)?;
    let ssh = dir.join("ssh");
    let script = format!(
        "#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n",
        config.display()
    );
    std::fs::write(&ssh, script)?;
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755))?;
    let path = std::env::var("PATH")?;
    Ok(vec![(
        "PATH".to_owned(),
        format!("{}:{path}", dir.display()),
    )])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mission_flies_behind_ssh_for_those_who_are_let_in() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let sshd = Sshd::start(dir.path());
    let endpoint = "endpoint = \"ssh://engine\"";
    let env = configured_ssh(dir.path(), &sshd, &sshd.key)?;
    flies(endpoint.to_owned(), env).await?;

    let other = tempfile::tempdir()?;
    let stranger = other.path().join("stranger");
    keygen(&stranger);
    let env = configured_ssh(other.path(), &sshd, &stranger)?;
    let said = doctor(endpoint.to_owned(), env)?;
    assert!(said.contains("ssh"), "{said}");
    Ok(())
}

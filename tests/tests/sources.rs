//! Where packages come from, by the commands that an operator types: a server
//! behind TLS, a registry that nobody here wrote, and signatures that the host
//! insists on. The question about what is granted is asked on a terminal.

#![allow(
    clippy::disallowed_methods,
    reason = "the test signs, publishes and answers as people do"
)]

use anyhow::{Context, Result};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sortie_package::fetch::{self, FetchOptions, Source};
use sortie_package::{Manifest, section};
use sortie_servers::Registry;
use sortie_tests::{Host, HostOptions, Remote, binary, succeeded};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

fn package(dir: &Path, more: &str) -> Result<String> {
    let manifest =
        format!("name = \"marker\"\nversion = \"1.0.0\"\nsurfaces = [\"scanner\"]\n{more}");
    let component = sortie_guests::honest("marked");
    let file = dir.join("marker.wasm");
    std::fs::write(
        &file,
        section::embed(&component, &Manifest::from_toml(&manifest)?)?,
    )?;
    Ok(file.display().to_string())
}

fn sortie(args: &[&str]) -> Result<String> {
    succeeded(Command::new(binary()?).args(args).output()?, args)
}

async fn host(more: String, env: Vec<(String, String)>) -> Result<Host> {
    let remote = Remote::with(&[("a.txt", "one\n")])?;
    let options = HostOptions {
        more,
        env,
        ..HostOptions::default()
    };
    Host::start(&remote, options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_package_travels_through_a_registry_and_others_are_refused() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = package(dir.path(), "")?;
    let key = dir.path().join("key").display().to_string();
    let made: serde_json::Value =
        serde_json::from_str(&sortie(&["plugin", "keygen", "--out", &key, "--json"])?)?;
    let public = made["public"].as_str().context("a public key")?;
    let strict = format!("[platform]\nrequire_signatures = true\ntrusted_keys = [\"{public}\"]");
    let host = host(strict, Vec::new()).await?;

    let registry = Registry::start("");
    let target = registry.at("team/marker:1.0.0");
    let said = sortie(&["plugin", "push", &file, &target])?;
    assert!(said.contains("unsigned"), "{said}");
    let refused = host.cli(&["plugin", "install", &target, "--yes"])?;
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let why = String::from_utf8(refused.stderr)?;
    assert!(why.contains("sign"), "{why}");

    sortie(&["plugin", "sign", &file, "--key", &key])?;
    let said = sortie(&["plugin", "push", &file, &target])?;
    assert!(
        said.contains("@sha256:") && said.contains("with its signature"),
        "{said}"
    );
    host.run(&["plugin", "install", &target, "--yes"])?;
    let about = host.run(&["plugin", "inspect", "marker", "--json"])?;
    let about: serde_json::Value = serde_json::from_str(&about)?;
    assert_eq!(about["signed_by"], public, "{about}");
    let source = about["source"].as_str().context("it came from somewhere")?;
    assert!(source.contains("@sha256:"), "{source}");

    let elsewhere = dir.path().join("elsewhere.sig");
    std::fs::rename(format!("{file}.sig"), &elsewhere)?;
    host.run(&["plugin", "remove", "marker", "--erase"])?;
    let by_hand = elsewhere.display().to_string();
    host.run(&["plugin", "install", &file, "--signature", &by_hand])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_beside_a_package_goes_in_when_it_is_published() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("marker.wasm");
    std::fs::write(&file, sortie_guests::honest("marked"))?;
    let manifest = "name = \"marker\"\nversion = \"1.0.0\"\nsurfaces = [\"scanner\"]\n";
    std::fs::write(dir.path().join("marker.toml"), manifest)?;
    let file = file.display().to_string();
    let registry = Registry::start("");
    let target = registry.at("team/marker:1.0.0");
    sortie(&["plugin", "push", &file, &target])?;
    let fetched = fetch::fetch(&Source::parse(&target)?, &FetchOptions::default()).await?;
    let inside = section::read(&fetched.bytes)?.context("the manifest is inside")?;
    assert_eq!(inside.name, "marker");

    // What signs the component alone says nothing about it.
    std::fs::write(format!("{file}.sig"), "anything")?;
    let refused = Command::new(binary()?)
        .args(["plugin", "push", &file, &target])
        .output()?;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let why = String::from_utf8(refused.stderr)?;
    assert!(why.contains("does not cover it"), "{why}");
    Ok(())
}

/// Serves these bytes as `/marker.wasm` of `localhost`; returns the port and
/// the certificate.
async fn serve(bytes: Vec<u8>) -> Result<(u16, String)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // One that does not trust it is part of no test here.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            let (status, body) = match head.starts_with(b"GET /marker.wasm ") {
                true => ("200 OK", bytes.as_slice()),
                false => ("404 Not Found", &[][..]),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(body).await;
            let _ = stream.shutdown().await;
        }
    });
    Ok((port, made.cert.pem()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_installed_from_an_https_address_and_from_no_other() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = package(dir.path(), "")?;
    let (port, certificate) = serve(std::fs::read(&file)?).await?;
    let trusted = dir.path().join("ca.pem");
    std::fs::write(&trusted, certificate)?;
    let env = vec![("SSL_CERT_FILE".to_owned(), trusted.display().to_string())];
    let host = host(String::new(), env).await?;
    let address = format!("https://localhost:{port}/marker.wasm");
    let said = host.run(&["plugin", "install", &address])?;
    assert!(said.contains("marker 1.0.0 is installed"), "{said}");

    let refused = host.cli(&["plugin", "install", "http://rules.example.com/marker.wasm"])?;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let why = String::from_utf8(refused.stderr)?;
    assert!(why.contains("https"), "{why}");
    Ok(())
}

/// Runs a command on a terminal and types `answer`; returns what was shown.
fn on_terminal(host: &Host, args: &[&str], answer: &str) -> Result<String> {
    let words = host.command_line(&[&["--color", "never"], args].concat())?;
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let mut child = Command::new("script")
        .args(["-qec", &quoted.join(" "), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut typed = child.stdin.take().context("a pipe")?;
    typed.write_all(answer.as_bytes())?;
    let output = child.wait_with_output()?;
    drop(typed);
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_what_is_asked_for_is_a_question() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = package(dir.path(), "[limits]\ncpu_ms = 9000\n")?;
    let host = host(String::new(), Vec::new()).await?;
    let install = ["plugin", "install", &file];
    let said = on_terminal(&host, &install, "no\n")?;
    assert!(
        said.contains("marker wants to") && said.contains("nothing was changed"),
        "{said}"
    );
    let list = host.run(&["plugin", "list", "--json"])?;
    assert!(!list.contains("marker"), "{list}");
    let said = on_terminal(&host, &install, "yes\n")?;
    assert!(said.contains("it runs from now on"), "{said}");
    Ok(())
}

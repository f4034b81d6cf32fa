//! TLS: whom the service trusts, what it speaks, and what it says when it
//! does not trust.

use std::sync::Arc;

use bytes::Bytes;
use hyper::service::service_fn;
use hyper::{Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sortie_gateway::outbound::{OutboundError, Rule};
use tokio_rustls::TlsAcceptor;

use crate::rig::{Server, TOKEN, World, get, note, rule};

/// A certificate authority of this test's own, in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), issuer.pem()).expect("writes");
        Self { issuer, file }
    }

    fn world(&self) -> World {
        World::with(|options| options.extra_roots = Some(self.file.path().to_owned()))
    }

    /// A server with a certificate for `name` that speaks `protocol`.
    async fn server(&self, name: &str, protocol: &str) -> Server {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .expect("a certificate and its key");
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let is_http2 = protocol == "h2";
        Server::raw("127.0.0.1", move |io, seen| {
            let acceptor = acceptor.clone();
            async move {
                // A client that does not trust is part of some tests.
                let Ok(io) = acceptor.accept(io).await else {
                    return;
                };
                let answer = |_: &_| Response::new(Bytes::from_static(b"hello\n"));
                let service = service_fn(move |request| note(request, seen.clone(), answer));
                let io = TokioIo::new(io);
                let _ = if is_http2 {
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(io, service)
                        .await
                } else {
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(io, service)
                        .await
                };
            }
        })
        .await
    }
}

fn rules(port: u16) -> Vec<Rule> {
    vec![rule(&format!(
        "host = \"api.test\"\nport = {port}\nprivate = true\n\
         credential = {{ secret = \"token\", prefix = \"Bearer \" }}"
    ))]
}

#[tokio::test]
async fn both_versions_of_http_carry_a_credential_to_whom_is_trusted() {
    let authority = Authority::new();
    let world = authority.world();
    world.names.set("api.test", &[&["127.0.0.1"]]);
    for (protocol, version) in [("http/1.1", Version::HTTP_11), ("h2", Version::HTTP_2)] {
        let server = authority.server("api.test", protocol).await;
        // The dot at the end is in no certificate.
        let url = format!("https://api.test.:{}/", server.port());
        for _ in 0..2 {
            let answer = world.send(&rules(server.port()), get(url.clone())).await;
            assert_eq!(answer.expect("an answer").body, &b"hello\n"[..]);
        }
        let seen = server.seen.requests();
        assert_eq!(seen[0].version(), version);
        let sent = seen[0].headers()["authorization"].as_bytes();
        assert_eq!(sent, format!("Bearer {TOKEN}").as_bytes());
        assert_eq!(server.seen.connections(), 1, "the connection is kept");
    }
}

#[tokio::test]
async fn nothing_is_said_to_whom_is_not_trusted() {
    let authority = Authority::new();
    let stranger = Authority::new().server("api.test", "http/1.1").await;
    let impostor = authority.server("other.test", "http/1.1").await;
    let plain = Server::plain("127.0.0.1").await;
    let world = authority.world();
    world.names.set("api.test", &[&["127.0.0.1"]]);
    for (server, reason) in [
        (&stranger, "certificate"),
        (&impostor, "not valid for name"),
        (&plain, "TLS handshake"),
    ] {
        let url = format!("https://api.test:{}/", server.port());
        let answer = world.send(&rules(server.port()), get(url)).await;
        let Err(OutboundError::Failed(text)) = answer else {
            panic!("{answer:?}");
        };
        assert!(text.contains(reason) && text.contains("api.test"), "{text}");
        assert_eq!(server.seen.requests().len(), 0);
    }
}

#[test]
fn a_file_without_certificates_is_refused_at_the_start() {
    use sortie_gateway::outbound::{Outbound, SetupError};
    let file = tempfile::NamedTempFile::new().expect("a file");
    World::with(|options| {
        for path in [file.path().to_owned(), "/nonexistent/ca.pem".into()] {
            let mut wrong = options.clone();
            wrong.extra_roots = Some(path);
            let refused = Outbound::new(wrong).map(drop);
            assert!(
                matches!(refused, Err(SetupError::Roots { .. })),
                "{refused:?}"
            );
        }
    });
}

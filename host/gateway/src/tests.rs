//! The model endpoint over an in-memory stream. What the model endpoint does with a
//! provider and a ledger is tested in `tests/llm`.

use super::*;
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use sortie_model::id::CallId;
use sortie_model::llm::CallRecord;
use std::sync::Mutex;

/// A ledger that nothing is charged to.
#[derive(Default)]
struct Ledger {
    charged: Mutex<u32>,
}

#[async_trait]
impl Meter for Ledger {
    async fn reserve(&self, _: CallPlan) -> Result<Reserved, MeterError> {
        *self.charged.lock().expect("unpoisoned") += 1;
        Ok(Reserved::Call(CallId(1)))
    }

    async fn settle(&self, _: CallId, _: CallRecord) {}

    async fn check(&self) -> Result<(), MeterError> {
        Ok(())
    }
}

/// The gateway of a run on a host without providers.
fn gateway(ledger: &Arc<Ledger>) -> Gateway {
    let options = llm::LlmOptions::new(
        sortie_vault::Vault::default(),
        Default::default(),
        llm::Models::default(),
    );
    Gateway::new(RunGateway {
        meter: ledger.clone(),
        llm: llm::Llm::new(options).expect("certificates are readable"),
        models: ModelPolicy::default(),
        web: None,
    })
}

async fn ask(ledger: &Arc<Ledger>, request: Request<Full<Bytes>>) -> (StatusCode, String) {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let gateway = gateway(ledger);
    let served = tokio::spawn(async move { gateway.serve(server).await });
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client))
        .await
        .expect("the gateway speaks HTTP/1");
    let driven = tokio::spawn(connection);
    let response = sender.send_request(request).await.expect("it answers");
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .expect("the body ends")
        .to_bytes();
    drop(sender);
    let _ = driven.await;
    served.await.expect("serving does not panic");
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn without_a_provider_there_is_no_model_and_the_operator_is_named() {
    let ledger = Arc::new(Ledger::default());
    let request = Request::post("/v1/chat/completions")
        .header("host", "127.0.0.1")
        .body(Full::new(Bytes::from_static(b"{\"model\":\"m\"}")))
        .expect("a valid request");
    let (status, body) = ask(&ledger, request).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(
        body.contains("model_not_found") && body.contains("[models]"),
        "{body}"
    );
    assert_eq!(*ledger.charged.lock().expect("unpoisoned"), 0);
}

#[tokio::test]
async fn garbage_ends_the_connection_and_charges_nothing() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ledger = Arc::new(Ledger::default());
    let (mut client, server) = tokio::io::duplex(1024);
    let gateway = gateway(&ledger);
    let served = tokio::spawn(async move { gateway.serve(server).await });
    client
        .write_all(b"\x16\x03\x01 not http\r\n\r\n")
        .await
        .expect("it reads");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.expect("it closes");
    served.await.expect("serving does not panic");
    assert_eq!(*ledger.charged.lock().expect("unpoisoned"), 0);
}

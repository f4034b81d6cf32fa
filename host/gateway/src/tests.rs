//! The gateway over an in-memory stream, with a meter that counts.

use super::*;
use crate::egress::{Connection, EgressOptions, Refusal, Shut, Verdict, Warden};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use sortie_model::host::HostName;
use std::sync::Mutex;

#[derive(Default)]
struct Ledger {
    calls: Mutex<u32>,
    limit: u32,
}

#[async_trait]
impl Meter for Ledger {
    async fn charge_call(&self) -> Result<Charge, MeterError> {
        let mut calls = self
            .calls
            .lock()
            .expect("no test panics while it holds this");
        if *calls == self.limit {
            return Ok(Charge::Exhausted { limit: self.limit });
        }
        *calls += 1;
        Ok(Charge::Charged)
    }
}

/// Lets nothing out.
struct Nobody;

#[async_trait]
impl Warden for Nobody {
    async fn admit(&self, _: &HostName, _: u16) -> Verdict {
        Verdict::Shut(Shut::NotListed)
    }

    async fn refused(&self, _: &Refusal) {}

    async fn record(&self, _: Connection) {}
}

fn gateway(ledger: &Arc<Ledger>) -> Gateway {
    let egress = Egress::new(EgressOptions::new(Arc::new(Nobody)));
    Gateway::new(ledger.clone(), egress)
}

async fn ask(
    ledger: &Arc<Ledger>,
    door: Door,
    request: Request<Full<Bytes>>,
) -> (StatusCode, String) {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let gateway = gateway(ledger);
    let served = tokio::spawn(async move { gateway.serve(door, server).await });
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

fn model_request() -> Request<Full<Bytes>> {
    Request::post("/v1/chat/completions")
        .header("host", "127.0.0.1")
        .body(Full::new(Bytes::from_static(b"{}")))
        .expect("a valid request")
}

#[tokio::test]
async fn every_model_request_is_charged_until_the_budget_ends() {
    let ledger = Arc::new(Ledger {
        limit: 2,
        ..Ledger::default()
    });
    for _ in 0..2 {
        let (status, _) = ask(&ledger, Door::Model, model_request()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
    let (status, body) = ask(&ledger, Door::Model, model_request()).await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED);
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["type"], "error");
    assert_eq!(body["error"]["code"], "budget_exhausted");
    assert_eq!(*ledger.calls.lock().expect("unpoisoned"), 2);
}

#[tokio::test]
async fn the_doors_lead_to_different_places() {
    let ledger = Arc::new(Ledger {
        limit: 1,
        ..Ledger::default()
    });
    let request = Request::get("http://example.com/x")
        .body(Full::default())
        .expect("a valid request");
    let (status, body) = ask(&ledger, Door::Egress, request).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body.contains("example.com:80"), "{body}");
    assert_eq!(*ledger.calls.lock().expect("unpoisoned"), 0);
}

#[tokio::test]
async fn garbage_ends_the_connection_and_charges_nothing() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ledger = Arc::new(Ledger::default());
    let (mut client, server) = tokio::io::duplex(1024);
    let gateway = gateway(&ledger);
    let served = tokio::spawn(async move { gateway.serve(Door::Model, server).await });
    client
        .write_all(b"\x16\x03\x01 not http\r\n\r\n")
        .await
        .expect("it reads");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.expect("it closes");
    served.await.expect("serving does not panic");
    assert_eq!(*ledger.calls.lock().expect("unpoisoned"), 0);
}

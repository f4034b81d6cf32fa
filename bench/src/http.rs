//! A connection that stays open, and one request after the other on it: the
//! client of both sides where requests over HTTP are measured, and of a host
//! that is prepared for something else.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long an answer may take. A component of the benchmarks compiles in far
/// less.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Between the parts of an upload; nothing that is sent contains it.
const BOUNDARY: &str = "sortie-bench-part";

/// A connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is dropped; what broke it is the request's
        // to say.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, address })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection breaks or the answer takes too long.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
        let host = header::HeaderValue::try_from(self.address.to_string())?;
        request.headers_mut().insert(header::HOST, host);
        let answered = async {
            self.sender.ready().await?;
            let response = self.sender.send_request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            anyhow::Ok((status, body))
        };
        match tokio::time::timeout(ANSWER_LIMIT, answered).await {
            Ok(answer) => answer.with_context(|| format!("ask {}", self.address)),
            Err(_) => bail!("ask {}: no answer within {ANSWER_LIMIT:?}", self.address),
        }
    }
}

/// The form that carries a package to a host, with consent to all it asks for.
///
/// # Errors
/// When `path` or `token` cannot be sent.
pub fn upload(path: &str, token: &str, package: &[u8]) -> Result<Request<Full<Bytes>>> {
    let mut form = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"consent\"\r\n\r\n\
         {{\"everything\": {{}}}}\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"package\"\r\n\
         Content-Type: application/wasm\r\n\r\n"
    )
    .into_bytes();
    form.extend_from_slice(package);
    form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let request = Request::post(path)
        .header(
            header::CONTENT_TYPE,
            format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    Ok(request.body(Full::new(form.into()))?)
}

/// A request that carries JSON to a host.
///
/// # Errors
/// When `path` or `token` cannot be sent.
pub fn json(path: &str, token: &str, body: &serde_json::Value) -> Result<Request<Full<Bytes>>> {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    Ok(request.body(Full::new(serde_json::to_vec(body)?.into()))?)
}

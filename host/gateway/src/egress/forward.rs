//! A plain request, carried on to the host that it names and to no other.
//!
//! One request, one connection: nothing of one can be taken for a part of the
//! next. What belongs to the connection with the proxy is taken off, the Host
//! field is the proxy's own, and lengths and chunks are written anew.

use super::Reached;
use super::fault::Fault;
use super::flow::{Counted, Flow};
use super::head::Read;
use super::target::Target;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;

/// Header fields that are between two neighbours alone.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The same, that the library has no names for.
const HOP_BY_HOP_OTHERS: [&str; 2] = ["keep-alive", "proxy-connection"];

type Body = BoxBody<Bytes, hyper::Error>;

/// Carries one request, whose head and perhaps more is in `read`.
pub(super) async fn run<S>(
    io: &mut S,
    read: Read,
    reached: Reached,
    target: &Target,
    flow: &Arc<Flow>,
) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    flow.begin();
    let far = TokioIo::new(Counted::new(reached.stream, flow.clone()));
    let broken = |error: hyper::Error| Fault::broken(target, error.to_string());
    let (sender, connection) = hyper::client::conn::http1::handshake(far)
        .await
        .map_err(broken)?;
    // The far end is a socket of its own, so a task of its own may drive it;
    // the task ends with this request.
    let mut driver = JoinSet::new();
    driver.spawn(async move { drop(connection.await) });
    let once = Mutex::new(Some(sender));
    let fault = Mutex::new(None);
    let service = service_fn(|request: Request<Incoming>| {
        let sender = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        let fault = &fault;
        async move {
            let answered = match (sender, onward(request, target)) {
                (Some(mut sender), Ok(request)) => sender
                    .send_request(request)
                    .await
                    .map_err(|e| e.to_string()),
                (None, _) => Err("a second request came on one connection".to_owned()),
                (_, Err(why)) => Err(why),
            };
            let response = match answered {
                Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    Err("it switched protocols, which was not asked for".to_owned())
                }
                other => other,
            };
            Ok::<_, Infallible>(match response {
                Ok(response) => back(response),
                Err(why) => {
                    let mut kept = fault.lock().unwrap_or_else(PoisonError::into_inner);
                    *kept = Some(Fault::broken(target, why));
                    bad_gateway(target)
                }
            })
        }
    });
    let near = Rewound {
        first: read.all(),
        io,
    };
    let served = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        // A client that has said all may close its side before it listens.
        .half_close(true)
        .serve_connection(TokioIo::new(near), service)
        .await;
    let fault = fault.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (flow.cut().or(fault), served) {
        (Some(fault), _) => Err(fault),
        // The sandbox broke off, or the far end in the middle of its answer.
        (None, Err(error)) => Err(Fault::broken(target, error.to_string())),
        (None, Ok(())) => Ok(()),
    }
}

/// The request as the far end gets it.
fn onward(request: Request<Incoming>, target: &Target) -> Result<Request<Incoming>, String> {
    let (mut head, body) = request.into_parts();
    strip(&mut head.headers);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path
        .parse::<Uri>()
        .map_err(|error| format!("the path: {error}"))?;
    let host = HeaderValue::from_str(&target.host_field());
    head.headers
        .insert(header::HOST, host.map_err(|error| error.to_string())?);
    head.version = hyper::Version::HTTP_11;
    Ok(Request::from_parts(head, body))
}

/// The answer as the sandbox gets it.
fn back(response: Response<Incoming>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    strip(&mut head.headers);
    Response::from_parts(head, body.boxed())
}

fn bad_gateway(target: &Target) -> Response<Body> {
    let text = format!("sortie: the exchange with {target} broke\n");
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
    let mut response = Response::new(body.boxed());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

/// Takes off what is between two neighbours: the known fields, and those that
/// `Connection` names.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // Lengths are the message's, whatever it says.
        .filter(|name: &HeaderName| *name != header::CONTENT_LENGTH)
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    for name in HOP_BY_HOP_OTHERS {
        headers.remove(name);
    }
}

/// A stream whose first bytes were read before.
struct Rewound<'s, S> {
    first: Bytes,
    io: &'s mut S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut *self.io).poll_read(cx, buf);
        }
        let length = self.first.len().min(buf.remaining());
        buf.put_slice(&self.first.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_shutdown(cx)
    }
}

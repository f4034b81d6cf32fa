//! `wasi:http` on the same door as `sortie:host/http`: what a JavaScript
//! `fetch` becomes. Only outgoing requests; whole bodies, no streaming.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::{
    Header, HttpDoor, HttpError, HttpRequest, HttpResponse, MAX_BODY_BYTES, MAX_HTTP_TIMEOUT_MS,
};
use crate::call::CallState;

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.door,
            table: &mut self.table,
            ctx: &mut self.wasi_http,
        }
    }
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Io), Error>;

impl WasiHttpHooks for HttpDoor {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Io,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let door = self.clone();
        Box::new(async move {
            let request = asked(request, options).await?;
            let response = door.send(request).await.map_err(refusal)?;
            let done: Io = Box::new(async { Ok(()) });
            Ok((answer(response)?, done))
        })
    }
}

/// Reads the whole body, so that the host sends it or refuses it as one.
async fn asked(
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<HttpRequest, Error> {
    let (head, body) = request.into_parts();
    let body = Limited::new(Pin::new(Box::new(body)), MAX_BODY_BYTES)
        .collect()
        .await
        .map_err(|_| Error::HttpRequestBodySize(None))?
        .to_bytes();
    let headers = head
        .headers
        .iter()
        // The host writes these itself; wasi:http adds them to every request.
        .filter(|(name, _)| *name != http::header::HOST && *name != http::header::CONTENT_LENGTH)
        .map(|(name, value)| {
            Ok(Header {
                name: name.as_str().to_owned(),
                value: value
                    .to_str()
                    .map_err(|_| Error::HttpRequestDenied)?
                    .to_owned(),
            })
        })
        .collect::<Result<_, Error>>()?;
    let options = options.unwrap_or_default();
    let asked = [options.connect_timeout, options.first_byte_timeout];
    let limit = Duration::from_millis(MAX_HTTP_TIMEOUT_MS.into());
    // wasi:http has a time for each part; the host has one for the whole.
    let whole: Duration = asked.iter().map(|part| part.unwrap_or(limit)).sum();
    Ok(HttpRequest {
        method: head.method.as_str().to_owned(),
        url: head.uri.to_string(),
        headers,
        body: (!body.is_empty()).then(|| body.to_vec()),
        timeout_ms: u32::try_from(whole.min(limit).as_millis()).unwrap_or(MAX_HTTP_TIMEOUT_MS),
    })
}

fn answer(response: HttpResponse) -> Result<http::Response<WasiBody>, Error> {
    let mut builder = http::Response::builder().status(response.status);
    for header in response.headers {
        builder = builder.header(header.name, header.value);
    }
    let body = Full::new(Bytes::from(response.body))
        .map_err(Error::from)
        .boxed_unsync();
    builder.body(body).map_err(|_| Error::HttpProtocolError)
}

fn refusal(error: HttpError) -> Error {
    match error {
        HttpError::Invalid(_) => Error::HttpRequestUriInvalid,
        HttpError::Denied(_) => Error::HttpRequestDenied,
        HttpError::Unreachable(_) => Error::DestinationUnavailable,
        HttpError::TimedOut => Error::ConnectionTimeout,
        HttpError::TooLarge(limit) => Error::HttpResponseBodySize(Some(limit)),
        HttpError::Failed(_) => Error::HttpProtocolError,
    }
}

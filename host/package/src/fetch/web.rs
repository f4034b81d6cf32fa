//! Packages at web addresses. Redirects are followed by hand, on the same host
//! and port and never out of TLS.

use futures::StreamExt;
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::Url;

use super::{FetchError, FetchOptions, Fetched, MAX_SIGNATURE_BYTES, Source, USER_AGENT, reasons};
use crate::digest::Digest;

/// How many redirects are followed. Servers that tidy up an address need one
/// or two.
const MAX_REDIRECTS: usize = 5;

/// The package at `url`, and the signature at the same path with `.sig`.
pub async fn fetch(
    url: &Url,
    options: &FetchOptions,
    loopback: bool,
) -> Result<Fetched, FetchError> {
    let client = client(options, loopback).await?;
    let response = get(&client, url).await?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status {
            what: url.to_string(),
            status: response.status().as_u16(),
        });
    }
    let bytes = body(url, response, options.max_bytes).await?;
    Ok(Fetched {
        digest: Digest::of(&bytes),
        bytes,
        pinned: Source::Web(url.clone()),
        signature: signature(&client, url).await?,
    })
}

/// Servers answer what is not there in many ways; all of them are none.
async fn signature(client: &Client, url: &Url) -> Result<Option<String>, FetchError> {
    let mut beside = url.clone();
    beside.set_path(&format!("{}.sig", url.path()));
    let response = match get(client, &beside).await {
        Ok(response) if response.status() == StatusCode::OK => response,
        Ok(_) | Err(FetchError::Redirected { .. } | FetchError::Redirects { .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let bytes = body(&beside, response, MAX_SIGNATURE_BYTES).await?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

async fn client(options: &FetchOptions, loopback: bool) -> Result<Client, FetchError> {
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .https_only(!loopback)
        .referer(false)
        .user_agent(USER_AGENT);
    if loopback {
        // A proxy would look for it on its own machine.
        builder = builder.no_proxy();
    }
    if let Some(path) = &options.extra_ca {
        let pem = super::certificates(path).await?;
        for certificate in reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default() {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| FetchError::Unreachable {
        what: "the web".into(),
        reason: reasons(&error),
    })
}

/// The first answer that is no redirect.
async fn get(client: &Client, url: &Url) -> Result<Response, FetchError> {
    let mut at = url.clone();
    for _ in 0..=MAX_REDIRECTS {
        let response =
            client
                .get(at.clone())
                .send()
                .await
                .map_err(|error| FetchError::Unreachable {
                    what: url.to_string(),
                    reason: reasons(&error.without_url()),
                })?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        let Some(location) = response.headers().get(LOCATION) else {
            return Ok(response);
        };
        let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
        let refused = |to: String| FetchError::Redirected {
            what: url.to_string(),
            to,
        };
        let next = at.join(&location).map_err(|_| refused(location.clone()))?;
        let same = next.host() == at.host()
            && next.port_or_known_default() == at.port_or_known_default()
            && next.scheme() == at.scheme()
            && next.username().is_empty()
            && next.password().is_none();
        if !same {
            return Err(refused(next.to_string()));
        }
        at = next;
    }
    Err(FetchError::Redirects {
        what: url.to_string(),
        limit: MAX_REDIRECTS,
    })
}

async fn body(url: &Url, response: Response, limit: u64) -> Result<Vec<u8>, FetchError> {
    let too_large = || FetchError::TooLarge {
        what: url.to_string(),
        limit,
    };
    let announced = response.content_length();
    if announced.is_some_and(|announced| announced > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = match (chunk, announced) {
            (Ok(chunk), _) => chunk,
            (Err(_), Some(expected)) if (bytes.len() as u64) < expected => {
                return Err(FetchError::Truncated {
                    what: url.to_string(),
                    expected,
                    got: bytes.len() as u64,
                });
            }
            (Err(error), _) => {
                return Err(FetchError::Unreachable {
                    what: url.to_string(),
                    reason: reasons(&error.without_url()),
                });
            }
        };
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

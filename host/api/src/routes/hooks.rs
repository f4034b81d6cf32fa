//! The one way in without the token: requests to the sources of connectors.
//! The platform verifies who sends and removes repetitions; here everything is
//! bounded before a byte of a body is read. What is unknown, disabled or not
//! granted answers alike.

use super::Refused;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{HookDuplicate, HookTaken};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use sortie_platform::sources::http::{Answer, Refusal, Request as Hooked};
use sortie_plugins::surfaces::connector::Reply;

/// Where hooks are.
pub(super) const PATH: &str = "/hooks/{plugin}/{source}";

/// The same with what is left to the plugin.
pub(super) const PATH_BELOW: &str = "/hooks/{plugin}/{source}/{*path}";

/// Send something to a connector.
///
/// Any method will do, and any path below. The request is verified as the
/// plugin's manifest says. What the plugin answers comes after everything it
/// did is on disk; when it fails, the request itself is kept and tried again
/// later. A repetition changes nothing.
#[utoipa::path(
    post, path = "/hooks/{plugin}/{source}", operation_id = "send_hook", tag = "hooks",
    params(
        ("plugin" = String, Path, description = "The connector."),
        ("source" = String, Path, description = "Its source, by its name in the manifest."),
    ),
    request_body(content = Vec<u8>, content_type = "*/*"),
    responses(
        (status = 200, description = "Handled; the plugin's own answer, whose status may be another. Or a repetition, with the number of the event that it repeats.", body = HookDuplicate),
        (status = 202, description = "Kept, to be handled later.", body = HookTaken),
        Refused,
    )
)]
pub(super) async fn hook(
    State(api): State<Api>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let _place = api.hook_place()?;
    let (head, body) = request.into_parts();
    let Some((plugin, source, path)) = target(head.uri.path()) else {
        return Err(unknown("", ""));
    };
    let Some(limit) = api.platform().hook_limit(plugin, source) else {
        return Err(unknown(plugin, source));
    };
    let announced = announced(&head.headers);
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(too_large(limit));
    }
    let _room = api.hook_room(announced.unwrap_or(limit))?;
    let body = whole(body, limit).await?;
    let hooked = Hooked {
        method: head.method.as_str().to_owned(),
        path: path.to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body,
    };
    let answer = api.platform().hook(plugin, source, hooked).await?;
    Ok(match answer {
        Answer::Handled(None) => StatusCode::OK.into_response(),
        Answer::Handled(Some(reply)) => reply_of(reply),
        Answer::Taken(id) => {
            (StatusCode::ACCEPTED, axum::Json(HookTaken { event: id.0 })).into_response()
        }
        Answer::Host(reply) => reply_of(reply),
        Answer::Duplicate(id, _) => axum::Json(HookDuplicate { duplicate: id.0 }).into_response(),
    })
}

/// Plugin, source and the path below, as they were sent. Names need no
/// escapes, so one that has some is no name.
fn target(path: &str) -> Option<(&str, &str, &str)> {
    let rest = path.strip_prefix("/hooks/")?;
    let (plugin, rest) = rest.split_once('/')?;
    Some(match rest.find('/') {
        Some(at) => (plugin, &rest[..at], &rest[at..]),
        None => (plugin, rest, "/"),
    })
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// The whole body, if it is not too large and comes in time.
pub(super) async fn whole(body: Body, limit: u64) -> Result<Bytes, Problem> {
    tokio::time::timeout(limits::HOOK_BODY_TIMEOUT, read(body, limit))
        .await
        .map_err(|_| too_slow())?
}

async fn read(body: Body, limit: u64) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| {
            Problem::new(
                Kind::BadRequest,
                "read the body: it ended early; send it again",
            )
        })?;
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// What a plugin answers. It says nothing about the connection, and sets
/// nothing that a browser keeps.
fn reply_of(reply: Reply) -> Response {
    const NOT_ITS_OWN: [HeaderName; 9] = [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::TE,
        header::TRAILER,
        header::UPGRADE,
        header::SET_COOKIE,
        header::STRICT_TRANSPORT_SECURITY,
        header::CONTENT_SECURITY_POLICY,
    ];
    // The platform checked the range.
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let mut response = (status, reply.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for header in reply.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_str(&header.value);
        if let (Ok(name), Ok(value)) = (name, value)
            && !NOT_ITS_OWN.contains(&name)
        {
            headers.append(name, value);
        }
    }
    // It stands beside the API, and a page of a plugin is no page of the host.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'"),
    );
    response
}

fn unknown(plugin: &str, source: &str) -> Problem {
    Refusal::Unknown {
        plugin: plugin.chars().take(80).collect(),
        source_name: source.chars().take(80).collect(),
    }
    .into()
}

fn too_large(limit: u64) -> Problem {
    Problem::new(
        Kind::TooLarge,
        format!("read the body: this hook takes {limit} bytes; send less"),
    )
}

fn too_slow() -> Problem {
    Problem::new(
        Kind::TooSlow,
        format!(
            "read the body: it did not come within {} s; send it again",
            limits::HOOK_BODY_TIMEOUT.as_secs()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_plugin_the_source_and_the_rest() {
        for (path, expected) in [
            ("/hooks/a/b", Some(("a", "b", "/"))),
            ("/hooks/a/b/", Some(("a", "b", "/"))),
            ("/hooks/a/b/c/%2e", Some(("a", "b", "/c/%2e"))),
            ("/hooks/a/", Some(("a", "", "/"))),
            ("/hooks/a", None),
        ] {
            assert_eq!(target(path), expected, "{path}");
        }
    }
}

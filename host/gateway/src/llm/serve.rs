//! One request of a client, from its head to the head of its answer.

use super::call::{OpenCall, Opened};
use super::models::{Target, how_to_price};
use super::refusal::{Refused, json};
use super::request::Request as ModelRequest;
use super::upstream::Upstream;
use super::{Shared, relay, upstream};
use crate::RunGateway;
use crate::body::GatewayBody;
use crate::meter::{CallPlan, MeterError};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use sortie_model::llm::{CallLimit, CallRefused, ModelApi, Price, worst_tokens};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::SemaphorePermit;

/// How much of a body that is too large is read to its end, so that the client
/// gets to hear why it was refused.
const MAX_DRAINED_BYTES: usize = 256 * 1024 * 1024;

/// When to try again what the calls under way have no room for.
const ROOM_SOON: Duration = Duration::from_secs(2);

/// Answers one request.
pub(crate) async fn answer(
    run: &RunGateway,
    request: Request<Incoming>,
) -> Result<Response<GatewayBody>, Infallible> {
    Ok(match route(run, request).await {
        Ok(response) => response,
        Err(refused) => refused.response(),
    })
}

async fn route(
    run: &RunGateway,
    request: Request<Incoming>,
) -> Result<Response<GatewayBody>, Refused> {
    let path = request.uri().path().to_owned();
    let api = match (request.method(), path.as_str()) {
        (&Method::POST, "/v1/chat/completions") => ModelApi::ChatCompletions,
        (&Method::POST, "/v1/responses") => ModelApi::Responses,
        (&Method::POST, "/v1/messages") => ModelApi::Messages,
        (&Method::POST, "/v1/embeddings") => ModelApi::Embeddings,
        (&Method::POST, "/v1/messages/count_tokens") => return count_tokens(run, request).await,
        (&Method::GET, "/v1/models") => return Ok(models(run)),
        (&Method::GET, path) if path.starts_with("/v1/models/") => {
            return model(run, &path["/v1/models/".len()..]);
        }
        _ => {
            return Err(Refused::new(
                StatusCode::NOT_FOUND,
                "no_such_path",
                "this endpoint has POST /v1/chat/completions, /v1/responses, /v1/messages, \
                 /v1/messages/count_tokens and /v1/embeddings, and GET /v1/models",
            ));
        }
    };
    call(run, api, request).await
}

/// A call that is reserved, sent and settled.
async fn call(
    run: &RunGateway,
    api: ModelApi,
    request: Request<Incoming>,
) -> Result<Response<GatewayBody>, Refused> {
    let shared = run.llm.shared();
    let (parts, body) = request.into_parts();
    let (body, room) = read_body(shared, body).await?;
    let mut asked = ModelRequest::read(api, &body)?;
    let target = shared
        .models
        .resolve(&run.models, &asked.model)
        .map_err(|unknown| {
            Refused::new(
                StatusCode::NOT_FOUND,
                "model_not_found",
                unknown.to_string(),
            )
        })?;
    let upstream = upstream_of(shared, &target)?;
    if !target.apis.contains(&api) {
        return Err(Refused::bad(format!(
            "{} is not asked through {api}; it takes {}",
            target.long_name(),
            words(&target.apis)
        )));
    }
    let price = price_of(&target)?;
    let provider = &upstream.provider;
    asked.prepare(provider.hosted_tools)?;
    let worst = match worst_tokens(&asked.size, &target.bounds) {
        Some(worst) => worst,
        None if price == Price::FREE => Default::default(),
        None => {
            return Err(Refused::bad(format!(
                "how much {} answers at most is not known; ask for a bound, or have the operator \
                 set output_tokens in [models.prices.\"{}\"]",
                target.model,
                target.long_name()
            )));
        }
    };
    if asked.size.body_bytes == u64::MAX && target.bounds.context.is_none() && price != Price::FREE
    {
        return Err(Refused::bad(format!(
            "how much {} reads at most is not known, so nothing that lies at the provider can be \
             referred to; send it, or have the operator set context_tokens",
            target.model
        )));
    }
    let bounded = Some(&worst).filter(|worst| worst.output_each > 0);
    let outgoing = asked.write(&target.model, bounded, provider.kind.chat_cap_field());
    if !asked.dropped.is_empty() {
        tracing::debug!(dropped = ?asked.dropped, "left out of a request to a model");
    }
    let (streamed, strip) = (asked.stream, asked.strip_usage);
    drop(asked);
    drop(body);

    let place = upstream.place().await?;
    let mut admitted = upstream.admit()?;
    let plan = CallPlan {
        provider: target.provider.clone(),
        model: target.model.clone(),
        api,
        worst: price.worst(&worst),
    };
    let mut open = match OpenCall::reserve(run.meter.clone(), plan, price, worst).await {
        Ok(Opened::Call(open)) => open,
        Ok(Opened::Refused(refused)) => return Err(exhausted(&refused)),
        Ok(Opened::Denied(why)) => {
            return Err(Refused::new(
                StatusCode::PAYMENT_REQUIRED,
                "budget_denied",
                format!("the budget allows no further call: {why}. Stop here."),
            ));
        }
        Err(error) => return Err(uncharged(&error)),
    };
    open.sent();
    let sent = upstream
        .send(
            &shared.vault,
            &mut admitted,
            Method::POST,
            path_of(api),
            upstream::forwarded(&parts.headers, api == ModelApi::Messages),
            Some(outgoing),
        )
        .await;
    drop(admitted);
    drop(room);
    let response = match sent {
        Ok(response) => response,
        Err(failed) => {
            match failed.may_cost {
                true => {
                    open.close(Default::default(), Some(&failed.refused.message))
                        .await
                }
                false => open.release(&failed.refused.message).await,
            }
            return Err(failed.refused);
        }
    };
    open.answered(response.status().as_u16());
    let relayed = relay::Relayed {
        shared: shared.clone(),
        provider: target.provider,
        idle_timeout: provider.idle_timeout,
        secret: provider.secret.clone(),
        api,
        strip,
        streamed,
        open,
        place,
    };
    relayed.answer(response).await
}

/// Counting is free, and for the models of Anthropic alone.
async fn count_tokens(
    run: &RunGateway,
    request: Request<Incoming>,
) -> Result<Response<GatewayBody>, Refused> {
    let shared = run.llm.shared();
    let (parts, body) = request.into_parts();
    let (body, _room) = read_body(shared, body).await?;
    let mut asked = ModelRequest::read(ModelApi::Messages, &body)?;
    let target = shared
        .models
        .resolve(&run.models, &asked.model)
        .map_err(|unknown| {
            Refused::new(
                StatusCode::NOT_FOUND,
                "model_not_found",
                unknown.to_string(),
            )
        })?;
    let upstream = upstream_of(shared, &target)?;
    if !target.apis.contains(&ModelApi::Messages) {
        return Err(Refused::bad(format!(
            "{} does not count tokens",
            target.long_name()
        )));
    }
    asked.prepare(upstream.provider.hosted_tools)?;
    run.meter.check().await.map_err(|error| uncharged(&error))?;
    let outgoing = asked.write(&target.model, None, "max_tokens");
    let _place = upstream.place().await?;
    let mut admitted = upstream.admit()?;
    let response = upstream
        .send(
            &shared.vault,
            &mut admitted,
            Method::POST,
            "messages/count_tokens",
            upstream::forwarded(&parts.headers, true),
            Some(outgoing),
        )
        .await
        .map_err(|failed| failed.refused)?;
    relay::whole(shared, upstream, response).await
}

/// The models of the run, in a shape that both families of clients read.
fn models(run: &RunGateway) -> Response<GatewayBody> {
    let targets = run.llm.models().of_policy(&run.models);
    let data: Vec<_> = targets.iter().map(entry).collect();
    let list = serde_json::json!({
        "object": "list",
        "first_id": data.first().map(|entry| &entry["id"]),
        "last_id": data.last().map(|entry| &entry["id"]),
        "has_more": false,
        "data": data,
    });
    json(StatusCode::OK, Bytes::from(list.to_string()))
}

fn model(run: &RunGateway, name: &str) -> Result<Response<GatewayBody>, Refused> {
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    let target = run
        .llm
        .models()
        .resolve(&run.models, &name)
        .map_err(|unknown| {
            Refused::new(
                StatusCode::NOT_FOUND,
                "model_not_found",
                unknown.to_string(),
            )
        })?;
    Ok(json(
        StatusCode::OK,
        Bytes::from(entry(&target).to_string()),
    ))
}

fn entry(target: &Target) -> serde_json::Value {
    serde_json::json!({
        "id": target.long_name(),
        "object": "model",
        "type": "model",
        "display_name": target.model,
        "created": 0,
        "created_at": "1970-01-01T00:00:00Z",
        "owned_by": target.provider,
    })
}

fn path_of(api: ModelApi) -> &'static str {
    match api {
        ModelApi::ChatCompletions => "chat/completions",
        ModelApi::Responses => "responses",
        ModelApi::Messages => "messages",
        ModelApi::Embeddings => "embeddings",
    }
}

fn words(apis: &[ModelApi]) -> String {
    let names: Vec<_> = apis.iter().map(|api| api.as_str()).collect();
    match names.is_empty() {
        true => "none that its provider has".to_owned(),
        false => names.join(", "),
    }
}

fn upstream_of<'s>(shared: &'s Shared, target: &Target) -> Result<&'s Upstream, Refused> {
    shared
        .upstreams
        .get(&target.provider)
        .ok_or_else(|| Refused::gateway(format!("the provider {} is not set up", target.provider)))
}

fn price_of(target: &Target) -> Result<Price, Refused> {
    target.price.ok_or_else(|| {
        Refused::new(
            StatusCode::FORBIDDEN,
            "model_unpriced",
            format!(
                "{} has no price, so it is not asked; {}",
                target.long_name(),
                how_to_price(target)
            ),
        )
    })
}

/// 402 is what coding agents take as final; where the calls under way are all
/// that stands in the way, 429 has them try again.
fn exhausted(refused: &CallRefused) -> Refused {
    if refused.may_pass {
        return Refused {
            status: StatusCode::TOO_MANY_REQUESTS,
            ..Refused::later(
                "budget_reserved",
                format!(
                    "what is left of {} is reserved by calls under way; try again when they are \
                     done",
                    refused.limit
                ),
                ROOM_SOON,
            )
        };
    }
    let left = match refused.limit {
        CallLimit::RunCalls => String::new(),
        _ => format!(" ({} left, less than this call may cost)", refused.left),
    };
    Refused::new(
        StatusCode::PAYMENT_REQUIRED,
        "budget_exhausted",
        format!(
            "{} is used up{left}. No further call will be made: stop here, what you did is kept.",
            refused.limit
        ),
    )
}

fn uncharged(error: &MeterError) -> Refused {
    match error {
        MeterError::Over => Refused::new(
            StatusCode::FORBIDDEN,
            "run_over",
            "this run is over; no further call will be made. Stop here.",
        ),
        MeterError::Ledger(why) => {
            tracing::error!(error = why, "a model call could not be charged");
            Refused::later(
                "ledger_unavailable",
                "the call could not be charged, so it was not made; try again",
                ROOM_SOON,
            )
        }
    }
}

/// The whole body, and the room it takes.
async fn read_body(
    shared: &Arc<Shared>,
    body: Incoming,
) -> Result<(Bytes, SemaphorePermit<'_>), Refused> {
    let limit = shared.max_request_bytes;
    let announced = body.size_hint().exact();
    let announced = announced.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let reading = async {
        if announced.is_some_and(|bytes| bytes > limit) {
            drain(body, 0).await;
            return Err(too_large(limit));
        }
        let kib = announced.unwrap_or(limit).div_ceil(1024);
        let room = shared
            .bodies
            .acquire_many(u32::try_from(kib).unwrap_or(u32::MAX))
            .await
            .expect("this semaphore is never closed");
        let mut body = body;
        let mut bytes = BytesMut::with_capacity(announced.unwrap_or(0));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refused::bad("the request ends in the middle"))?;
            if let Ok(data) = frame.into_data() {
                if data.len() > limit - bytes.len() {
                    let read = bytes.len();
                    drop(bytes);
                    drain(body, read).await;
                    return Err(too_large(limit));
                }
                bytes.extend_from_slice(&data);
            }
        }
        Ok((bytes.freeze(), room))
    };
    tokio::time::timeout(shared.request_timeout, reading)
        .await
        .unwrap_or_else(|_| {
            Err(Refused::new(
                StatusCode::REQUEST_TIMEOUT,
                "request_slow",
                "the request was not there in time",
            ))
        })
}

/// Reads on and keeps nothing.
async fn drain(mut body: Incoming, read: usize) {
    let mut read = read;
    while let Some(Ok(frame)) = body.frame().await {
        read = read.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if read > MAX_DRAINED_BYTES {
            return;
        }
    }
}

fn too_large(limit: usize) -> Refused {
    Refused::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "request_too_large",
        format!(
            "the request is over {} MiB; send less context",
            limit / (1024 * 1024)
        ),
    )
}

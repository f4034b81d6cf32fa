//! One request of a client, from its head to the head of its answer.

use super::call::{OpenCall, Opened};
use super::models::{Target, how_to_price};
use super::refusal::{Refused, json};
use super::request::Request as ModelRequest;
use super::room::{ROOM_SOON, RunRoom, read_body};
use super::upstream::Upstream;
use super::{Shared, relay, upstream};
use crate::RunGateway;
use crate::body::GatewayBody;
use crate::meter::{CallPlan, MeterError};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use sortie_model::llm::{CallLimit, CallRefused, ModelApi, Price, worst_tokens};
use std::convert::Infallible;

/// Answers one request.
pub(crate) async fn answer(
    run: &RunGateway,
    room: &RunRoom,
    request: Request<Incoming>,
) -> Result<Response<GatewayBody>, Infallible> {
    Ok(match route(run, room, request).await {
        Ok(response) => response,
        Err(refused) => refused.response(),
    })
}

async fn route(
    run: &RunGateway,
    room: &RunRoom,
    request: Request<Incoming>,
) -> Result<Response<GatewayBody>, Refused> {
    let path = request.uri().path().to_owned();
    let api = match (request.method(), path.as_str()) {
        (&Method::POST, "/v1/chat/completions") => ModelApi::ChatCompletions,
        (&Method::POST, "/v1/responses") => ModelApi::Responses,
        (&Method::POST, "/v1/messages") => ModelApi::Messages,
        (&Method::POST, "/v1/embeddings") => ModelApi::Embeddings,
        (&Method::POST, "/v1/messages/count_tokens") => {
            return count_tokens(run, room, request).await;
        }
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
    call(run, room, api, request).await
}

/// A call that is reserved, sent and settled.
async fn call(
    run: &RunGateway,
    room: &RunRoom,
    api: ModelApi,
    request: Request<Incoming>,
) -> Result<Response<GatewayBody>, Refused> {
    let shared = run.llm.shared();
    let turn = room.turn(shared.request_timeout).await?;
    let (parts, body) = request.into_parts();
    let (body, held) = read_body(shared, room, body).await?;
    let mut asked = ModelRequest::read(api, &body)?;
    let target = target_of(run, &asked.model)?;
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
            "how much {} reads at most is not known, so neither a document nor a reference to \
             what lies at the provider is taken; send text, or have the operator set \
             context_tokens",
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
    drop(held);
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
        turn,
    };
    relayed.answer(response).await
}

/// Counting is free, and for the models of Anthropic alone.
async fn count_tokens(
    run: &RunGateway,
    room: &RunRoom,
    request: Request<Incoming>,
) -> Result<Response<GatewayBody>, Refused> {
    let shared = run.llm.shared();
    let _turn = room.turn(shared.request_timeout).await?;
    let (parts, body) = request.into_parts();
    let (body, _held) = read_body(shared, room, body).await?;
    let mut asked = ModelRequest::read(ModelApi::Messages, &body)?;
    let target = target_of(run, &asked.model)?;
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
    let target = target_of(run, &name)?;
    Ok(json(
        StatusCode::OK,
        Bytes::from(entry(&target).to_string()),
    ))
}

/// The model that a client means by a name.
fn target_of(run: &RunGateway, name: &str) -> Result<Target, Refused> {
    let found = run.llm.models().resolve(&run.models, name);
    found.map_err(|unknown| {
        Refused::new(
            StatusCode::NOT_FOUND,
            "model_not_found",
            unknown.to_string(),
        )
    })
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

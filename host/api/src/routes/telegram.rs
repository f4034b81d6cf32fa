//! The chat source: set up, looked at, and the door through which the service
//! brings what people write.

use super::{BadBody, NoSuchMessage, NotChanged, NotSettled, Refusals, Refused, hooks, people};
use crate::chat::{ChatFault, DoorFault};
use crate::extract::{From, Json as JsonBody, Named, OptionalJson, Params};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{BotView, PairingBody, PairingView, ParkedList, TelegramBody, TelegramView};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sortie_model::people::Role;
use sortie_store::StoreError;
use utoipa::IntoParams;

/// Where the service brings updates. It shows a secret of its own, not the
/// token.
pub(super) const PATH: &str = "/telegram";

/// The header with that secret, as the Bot API's `setWebhook` says.
const SECRET: &str = "x-telegram-bot-api-secret-token";

/// The chat source.
const SOURCE: &str = "telegram";

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LookParams {
    /// With true, Telegram is asked first whether it still takes the token.
    #[serde(default)]
    ask: bool,
}

/// See how the chat source is.
#[utoipa::path(
    get, path = "/v1/telegram", operation_id = "get_telegram", tag = "people",
    security(("token" = [])),
    params(LookParams),
    responses((status = 200, description = "How it is.", body = TelegramView), Refusals)
)]
pub(super) async fn get(
    State(api): State<Api>,
    Params(params): Params<LookParams>,
) -> Json<TelegramView> {
    Json(match params.ask {
        true => api.chat().look().await,
        false => api.chat().state(),
    })
}

/// Set a bot up: its token is asked about, kept, and used at once.
#[utoipa::path(
    post, path = "/v1/telegram", operation_id = "set_up_telegram", tag = "people",
    security(("token" = [])),
    request_body = TelegramBody,
    responses((status = 200, description = "The bot.", body = BotView), Refusals, NotChanged, BadBody, (status = 502, description = "Telegram cannot be reached, or fails.", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn set_up(
    State(api): State<Api>,
    JsonBody(body): JsonBody<TelegramBody>,
) -> Result<Json<BotView>, Problem> {
    Ok(Json(api.chat().connect(body).await?))
}

/// Disconnect the bot: its token is forgotten, and nothing is heard or sent any
/// more. People and chats stay.
#[utoipa::path(
    delete, path = "/v1/telegram", operation_id = "remove_telegram", tag = "people",
    security(("token" = [])),
    responses((status = 200, description = "How the source is now.", body = TelegramView), Refusals, NotChanged, (status = 422, description = "The configuration says where the token is.", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn remove(
    State(api): State<Api>,
    From(requester): From,
) -> Result<Json<TelegramView>, Problem> {
    api.chat().disconnect(&requester.by).await?;
    Ok(Json(api.chat().state()))
}

/// Make a code that lets the first one in who sends it to the bot.
#[utoipa::path(
    post, path = "/v1/telegram/pairing", operation_id = "pair_telegram", tag = "people",
    security(("token" = [])),
    request_body = Option<PairingBody>,
    responses((status = 200, description = "The code.", body = PairingView), Refusals, NotChanged, BadBody)
)]
pub(super) async fn pairing(
    State(api): State<Api>,
    From(requester): From,
    OptionalJson(body): OptionalJson<PairingBody>,
) -> Result<Json<PairingView>, Problem> {
    let role = match &body.role {
        Some(name) => people::role(name)?,
        None => Role::Owner,
    };
    Ok(Json(api.chat().pairing(role, &requester.by).await?))
}

/// List the messages that could not be sent.
#[utoipa::path(
    get, path = "/v1/telegram/parked", operation_id = "list_parked_messages", tag = "people",
    security(("token" = [])),
    responses((status = 200, description = "The messages.", body = ParkedList), Refusals)
)]
pub(super) async fn parked(State(api): State<Api>) -> Result<Json<ParkedList>, Problem> {
    let found = api.store().parked_chat(SOURCE, limits::MAX_PAGE).await?;
    Ok(Json(ParkedList {
        parked: found.into_iter().map(Into::into).collect(),
    }))
}

/// Try a message again that could not be sent.
#[utoipa::path(
    post, path = "/v1/telegram/parked/{id}/retry", operation_id = "retry_message", tag = "people",
    security(("token" = [])),
    params(("id" = u64, Path, description = "Its number.")),
    responses((status = 200, description = "What is left of them.", body = ParkedList), Refusals, NoSuchMessage, NotSettled)
)]
pub(super) async fn retry(
    State(api): State<Api>,
    Named(id): Named<u64>,
    From(requester): From,
) -> Result<Json<ParkedList>, Problem> {
    let done = api.store().retry_chat(id, &requester.by).await;
    done.map_err(of_message)?;
    parked(State(api)).await
}

/// Give up a message that could not be sent.
#[utoipa::path(
    post, path = "/v1/telegram/parked/{id}/drop", operation_id = "drop_message", tag = "people",
    security(("token" = [])),
    params(("id" = u64, Path, description = "Its number.")),
    responses((status = 200, description = "What is left of them.", body = ParkedList), Refusals, NoSuchMessage, NotSettled)
)]
pub(super) async fn drop(
    State(api): State<Api>,
    Named(id): Named<u64>,
    From(requester): From,
) -> Result<Json<ParkedList>, Problem> {
    let done = api.store().drop_chat(id, &requester.by).await;
    done.map_err(of_message)?;
    parked(State(api)).await
}

/// Bring an update, as Telegram does when it was told to.
///
/// The header `X-Telegram-Bot-Api-Secret-Token` shows the secret of the
/// webhook. The answer comes when the update is on disk.
#[utoipa::path(
    post, path = "/telegram", operation_id = "bring_update", tag = "hooks",
    request_body(content = serde_json::Value, description = "An update of the Bot API; at most 1 MiB."),
    responses((status = 200, description = "It is on disk."), Refused)
)]
pub(super) async fn webhook(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let _place = api.hook_place()?;
    let _room = api.hook_room(limits::MAX_UPDATE_BYTES)?;
    let body = hooks::whole(body, limits::MAX_UPDATE_BYTES).await?;
    let secret = headers.get(SECRET).map(|value| value.as_bytes());
    match api.chat().webhook(secret, &body).await {
        Ok(()) => Ok(StatusCode::OK),
        Err(fault) => Err(fault.into()),
    }
}

fn of_message(error: StoreError) -> Problem {
    match &error {
        StoreError::NotFound { .. } => Problem::new(Kind::NotFound, error.to_string())
            .with_hint("`GET /v1/telegram/parked` lists what there is"),
        _ => error.into(),
    }
}

impl std::convert::From<ChatFault> for Problem {
    fn from(fault: ChatFault) -> Self {
        match fault {
            ChatFault::Invalid(detail) => Self::new(Kind::InvalidRequest, detail),
            ChatFault::Off(detail) => Self::new(Kind::NoBot, detail),
            ChatFault::Store(error) => error.into(),
            ChatFault::Away(detail) => Self::new(Kind::ServiceAway, detail),
            ChatFault::Failed(detail) => Self::new(Kind::Internal, detail),
        }
    }
}

impl std::convert::From<DoorFault> for Problem {
    fn from(fault: DoorFault) -> Self {
        match fault {
            DoorFault::Secret(detail) => Self::new(Kind::Unverified, detail)
                .with_hint("set the bot up again with `sortie telegram setup`"),
            DoorFault::Body(detail) => Self::new(Kind::BadRequest, detail)
                .with_hint("send an update as the Bot API describes it"),
            DoorFault::Busy(detail) => {
                Self::new(Kind::Busy, detail).with_hint("send the update again after `Retry-After`")
            }
        }
    }
}

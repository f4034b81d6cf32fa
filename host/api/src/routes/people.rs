//! Who may speak to the host, and what their chats hear.

use super::{BadBody, NoSuchMessage, NotChanged, Refusals};
use crate::extract::{From, Json as JsonBody, Named, Params};
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{ChatBody, ChatList, ChatView, PersonBody, PersonList, PersonView, QuietView};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use sortie_model::people::{Level, Quiet, Role, minute_of_day};
use sortie_store::{ChatChange, NewPerson, StoreError};
use utoipa::IntoParams;

/// The services whose word the host takes for who somebody is.
const SOURCES: [&str; 3] = [CHATS, "slack", "discord"];

/// The one whose chats it keeps.
const CHATS: &str = "telegram";

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PeopleParams {
    /// Only those of this source.
    source: Option<String>,
}

/// List the people who may speak to the host.
#[utoipa::path(
    get, path = "/v1/people", operation_id = "list_people", tag = "people",
    security(("token" = [])),
    params(PeopleParams),
    responses((status = 200, description = "The people.", body = PersonList), Refusals)
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(params): Params<PeopleParams>,
) -> Result<Json<PersonList>, Problem> {
    let found = api.store().people(params.source.as_deref()).await?;
    Ok(Json(PersonList {
        people: found.into_iter().map(Into::into).collect(),
    }))
}

/// Let a person in, or give one another role.
#[utoipa::path(
    post, path = "/v1/people", operation_id = "put_person", tag = "people",
    security(("token" = [])),
    request_body = PersonBody,
    responses((status = 200, description = "The person.", body = PersonView), Refusals, NotChanged, BadBody)
)]
pub(super) async fn put(
    State(api): State<Api>,
    From(requester): From,
    JsonBody(body): JsonBody<PersonBody>,
) -> Result<Json<PersonView>, Problem> {
    account(&body.source, &body.user)?;
    let new = NewPerson {
        name: body.name,
        source: body.source,
        user: body.user,
        role: role(&body.role)?,
    };
    let person = api.store().put_person(new, &requester.by).await?;
    Ok(Json(person.into()))
}

/// Let a person in no more. The last owner stays.
#[utoipa::path(
    delete, path = "/v1/people/{id}", operation_id = "remove_person", tag = "people",
    security(("token" = [])),
    params(("id" = u64, Path, description = "The person's number.")),
    responses((status = 200, description = "Who it was.", body = PersonView), Refusals, NoSuchMessage, NotChanged, (status = 422, description = "It is the last owner.", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn remove(
    State(api): State<Api>,
    Named(id): Named<u64>,
    From(requester): From,
) -> Result<Json<PersonView>, Problem> {
    let done = api.store().remove_person(id, &requester.by).await;
    let person = done.map_err(|error| match &error {
        StoreError::NotFound { .. } => Problem::new(
            Kind::NotFound,
            format!("remove person {id}: there is none of that number"),
        )
        .with_hint("`GET /v1/people` lists who there is"),
        _ => error.into(),
    })?;
    Ok(Json(person.into()))
}

/// List the chats of a source.
#[utoipa::path(
    get, path = "/v1/chats/{source}", operation_id = "list_chats", tag = "people",
    security(("token" = [])),
    params(("source" = String, Path, description = "The source, such as `telegram`.")),
    responses((status = 200, description = "The chats.", body = ChatList), Refusals, NoSuchMessage)
)]
pub(super) async fn chats(
    State(api): State<Api>,
    Named(source): Named<String>,
) -> Result<Json<ChatList>, Problem> {
    has_chats(&source)?;
    let found = api.store().chats(&source).await?;
    Ok(Json(ChatList {
        chats: found.into_iter().map(Into::into).collect(),
    }))
}

/// Admit a chat, or say what it hears. What is left out stays.
#[utoipa::path(
    put, path = "/v1/chats/{source}/{chat}", operation_id = "change_chat", tag = "people",
    security(("token" = [])),
    params(
        ("source" = String, Path, description = "The source, such as `telegram`."),
        ("chat" = String, Path, description = "The chat, as the service names it."),
    ),
    request_body = ChatBody,
    responses((status = 200, description = "The chat.", body = ChatView), Refusals, NoSuchMessage, NotChanged, BadBody)
)]
pub(super) async fn change_chat(
    State(api): State<Api>,
    Named((source, chat)): Named<(String, String)>,
    From(requester): From,
    JsonBody(body): JsonBody<ChatBody>,
) -> Result<Json<ChatView>, Problem> {
    has_chats(&source)?;
    if chat.parse::<i64>().is_err() {
        return Err(wrong(format!(
            "find the chat: {:?} is no number; write the one that `sortie people chat {source}` \
             shows",
            short(&chat)
        )));
    }
    let change = change(body)?;
    if let Some((project, Some(_))) = &change.project {
        is_configured(&api, project).await?;
    }
    let done = api
        .store()
        .change_chat(&source, &chat, change, &requester.by)
        .await;
    let row = done.map_err(|error| match &error {
        StoreError::NotFound { .. } => Problem::new(Kind::NotFound, error.to_string()).with_hint(
            format!("`sortie people chat {source}` lists the chats that are known"),
        ),
        _ => error.into(),
    })?;
    Ok(Json(row.into()))
}

/// Whether there can be such an account of such a service. A name is none, and
/// with one nobody would ever be recognised.
fn account(source: &str, user: &str) -> Result<(), Problem> {
    let is_id = |of: fn(&u8) -> bool| !user.is_empty() && user.as_bytes().iter().all(of);
    let (is_one, what) = match source {
        "slack" => (
            is_id(u8::is_ascii_alphanumeric),
            "a member's id, such as U024BE7LH",
        ),
        CHATS | "discord" => (
            is_id(u8::is_ascii_digit),
            "the account's number, such as 123456789",
        ),
        _ => return Err(unknown("source", source, &SOURCES)),
    };
    if is_one {
        return Ok(());
    }
    let other = match source {
        CHATS => ", or let somebody in without it by `sortie telegram pair`",
        _ => "",
    };
    Err(wrong(format!(
        "take the account: {:?} is no id of {source}; write {what}{other}",
        short(user)
    )))
}

fn has_chats(source: &str) -> Result<(), Problem> {
    if source == CHATS {
        return Ok(());
    }
    let none = format!("find the chats of {:?}: the host keeps none", short(source));
    Err(Problem::new(Kind::NotFound, none).with_hint(format!("it keeps those of {CHATS}")))
}

async fn is_configured(api: &Api, project: &str) -> Result<(), Problem> {
    let projects = api.store().projects().await?;
    let known: Vec<&str> = projects.iter().map(|known| known.name.as_str()).collect();
    match known.contains(&project) {
        true => Ok(()),
        false => Err(unknown("project", project, &known)),
    }
}

fn change(body: ChatBody) -> Result<ChatChange, Problem> {
    if body.quiet.is_some() && body.no_quiet {
        return Err(wrong(
            "take the hours: `quiet` and `no_quiet` say the opposite; write one of them".into(),
        ));
    }
    if body.project.is_none() && body.project_level.is_some() {
        return Err(wrong(
            "take the level: it is of no project; name one in `project`".into(),
        ));
    }
    let quiet = match (body.quiet, body.no_quiet) {
        (Some(quiet), _) => Some(Some(hours(quiet)?)),
        (None, true) => Some(None),
        (None, false) => None,
    };
    let project_level = body.project_level.as_deref().map(level).transpose()?;
    Ok(ChatChange {
        admitted: body.admitted,
        level: body.level.as_deref().map(level).transpose()?,
        project: body.project.map(|project| (project, project_level)),
        quiet,
        ..ChatChange::default()
    })
}

fn hours(quiet: QuietView) -> Result<Quiet, Problem> {
    sortie_package::manifest::zone(&quiet.time_zone)
        .map_err(|error| wrong(format!("take the time zone: {error}")))?;
    Ok(Quiet {
        from_min: minute(&quiet.from)?,
        to_min: minute(&quiet.to)?,
        time_zone: quiet.time_zone,
    })
}

/// The minute of the day.
fn minute(text: &str) -> Result<u16, Problem> {
    minute_of_day(text).ok_or_else(|| {
        wrong(format!(
            "take the hours: {:?} is no time of a day; write one such as 22:00",
            short(text)
        ))
    })
}

/// A role by its name.
pub(super) fn role(name: &str) -> Result<Role, Problem> {
    Role::parse(name).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.into_iter().map(Role::as_str).collect();
        unknown("role", name, &known)
    })
}

fn level(name: &str) -> Result<Level, Problem> {
    Level::parse(name).ok_or_else(|| {
        let known: Vec<&str> = Level::ALL.into_iter().map(Level::as_str).collect();
        unknown("level", name, &known)
    })
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Problem {
    wrong(format!(
        "take the {what}: {:?} is not a {what}; write {}",
        short(name),
        known.join(", ")
    ))
}

/// What is told again of a name from outside.
fn short(name: &str) -> String {
    name.chars().take(40).collect()
}

fn wrong(what: String) -> Problem {
    Problem::new(Kind::InvalidRequest, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_one_that_its_service_may_have() {
        for (source, user) in [
            ("telegram", "12"),
            ("slack", "U024BE7LH"),
            ("discord", "80"),
        ] {
            assert!(account(source, user).is_ok(), "{source} {user}");
        }
        for (source, user) in [
            ("skype", "12"),
            ("telegram", "@ben"),
            ("telegram", "-5"),
            ("telegram", ""),
            ("slack", "@ben"),
            ("discord", "ben#1"),
        ] {
            assert!(account(source, user).is_err(), "{source} {user}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let quiet = || QuietView {
            from: "22:00".into(),
            to: "07:00".into(),
            time_zone: "UTC".into(),
        };
        for body in [
            ChatBody {
                quiet: Some(quiet()),
                no_quiet: true,
                ..ChatBody::default()
            },
            ChatBody {
                project_level: Some("none".into()),
                ..ChatBody::default()
            },
            ChatBody {
                level: Some("loud".into()),
                ..ChatBody::default()
            },
            ChatBody {
                quiet: Some(QuietView {
                    time_zone: "Moon/Base".into(),
                    ..quiet()
                }),
                ..ChatBody::default()
            },
            ChatBody {
                quiet: Some(QuietView {
                    to: "24:00".into(),
                    ..quiet()
                }),
                ..ChatBody::default()
            },
        ] {
            assert!(change(body.clone()).is_err(), "{body:?}");
        }
        let none = change(ChatBody::default()).expect("nothing changes");
        assert_eq!(none, ChatChange::default());
    }
}

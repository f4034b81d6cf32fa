//! Messages that a call sends: queued with its other effects, for the chat
//! source to deliver.

use super::{Context, jobs};
use crate::sources::chat::{DiffFile, Outgoing};
use sortie_model::id::ChatNumber;
use sortie_model::people::Act;
use sortie_package::manifest::JobAction;
use sortie_plugins::outside::{Answered, ChatError, ChatMessage, ChatPlace, JobsError};
use sortie_store::{Effect, StoreError};

pub(super) async fn send(
    context: &mut Context,
    to: ChatPlace,
    message: ChatMessage,
) -> Result<u64, ChatError> {
    queue(context, to, message, None).await
}

pub(super) async fn send_diff(
    context: &mut Context,
    to: ChatPlace,
    job: u64,
    message: ChatMessage,
) -> Result<u64, ChatError> {
    jobs::allowed(context, JobAction::Read, Act::Read).map_err(of_jobs)?;
    let found = jobs::find(context, job).await.map_err(of_jobs)?;
    let runs = context.store.runs(found.id).await;
    // The newest run that made something, as the job's own diff.
    let made = runs
        .map_err(|error| other(&error))?
        .into_iter()
        .rev()
        .find(|run| run.head_commit.is_some() && run.head_commit != run.base_commit)
        .and_then(|run| run.base_commit.zip(run.head_commit));
    let Some((base, head)) = made else {
        return Err(ChatError::Invalid(format!(
            "{} has made nothing that could be shown",
            found.id
        )));
    };
    let file = DiffFile { job, base, head };
    queue(context, to, message, Some(file)).await
}

async fn queue(
    context: &mut Context,
    to: ChatPlace,
    message: ChatMessage,
    file: Option<DiffFile>,
) -> Result<u64, ChatError> {
    allowed(context, &to.source)?;
    takes(context, &to).await?;
    answers_own(context, &message).await?;
    let number = context
        .store
        .reserve_chat_number()
        .await
        .map_err(|error| other(&error))?;
    context.ledger.add(Effect::ChatSend {
        number,
        place: sortie_store::ChatPlace {
            source: to.source,
            chat: to.chat,
            thread: to.thread,
        },
        actions: actions(&message),
        message: written(Outgoing { message, file })?,
    });
    Ok(number.0)
}

pub(super) async fn edit(
    context: &mut Context,
    number: u64,
    message: ChatMessage,
) -> Result<(), ChatError> {
    let number = own(context, number).await?;
    answers_own(context, &message).await?;
    context.ledger.add(Effect::ChatEdit {
        number,
        actions: actions(&message),
        message: written(Outgoing {
            message,
            file: None,
        })?,
    });
    Ok(())
}

pub(super) async fn pin(context: &mut Context, number: u64, pinned: bool) -> Result<(), ChatError> {
    let number = own(context, number).await?;
    context.ledger.add(Effect::ChatPin { number, pinned });
    Ok(())
}

pub(super) async fn remove(context: &mut Context, number: u64) -> Result<(), ChatError> {
    let number = own(context, number).await?;
    context.ledger.add(Effect::ChatRemove { number });
    Ok(())
}

pub(super) fn acknowledge(
    context: &mut Context,
    interaction: String,
    text: Option<String>,
) -> Result<(), ChatError> {
    let source = context.actor.source.clone();
    allowed(context, &source)?;
    context.ledger.add(Effect::ChatAck {
        source,
        interaction,
        text,
    });
    Ok(())
}

fn allowed(context: &Context, source: &str) -> Result<(), ChatError> {
    match context.plugin.grant.chat.sources.contains(source) {
        true => Ok(()),
        false => Err(ChatError::Denied(format!(
            "no chat source {source:?} is granted"
        ))),
    }
}

/// Whether anything may be said in a chat. What is queued when one is shut, its
/// source leaves unsaid.
async fn takes(context: &Context, to: &ChatPlace) -> Result<(), ChatError> {
    let known = context.store.chat(&to.source, &to.chat).await;
    let known = known.map_err(|error| other(&error))?;
    match known.is_some_and(|chat| chat.shut) {
        true => Err(ChatError::Denied(format!(
            "the chat {:?} of {} is shut: somebody shut it, or removed the one whose it is",
            to.chat, to.source
        ))),
        false => Ok(()),
    }
}

/// A message of this plugin: one that is stored, or that this call sent.
async fn own(context: &Context, number: u64) -> Result<ChatNumber, ChatError> {
    let number = ChatNumber(number);
    if context.ledger.sends(number) {
        return Ok(number);
    }
    let found = context
        .store
        .chat_message(&context.plugin.name, number)
        .await
        .map_err(|error| other(&error))?;
    found.map(|_| number).ok_or(ChatError::NotFound)
}

/// A number that a message answers is one of this plugin's too.
async fn answers_own(context: &Context, message: &ChatMessage) -> Result<(), ChatError> {
    match message.reply_to {
        Some(Answered::Number(number)) => own(context, number).await.map(drop),
        _ => Ok(()),
    }
}

/// What the buttons of a message do, in order.
fn actions(message: &ChatMessage) -> Vec<String> {
    let buttons = message.buttons.iter().flatten();
    buttons.map(|button| button.action.clone()).collect()
}

fn of_jobs(error: JobsError) -> ChatError {
    match error {
        JobsError::NotFound => ChatError::NotFound,
        JobsError::Denied(why) => ChatError::Denied(why),
        JobsError::Conflict(why) | JobsError::Invalid(why) => ChatError::Invalid(why),
        JobsError::Other(why) => ChatError::Other(why),
    }
}

fn written(outgoing: Outgoing) -> Result<serde_json::Value, ChatError> {
    serde_json::to_value(outgoing).map_err(|error| ChatError::Invalid(error.to_string()))
}

fn other(error: &StoreError) -> ChatError {
    ChatError::Other(error.to_string())
}

impl super::Ledger {
    fn sends(&self, wanted: ChatNumber) -> bool {
        self.any(|effect| matches!(effect, Effect::ChatSend { number, .. } if *number == wanted))
    }
}

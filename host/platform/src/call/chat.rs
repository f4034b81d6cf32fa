//! Messages that a call sends: queued with its other effects, for the chat
//! source to deliver.

use super::Context;
use sortie_model::id::ChatNumber;
use sortie_plugins::outside::{Answered, ChatError, ChatMessage, ChatPlace};
use sortie_store::{Effect, StoreError};

pub(super) async fn send(
    context: &mut Context,
    to: ChatPlace,
    message: ChatMessage,
) -> Result<u64, ChatError> {
    allowed(context, &to.source)?;
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
        message: written(&message)?,
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
    let message = written(&message)?;
    context.ledger.add(Effect::ChatEdit { number, message });
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

fn written(message: &ChatMessage) -> Result<serde_json::Value, ChatError> {
    serde_json::to_value(message).map_err(|error| ChatError::Invalid(error.to_string()))
}

fn other(error: &StoreError) -> ChatError {
    ChatError::Other(error.to_string())
}

impl super::Ledger {
    fn sends(&self, wanted: ChatNumber) -> bool {
        self.any(|effect| matches!(effect, Effect::ChatSend { number, .. } if *number == wanted))
    }
}

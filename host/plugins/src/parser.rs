//! Reads the output of one launch of an agent. A parser keeps its own store,
//! and with it a slot of the parsers' pool, until it is finished or dropped.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::ResourceAny;

use sortie_model::surface::Surface;

use crate::{
    bindings::agent::CodingAgent,
    call::{Call, instantiating},
    error::{At, PluginError},
    registry::Plugins,
    surfaces::agent::{self, Conclusion, Event, Exit, MAX_PUSH_BYTES, Stream},
};

const NEW: &str = "sortie:agent/agent#[constructor]parser";
const PUSH: &str = "sortie:agent/agent#[method]parser.push";
const FINISH: &str = "sortie:agent/agent#[method]parser.finish";

/// A parser of one launch's output. Fed the same bytes it says the same, so
/// after a restart the output is replayed into a new one.
pub struct Parser {
    /// Gone after a failure, and while a call is under way: a caller that
    /// drops the future of [`Parser::push`] half-way cannot go on.
    call: Option<Call>,
    guest: Arc<CodingAgent>,
    handle: ResourceAny,
    at: At,
    _slot: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Parser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parser")
            .field("at", &self.at)
            .field("alive", &self.call.is_some())
            .finish_non_exhaustive()
    }
}

impl Plugins {
    /// A new parser for the output of one launch.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, all parsers are in use for too long, or
    /// it fails.
    pub async fn agent_parser(&self, plugin: &str) -> Result<Parser, PluginError> {
        let plugin = self.find(plugin)?;
        let pre = plugin
            .agent
            .clone()
            .ok_or_else(|| plugin.lacks(Surface::Agent))?;
        let slot = self.parser_slot(|| plugin.at(NEW)).await?;
        let mut call = self.store(&plugin, NEW, Vec::new);
        let (guest, handle) = call
            .run(move |store| {
                Box::pin(async move {
                    let guest = pre
                        .instantiate_async(&mut *store)
                        .await
                        .map_err(instantiating)?;
                    let handle = guest
                        .sortie_agent_agent()
                        .parser()
                        .call_constructor(store)
                        .await?;
                    Ok((guest, handle))
                })
            })
            .await?;
        Ok(Parser {
            at: call.at(),
            call: Some(call),
            guest: Arc::new(guest),
            handle,
            _slot: slot,
        })
    }
}

impl Parser {
    /// Feeds the next bytes of one stream, in pieces of [`MAX_PUSH_BYTES`].
    ///
    /// # Errors
    ///
    /// When the guest fails or its events make no sense. The parser is gone
    /// then, and every later call says so.
    pub async fn push(&mut self, stream: Stream, bytes: &[u8]) -> Result<Vec<Event>, PluginError> {
        let mut events = Vec::new();
        for piece in bytes.chunks(MAX_PUSH_BYTES) {
            let mut call = self.take(PUSH)?;
            let (guest, handle, piece) = (Arc::clone(&self.guest), self.handle, piece.to_vec());
            let answer = call
                .run(move |store| {
                    Box::pin(async move {
                        guest
                            .sortie_agent_agent()
                            .parser()
                            .call_push(store, handle, stream.into(), &piece)
                            .await
                    })
                })
                .await?;
            events.extend(agent::events(&call.at(), answer)?);
            self.call = Some(call);
        }
        Ok(events)
    }

    /// Says what the end of the program means.
    ///
    /// # Errors
    ///
    /// When the guest fails, failed before, or its answer makes no sense.
    pub async fn finish(mut self, exit: Exit) -> Result<Conclusion, PluginError> {
        let mut call = self.take(FINISH)?;
        let (guest, handle) = (Arc::clone(&self.guest), self.handle);
        let answer = call
            .run(move |store| {
                Box::pin(async move {
                    guest
                        .sortie_agent_agent()
                        .parser()
                        .call_finish(store, handle, &exit.into())
                        .await
                })
            })
            .await?;
        agent::conclusion(&call.at(), answer)
    }

    fn take(&mut self, export: &str) -> Result<Call, PluginError> {
        self.at.export.replace_range(.., export);
        let mut call = self.call.take().ok_or_else(|| PluginError::ParserGone {
            at: self.at.clone(),
        })?;
        call.set_export(export);
        Ok(call)
    }
}

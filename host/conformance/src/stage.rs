//! Where connectors and notifiers are tried: a plugin under its own manifest's
//! grants, and calls with a scripted host behind them. Judges nothing.

use crate::asked::{Asked, Import};
use crate::cases::{DeliveryCase, EventCase};
use crate::shown;
use crate::world::{Kept, Record, Script, World};
use serde_json::Value;
use sortie_package::Manifest;
use sortie_package::manifest::Grant;
use sortie_plugins::surfaces::connector::{Event, Reply};
use sortie_plugins::surfaces::notifier::{Delivery, Notification};
use sortie_plugins::{Capabilities, PluginError, Plugins};
use std::collections::BTreeMap;

/// A plugin, and all that a suite needs to know of it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name, its sources, and what is granted of itself.
    pub manifest: Manifest,
    /// The component.
    pub wasm: Vec<u8>,
    /// Its configuration; null for none.
    pub config: Value,
    /// What an operator grants besides.
    pub grant: Grant,
    /// Events that mean something to it. A suite knows no plugin's own words,
    /// so these are tried in every way that generic ones are.
    pub events: Vec<EventCase>,
    /// The same for what it is told of.
    pub deliveries: Vec<DeliveryCase>,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Event(Event),
    Delivery(Notification, String),
}

/// A call, with the host that it meets.
#[derive(Clone, Debug)]
pub(crate) struct Play {
    /// What is special about it, in a few words.
    pub(crate) what: String,
    pub(crate) call: Call,
    pub(crate) script: Script,
    pub(crate) kept: Kept,
}

impl Play {
    pub(crate) fn new(what: impl Into<String>, call: Call) -> Self {
        Self {
            what: what.into(),
            call,
            script: Script::default(),
            kept: Kept::default(),
        }
    }

    /// The same call to a host that answers otherwise.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Script)) -> Self {
        let mut play = self.clone();
        change(&mut play.script);
        play
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Reply(Option<Reply>),
    Delivery(Delivery),
    /// The guest's own error.
    Refused(String),
    /// What the host does not take for an answer.
    Malformed(String),
    /// It waited for longer than a call may.
    Late(String),
    /// It trapped or ran out of a limit.
    Broken(String),
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) answer: Answer,
    pub(crate) record: Record,
    /// What is kept after it.
    pub(crate) kept: Kept,
}

impl Done {
    pub(crate) fn broken(&self) -> Option<&str> {
        match &self.answer {
            Answer::Broken(why) | Answer::Late(why) => Some(why),
            _ => None,
        }
    }

    pub(crate) fn asks(&self, import: Import) -> bool {
        self.record.asked.iter().any(|asked| asked.of() == import)
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        self.answer == other.answer && self.record.asked == other.record.asked
    }

    pub(crate) fn effects(&self) -> Vec<&Asked> {
        let asked = self.record.asked.iter();
        asked.filter(|asked| asked.is_effect()).collect()
    }

    pub(crate) fn requests(&self) -> Vec<&Asked> {
        let asked = self.record.asked.iter();
        asked.filter(|asked| asked.of() == Import::Http).collect()
    }
}

/// Where a plugin is played.
pub(crate) struct Stage<'a> {
    pub(crate) plugins: &'a Plugins,
    pub(crate) subject: &'a Subject,
    pub(crate) grant: Grant,
}

impl<'a> Stage<'a> {
    /// Loads the plugin under its name.
    ///
    /// # Errors
    ///
    /// It does not load.
    pub(crate) async fn new(plugins: &'a Plugins, subject: &'a Subject) -> Result<Self, String> {
        let requests = subject.manifest.requests();
        let stage = Self {
            plugins,
            subject,
            // Directories are the operator's to name; there are none here.
            grant: subject.grant.clone().with(&requests, &BTreeMap::new()),
        };
        stage.load(subject.config.clone()).await?;
        Ok(stage)
    }

    /// Loads it anew with another configuration.
    pub(crate) async fn load(&self, config: Value) -> Result<(), String> {
        let limits = &self.grant.limits;
        let capabilities = Capabilities {
            directories: Vec::new(),
            memory_bytes: limits
                .memory_bytes
                .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            cpu_ms: limits.cpu_ms,
            wall_ms: limits.wall_ms,
        };
        let wasm = self.subject.wasm.clone();
        let prepared = self
            .plugins
            .prepare(self.name(), wasm, config, capabilities)
            .await
            .map_err(shown)?;
        self.plugins.activate(prepared);
        Ok(())
    }

    pub(crate) fn name(&self) -> &str {
        &self.subject.manifest.name
    }

    /// Whether the component imports it at all.
    pub(crate) fn imports(&self, import: Import) -> bool {
        let prefix = format!("sortie:host/{}@", import.name());
        self.plugins.get(self.name()).is_some_and(|info| {
            info.imports.iter().any(|name| {
                name.starts_with(&prefix)
                    || (import == Import::Http && name.starts_with("wasi:http/"))
            })
        })
    }

    /// Makes one call.
    pub(crate) async fn play(&self, play: &Play) -> Done {
        let source = match &play.call {
            Call::Event(event) => event.source.as_str(),
            Call::Delivery(..) => "",
        };
        let world = World::new(&self.grant, source, play.script.clone(), play.kept.clone());
        let answer = self.call(&play.call, &world).await;
        let (record, kept) = world.end();
        let committed = matches!(
            answer,
            Answer::Reply(_) | Answer::Delivery(Delivery::Delivered(_))
        );
        Done {
            answer,
            record,
            kept: if committed { kept } else { play.kept.clone() },
        }
    }

    async fn call(&self, call: &Call, world: &World) -> Answer {
        let (plugins, outside) = (self.plugins, Box::new(world.clone()));
        let turn = match plugins.turn(self.name()).await {
            Ok(turn) => turn,
            Err(error) => return Answer::Broken(shown(error)),
        };
        let answer = match call.clone() {
            Call::Event(event) => plugins
                .receive(self.name(), &turn, event, outside)
                .await
                .map(Answer::Reply),
            Call::Delivery(event, key) => plugins
                .notify(self.name(), &turn, event, key, outside)
                .await
                .map(Answer::Delivery),
        };
        answer.unwrap_or_else(|error| match error {
            PluginError::Refused { reason, .. } => Answer::Refused(reason),
            PluginError::Nonsense { .. } | PluginError::ResultLimit { .. } => {
                Answer::Malformed(shown(error))
            }
            PluginError::WallTimeout { .. } => Answer::Late(shown(error)),
            other => Answer::Broken(shown(other)),
        })
    }

    /// Plays all, in order, each for itself.
    pub(crate) async fn all(&self, plays: Vec<Play>) -> Vec<(Play, Done)> {
        let mut done = Vec::with_capacity(plays.len());
        for play in plays {
            let ended = self.play(&play).await;
            done.push((play, ended));
        }
        done
    }
}

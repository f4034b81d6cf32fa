//! The clockwork for people, from the configuration.

use super::options;
use crate::config::Loaded;
use crate::exit::CliError;
use sortie_model::clock::SystemClock;
use sortie_people::{People, PeopleOptions};
use sortie_store::Store;
use std::sync::Arc;

/// The digest, the alarm and the heartbeat of a host.
pub fn open(loaded: &Loaded, store: &Store) -> Result<People, CliError> {
    Ok(People::new(PeopleOptions {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        data_dir: loaded.data_dir.clone(),
        digest: options::digest(&loaded.config)?,
        alarm: options::alarm(&loaded.config),
    }))
}

//! Which scanners judge a job's change: those that the operator names and, with
//! `*`, each that is installed and not disabled when the job comes in.

use crate::catalog::{Catalog, names};
use crate::error::IntakeError;
use sortie_model::project::EVERY_SCANNER;
use sortie_model::surface::Surface;
use sortie_store::Store;
use std::collections::BTreeSet;

/// The names, in the order in which they judge.
pub(crate) async fn demanded(
    named: &[String],
    catalog: &dyn Catalog,
    store: &Store,
) -> Result<Vec<String>, IntakeError> {
    let (every, mut demanded): (Vec<_>, Vec<_>) = named
        .iter()
        .cloned()
        .partition(|name| name == EVERY_SCANNER);
    if every.is_empty() {
        return Ok(demanded);
    }
    let mut every: BTreeSet<String> = names(catalog, Surface::Scanner).into_iter().collect();
    // One that should run and does not is a gate that stays shut, not one less.
    every.extend(store.counted_on(Surface::Scanner.name()).await?);
    every.retain(|name| !demanded.contains(name));
    demanded.extend(every);
    Ok(demanded)
}

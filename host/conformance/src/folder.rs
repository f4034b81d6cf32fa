//! The folder in which an author of a connector or notifier keeps cases:
//! `NAME.event.json` and `NAME.delivery.json`, with what must come of each in
//! `NAME.json`, and what every check is to run with in
//! `conformance.config.json` and `conformance.grant.json`. Writes nothing.

use crate::cases::{DeliveryCase, EventCase};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sortie_package::Grant;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file; people read cases.
const MAX_BYTES: u64 = 16 << 20;

/// What such a folder holds.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// The configuration; null when there is none.
    pub config: Value,
    /// What an operator grants beside what the manifest asks for.
    pub grant: Grant,
    /// Events, by name.
    pub events: Vec<Case<EventCase>>,
    /// Deliveries, by name.
    pub deliveries: Vec<Case<DeliveryCase>>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case<T> {
    /// The file's name up to the first ending.
    pub name: String,
    /// What happens.
    pub given: T,
    /// What must come of it; none when nobody said yet.
    pub expected: Option<Value>,
    /// The file of what must come of it.
    pub answers: PathBuf,
}

impl Folder {
    /// Reads a folder; one that is not there has nothing.
    ///
    /// # Errors
    ///
    /// The file that cannot be read, and why.
    pub fn read(dir: &Path) -> Result<Self, String> {
        Ok(Self {
            config: json(&dir.join("conformance.config.json"))?.unwrap_or_default(),
            grant: json(&dir.join("conformance.grant.json"))?.unwrap_or_default(),
            events: cases(dir, ".event.json")?,
            deliveries: cases(dir, ".delivery.json")?,
        })
    }
}

fn cases<T: DeserializeOwned>(dir: &Path, ending: &str) -> Result<Vec<Case<T>>, String> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(dir, &error)),
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(ending)?.to_owned()))
        .collect();
    names.sort();
    let read = |name: String| {
        let path = dir.join(format!("{name}{ending}"));
        let given = json(&path)?.ok_or_else(|| wrong(&path, &"it is gone"))?;
        let answers = dir.join(format!("{name}.json"));
        let expected = json(&answers)?;
        Ok(Case {
            name,
            given,
            expected,
            answers,
        })
    };
    names.into_iter().map(read).collect()
}

/// What stands in a file; none when there is none.
fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(path, &error)),
    };
    let mut text = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| wrong(path, &error))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(wrong(path, &format!("it has more than {MAX_BYTES} bytes")));
    }
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| wrong(path, &error))
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("read the case {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_has_nothing() {
        let folder = Folder::read(Path::new("/no/such/folder")).expect("nothing to read");
        assert!(folder.events.is_empty() && folder.deliveries.is_empty());
        assert!(folder.config.is_null());
    }
}

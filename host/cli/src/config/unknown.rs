//! Finds keys that the schema does not know, all at once, each with its line
//! and the key that was probably meant. Never changes the document.

use serde_json::Value;
use std::fmt;
use toml::de::{DeTable, DeValue};

/// The least likeness for a guess, on the scale of Jaro-Winkler; lower guesses
/// confuse more than they help.
const LEAST_LIKENESS: f64 = 0.7;

/// A key nobody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// Where it stands, such as `api.lisen`.
    pub key: String,
    /// 1-based line of the file.
    pub line: usize,
    /// The key that was probably meant.
    pub nearest: Option<String>,
    /// All keys of that table, when none is near.
    pub known: Vec<String>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: unknown key `{}`", self.line, self.key)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => write!(f, "; known here: {}", self.known.join(", ")),
        }
    }
}

/// The unknown keys of `text`, in the order of the file. A text that is no
/// TOML has none: the parser proper reports it.
pub fn unknown_keys(text: &str, schema: &Value) -> Vec<UnknownKey> {
    let Ok(table) = DeTable::parse(text) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    walk(table.get_ref(), schema, schema, text, "", &mut found);
    found.sort_by_key(|unknown| unknown.line);
    found
}

fn walk(
    table: &DeTable<'_>,
    schema: &Value,
    root: &Value,
    text: &str,
    path: &str,
    found: &mut Vec<UnknownKey>,
) {
    let schema = resolve(schema, root);
    let properties = schema.get("properties").and_then(Value::as_object);
    let others = schema.get("additionalProperties");
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let here = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        let inner = match properties.and_then(|known| known.get(name)) {
            Some(inner) => inner,
            None => match others {
                Some(Value::Bool(false)) => {
                    let known: Vec<String> = properties
                        .map(|known| known.keys().cloned().collect())
                        .unwrap_or_default();
                    found.push(UnknownKey {
                        line: line_of(text, key.span().start),
                        nearest: nearest(name, &known),
                        key: here,
                        known,
                    });
                    continue;
                }
                Some(inner @ Value::Object(_)) => inner,
                _ => continue,
            },
        };
        descend(value.get_ref(), inner, root, text, &here, found);
    }
}

fn descend(
    value: &DeValue<'_>,
    schema: &Value,
    root: &Value,
    text: &str,
    path: &str,
    found: &mut Vec<UnknownKey>,
) {
    match value {
        DeValue::Table(table) => walk(table, schema, root, text, path, found),
        DeValue::Array(items) => {
            let Some(inner) = resolve(schema, root).get("items") else {
                return;
            };
            for item in items.iter() {
                descend(item.get_ref(), inner, root, text, path, found);
            }
        }
        _ => {}
    }
}

/// Follows `$ref` into the schema's own definitions.
fn resolve<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|target| target.strip_prefix('#'))
        .and_then(|pointer| root.pointer(pointer))
        .unwrap_or(schema)
}

fn nearest(name: &str, known: &[String]) -> Option<String> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate.clone())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        unknown_keys(text, &crate::config::schema())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn every_unknown_key_is_named_with_its_line_and_its_neighbour() {
        assert_eq!(
            shown(
                "[api]\nlisen = \"x\"\n\n[projects.a]\nrepository = \"r\"\nbase_brach = \"m\"\n\
                 [projects.a.ceiling]\ncals = 1\n[apis]\n"
            ),
            [
                "line 2: unknown key `api.lisen`; did you mean `listen`?",
                "line 6: unknown key `projects.a.base_brach`; did you mean `base_branch`?",
                "line 8: unknown key `projects.a.ceiling.cals`; did you mean `calls`?",
                "line 9: unknown key `apis`; did you mean `api`?",
            ]
        );
    }

    #[test]
    fn a_key_like_no_other_gets_the_whole_list() {
        assert_eq!(
            shown("[limits]\nzzz = 1\n"),
            ["line 2: unknown key `limits.zzz`; known here: parallel, parallel_per_project"]
        );
    }

    #[test]
    fn tables_in_lists_are_looked_into() {
        assert_eq!(
            shown("[[git.credentials]]\nremote = \"h\"\nuser = \"u\"\nsecret = \"s\"\n"),
            ["line 3: unknown key `git.credentials.user`; did you mean `username`?"]
        );
    }

    #[test]
    fn a_plugins_own_keys_are_its_own_business() {
        assert!(shown("[plugins.x]\nanything = { goes = 1 }\n").is_empty());
    }
}

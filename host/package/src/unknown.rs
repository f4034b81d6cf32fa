//! Finds keys that a schema does not know, all at once, each with the key that
//! was probably meant and, in TOML, its line. Never changes the document.

use std::fmt;

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

/// The least likeness for a guess, on the scale of Jaro-Winkler; lower guesses
/// confuse more than they help.
const LEAST_LIKENESS: f64 = 0.7;

/// How many `$ref`s and alternatives are followed for one table. Schemas come
/// from plugins too, and one may lead to itself.
const MAX_HOPS: usize = 16;

/// A key nobody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// Where it stands, such as `api.lisen`.
    pub key: String,
    /// 1-based line of the file, where the text has lines to speak of.
    pub line: Option<usize>,
    /// The key that was probably meant.
    pub nearest: Option<String>,
    /// All keys of that table, when none is near.
    pub known: Vec<String>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "unknown key `{}`", self.key)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => write!(f, "; known here: {}", self.known.join(", ")),
        }
    }
}

/// The unknown keys of a TOML text, in the order of the file. A text that is
/// no TOML has none: the parser proper reports it.
pub fn in_toml(text: &str, schema: &Value) -> Vec<UnknownKey> {
    let Ok(table) = DeTable::parse(text) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    walk(
        &toml_table(table.get_ref(), text),
        schema,
        schema,
        "",
        &mut found,
    );
    found.sort_by_key(|unknown| unknown.line);
    found
}

/// The unknown keys of a JSON value, in the order of their names.
pub fn in_json(value: &Value, schema: &Value) -> Vec<UnknownKey> {
    let mut found = Vec::new();
    walk(&json_node(value), schema, schema, "", &mut found);
    found
}

/// The one of `known` that `name` was probably meant to be.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// What both formats have in common. Depth is bounded by their parsers.
enum Node {
    Table(Vec<(String, Option<usize>, Node)>),
    List(Vec<Node>),
    Text(String),
    Other,
}

fn toml_table(table: &DeTable<'_>, text: &str) -> Node {
    Node::Table(
        table
            .iter()
            .map(|(key, value)| {
                (
                    key.get_ref().clone().into_owned(),
                    Some(line_of(text, key.span().start)),
                    toml_node(value.get_ref(), text),
                )
            })
            .collect(),
    )
}

fn toml_node(value: &DeValue<'_>, text: &str) -> Node {
    match value {
        DeValue::Table(table) => toml_table(table, text),
        DeValue::Array(items) => Node::List(
            items
                .iter()
                .map(|item| toml_node(item.get_ref(), text))
                .collect(),
        ),
        DeValue::String(text) => Node::Text(text.clone().into_owned()),
        _ => Node::Other,
    }
}

fn json_node(value: &Value) -> Node {
    match value {
        Value::Object(map) => Node::Table(
            map.iter()
                .map(|(key, value)| (key.clone(), None, json_node(value)))
                .collect(),
        ),
        Value::Array(items) => Node::List(items.iter().map(json_node).collect()),
        Value::String(text) => Node::Text(text.clone()),
        _ => Node::Other,
    }
}

fn walk(node: &Node, schema: &Value, root: &Value, path: &str, found: &mut Vec<UnknownKey>) {
    let entries = match node {
        Node::Table(entries) => entries,
        Node::List(items) => {
            let shape = Shape::of(schema, root, "array", &[]);
            for item in items {
                for inner in &shape.items {
                    walk(item, inner, root, path, found);
                }
            }
            return;
        }
        Node::Text(_) | Node::Other => return,
    };
    let shape = Shape::of(schema, root, "object", entries);
    for (name, line, value) in entries {
        let here = match path {
            "" => name.clone(),
            _ => format!("{path}.{name}"),
        };
        if let Some(inner) = shape.properties.get(name) {
            walk(value, inner, root, &here, found);
        } else if let Some(inner) = shape.others {
            walk(value, inner, root, &here, found);
        } else if shape.closed {
            let known: Vec<String> = shape.properties.keys().cloned().collect();
            found.push(UnknownKey {
                nearest: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
                key: here,
                line: *line,
                known,
            });
        }
    }
}

/// What a schema says about one table or list, with references and the fitting
/// alternative folded in.
#[derive(Default)]
struct Shape<'s> {
    properties: Map<String, Value>,
    /// The schema of all other keys.
    others: Option<&'s Value>,
    /// Whether other keys are errors.
    closed: bool,
    items: Vec<&'s Value>,
}

impl<'s> Shape<'s> {
    fn of(
        schema: &'s Value,
        root: &'s Value,
        kind: &str,
        entries: &[(String, Option<usize>, Node)],
    ) -> Self {
        let mut shape = Shape::default();
        let mut open = vec![schema];
        let mut hops = 0;
        while let Some(schema) = open.pop() {
            hops += 1;
            if hops > MAX_HOPS {
                return Shape::default();
            }
            if let Some(target) = schema
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|target| root.pointer(target.strip_prefix('#')?))
            {
                open.push(target);
            }
            for key in ["oneOf", "anyOf"] {
                let Some(all) = schema.get(key).and_then(Value::as_array) else {
                    continue;
                };
                match alternative(all, root, kind, entries) {
                    Some(branch) => open.push(branch),
                    // Which one was meant is unclear: the parser proper says so.
                    None => return Shape::default(),
                }
            }
            if let Some(own) = schema.get("properties").and_then(Value::as_object) {
                for (name, inner) in own {
                    shape
                        .properties
                        .entry(name)
                        .or_insert_with(|| inner.clone());
                }
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => shape.closed = true,
                Some(inner @ Value::Object(_)) => shape.others = Some(inner),
                _ => {}
            }
            shape.items.extend(schema.get("items"));
        }
        shape
    }
}

/// The one alternative that was meant: the only one of that type, or the one
/// whose constants stand in the table, or the one whose required keys do.
fn alternative<'s>(
    all: &'s [Value],
    root: &'s Value,
    kind: &str,
    entries: &[(String, Option<usize>, Node)],
) -> Option<&'s Value> {
    let resolved = |schema: &'s Value| {
        schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|target| root.pointer(target.strip_prefix('#')?))
            .unwrap_or(schema)
    };
    let mut left: Vec<&Value> = all
        .iter()
        .filter(|branch| {
            let own = resolved(branch).get("type").and_then(Value::as_str);
            own.is_none_or(|own| own == kind)
        })
        .collect();
    for fits in [has_constants, has_required] {
        if left.len() > 1 {
            left.retain(|branch| fits(branch, entries) && fits(resolved(branch), entries));
        }
    }
    match left.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

fn has_constants(schema: &Value, entries: &[(String, Option<usize>, Node)]) -> bool {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, inner)| Some((name, inner.get("const")?.as_str()?)))
        .all(|(name, constant)| {
            entries.iter().any(|(key, _, value)| {
                key == name && matches!(value, Node::Text(text) if text == constant)
            })
        })
}

fn has_required(schema: &Value, entries: &[(String, Option<usize>, Node)]) -> bool {
    schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .all(|name| entries.iter().any(|(key, ..)| key == name))
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
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "$defs": {
                "api": {
                    "properties": { "listen": {}, "limits": { "$ref": "#/$defs/limits" } },
                    "additionalProperties": false,
                },
                "limits": { "properties": { "calls": {} }, "additionalProperties": false },
                "loop": { "$ref": "#/$defs/loop" },
            },
            "properties": {
                "api": { "anyOf": [{ "$ref": "#/$defs/api" }, { "type": "null" }] },
                "named": { "additionalProperties": { "$ref": "#/$defs/limits" } },
                "free": true,
                "loop": { "$ref": "#/$defs/loop" },
                "either": { "oneOf": [
                    { "type": "string" },
                    { "type": "object", "properties": { "env": {} }, "required": ["env"],
                      "additionalProperties": false },
                    { "type": "object", "properties": { "file": {} }, "required": ["file"],
                      "additionalProperties": false },
                ] },
                "list": { "items": { "oneOf": [
                    { "properties": { "kind": { "const": "a" }, "alpha": {} },
                      "additionalProperties": false },
                    { "properties": { "kind": { "const": "b" }, "beta": {} },
                      "additionalProperties": false },
                ] } },
            },
            "additionalProperties": false,
        })
    }

    fn shown(text: &str) -> Vec<String> {
        in_toml(text, &schema())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn every_unknown_key_is_named_with_its_line_and_its_neighbour() {
        assert_eq!(
            shown(
                "[api]\nlisen = \"x\"\n[api.limits]\ncals = 1\n[named.x]\ncall = 1\n[apis]\nq = 1\n"
            ),
            [
                "line 2: unknown key `api.lisen`; did you mean `listen`?",
                "line 4: unknown key `api.limits.cals`; did you mean `calls`?",
                "line 6: unknown key `named.x.call`; did you mean `calls`?",
                "line 7: unknown key `apis`; did you mean `api`?",
            ]
        );
    }

    #[test]
    fn a_key_like_no_other_gets_the_whole_list() {
        assert_eq!(
            shown("[api]\nzzz = 1\n"),
            ["line 2: unknown key `api.zzz`; known here: limits, listen"]
        );
    }

    #[test]
    fn an_alternative_is_chosen_by_its_constant() {
        assert_eq!(
            shown("[[list]]\nkind = \"b\"\nalpha = 1\n[[list]]\nkind = \"a\"\nalpha = 1\n"),
            ["line 3: unknown key `list.alpha`; known here: beta, kind"]
        );
        assert!(shown("[[list]]\nkind = \"zzz\"\nwhat = 1\n").is_empty());
    }

    #[test]
    fn an_alternative_without_constants_is_chosen_by_what_it_requires() {
        assert!(shown("either = { file = 1 }\n").is_empty());
        assert!(shown("either = \"x\"\n").is_empty());
        assert!(shown("either = { fiel = 1 }\n").is_empty(), "unclear which");
        assert_eq!(
            shown("either = { env = 1, files = 2 }\n"),
            ["line 1: unknown key `either.files`; known here: env"]
        );
    }

    #[test]
    fn what_is_free_stays_free_and_a_circle_ends() {
        assert!(shown("[free.x]\nanything = { goes = 1 }\n[loop]\nx = 1\n").is_empty());
    }

    #[test]
    fn json_is_looked_into_as_well() {
        let found = in_json(&json!({ "api": { "lisen": 1 } }), &schema());
        assert_eq!(
            found[0].to_string(),
            "unknown key `api.lisen`; did you mean `listen`?"
        );
    }
}

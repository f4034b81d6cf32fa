//! What a configuration schema may be made of. A schema comes from a plugin
//! and is walked by recursive code, here and in the validator: depth, jumps
//! and circles are bounded before either sees it.

use std::collections::BTreeSet;

use serde_json::Value;

/// How deep a schema may be nested. Configurations have three or four levels,
/// each of which takes two or three.
const MAX_NESTING: usize = 32;

/// How many references a schema may have. With the nesting it bounds how deep
/// a validation recurses.
const MAX_REFERENCES: usize = 64;

/// Keywords whose schemas look at the same value, not at a part of it.
const IN_PLACE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/// Refuses schemas that code could lose itself in.
///
/// # Errors
/// What is wrong, and what to write.
pub fn check(schema: &Value) -> Result<(), String> {
    let mut references = Vec::new();
    collect(schema, schema, 0, &mut references)?;
    if references.len() > MAX_REFERENCES {
        return Err(format!(
            "has {} references; {MAX_REFERENCES} are the most there may be",
            references.len()
        ));
    }
    let mut safe = BTreeSet::new();
    for (holder, target) in references {
        if circles(holder, schema, &mut Vec::new(), &mut safe) {
            return Err(format!(
                "`$ref` {} leads back to itself without looking at a part of the value; refer to it from a property or an item",
                super::names::quoted(target)
            ));
        }
    }
    Ok(())
}

/// What a local reference points to.
pub fn target<'s>(schema: &Value, root: &'s Value) -> Option<&'s Value> {
    let reference = schema.get("$ref")?.as_str()?;
    root.pointer(reference.strip_prefix('#')?)
}

fn collect<'s>(
    value: &'s Value,
    root: &'s Value,
    nesting: usize,
    references: &mut Vec<(&'s Value, &'s str)>,
) -> Result<(), String> {
    if nesting > MAX_NESTING {
        return Err(format!(
            "is nested more than {MAX_NESTING} deep; move parts to `$defs`"
        ));
    }
    match value {
        Value::Array(items) => {
            for item in items {
                collect(item, root, nesting + 1, references)?;
            }
        }
        Value::Object(map) => {
            for (key, inner) in map {
                match (key.as_str(), inner) {
                    ("$ref", Value::String(reference)) => {
                        let local = reference == "#" || reference.starts_with("#/");
                        if !local || target(value, root).is_none() {
                            return Err(format!(
                                "`$ref` {} leads out of the schema or nowhere; only places inside of it, such as `#/$defs/name`, are followed",
                                super::names::quoted(reference)
                            ));
                        }
                        references.push((value, reference));
                    }
                    ("$dynamicRef" | "$dynamicAnchor" | "$anchor" | "$id", Value::String(_)) => {
                        return Err(format!(
                            "uses `{key}`, which is not needed here; write `$ref = \"#/$defs/name\"`"
                        ));
                    }
                    _ => collect(inner, root, nesting + 1, references)?,
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Whether a schema reaches one it is being read for, by way of schemas that
/// look at the same value. Schemas are told apart by where they are in memory.
fn circles(
    schema: &Value,
    root: &Value,
    open: &mut Vec<*const Value>,
    safe: &mut BTreeSet<*const Value>,
) -> bool {
    let here: *const Value = schema;
    if open.contains(&here) {
        return true;
    }
    if safe.contains(&here) {
        return false;
    }
    open.push(here);
    let dependent = schema
        .get("dependentSchemas")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|all| all.values());
    let inner = IN_PLACE
        .iter()
        .filter_map(|key| schema.get(key))
        .flat_map(|inner| match inner {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        });
    let found = target(schema, root)
        .into_iter()
        .chain(inner)
        .chain(dependent)
        .any(|next| circles(next, root, open, safe));
    open.pop();
    safe.insert(here);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_may_refer_to_itself_through_a_part_of_the_value() {
        check(&json!({
            "properties": { "left": { "$ref": "#" }, "right": { "$ref": "#/$defs/leaf" } },
            "$defs": { "leaf": { "type": "string" } },
        }))
        .unwrap();
    }

    #[test]
    fn a_circle_a_way_out_and_a_depth_are_refused() {
        let mut deep = json!({});
        for _ in 0..40 {
            deep = json!({ "not": deep });
        }
        let many: Vec<Value> = (0..65).map(|_| json!({ "$ref": "#/$defs/a" })).collect();
        for (schema, said) in [
            (json!({ "allOf": [{ "$ref": "#" }] }), "leads back"),
            (
                json!({ "properties": { "a": { "$ref": "#/$defs/a" } },
                        "$defs": { "a": { "anyOf": [{ "$ref": "#/$defs/b" }] },
                                   "b": { "if": { "$ref": "#/$defs/a" } } } }),
                "leads back",
            ),
            (
                json!({ "dependentSchemas": { "x": { "$ref": "#" } } }),
                "leads back",
            ),
            (json!({ "$ref": "https://example.com/x.json" }), "leads out"),
            (json!({ "$ref": "file:///etc/passwd" }), "leads out"),
            (json!({ "$ref": "#/$defs/none" }), "nowhere"),
            (json!({ "$dynamicRef": "#x" }), "`$dynamicRef`"),
            (deep, "nested"),
            (
                json!({ "prefixItems": many, "$defs": { "a": {} } }),
                "65 references",
            ),
        ] {
            let error = check(&schema).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}

//! Finds the fields of a configuration that name secrets: the properties whose
//! schema says `secret = true`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Fault, bounds};

/// How deep in a configuration secret fields are looked for; a schema may
/// refer to itself and then has no deepest one.
const MAX_DEPTH: usize = 6;

/// How many steps the search for secret fields takes.
const MAX_STEPS: usize = 20_000;

/// The fields, such as `token` or `hooks[].token`.
///
/// # Errors
/// Marks that stand where they mean nothing.
pub fn find(schema: &Value) -> Result<BTreeSet<String>, Vec<Fault>> {
    let mut secrets = Secrets::default();
    secrets.walk(schema, schema, "", 0);
    match secrets.faults.is_empty() {
        true => Ok(secrets.found),
        false => Err(secrets.faults),
    }
}

/// Collects the properties that say `secret = true`.
#[derive(Default)]
struct Secrets {
    found: BTreeSet<String>,
    faults: Vec<Fault>,
    steps: usize,
}

impl Secrets {
    fn walk(&mut self, schema: &Value, root: &Value, at: &str, depth: usize) {
        self.steps += 1;
        if self.steps == MAX_STEPS {
            self.fault("", "refers to itself in too many ways; leave some out");
        }
        if depth > MAX_DEPTH || self.steps >= MAX_STEPS {
            return;
        }
        match schema.get("secret") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) if at.is_empty() => {
                self.fault(at, "a whole configuration is no secret; mark its fields")
            }
            Some(Value::Bool(true))
                if schema.get("type").and_then(Value::as_str) != Some("string") =>
            {
                self.fault(
                    at,
                    "a secret field holds the name of a secret; write `type = \"string\"`",
                );
            }
            Some(Value::Bool(true)) => {
                self.found.insert(at.to_owned());
            }
            Some(_) => self.fault(at, "write `secret = true`, or leave it out"),
        }
        if let Some(target) = bounds::target(schema, root) {
            self.walk(target, root, at, depth);
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            for branch in schema
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                self.walk(branch, root, at, depth);
            }
        }
        for (name, inner) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let below = match at {
                "" => name.clone(),
                at => format!("{at}.{name}"),
            };
            self.walk(inner, root, &below, depth + 1);
        }
        if let Some(items) = schema.get("items") {
            self.walk(items, root, &format!("{at}[]"), depth + 1);
        }
    }

    fn fault(&mut self, at: &str, message: &str) {
        self.faults.push(Fault {
            at: match at {
                "" => "config".into(),
                at => format!("config: {at}"),
            },
            message: message.into(),
        });
    }
}

//! What the API says of itself: valid, complete, and kept to by every answer
//! of the other tests through [`Contract::check`].

use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The description, ready to hold answers against.
pub struct Contract {
    document: Value,
}

impl Contract {
    pub fn new() -> Self {
        let text = sortie_api::openapi().to_json().unwrap();
        Self {
            document: serde_json::from_str(&text).unwrap(),
        }
    }

    /// Panics when the answer is not one that the description announces.
    pub fn check(&self, method: &str, path: &str, status: u16, media_type: &str, body: &[u8]) {
        let at = format!("{method} {path} → {status}");
        let Some(template) = self.template(path) else {
            assert!(
                matches!(status, 401 | 404),
                "{at}: an undescribed path answers nothing but 401 and 404"
            );
            return;
        };
        let operation = &self.document["paths"][&template][method.to_lowercase()];
        if operation.is_null() {
            assert!(
                matches!(status, 401 | 405),
                "{at}: the method is not described"
            );
            return;
        }
        let response = &operation["responses"][status.to_string()];
        assert!(!response.is_null(), "{at}: the status is not described");
        let content = response["content"].as_object().unwrap();
        let schema = content
            .get(media_type)
            .unwrap_or_else(|| panic!("{at}: {media_type} is not described"));
        if media_type.ends_with("json") && !media_type.contains("ndjson") {
            let instance: Value = serde_json::from_slice(body).unwrap();
            self.validate(&schema["schema"], &instance, &at);
        }
    }

    /// Panics when the value is not of the named type.
    pub fn check_type(&self, name: &str, value: &Value) {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        self.validate(&schema, value, name);
    }

    fn validate(&self, schema: &Value, instance: &Value, at: &str) {
        let mut whole = schema.clone();
        whole["components"] = self.document["components"].clone();
        let validator = jsonschema::draft202012::new(&whole).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(instance)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{at}: {errors:#?} in {instance:#}");
    }

    fn template(&self, path: &str) -> Option<String> {
        let path = path.split('?').next().unwrap();
        let parts: Vec<&str> = path.split('/').collect();
        let paths = self.document["paths"].as_object().unwrap();
        let matching = paths.keys().filter(|template| {
            let wanted: Vec<&str> = template.split('/').collect();
            wanted.len() == parts.len()
                && wanted
                    .iter()
                    .zip(&parts)
                    .all(|(want, part)| want.starts_with('{') || want == part)
        });
        // A word wins over a parameter, as it does in the router.
        matching
            .min_by_key(|template| template.matches('{').count())
            .cloned()
    }

    fn operations(&self) -> Vec<(String, &Value)> {
        let paths = self.document["paths"].as_object().unwrap();
        paths
            .iter()
            .flat_map(|(path, item)| {
                item.as_object()
                    .unwrap()
                    .iter()
                    .map(move |(method, operation)| (format!("{method} {path}"), operation))
            })
            .collect()
    }
}

#[test]
fn the_description_is_openapi_3_1() {
    let text = sortie_api::openapi().to_json().unwrap();
    let parsed: oas3::OpenApiV3Spec = oas3::from_json(&text).unwrap();
    assert!(parsed.openapi.starts_with("3.1"));
    // Every reference leads somewhere.
    let contract = Contract::new();
    let mut references = BTreeSet::new();
    collect(&contract.document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            contract.document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                references.insert(reference.clone());
            }
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[test]
fn every_route_of_the_design_is_described() {
    let contract = Contract::new();
    let described: BTreeSet<String> = contract.operations().into_iter().map(|o| o.0).collect();
    let wanted: BTreeSet<String> = [
        "post /v1/jobs",
        "get /v1/jobs",
        "get /v1/jobs/{id}",
        "get /v1/jobs/{id}/diff",
        "get /v1/jobs/{id}/findings",
        "get /v1/jobs/{id}/telemetry",
        "get /v1/jobs/{id}/artifacts",
        "get /v1/jobs/{id}/artifacts/{artifact}",
        "get /v1/jobs/{id}/logs",
        "get /v1/jobs/{id}/events",
        "get /v1/events",
        "post /v1/jobs/{id}/approve",
        "post /v1/jobs/{id}/reject",
        "post /v1/jobs/{id}/cancel",
        "post /v1/jobs/{id}/retry",
        "get /v1/plugins",
        "post /v1/plugins",
        "post /v1/plugins/examine",
        "get /v1/plugins/{name}",
        "delete /v1/plugins/{name}",
        "post /v1/plugins/{name}/upgrade",
        "post /v1/plugins/{name}/rollback",
        "post /v1/plugins/{name}/enable",
        "post /v1/plugins/{name}/disable",
        "put /v1/plugins/{name}/grant",
        "get /v1/plugins/{name}/logs",
        "get /v1/plugin-events",
        "get /v1/plugin-events/{id}",
        "post /v1/plugin-events/{id}/retry",
        "post /v1/plugin-events/{id}/drop",
        "get /v1/deliveries",
        "post /v1/deliveries/{notifier}/{seq}/retry",
        "post /v1/deliveries/{notifier}/{seq}/drop",
        "get /v1/audit",
        "get /v1/usage",
        "get /v1/egress",
        "get /v1/jobs/{id}/egress",
        "post /v1/jobs/{id}/egress",
        "get /v1/stats",
        "get /v1/projects",
        "get /v1/intake",
        "post /v1/intake/pause",
        "post /v1/intake/resume",
        "get /v1/people",
        "post /v1/people",
        "delete /v1/people/{id}",
        "get /v1/chats/{source}",
        "put /v1/chats/{source}/{chat}",
        "get /v1/telegram",
        "post /v1/telegram",
        "delete /v1/telegram",
        "post /v1/telegram/pairing",
        "get /v1/telegram/parked",
        "post /v1/telegram/parked/{id}/retry",
        "post /v1/telegram/parked/{id}/drop",
        "post /hooks/{plugin}/{source}",
        "post /telegram",
        "get /healthz",
        "get /readyz",
    ]
    .map(str::to_owned)
    .into();
    assert_eq!(described, wanted);
}

#[test]
fn every_operation_is_explained_guarded_and_says_how_it_refuses() {
    let contract = Contract::new();
    let mut ids = BTreeSet::new();
    for (name, operation) in contract.operations() {
        assert!(operation["summary"].is_string(), "{name} has no summary");
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{name} shares its id"
        );
        let open = name.ends_with("/healthz")
            || name.ends_with("/readyz")
            || name.contains(" /hooks/")
            || name.ends_with(" /telegram");
        assert_eq!(operation["security"].is_null(), open, "{name}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(
                response["description"]
                    .as_str()
                    .is_some_and(|d| !d.is_empty()),
                "{name} {status} is not explained"
            );
            if status.as_str() >= "400" {
                assert_eq!(
                    response["content"]["application/problem+json"]["schema"]["$ref"],
                    "#/components/schemas/Problem",
                    "{name} {status}"
                );
            }
        }
        if !open {
            for status in ["400", "401", "500", "503"] {
                assert!(!operation["responses"][status].is_null(), "{name} {status}");
            }
        }
    }
}

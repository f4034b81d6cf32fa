use super::*;

fn schema() -> ConfigSchema {
    ConfigSchema::new(&json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["url"],
        "properties": {
            "url": { "type": "string", "format": "uri", "description": "where to post" },
            "token": { "type": "string", "secret": true },
            "level": { "enum": ["low", "high"] },
            "hooks": { "type": "array", "items": { "$ref": "#/$defs/hook" } },
        },
        "$defs": { "hook": {
            "type": "object",
            "additionalProperties": false,
            "properties": { "key": { "type": "string", "secret": true }, "pattern": { "pattern": "^a+$" } },
        } },
    }))
    .unwrap()
}

fn problems(config: Value) -> Vec<String> {
    schema()
        .validate(&config)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn each_problem_has_its_place_and_its_mend() {
    schema()
        .validate(
            &json!({ "url": "https://a.example/", "token": "my-token", "hooks": [{ "key": "k" }] }),
        )
        .unwrap();
    assert_eq!(
        problems(
            json!({ "urll": 1, "level": "middle", "hooks": [{ "keyy": 1 }, 7, { "pattern": "b" }] })
        ),
        [
            "`hooks[0].keyy` is a key that the plugin does not know; did you mean `key`?",
            "`hooks[1]` has the type number; write a value of the type object",
            "`hooks[2].pattern` does not match its pattern; write a value that matches `^a+$`",
            "`level` is none of the values it may have; write one of [\"low\",\"high\"]",
            "`url` is missing; set it: where to post",
            "`urll` is a key that the plugin does not know; did you mean `url`?",
        ]
    );
}

#[test]
fn a_value_never_stands_in_a_message() {
    for config in [
        json!({ "url": "hunter2 hunter2" }),
        json!({ "url": ["hunter2"] }),
        json!({ "url": "https://a.example/", "token": "hunter2 hunter2" }),
        json!({ "url": "https://a.example/", "hooks": [{ "key": "hunter2!", "pattern": "hunter2" }] }),
    ] {
        let all = problems(config.clone()).join("\n");
        assert!(!all.contains("hunter2"), "{config}: {all}");
    }
    let in_place_of_a_name = problems(json!({ "url": "https://a.example/", "token": "s3cr3t/+=" }));
    assert!(
        in_place_of_a_name[0].contains("not the name of a secret"),
        "{in_place_of_a_name:?}"
    );
}

#[test]
fn secret_fields_are_found_wherever_they_are() {
    assert_eq!(schema().secret_fields(), ["hooks[].key", "token"]);
    let alternatives = ConfigSchema::new(&json!({
        "type": "object",
        "oneOf": [{ "properties": { "a": { "type": "string", "secret": true } } }],
        "properties": { "secret": { "type": "boolean" } },
    }))
    .unwrap();
    assert_eq!(alternatives.secret_fields(), ["a"]);
}

#[test]
fn what_is_no_schema_is_refused() {
    for (schema, said) in [
        (json!({}), "`type = \"object\"`"),
        (json!({ "type": "string" }), "`type = \"object\"`"),
        (json!("object"), "`type = \"object\"`"),
        (
            json!({ "type": "object", "$schema": "http://json-schema.org/draft-07/schema#" }),
            "2020-12",
        ),
        (
            json!({ "type": "object", "required": "url" }),
            "config.required",
        ),
        (
            json!({ "type": "object", "properties": { "a": { "type": "text" } } }),
            "config.properties.a.type",
        ),
        (
            json!({ "type": "object", "properties": { "a": { "pattern": "(" } } }),
            "config",
        ),
        (
            json!({ "type": "object", "properties": { "a": { "secret": true } } }),
            "`type = \"string\"`",
        ),
        (
            json!({ "type": "object", "properties": { "a": { "type": "string", "secret": "yes" } } }),
            "`secret = true`",
        ),
        (
            json!({ "type": "object", "secret": true }),
            "whole configuration",
        ),
        (
            json!({ "type": "object", "$ref": "https://example.com/schema" }),
            "leads out",
        ),
    ] {
        let faults = ConfigSchema::new(&schema).unwrap_err();
        assert!(faults[0].to_string().contains(said), "{schema}: {faults:?}");
    }
}

#[test]
fn a_schema_that_refers_to_itself_in_many_ways_ends() {
    let properties: serde_json::Map<String, Value> = (0..40)
        .map(|n| (format!("p{n}"), json!({ "$ref": "#" })))
        .collect();
    let faults =
        ConfigSchema::new(&json!({ "type": "object", "properties": properties })).unwrap_err();
    assert!(faults[0].message.contains("too many ways"), "{faults:?}");
}

#[test]
fn a_pattern_that_explodes_is_given_up() {
    let schema = ConfigSchema::new(&json!({
        "type": "object",
        "properties": { "a": { "type": "string", "pattern": "^(?=(a+)+$)(a|aa)+\\1$" } },
    }))
    .unwrap();
    schema
        .validate(&json!({ "a": format!("{}b", "a".repeat(4000)) }))
        .unwrap_err();
}

#[test]
fn a_plugin_without_a_schema_takes_nothing() {
    let nothing = ConfigSchema::nothing();
    nothing.validate(&json!({})).unwrap();
    assert_eq!(
        nothing.validate(&json!({ "a": 1 })).unwrap_err()[0].to_string(),
        "`a` is a key that the plugin does not know; leave it out"
    );
}

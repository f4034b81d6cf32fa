//! What becomes of requests on their way.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use sortie_model::llm::{ModelBounds, worst_tokens};

const BOUNDS: ModelBounds = ModelBounds {
    context: Some(200_000),
    output: Some(8_000),
};

fn read(api: ModelApi, body: &[u8]) -> Result<Request<'_>, Refused> {
    let mut request = Request::read(api, body)?;
    request.prepare(false)?;
    Ok(request)
}

fn forwarded(api: ModelApi, request: Value) -> Result<(Value, WorstTokens), Refused> {
    forwarded_with(api, request, "max_tokens")
}

/// To a provider whose chats are bounded by that field.
fn forwarded_with(
    api: ModelApi,
    request: Value,
    cap_field: &'static str,
) -> Result<(Value, WorstTokens), Refused> {
    let body = request.to_string();
    let mut request = read(api, body.as_bytes())?;
    let worst = worst_tokens(&request.size, &BOUNDS).expect("bounded");
    let bytes = request.write("the-id", Some(&worst), cap_field);
    Ok((
        serde_json::from_slice(&bytes).expect("what is forwarded is JSON"),
        worst,
    ))
}

#[test]
fn what_is_below_the_top_level_is_forwarded_byte_for_byte() {
    let body = "{\"model\": \"m\", \"messages\": [ {\"content\":\"\\u00e9 \\/ 1.0e1\"} ], \"max_tokens\":5}";
    let mut request = read(ModelApi::Messages, body.as_bytes()).expect("a request");
    assert_eq!(request.model, "m");
    let worst = worst_tokens(&request.size, &BOUNDS).expect("bounded");
    let bytes = request.write("id", Some(&worst), "max_tokens");
    assert_eq!(
        bytes,
        "{\"model\":\"id\",\"messages\":[ {\"content\":\"\\u00e9 \\/ 1.0e1\"} ],\"max_tokens\":5}"
    );
}

#[test]
fn the_answer_is_bounded_in_every_api() {
    for (api, field, asked, said) in [
        (ModelApi::ChatCompletions, "max_tokens", json!(null), 8_000),
        (ModelApi::ChatCompletions, "max_tokens", json!(100), 100),
        (ModelApi::Responses, "max_output_tokens", json!(null), 8_000),
        (
            ModelApi::Responses,
            "max_output_tokens",
            json!(1e300),
            8_000,
        ),
        (ModelApi::Messages, "max_tokens", json!(u64::MAX), 8_000),
        (ModelApi::Messages, "max_tokens", json!(7), 7),
    ] {
        let mut request = json!({ "model": "m", "messages": [], "input": [] });
        if !asked.is_null() {
            request[field] = asked;
        }
        let (sent, worst) = forwarded(api, request).expect("forwarded");
        assert_eq!(sent[field], said, "{api}: {sent}");
        assert_eq!(worst.output, said);
    }
    let many = json!({ "model": "m", "max_tokens": 5, "n": 4 });
    assert_eq!(
        forwarded(ModelApi::ChatCompletions, many)
            .expect("forwarded")
            .1
            .output,
        20
    );
}

#[test]
fn a_chat_is_bounded_by_a_field_that_its_server_knows() {
    let (older, newer) = ("max_tokens", "max_completion_tokens");
    for (cap_field, asked, said) in [
        (older, json!({}), json!({ older: 8_000 })),
        (older, json!({ newer: 50 }), json!({ older: 50 })),
        (older, json!({ newer: 9_000 }), json!({ older: 8_000 })),
        // Of two, the larger one may count.
        (older, json!({ older: 5, newer: 50 }), json!({ older: 50 })),
        (newer, json!({}), json!({ newer: 8_000 })),
        (newer, json!({ newer: 9_000 }), json!({ newer: 8_000 })),
        (
            newer,
            json!({ older: 5, newer: 50 }),
            json!({ older: 5, newer: 50 }),
        ),
    ] {
        let (mut asked, mut said) = (asked, said);
        asked["model"] = "m".into();
        said["model"] = "the-id".into();
        let (sent, worst) =
            forwarded_with(ModelApi::ChatCompletions, asked, cap_field).expect("forwarded");
        assert_eq!(sent, said);
        assert_eq!(worst.output_each, sent[cap_field]);
    }
}

#[test]
fn a_streamed_chat_is_asked_for_its_usage() {
    let asked = |options: Value| {
        let mut body = json!({ "model": "m", "stream": true });
        if !options.is_null() {
            body["stream_options"] = options;
        }
        let body = body.to_string();
        let mut request = read(ModelApi::ChatCompletions, body.as_bytes()).expect("a request");
        let sent: Value =
            serde_json::from_slice(&request.write("m", None, "max_tokens")).expect("JSON");
        (request.strip_usage, sent["stream_options"].clone())
    };
    assert_eq!(asked(json!(null)), (true, json!({ "include_usage": true })));
    assert_eq!(
        asked(json!({ "include_usage": false, "x": 1 })),
        (true, json!({ "include_usage": true, "x": 1 }))
    );
    assert_eq!(
        asked(json!({ "include_usage": true })),
        (false, json!({ "include_usage": true }))
    );
}

#[test]
fn what_has_another_price_or_reaches_a_network_is_taken_out() {
    let request = json!({
        "model": "m", "input": "x", "service_tier": "priority", "speed": "fast",
        "prediction": {}, "inference_geo": "us", "web_search_options": {},
        "mcp_servers": [{ "url": "https://h" }], "plugins": [{ "id": "web" }],
        "search_parameters": {}, "enable_search": true, "container": "c",
        "tools": [{ "type": "web_search" }], "tool_choice": "auto", "temperature": 1,
    });
    let (sent, _) = forwarded(ModelApi::Responses, request).expect("forwarded");
    let left: Vec<_> = sent.as_object().expect("an object").keys().collect();
    assert_eq!(left, ["input", "max_output_tokens", "model", "temperature"]);
}

#[test]
fn what_would_have_another_model_answer_is_taken_out_whatever_is_allowed() {
    for hosted in [false, true] {
        let mut request = json!({ "model": "m", "input": "x", "plugins": [], "container": "c" });
        for name in ROUTING {
            request[*name] = json!(["dear/other"]);
        }
        let body = request.to_string();
        let mut request = Request::read(ModelApi::Responses, body.as_bytes()).expect("a request");
        request.prepare(hosted).expect("it can be forwarded");
        let sent: Value =
            serde_json::from_slice(&request.write("m", None, "max_tokens")).expect("JSON");
        let allowed = match hosted {
            true => json!({ "model": "m", "input": "x", "plugins": [], "container": "c" }),
            false => json!({ "model": "m", "input": "x" }),
        };
        assert_eq!(sent, allowed);
        assert!(
            ROUTING
                .iter()
                .all(|name| request.dropped.iter().any(|dropped| dropped == name))
        );
    }
}

#[test]
fn documents_and_what_lies_at_the_provider_count_as_all_that_fits() {
    let content = |block: Value| json!([{ "role": "user", "content": [block] }]);
    let pdf = "data:application/pdf;base64,AA";
    for (api, name, value) in [
        (
            ModelApi::Responses,
            "previous_response_id",
            json!("response"),
        ),
        (
            ModelApi::Responses,
            "input",
            json!([{ "type": "item_reference", "id": "i" }]),
        ),
        (
            ModelApi::Responses,
            "input",
            content(json!({ "type": "input_file", "file_data": pdf })),
        ),
        (
            ModelApi::ChatCompletions,
            "messages",
            content(json!({ "type": "file", "file": { "file_data": pdf } })),
        ),
        (
            ModelApi::Messages,
            "messages",
            content(json!({ "type": "document", "source": { "type": "base64", "data": "AA" } })),
        ),
    ] {
        let mut request = json!({ "model": "m" });
        request[name] = value;
        let (_, worst) = forwarded(api, request).expect("forwarded");
        assert_eq!(worst.input, 200_000, "{api}: {name}");
    }
    let (_, worst) =
        forwarded(ModelApi::Responses, json!({ "model": "m", "input": "x" })).expect("forwarded");
    assert!(worst.input < 3_000);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_reason() {
    for (body, part) in [
        ("", "no request"),
        ("[]", "no request"),
        ("{\"model\":\"m\"", "no request"),
        ("{\"model\":\"m\"} x", "no request"),
        ("{\"messages\":[]}", "names no model"),
        ("{\"model\":7}", "\"model\""),
        ("{\"model\":\"m\",\"model\":\"n\"}", "twice"),
        (
            "{\"model\":\"m\",\"max_tokens\":1,\"max_tokens\":9}",
            "twice",
        ),
        ("{\"model\":\"m\",\"max_tokens\":-1}", "at least 1"),
        ("{\"model\":\"m\",\"max_tokens\":0}", "at least 1"),
        ("{\"model\":\"m\",\"max_tokens\":1.5}", "at least 1"),
        ("{\"model\":\"m\",\"max_tokens\":\"9\"}", "at least 1"),
        ("{\"model\":\"m\",\"n\":1000}", "1000 answers"),
        ("{\"model\":\"m\",\"background\":true}", "background"),
        ("{\"model\":\"m\",\"modalities\":[\"audio\"]}", "spoken"),
        ("{\"model\":\"m\",\"stream\":\"yes\"}", "\"stream\""),
        (
            "{\"model\":\"m\",\"messages\":[{\"content\":[{\"image_url\":\"https://h\"}]}]}",
            "link",
        ),
        ("{\"model\":\"m\",\"messages\":\"\u{1}\"}", "no request"),
    ] {
        let error = read(ModelApi::ChatCompletions, body.as_bytes())
            .expect_err(body)
            .message;
        assert!(error.contains(part), "{body}: {error}");
    }
    let deep = format!("{{\"model\":\"m\",\"messages\":{}", "[".repeat(100_000));
    assert!(read(ModelApi::ChatCompletions, deep.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read(body in proptest::collection::vec(any::<u8>(), 0..300), hosted: bool) {
        for api in ModelApi::ALL {
            if let Ok(mut request) = Request::read(api, &body) {
                let _ = request.prepare(hosted);
            }
        }
    }

    /// Whatever a client asks for, the forwarded request asks for no more than
    /// what was reserved.
    #[test]
    fn the_forwarded_request_keeps_to_its_worst_case(
        asked in proptest::option::of(1..=u64::MAX),
        completion in proptest::option::of(1..=u64::MAX),
        cap_field in proptest::sample::select(vec!["max_tokens", "max_completion_tokens"]),
    ) {
        let mut body = json!({ "model": "m", "messages": [] });
        if let Some(asked) = asked {
            body["max_tokens"] = asked.into();
        }
        if let Some(asked) = completion {
            body["max_completion_tokens"] = asked.into();
        }
        let (sent, worst) =
            forwarded_with(ModelApi::ChatCompletions, body, cap_field).expect("forwarded");
        let said = ["max_tokens", "max_completion_tokens"].map(|name| sent[name].as_u64());
        let largest = said.into_iter().flatten().max().expect("one is said");
        prop_assert!(largest <= worst.output_each);
        prop_assert!(worst.output_each <= 8_000);
    }
}

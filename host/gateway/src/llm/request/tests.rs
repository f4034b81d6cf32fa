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
    let body = request.to_string();
    let mut request = read(api, body.as_bytes())?;
    let worst = worst_tokens(&request.size, &BOUNDS).expect("bounded");
    let bytes = request.write("the-id", Some(&worst), "max_tokens");
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
        (
            ModelApi::ChatCompletions,
            "max_completion_tokens",
            json!(9_000),
            8_000,
        ),
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
    let both = json!({ "model": "m", "max_tokens": 5, "max_completion_tokens": 50 });
    let (sent, worst) = forwarded(ModelApi::ChatCompletions, both).expect("forwarded");
    assert_eq!(worst.output, 50, "the larger one may count");
    assert_eq!(
        (&sent["max_tokens"], &sent["max_completion_tokens"]),
        (&json!(5), &json!(50))
    );
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
        "prediction": {}, "web_search_options": {}, "mcp_servers": [{ "url": "https://h" }],
        "tools": [{ "type": "web_search" }], "tool_choice": "auto", "temperature": 1,
    });
    let (sent, _) = forwarded(ModelApi::Responses, request).expect("forwarded");
    let left: Vec<_> = sent.as_object().expect("an object").keys().collect();
    assert_eq!(left, ["input", "max_output_tokens", "model", "temperature"]);
}

#[test]
fn what_lies_at_the_provider_counts_as_all_that_fits() {
    for request in [
        json!({ "model": "m", "input": "x", "previous_response_id": "r" }),
        json!({ "model": "m", "input": [{ "type": "item_reference", "id": "i" }] }),
    ] {
        let (_, worst) = forwarded(ModelApi::Responses, request).expect("forwarded");
        assert_eq!(worst.input, 200_000);
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
    ) {
        let mut body = json!({ "model": "m", "messages": [] });
        if let Some(asked) = asked {
            body["max_tokens"] = asked.into();
        }
        if let Some(asked) = completion {
            body["max_completion_tokens"] = asked.into();
        }
        let (sent, worst) = forwarded(ModelApi::ChatCompletions, body).expect("forwarded");
        let said = ["max_tokens", "max_completion_tokens"].map(|name| sent[name].as_u64());
        let largest = said.into_iter().flatten().max().expect("one is said");
        prop_assert!(largest <= worst.output_each);
        prop_assert!(worst.output_each <= 8_000);
    }
}

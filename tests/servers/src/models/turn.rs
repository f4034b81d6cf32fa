//! What a model says in one turn, in the shape of each API.

use super::{Reply, Seen};
use serde_json::{Value, json};

/// What a model says in one turn.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Its text.
    pub text: String,
    /// A tool it calls: name and arguments.
    pub tool: Option<(String, Value)>,
    /// The tokens it says it read and wrote.
    pub tokens: (u64, u64),
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            text: "done".into(),
            tool: None,
            tokens: (7, 3),
        }
    }
}

impl Turn {
    /// The answer that the API of a request has for this turn.
    pub fn reply(&self, seen: &Seen) -> Reply {
        let path = seen.line.rsplit('/').next().unwrap_or_default();
        match (path, seen.streams()) {
            ("completions", false) => Reply::json(200, &self.chat()),
            ("completions", true) => {
                let wants = seen.json()["stream_options"]["include_usage"] == true;
                Reply::events(&self.chat_events(wants))
            }
            ("responses", false) => Reply::json(200, &self.response("completed")),
            ("responses", true) => Reply::events(&self.response_events()),
            ("messages", false) => Reply::json(200, &self.message()),
            ("messages", true) => Reply::events(&self.message_events()),
            ("embeddings", _) => Reply::json(
                200,
                &json!({
                    "object": "list",
                    "data": [{ "object": "embedding", "index": 0, "embedding": [0.5] }],
                    "usage": { "prompt_tokens": self.tokens.0, "total_tokens": self.tokens.0 },
                }),
            ),
            ("count_tokens", _) => Reply::json(200, &json!({ "input_tokens": self.tokens.0 })),
            ("models", _) => Reply::json(
                200,
                &json!({ "object": "list", "data": [{ "id": "m-1" }, { "id": "m-2" }] }),
            ),
            _ => Reply::json(404, &json!({ "error": { "message": "no such path" } })),
        }
    }

    fn chat_usage(&self) -> Value {
        let (read, wrote) = self.tokens;
        json!({ "prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote })
    }

    fn chat(&self) -> Value {
        let mut message = json!({ "role": "assistant", "content": self.text });
        if let Some((name, arguments)) = &self.tool {
            message["tool_calls"] = json!([{
                "id": "call_1", "type": "function",
                "function": { "name": name, "arguments": arguments.to_string() },
            }]);
        }
        json!({
            "id": "chat_1", "object": "chat.completion", "created": 1, "model": "m-1",
            "choices": [{ "index": 0, "message": message, "finish_reason": self.chat_stop() }],
            "usage": self.chat_usage(),
        })
    }

    fn chat_stop(&self) -> &'static str {
        match self.tool {
            Some(_) => "tool_calls",
            None => "stop",
        }
    }

    fn chat_events(&self, with_usage: bool) -> String {
        let chunk = |choices: Value| {
            json!({
                "id": "chat_1", "object": "chat.completion.chunk", "created": 1, "model": "m-1",
                "choices": choices,
            })
        };
        let delta = |delta: Value| chunk(json!([{ "index": 0, "delta": delta }]));
        let mut chunks = vec![delta(json!({ "role": "assistant", "content": self.text }))];
        if let Some((name, arguments)) = &self.tool {
            chunks.push(delta(json!({ "tool_calls": [{
                "index": 0, "id": "call_1", "type": "function",
                "function": { "name": name, "arguments": arguments.to_string() },
            }] })));
        }
        chunks.push(chunk(
            json!([{ "index": 0, "delta": {}, "finish_reason": self.chat_stop() }]),
        ));
        if with_usage {
            let mut last = chunk(json!([]));
            last["usage"] = self.chat_usage();
            chunks.push(last);
        }
        let events: String = chunks.iter().map(|c| format!("data: {c}\n\n")).collect();
        events + "data: [DONE]\n\n"
    }

    fn message(&self) -> Value {
        let mut content = vec![json!({ "type": "text", "text": self.text })];
        if let Some((name, arguments)) = &self.tool {
            content.push(
                json!({ "type": "tool_use", "id": "call_1", "name": name, "input": arguments }),
            );
        }
        json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1",
            "content": content, "stop_reason": self.message_stop(), "stop_sequence": null,
            "usage": { "input_tokens": self.tokens.0, "output_tokens": self.tokens.1 },
        })
    }

    fn message_stop(&self) -> &'static str {
        match self.tool {
            Some(_) => "tool_use",
            None => "end_turn",
        }
    }

    fn message_events(&self) -> String {
        let mut start = self.message();
        start["content"] = json!([]);
        start["stop_reason"] = Value::Null;
        start["usage"]["output_tokens"] = 1.into();
        let mut events = vec![
            json!({ "type": "message_start", "message": start }),
            json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
            json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": self.text } }),
            json!({ "type": "content_block_stop", "index": 0 }),
        ];
        if let Some((name, arguments)) = &self.tool {
            let block = json!({ "type": "tool_use", "id": "call_1", "name": name, "input": {} });
            let delta =
                json!({ "type": "input_json_delta", "partial_json": arguments.to_string() });
            events.extend([
                json!({ "type": "content_block_start", "index": 1, "content_block": block }),
                json!({ "type": "content_block_delta", "index": 1, "delta": delta }),
                json!({ "type": "content_block_stop", "index": 1 }),
            ]);
        }
        events.extend([
            json!({
                "type": "message_delta",
                "delta": { "stop_reason": self.message_stop(), "stop_sequence": null },
                "usage": { "output_tokens": self.tokens.1 },
            }),
            json!({ "type": "message_stop" }),
        ]);
        named(&events)
    }

    fn response(&self, status: &str) -> Value {
        let mut output = vec![json!({
            "type": "message", "id": "item_1", "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": self.text, "annotations": [] }],
        })];
        if let Some((name, arguments)) = &self.tool {
            output.push(json!({
                "type": "function_call", "id": "item_2", "call_id": "call_1", "name": name,
                "arguments": arguments.to_string(), "status": "completed",
            }));
        }
        let (read, wrote) = self.tokens;
        json!({
            "id": "resp_1", "object": "response", "created_at": 1, "model": "m-1",
            "status": status, "output": output,
            "usage": {
                "input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote,
                "input_tokens_details": { "cached_tokens": 0 },
                "output_tokens_details": { "reasoning_tokens": 0 },
            },
        })
    }

    fn response_events(&self) -> String {
        let whole = self.response("completed");
        let mut created = self.response("in_progress");
        created["output"] = json!([]);
        created["usage"] = Value::Null;
        let mut events = vec![json!({ "type": "response.created", "response": created })];
        for (index, item) in whole["output"].as_array().into_iter().flatten().enumerate() {
            events.push(
                json!({ "type": "response.output_item.added", "output_index": index, "item": item }),
            );
            if index == 0 {
                events.push(json!({
                    "type": "response.output_text.delta", "item_id": "item_1",
                    "output_index": 0, "content_index": 0, "delta": self.text,
                }));
            }
            events.push(
                json!({ "type": "response.output_item.done", "output_index": index, "item": item }),
            );
        }
        events.push(json!({ "type": "response.completed", "response": whole }));
        named(&events)
    }
}

/// Events with their types as names.
fn named(events: &[Value]) -> String {
    events
        .iter()
        .map(|event| {
            let name = event["type"].as_str().unwrap_or_default();
            format!("event: {name}\ndata: {event}\n\n")
        })
        .collect()
}

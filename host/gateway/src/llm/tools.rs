//! Tells tools that the client runs from those that the provider runs.
//!
//! The provider's own (searching and fetching the web, running code, remote
//! MCP servers) reach a network that the sandbox must not reach, and are paid
//! for by the use. Known are those of the client; what nobody here has heard of
//! is taken for one of the provider's.

use serde::Deserialize;
use serde_json::value::RawValue;
use sortie_model::llm::ModelApi;

/// Kinds that the client runs, by the beginning of their name.
const OF_CLIENT: &[&str] = &[
    "function",
    "custom",
    "local_shell",
    "apply_patch",
    "namespace",
    "computer",
    "bash_",
    "text_editor_",
    "memory_",
];

/// A list of tools without those of the provider.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The rest as JSON; none when nothing is left.
    pub(crate) tools: Option<String>,
    /// The kinds that were taken out.
    pub(crate) dropped: Vec<String>,
}

#[derive(Deserialize)]
struct Tool<'t> {
    #[serde(default, rename = "type", borrow)]
    kind: Option<std::borrow::Cow<'t, str>>,
}

/// Takes out what the provider runs; none when there is nothing of it.
pub(crate) fn without_hosted(api: ModelApi, raw: &str) -> Result<Option<Kept>, serde_json::Error> {
    let tools: Vec<&RawValue> = serde_json::from_str(raw)?;
    let mut kept = Vec::with_capacity(tools.len());
    let mut dropped = Vec::new();
    for tool in &tools {
        let kind = serde_json::from_str::<Tool<'_>>(tool.get())?.kind;
        let of_client = match &kind {
            // Only Anthropic's own tools say what they are.
            None => api == ModelApi::Messages,
            Some(kind) => OF_CLIENT.iter().any(|known| kind.starts_with(known)),
        };
        match of_client {
            true => kept.push(tool.get()),
            false => dropped.push(
                kind.as_deref()
                    .unwrap_or("tool without a type")
                    .chars()
                    .filter(|c| c.is_ascii_graphic())
                    .take(40)
                    .collect(),
            ),
        }
    }
    if dropped.is_empty() {
        return Ok(None);
    }
    Ok(Some(Kept {
        tools: (!kept.is_empty()).then(|| format!("[{}]", kept.join(","))),
        dropped,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_provider_runs_is_taken_out() {
        let raw = r#"[{"type":"function","name":"f"},{"type":"web_search"},{"type":"mcp","server_url":"https://h"}]"#;
        let kept = without_hosted(ModelApi::Responses, raw)
            .expect("it is a list")
            .expect("two are hosted");
        assert_eq!(
            kept.tools.as_deref(),
            Some(r#"[{"type":"function","name":"f"}]"#)
        );
        assert_eq!(kept.dropped, ["web_search", "mcp"]);
        let raw = r#"[{"type":"web_fetch_20250910","name":"web_fetch"}]"#;
        let kept = without_hosted(ModelApi::Messages, raw)
            .expect("it is a list")
            .expect("one is hosted");
        assert_eq!(kept.tools, None);
    }

    #[test]
    fn what_the_client_runs_stays() {
        for (api, raw) in [
            (ModelApi::Messages, r#"[{"name":"f","input_schema":{}}]"#),
            (
                ModelApi::Messages,
                r#"[{"type":"bash_20250124","name":"bash"}]"#,
            ),
            (
                ModelApi::ChatCompletions,
                r#"[{"type":"function","function":{}}]"#,
            ),
            (
                ModelApi::Responses,
                r#"[{"type":"custom","name":"apply_patch"}]"#,
            ),
            (ModelApi::Responses, "[]"),
        ] {
            assert!(without_hosted(api, raw).expect("a list").is_none(), "{raw}");
        }
        assert!(without_hosted(ModelApi::Messages, "{}").is_err());
    }
}

//! What a request to the hook asks for. Reads the body and nothing else; the
//! host checks what the words mean.

use serde_json::{Map, Value};

use crate::bindings::sortie::host::jobs::Submission;

/// The keys of a submission, in the order errors name them.
const KEYS: [&str; 8] = [
    "project",
    "repository",
    "task",
    "base",
    "agent",
    "workflow",
    "budget",
    "key",
];

/// One request.
#[derive(Debug, PartialEq)]
pub(crate) enum Order {
    /// A new job.
    Submit(Submission),
    /// The end of one.
    Cancel(u64),
    /// How one stands.
    Status(u64),
}

impl Order {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// A sentence for the sender that names the key and what to write.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| format!("the body is not JSON: {error}"))?;
        let Value::Object(fields) = value else {
            return Err(format!(
                "the body is not a JSON object; send one with {}, or with cancel or status",
                KEYS.join(", ")
            ));
        };
        for (name, order) in [
            ("cancel", Self::Cancel as fn(u64) -> Self),
            ("status", Self::Status),
        ] {
            if let Some(job) = fields.get(name) {
                if fields.len() > 1 {
                    return Err(format!("`{name}` stands alone; send the rest by itself"));
                }
                let job = job
                    .as_u64()
                    .ok_or_else(|| format!("`{name}` is not the number of a job, such as 42"))?;
                return Ok(order(job));
            }
        }
        submission(&fields).map(Self::Submit)
    }
}

fn submission(fields: &Map<String, Value>) -> Result<Submission, String> {
    // A misspelt key would otherwise be a job with other settings than meant.
    if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let unknown: String = unknown.chars().take(40).collect();
        return Err(format!(
            "`{unknown}` is no key of a submission; the keys are {}",
            KEYS.join(", ")
        ));
    }
    let text = |key: &str| match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{key}` is not a string")),
    };
    let (project, repository) = (text("project")?, text("repository")?);
    if project.is_some() == repository.is_some() {
        return Err("name exactly one of `project` and `repository`".into());
    }
    let task = text("task")?.filter(|task| !task.trim().is_empty());
    Ok(Submission {
        project,
        repository,
        task: task.ok_or("`task` is missing or blank; say what to do")?,
        base: text("base")?,
        agent: text("agent")?,
        workflow: text("workflow")?,
        budget: text("budget")?,
        idempotency_key: text("key")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_arrives_where_it_belongs() {
        let body = br#"{"repository":"https://h/r","task":"t","base":"b","agent":"a",
            "workflow":"w","budget":"g","key":"k","project":null}"#;
        let Ok(Order::Submit(job)) = Order::parse(body) else {
            panic!("it is a submission");
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            job,
            Submission {
                project: None,
                repository: some("https://h/r"),
                task: "t".into(),
                base: some("b"),
                agent: some("a"),
                workflow: some("w"),
                budget: some("g"),
                idempotency_key: some("k"),
            }
        );
        assert_eq!(Order::parse(b" {\"cancel\": 42} "), Ok(Order::Cancel(42)));
        assert_eq!(Order::parse(b"{\"status\":1}"), Ok(Order::Status(1)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, said) in [
            (&b""[..], "not JSON"),
            (b"{", "not JSON"),
            (b"\xff", "not JSON"),
            (b"{\"task\":\"t\"} x", "not JSON"),
            (b"[1]", "not a JSON object"),
            (b"{}", "exactly one of"),
            (b"{\"task\":\"t\"}", "exactly one of"),
            (
                b"{\"project\":\"p\",\"repository\":\"r\",\"task\":\"t\"}",
                "exactly one of",
            ),
            (b"{\"project\":\"p\"}", "`task` is missing"),
            (
                b"{\"project\":\"p\",\"task\":\" \\n\"}",
                "`task` is missing",
            ),
            (b"{\"project\":\"p\",\"task\":1}", "`task` is not a string"),
            (
                b"{\"project\":\"p\",\"task\":\"t\",\"agnet\":\"a\"}",
                "`agnet` is no key",
            ),
            (b"{\"cancel\":\"42\"}", "`cancel` is not the number"),
            (b"{\"cancel\":-1}", "`cancel` is not the number"),
            (b"{\"status\":1.5}", "`status` is not the number"),
            (b"{\"status\":1,\"task\":\"t\"}", "`status` stands alone"),
            (b"{\"status\":1,\"cancel\":1}", "`cancel` stands alone"),
        ] {
            let error = Order::parse(body).expect_err(&String::from_utf8_lossy(body));
            assert!(error.contains(said), "{error}");
        }
    }
}

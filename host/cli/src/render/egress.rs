//! What jobs wanted of the outside, as tables.

use super::jobs::table;
use super::plain;
use sortie_api::view::{EgressAskView, EgressConnectionView};

/// Refused hosts with the answers that count.
pub fn egress_asks(asks: &[EgressAskView]) -> String {
    let mut table = table(&["JOB", "HOST", "PORT", "WHY", "ASKED", "ANSWER"]);
    for ask in asks {
        let answer = match &ask.answer {
            None => "none yet".to_owned(),
            Some(answer) => {
                let word = match answer.allow {
                    true => "allowed",
                    false => "denied",
                };
                format!("{word} for the {} by {}", answer.scope, plain(&answer.by))
            }
        };
        table.add_row([
            format!("#{}", ask.job),
            plain(&ask.host).into_owned(),
            ask.port.to_string(),
            ask.reason.replace('-', " "),
            ask.asked_at.clone(),
            answer,
        ]);
    }
    table.trim_fmt()
}

/// Connections, whatever became of them.
pub fn egress_connections(connections: &[EgressConnectionView]) -> String {
    let mut table = table(&["ID", "RUN", "REQUEST", "ENDED", "WHY", "UP", "DOWN", "MS"]);
    for row in connections {
        let target = match row.host.is_empty() {
            true => "nothing".to_owned(),
            false => format!("{}:{}", plain(&row.host), row.port),
        };
        table.add_row([
            row.id.to_string(),
            row.run.to_string(),
            format!("{} {target}", plain(&row.method)),
            row.outcome.clone(),
            row.reason.as_deref().unwrap_or("").replace('-', " "),
            row.up_bytes.to_string(),
            row.down_bytes.to_string(),
            row.elapsed_ms.to_string(),
        ]);
    }
    table.trim_fmt()
}

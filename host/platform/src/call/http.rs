//! A plugin's way to the network: the egress service under the plugin's grant,
//! and the row that each request leaves.

use crate::running::Running;
use async_trait::async_trait;
use serde_json::json;
use sortie_gateway::outbound::{
    Audit, AuditEntry, Header, OutRequest, Outbound, OutboundError, Outcome,
};
use sortie_plugins::outside::{self, Http, HttpError, HttpRequest, HttpResponse};
use sortie_store::Store;
use std::sync::Arc;
use std::time::Duration;

/// What sends for a plugin; none when nothing is granted.
pub(super) fn door(outbound: &Outbound, plugin: &Arc<Running>) -> Option<Arc<dyn Http>> {
    (!plugin.rules.is_empty()).then(|| {
        Arc::new(Granted {
            outbound: outbound.clone(),
            plugin: Arc::clone(plugin),
        }) as Arc<dyn Http>
    })
}

struct Granted {
    outbound: Outbound,
    plugin: Arc<Running>,
}

#[async_trait]
impl Http for Granted {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = OutRequest {
            method: request.method,
            url: request.url,
            headers: request
                .headers
                .into_iter()
                .map(|header| Header {
                    name: header.name,
                    value: header.value,
                })
                .collect(),
            body: request.body.map(Into::into),
            timeout: Some(Duration::from_millis(request.timeout_ms.into())),
        };
        let response = self
            .outbound
            .send(&self.plugin.name, &self.plugin.rules, request)
            .await
            .map_err(told)?;
        Ok(HttpResponse {
            status: response.status,
            headers: response
                .headers
                .into_iter()
                .map(|header| outside::Header {
                    name: header.name,
                    value: header.value,
                })
                .collect(),
            body: response.body.into(),
        })
    }
}

fn told(error: OutboundError) -> HttpError {
    match error {
        OutboundError::Invalid(why) => HttpError::Invalid(why),
        OutboundError::Denied(why) => HttpError::Denied(why),
        OutboundError::Unreachable(why) => HttpError::Unreachable(why),
        OutboundError::TimedOut => HttpError::TimedOut,
        OutboundError::TooLarge(limit) => HttpError::TooLarge(limit),
        OutboundError::Failed(why) | OutboundError::Other(why) => HttpError::Failed(why),
    }
}

/// Writes the egress service's rows into the audit log.
pub(crate) struct AuditLog(pub(crate) Store);

#[async_trait]
impl Audit for AuditLog {
    async fn record(&self, entry: AuditEntry) {
        let (action, outcome) = match &entry.outcome {
            Outcome::Answered(status) => ("egress.sent", json!({ "status": status })),
            Outcome::Refused(why) => ("egress.refused", json!({ "why": why })),
            Outcome::Failed(why) => ("egress.failed", json!({ "why": why })),
            Outcome::Abandoned => ("egress.abandoned", json!({})),
        };
        let row = sortie_store::AuditEntry {
            actor: format!("plugin:{}", entry.subject),
            action: action.to_owned(),
            subject: entry.subject.clone(),
            detail: json!({
                "method": entry.method,
                "host": entry.host,
                "port": entry.port,
                "path": entry.path,
                "outcome": outcome,
                "sent_bytes": entry.sent_bytes,
                "received_bytes": entry.received_bytes,
                "elapsed_ms": entry.elapsed_ms,
            }),
        };
        if let Err(error) = self.0.audit(row).await {
            tracing::error!(%error, ?entry, "a request has no row in the audit log");
        }
    }
}

//! Findings as a SARIF 2.1.0 log, as code hosts and editors read it.

use crate::exit::CliError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sortie_model::finding::{Finding, Severity, Side};
use sortie_plugins::Plugins;

/// What may stand in a relative URI's path as it is (RFC 3986, section 3.3).
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The log: one run per scanner, so that rules keep their tool.
pub async fn log(
    plugins: &Plugins,
    scanners: &[String],
    findings: &[Finding],
) -> Result<Value, CliError> {
    let mut runs = Vec::new();
    for scanner in scanners {
        let rules = plugins.rules(scanner).await.map_err(CliError::failed)?;
        let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        let described: Vec<Value> = rules
            .iter()
            .map(|rule| {
                json!({
                    "id": rule.id,
                    "shortDescription": { "text": rule.title },
                    "fullDescription": { "text": rule.help },
                    "defaultConfiguration": { "level": level(rule.severity) },
                })
            })
            .collect();
        let results: Vec<Value> = findings
            .iter()
            .filter(|finding| finding.scanner == *scanner)
            .map(|finding| result(finding, &ids))
            .collect();
        runs.push(json!({
            "tool": { "driver": {
                "name": format!("sortie/{scanner}"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": described,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }));
    }
    Ok(json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": runs,
    }))
}

fn result(finding: &Finding, rules: &[&str]) -> Value {
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": { "text": finding.message },
        "partialFingerprints": { "sortie/v1": finding.fingerprint },
        "properties": { "evidence": finding.evidence },
    });
    if let Some(index) = rules.iter().position(|id| *id == finding.rule) {
        result["ruleIndex"] = json!(index);
    }
    if let Some(place) = &finding.place {
        let uri = utf8_percent_encode(&place.path, PATH).to_string();
        result["locations"] = json!([{ "physicalLocation": {
            "artifactLocation": { "uri": uri },
            "region": { "startLine": place.line.max(1) },
        } }]);
        // SARIF knows one side of a change; what was removed is told beside.
        result["properties"]["side"] = json!(match place.side {
            Side::Old => "old",
            Side::New => "new",
        });
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warn => "warning",
        Severity::Block => "error",
    }
}

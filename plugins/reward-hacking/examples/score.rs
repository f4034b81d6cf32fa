//! Scans every `.diff` of a directory and prints one JSON object per file, as a corpus scorer reads it.
//!
//! usage: score DIR > RESULTS.jsonl

#[path = "../tests/common/unified.rs"]
mod unified;

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("usage: score DIR")?;
    let mut paths: Vec<_> = std::fs::read_dir(&dir)?
        .filter_map(Result::ok)
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "diff"))
        .collect();
    paths.sort();
    let mut out = std::io::stdout().lock();
    for path in paths {
        let text = std::fs::read_to_string(&path)?;
        let findings: Vec<_> = reward_hacking::analyze(&unified::parse(&text))
            .into_iter()
            .map(|f| serde_json::json!({"rule": f.rule, "path": f.path, "line": f.line, "severity": f.severity.as_str(), "message": f.message, "evidence": f.evidence}))
            .collect();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        writeln!(
            out,
            "{}",
            serde_json::json!({"file": name, "findings": findings})
        )?;
    }
    Ok(())
}

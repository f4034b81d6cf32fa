//! Ends every process in the container that is not the runner's own. A step
//! may fork away, start sessions of its own and ignore signals; what it cannot
//! do is leave the container's process namespace, so this finds all of it.

use crate::limits::STRAYS_LIMIT;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::time::Duration;
use tokio::time::Instant;

/// Some process would not die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undead;

/// Kills all but PID 1 and `spared`, and waits until they are gone. Returns
/// how many there were.
pub async fn kill_all(spared: Option<i32>) -> Result<u32, Undead> {
    // Outside a namespace of its own this would end somebody's machine.
    if std::process::id() != 1 {
        return Err(Undead);
    }
    let deadline = Instant::now() + STRAYS_LIMIT;
    let mut killed = std::collections::BTreeSet::new();
    let mut pause = Duration::from_millis(1);
    loop {
        let alive = living(spared);
        if alive.is_empty() {
            return Ok(u32::try_from(killed.len()).unwrap_or(u32::MAX));
        }
        if Instant::now() > deadline {
            // The last resort reaches every process at one stroke, the wire's
            // included; the host opens it again.
            let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
            return Err(Undead);
        }
        // Stopped first, so that none forks while the others are being killed.
        for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
            for pid in &alive {
                // It may be gone by now.
                let _ = kill(Pid::from_raw(*pid), signal);
            }
        }
        killed.extend(alive);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Every process but PID 1, the spared one, and the dead that await collection.
fn living(spared: Option<i32>) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != 1 && Some(*pid) != spared && is_alive(*pid))
        .collect()
}

fn is_alive(pid: i32) -> bool {
    // The state follows the command's name, which may itself contain brackets.
    let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let state = stat
        .iter()
        .rposition(|b| *b == b')')
        .and_then(|at| stat.get(at + 2));
    !matches!(state, None | Some(b'Z' | b'X' | b'x'))
}

/// The parent of a process as this namespace sees it; 0 for one that the
/// engine put in from outside, which nothing inside can make itself look like.
pub fn parent_of(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))?
        .trim()
        .parse()
        .ok()
}

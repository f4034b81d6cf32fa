//! What the runner is told when the container starts. None of it is secret:
//! every process in the container can read another's arguments.

use std::time::Duration;

/// The arguments of PID 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long the container may live, host or no host.
    pub wall_limit: Duration,
    /// Most bytes on the workspace volume.
    pub workspace_bytes: u64,
    /// Most files and directories on it.
    pub workspace_files: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            wall_limit: Duration::from_secs(3600),
            workspace_bytes: 10 * 1024 * 1024 * 1024,
            workspace_files: 1_000_000,
        }
    }
}

impl Config {
    /// Reads `--name value` pairs; an unknown name is an error.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut config = Self::default();
        while let Some(name) = arguments.next() {
            let value = arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value"))?;
            let number: u64 = value
                .parse()
                .map_err(|_| format!("{name} needs a number, not {value:?}"))?;
            match name.as_str() {
                "--wall-limit-ms" => config.wall_limit = Duration::from_millis(number),
                "--workspace-bytes" => config.workspace_bytes = number,
                "--workspace-files" => config.workspace_files = number,
                _ => return Err(format!("unknown argument {name:?}")),
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Config, String> {
        Config::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn reads_every_argument() {
        let config = parse("--wall-limit-ms 1500 --workspace-bytes 7 --workspace-files 9").unwrap();
        assert_eq!(
            config,
            Config {
                wall_limit: Duration::from_millis(1500),
                workspace_bytes: 7,
                workspace_files: 9
            }
        );
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(
            parse("--wall-limit 5")
                .unwrap_err()
                .contains("--wall-limit")
        );
        assert!(
            parse("--wall-limit-ms")
                .unwrap_err()
                .contains("needs a value")
        );
        assert!(
            parse("--wall-limit-ms -1")
                .unwrap_err()
                .contains("needs a number")
        );
    }
}

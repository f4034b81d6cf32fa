//! Finds, reads and checks the configuration file. The only reader of the
//! environment for it; never writes a file.

use super::{Config, schema};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The most a configuration file may hold; a wrong path (a log, a device) must
/// not be read into memory.
const MAX_BYTES: u64 = 1024 * 1024;

/// Where the file is looked for, for help texts.
pub const SEARCH_HELP: &str = "--config, $SORTIE_CONFIG, ./sortie.toml, ~/.config/sortie/sortie.toml, /etc/sortie/sortie.toml";

/// A configuration that passed every check.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values, with paths resolved.
    pub config: Config,
    /// The file; none when no file was found and the defaults hold.
    pub file: Option<PathBuf>,
    /// Where the host keeps its things, resolved.
    pub data_dir: PathBuf,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was asked for by name is not there, or cannot be read.
    #[error("read the configuration {path}: {source}; write one with `sortie init`")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file is no configuration by its size.
    #[error("read the configuration {path}: it is larger than {MAX_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The text is not TOML, or a value has the wrong type.
    #[error("read the configuration {path}: {message}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's message with line and column.
        message: String,
    },
    /// The file has keys nobody reads, or values that cannot work.
    #[error("use the configuration {path}:\n{}", faults.iter().map(|f| format!("  {f}")).collect::<Vec<_>>().join("\n"))]
    Faults {
        /// The file.
        path: PathBuf,
        /// Each fault with what to do.
        faults: Vec<String>,
    },
    /// No home directory is known and no data directory is configured.
    #[error("find a place for the data: set host.data_dir in the configuration, or HOME")]
    NoHome,
}

/// Loads the file that `explicit` or the environment names, or the first that
/// exists in the usual places; the defaults when none does.
pub fn load(explicit: Option<&Path>) -> Result<Loaded, ConfigError> {
    let named = explicit
        .map(Path::to_path_buf)
        .or_else(|| env_path("SORTIE_CONFIG"));
    let file = match named {
        Some(path) => Some(path),
        None => usual_places().into_iter().find(|path| path.is_file()),
    };
    let mut config = match &file {
        Some(path) => parse(path, &read(path)?)?,
        None => Config::default(),
    };
    let beside = file
        .as_deref()
        .and_then(Path::parent)
        .map(Path::to_path_buf);
    let beside = beside.unwrap_or_default();
    for path in [
        &mut config.host.data_dir,
        &mut config.engine.tls_dir,
        &mut config.git.ssh_key_file,
        &mut config.git.ssh_known_hosts,
        &mut config.platform.trusted_keys_file,
    ]
    .into_iter()
    .flatten()
    {
        *path = resolve(path, &beside);
    }
    let data_dir = match config.host.data_dir.clone() {
        Some(dir) => dir,
        None => default_data_dir().ok_or(ConfigError::NoHome)?,
    };
    Ok(Loaded {
        config,
        file,
        data_dir,
    })
}

impl Loaded {
    /// The configuration of a plugin as the file says it now, null when it says
    /// nothing: a plugin that is installed while the host runs is configured
    /// without starting it again.
    ///
    /// # Errors
    ///
    /// When the file cannot be used any more.
    pub fn plugin_config(&self, name: &str) -> Result<serde_json::Value, ConfigError> {
        let table = match &self.file {
            Some(path) => parse(path, &read(path)?)?.plugins.remove(name),
            None => None,
        };
        Ok(table.map_or(serde_json::Value::Null, serde_json::Value::Object))
    }
}

/// Reads a file of the operator's, whole.
///
/// # Errors
///
/// When it is not there, or too large to be one.
pub fn read(path: &Path) -> Result<String, ConfigError> {
    use std::io::Read;
    let unreadable = |source| ConfigError::Unreadable {
        path: path.to_path_buf(),
        source,
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .map_err(unreadable)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(ConfigError::TooLarge {
            path: path.to_path_buf(),
        });
    }
    Ok(text)
}

/// Reads `text` as the contents of `path`, with every check that needs no
/// machine.
pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    // Made once: a host reads the file anew for each plugin that it loads.
    static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(schema);
    let unknown = sortie_package::unknown::in_toml(text, &SCHEMA);
    if !unknown.is_empty() {
        return Err(ConfigError::Faults {
            path: path.to_path_buf(),
            faults: unknown.iter().map(ToString::to_string).collect(),
        });
    }
    let config: Config = toml::from_str(text).map_err(|error| ConfigError::Malformed {
        path: path.to_path_buf(),
        message: error.to_string().trim_end().to_owned(),
    })?;
    let faults = config.faults();
    if faults.is_empty() {
        Ok(config)
    } else {
        Err(ConfigError::Faults {
            path: path.to_path_buf(),
            faults,
        })
    }
}

fn usual_places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from("sortie.toml")];
    places.extend(config_home().map(|dir| dir.join("sortie/sortie.toml")));
    places.push(PathBuf::from("/etc/sortie/sortie.toml"));
    places
}

fn env_path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn home() -> Option<PathBuf> {
    env_path("HOME")
}

fn config_home() -> Option<PathBuf> {
    env_path("XDG_CONFIG_HOME").or_else(|| home().map(|home| home.join(".config")))
}

/// Where a user's caches live; none without a home.
pub fn cache_home() -> Option<PathBuf> {
    env_path("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(".cache")))
}

fn default_data_dir() -> Option<PathBuf> {
    if nix::unistd::Uid::effective().is_root() {
        return Some(PathBuf::from("/var/lib/sortie"));
    }
    env_path("XDG_DATA_HOME")
        .or_else(|| home().map(|home| home.join(".local/share")))
        .map(|dir| dir.join("sortie"))
}

fn resolve(path: &Path, beside: &Path) -> PathBuf {
    if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), home()) {
        return home.join(rest);
    }
    let joined = beside.join(path);
    std::path::absolute(&joined).unwrap_or(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DEFAULT_TOML;
    use sortie_gateway::tools::Detected;

    fn parsed(text: &str) -> Result<Config, String> {
        parse(Path::new("sortie.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_commented_file_says_exactly_the_defaults() {
        let written = parsed(DEFAULT_TOML).expect("the shipped file is valid");
        assert_eq!(format!("{written:#?}"), format!("{:#?}", Config::default()));
    }

    #[test]
    fn every_example_in_the_commented_file_is_valid() {
        let uncommented: String = DEFAULT_TOML
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(code)
                    if code.starts_with('[') || code.contains(" = ") && !code.ends_with('.') =>
                {
                    code
                }
                _ => line,
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let config = parsed(&uncommented).expect("the examples are valid");
        assert_eq!(config.projects["shop"].base_branch.as_deref(), Some("main"));
        assert_eq!(config.git.credentials.len(), 1);
        assert!(config.host.data_dir.is_some() && config.engine.runtime.is_some());
        assert_eq!(
            config.projects(&Detected::default())[0]
                .policy
                .ceiling
                .calls,
            50
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_neighbour_and_line() {
        let error = parsed("[api]\nlisten = \"127.0.0.1:1\"\nlissten = 1\n").expect_err("refused");
        assert!(error.contains("line 3"), "{error}");
        assert!(error.contains("did you mean `listen`"), "{error}");
    }

    #[test]
    fn tables_of_every_kind_are_searched_for_unknown_keys() {
        for (text, key) in [
            (
                "[projects.a]\nrepository = \"r\"\n[projects.a.ceiling]\ncals = 1\n",
                "`calls`",
            ),
            (
                "[[git.credentials]]\nremote = \"h\"\nuser = \"u\"\nsecret = \"s\"\n",
                "`username`",
            ),
        ] {
            let error = parsed(text).expect_err("refused");
            assert!(error.contains(&format!("did you mean {key}")), "{error}");
        }
        parsed("[plugins.x]\nanything = { goes = 1 }\n").expect("a plugin's own keys");
    }

    #[test]
    fn a_wrong_type_names_its_line() {
        let error = parsed("[limits]\nparallel = \"two\"\n").expect_err("refused");
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn values_that_cannot_work_are_all_named() {
        let error = parsed(
            "[limits]\nparallel = 0\n[defaults]\nmax_attempts = 0\nbranch_prefix = \"../x\"\n\
             [[git.credentials]]\nremote = \"h.org\"\nusername = \"u\"\nsecret = \"gone\"\n",
        )
        .expect_err("refused");
        for part in [
            "limits:",
            "defaults.max_attempts",
            "branch_prefix",
            "\"gone\"",
        ] {
            assert!(error.contains(part), "{part} is missing in {error}");
        }
    }

    #[test]
    fn a_project_lays_its_policy_over_the_defaults() {
        let config = parsed(
            "[defaults]\nverify = [\"make\"]\nmax_attempts = 5\n[projects.a]\nrepository = \"/r\"\n\
             verify = [\"cargo test\"]\nreview_from = \"block\"\nceiling = { cost_usd = 0.25 }\n",
        )
        .expect("valid");
        let policy = &config.projects(&Detected::default())[0].policy;
        assert_eq!(policy.verify, ["cargo test"]);
        assert_eq!(policy.max_attempts, 5);
        assert_eq!(policy.review_from.as_str(), "block");
        assert_eq!(policy.ceiling.cost_micro_usd.0, 250_000);
        assert_eq!(policy.ceiling.calls, 200);
    }

    #[test]
    fn relative_paths_are_relative_to_the_file() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("sortie.toml");
        std::fs::write(&file, "[host]\ndata_dir = \"data\"\n").expect("writable");
        let loaded = load(Some(&file)).expect("valid");
        assert_eq!(loaded.data_dir, dir.path().join("data"));
    }

    #[test]
    fn a_named_file_that_is_not_there_says_how_to_write_one() {
        let error = load(Some(Path::new("/nonexistent/sortie.toml"))).expect_err("refused");
        assert!(error.to_string().contains("sortie init"), "{error}");
    }
}

//! What the operator chooses about git, and every limit of this crate with
//! the reason for its number.

use std::path::PathBuf;
use std::time::Duration;

use sortie_vault::{GitCredential, Vault};

const MIB: u64 = 1024 * 1024;

/// How [`Git`](crate::Git) works.
#[derive(Clone, Debug)]
pub struct GitOptions {
    /// Where the mirrors live. Only the host may write there.
    pub mirrors_dir: PathBuf,
    /// The git program; found through `PATH` when it holds no slash.
    pub program: PathBuf,
    /// The limits.
    pub limits: Limits,
    /// Where secrets come from.
    pub vault: Vault,
    /// Which secret opens which HTTPS remote.
    pub credentials: Vec<GitCredential>,
    /// How SSH remotes are opened.
    pub ssh: SshOptions,
    /// Who signs the commits that the host makes itself.
    pub author: Author,
    /// Whether a result may add submodules or change where they come from.
    pub allow_submodules: bool,
    /// Variables of the host's environment that network commands may see:
    /// proxies and CA bundles.
    pub pass_env: Vec<String>,
}

impl GitOptions {
    /// Defaults over the given directory, without any credentials.
    pub fn new(mirrors_dir: impl Into<PathBuf>) -> Self {
        Self {
            mirrors_dir: mirrors_dir.into(),
            program: "git".into(),
            limits: Limits::default(),
            vault: Vault::default(),
            credentials: Vec::new(),
            ssh: SshOptions::default(),
            author: Author::default(),
            allow_submodules: false,
            pass_env: [
                "http_proxy",
                "https_proxy",
                "HTTPS_PROXY",
                "all_proxy",
                "ALL_PROXY",
                "no_proxy",
                "NO_PROXY",
                "GIT_SSL_CAINFO",
                "GIT_SSL_CAPATH",
                "SSL_CERT_FILE",
                "SSL_CERT_DIR",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }
}

/// How SSH remotes are opened. The user's own `~/.ssh/config` is never read:
/// it may run commands.
#[derive(Clone, Debug, Default)]
pub struct SshOptions {
    /// The private key; none tries the agent and the keys in `~/.ssh`.
    pub key: Option<SshKey>,
    /// The known hosts; none for `~/.ssh/known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// Whether the key of a host that was never seen is taken and written to
    /// the known hosts. A changed key is always refused.
    pub accept_new_hosts: bool,
}

/// Where the private key is.
#[derive(Clone, Debug)]
pub enum SshKey {
    /// A file, unencrypted, mode 0600.
    File(PathBuf),
    /// A secret of the vault that holds the key's text; it never touches a
    /// disk.
    Secret(String),
}

/// A name and an address for commits made by the host.
#[derive(Clone, Debug)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
}

impl Default for Author {
    fn default() -> Self {
        Self {
            name: "Sortie".into(),
            email: "sortie@localhost".into(),
        }
    }
}

/// Every limit of this crate.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A clone, fetch or push; a large repository over a slow line takes a
    /// while, a dead line is found sooner by git's own low-speed limit.
    pub network_wall: Duration,
    /// Any command that stays on this machine. Packing 200 MiB takes about a
    /// second; two minutes is a disk in trouble.
    pub local_wall: Duration,
    /// How long to wait for another job that is fetching the same repository.
    pub lock_wait: Duration,
    /// How many git processes run at once; each can use a core and some
    /// hundred megabytes.
    pub processes: usize,
    /// What a command may print that is held in memory (lists of refs, of
    /// paths): a hundred thousand of either.
    pub max_output_bytes: u64,
    /// A diff that is held in memory.
    pub max_diff_bytes: u64,
    /// A file that is given to a scanner as a whole.
    pub max_blob_read_bytes: u64,
    /// A bundle that comes out of a sandbox.
    pub max_bundle_bytes: u64,
    /// Objects in such a bundle; a commit that rewrites a large repository
    /// makes about a hundred thousand.
    pub max_bundle_objects: u32,
    /// What those objects may unpack to, in total: thirty-two times the
    /// bundle would be unusual text, far more is a bomb.
    pub max_inflated_bytes: u64,
    /// One of them; forges refuse more than 100 MB as well.
    pub max_blob_bytes: u64,
    /// Commits in a result.
    pub max_commits: u32,
    /// Changed paths in a result, over all its commits.
    pub max_changed_paths: u32,
    /// A path in bytes: PATH_MAX is 4096, Windows users have less.
    pub max_path_bytes: usize,
    /// Directories above a file.
    pub max_path_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            network_wall: Duration::from_secs(30 * 60),
            local_wall: Duration::from_secs(120),
            lock_wait: Duration::from_secs(31 * 60),
            processes: 16,
            max_output_bytes: 64 * MIB,
            max_diff_bytes: 64 * MIB,
            max_blob_read_bytes: 16 * MIB,
            max_bundle_bytes: 256 * MIB,
            max_bundle_objects: 200_000,
            max_inflated_bytes: 2048 * MIB,
            max_blob_bytes: 50 * MIB,
            max_commits: 1000,
            max_changed_paths: 50_000,
            max_path_bytes: 1024,
            max_path_depth: 64,
        }
    }
}

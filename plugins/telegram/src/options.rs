//! What the operator set.

/// The plugin's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The project of a task that names none.
    pub(crate) project: Option<String>,
    /// The chat that is told of what nobody asked for in a chat; none for the
    /// own one of the owner who spoke there first. The operator may write its number
    /// as one.
    pub(crate) chat: Option<String>,
    /// The address of a repository written as `owner/repo`, with `{repo}` for
    /// that.
    pub(crate) repository_url: String,
    /// The workflow of `/ask`.
    pub(crate) ask_workflow: String,
}

impl Options {
    /// Reads each key by `get`.
    pub(crate) fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let or = |key: &str, usual: &str| get(key).unwrap_or_else(|| usual.to_owned());
        Self {
            project: get("project"),
            chat: get("chat"),
            repository_url: or("repository_url", "https://github.com/{repo}.git"),
            ask_workflow: or("ask_workflow", "workflow-ask"),
        }
    }
}

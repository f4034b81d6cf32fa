//! What an operator may set for an agent: `[plugins.NAME]` in `sortie.toml`.

/// Where the agent is and what it is given besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The program instead of the one on the image's `PATH`.
    pub binary: Option<String>,
    /// Further arguments, put behind the plugin's own.
    pub args: Vec<String>,
}

impl Options {
    /// From the values of the keys `binary` and `args`.
    ///
    /// # Errors
    /// When one of them is not what it should be, in words for the operator.
    pub fn read(binary: Option<String>, args: Option<String>) -> Result<Self, String> {
        if binary.as_deref().is_some_and(|path| path.trim().is_empty()) {
            return Err("the configured `binary` is empty; write a path or remove it".into());
        }
        let args = match args {
            None => Vec::new(),
            Some(text) => serde_json::from_str(&text).map_err(
                |_| "the configured `args` are no list of texts; write `args = [\"--flag\"]`",
            )?,
        };
        Ok(Self { binary, args })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_the_host_hands_them_over() {
        assert_eq!(Options::read(None, None), Ok(Options::default()));
        let read = Options::read(Some("/opt/pi".into()), Some(r#"["--a","b c"]"#.into())).unwrap();
        assert_eq!(read.binary.as_deref(), Some("/opt/pi"));
        assert_eq!(read.args, ["--a", "b c"]);
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_reason() {
        let refusal = |binary: Option<&str>, args: Option<&str>| {
            Options::read(binary.map(Into::into), args.map(Into::into)).unwrap_err()
        };
        assert!(refusal(Some(" "), None).contains("`binary` is empty"));
        assert!(refusal(None, Some("--flag")).contains("`args` are no list"));
        assert!(refusal(None, Some("[1]")).contains("`args` are no list"));
    }
}

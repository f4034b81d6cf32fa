//! `sortie plugin grant`.

use super::consent::{Answer, Wishes};
use super::installed;
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use reqwest::Url;
use serde::Deserialize;
use sortie_api::view::{ConsentBody, GrantBody, PluginDetail};
use sortie_package::Grant;
use sortie_package::manifest::{EgressRequest, HostPattern, Scheme};

/// Grant a plugin what it asks for
///
/// Shows what is missing and asks. With --egress only those requests are added
/// to its grant.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin
    name: String,
    #[command(flatten)]
    wishes: Wishes,
    /// Requests that it may send, as in `POST https://host/path`, several
    /// methods divided by commas, or as a table in the words of a manifest, as
    /// in `{ host = "hooks.example.com", methods = ["POST"] }`; may be repeated
    #[arg(long, value_name = "RULE", value_parser = rule, conflicts_with_all = ["yes", "dir"])]
    egress: Vec<EgressRequest>,
    /// A secret that these requests may carry where the plugin asks for it; may
    /// be repeated
    #[arg(long, value_name = "NAME", requires = "egress")]
    secret: Vec<String>,
}

/// Shows what is missing, asks and grants.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let plugin: PluginDetail = client.get(&super::path(&args.name, "")?).await?;
    let consent = if args.egress.is_empty() {
        match args.wishes.decide(&args.name, &plugin.beyond, out)? {
            Answer::Consent(consent) => consent,
            Answer::No => {
                out.progress("nothing was granted");
                return Ok(Exit::Negative);
            }
            Answer::Nobody => {
                return Err(CliError::usage(format!(
                    "grant plugin `{}` anything: there is no terminal to ask on",
                    args.name
                ))
                .with_hint("say --yes to grant all of it"));
            }
        }
    } else {
        ConsentBody::Exactly(with_rules(&plugin, args.egress, &args.secret)?)
    };
    let path = super::path(&args.name, "/grant")?;
    let plugin: PluginDetail = client.put(&path, &GrantBody { consent }).await?;
    installed(&plugin, "is granted that", out)
}

/// What was granted before and these requests.
fn with_rules(
    plugin: &PluginDetail,
    rules: Vec<EgressRequest>,
    secrets: &[String],
) -> Result<serde_json::Value, CliError> {
    let before = plugin.grant.clone().unwrap_or_default();
    let mut grant: Grant = match before.is_null() {
        true => Grant::default(),
        false => serde_json::from_value(before).map_err(CliError::failed)?,
    };
    let asked = plugin
        .manifest
        .as_ref()
        .map(|manifest| manifest["egress"].clone());
    let asked: Vec<EgressRequest> = match asked {
        Some(egress) if !egress.is_null() => {
            serde_json::from_value(egress).map_err(CliError::failed)?
        }
        _ => Vec::new(),
    };
    for secret in secrets {
        let mut credentials = asked.iter().filter_map(|asked| asked.credential.as_ref());
        if !credentials.any(|credential| credential.secret == *secret) {
            return Err(CliError::usage(format!(
                "grant the secret {secret:?}: the plugin does not ask for it"
            )));
        }
    }
    for mut rule in rules {
        let same_place = |asked: &&EgressRequest| {
            asked.host == rule.host && asked.path_prefix.starts_with(&rule.path_prefix)
        };
        let as_asked = asked
            .iter()
            .filter(same_place)
            .filter_map(|asked| asked.credential.clone())
            .find(|credential| secrets.contains(&credential.secret));
        rule.credential = rule.credential.or(as_asked);
        if !grant.egress.contains(&rule) {
            grant.egress.push(rule);
        }
    }
    serde_json::to_value(grant).map_err(CliError::failed)
}

fn rule(text: &str) -> Result<EgressRequest, String> {
    if text.trim_start().starts_with('{') {
        return table(text);
    }
    let (methods, url) = text.trim().rsplit_once(' ').unwrap_or(("GET", text));
    let wrong = |reason: String| format!("{reason}; write it as in `POST https://host/path`");
    let url = Url::parse(url).map_err(|error| wrong(format!("{url:?} is no address: {error}")))?;
    let scheme = match url.scheme() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => return Err(wrong(format!("{other} is not spoken here"))),
    };
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(wrong(
            "a rule has a host and a path, and nothing else".into(),
        ));
    }
    let host = url.host_str().unwrap_or_default();
    HostPattern::canonical(host).map_err(|error| error.to_string())?;
    let methods: Vec<String> = methods
        .split([',', ' '])
        .filter(|method| !method.is_empty())
        .map(str::to_ascii_uppercase)
        .collect();
    Ok(EgressRequest {
        host: host.to_owned(),
        methods,
        path_prefix: url.path().to_owned(),
        schemes: vec![scheme],
        port: url.port(),
        private: false,
        credential: None,
    })
}

/// A rule that says more than an address can.
fn table(text: &str) -> Result<EgressRequest, String> {
    #[derive(Deserialize)]
    struct Line {
        rule: EgressRequest,
    }
    let line: Line =
        toml::from_str(&format!("rule = {}", text.replace('\n', " "))).map_err(|error| {
            let reason = error.message();
            format!("{reason}; write it as in `{{ host = \"example.com\", methods = [\"POST\"] }}`")
        })?;
    HostPattern::canonical(&line.rule.host).map_err(|error| error.to_string())?;
    Ok(line.rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_people_write_them() {
        let read = rule("POST,put https://API.example.com:8443/hooks/").expect("a rule");
        assert_eq!(read.methods, ["POST", "PUT"]);
        assert_eq!(
            (read.host.as_str(), read.port),
            ("api.example.com", Some(8443))
        );
        assert_eq!(read.path_prefix, "/hooks/");
        let read = rule("https://*.example.com").expect("a rule");
        assert_eq!(
            (read.methods, read.path_prefix),
            (vec!["GET".into()], "/".into())
        );
        for text in [
            "",
            "POST",
            "GET ftp://h/",
            "GET https://u@h/",
            "GET https://h/?x",
        ] {
            assert!(rule(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_table_says_what_an_address_cannot() {
        let read = rule(
            r#"{ host = "hooks.example.com", methods = ["POST"], path_prefix = "/in", private = true,
                 credential = { secret = "out", header = "x-signature", sign = "hmac-sha256" } }"#,
        )
        .expect("a rule");
        assert!(read.private);
        assert_eq!(read.credential.expect("one").secret, "out");
        for (text, reason) in [
            (r#"{ host = "a.example", hosts = 1 }"#, "hosts"),
            (r#"{ host = "*" }"#, "*"),
            (r#"{ methods = ["POST"] }"#, "host"),
            ("{ host", "write it as"),
        ] {
            let error = rule(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}

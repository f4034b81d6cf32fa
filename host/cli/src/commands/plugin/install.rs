//! `sortie plugin install`.

use super::consent::{Answer, Wishes};
use super::{fetched, installed, stands};
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::extras;
use crate::out::{Out, Tone};
use sortie_api::view::{ConsentBody, ExaminedView, PluginDetail};

/// Install a plugin; the next job meets it
///
/// Shows what it asks for and asks whether to grant that. Without --yes and
/// without a terminal it is installed disabled, and says how to grant.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    from: fetched::From,
    #[command(flatten)]
    wishes: Wishes,
    /// Let it take the place of one of the host's own plugins
    #[arg(long)]
    replace_shipped: bool,
}

/// Fetches, asks and installs.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let change = Change::Install {
        replace_shipped: args.replace_shipped,
    };
    let package = args.from.fetch(out).await?;
    put(&package, &args.wishes, change, client, out).await
}

/// What is to be done with a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Install {
        /// And it may take the place of one of the host's own.
        replace_shipped: bool,
    },
    /// It takes the place of the installed version.
    Upgrade,
}

/// Brings a package to the host and says how it stands there.
pub async fn put(
    package: &fetched::Package,
    wishes: &Wishes,
    change: Change,
    client: &Client,
    out: &Out,
) -> Result<Exit, CliError> {
    let Some(plugin) = bring(package, wishes, change, client, out).await? else {
        return Ok(Exit::Negative);
    };
    if let Change::Install { .. } = change {
        return installed(&plugin, "is installed", out);
    }
    installed(&plugin, "is upgraded", out)?;
    let version = &plugin.plugin.version;
    if plugin
        .previous
        .as_ref()
        .is_some_and(|before| before.version == *version)
    {
        out.progress(out.paint(
            Tone::Warn,
            &format!("the one before was {version} too; raise `version` in sortie-plugin.toml to tell them apart"),
        ));
    }
    Ok(stands(&plugin))
}

/// Brings a package to the host, as a new plugin or as a new version; none when
/// a person said no.
pub async fn bring(
    package: &fetched::Package,
    wishes: &Wishes,
    change: Change,
    client: &Client,
    out: &Out,
) -> Result<Option<PluginDetail>, CliError> {
    let replace_shipped = change
        == Change::Install {
            replace_shipped: true,
        };
    let mut terms = fetched::Terms {
        consent: ConsentBody::Before,
        replace_shipped,
        disabled: None,
    };
    let form = package.form(&terms)?;
    let examined: ExaminedView = client.upload("/v1/plugins/examine", form).await?;
    out.progress(format!(
        "{} {}, {}, {}\nsha256:{}",
        examined.name,
        examined.version,
        examined.surfaces.join(" and "),
        origin(
            examined.signed_by.as_deref(),
            extras::holds(&examined.digest)
        ),
        examined.digest
    ));
    // The host refuses it and says how it would not: nothing to agree to yet.
    let refused = examined.replaces_shipped
        && change
            == Change::Install {
                replace_shipped: false,
            };
    if examined.replaces_shipped && !refused {
        let name = &examined.name;
        out.progress(out.paint(
            Tone::Warn,
            &format!("it takes the place of {name}, one of the host's own plugins"),
        ));
    }
    let answer = match refused {
        true => Answer::Nobody,
        false => wishes.decide(&examined.name, &examined.beyond, out)?,
    };
    terms.consent = match answer {
        Answer::Consent(consent) => consent,
        Answer::Nobody => ConsentBody::Before,
        Answer::No => {
            out.progress("nothing was changed");
            return Ok(None);
        }
    };
    let form = package.form(&terms)?;
    let path = match change {
        Change::Install { .. } => "/v1/plugins".to_owned(),
        Change::Upgrade => format!("/v1/plugins/{}/upgrade", examined.name),
    };
    client.upload(&path, form).await.map(Some)
}

/// Who stands behind a package.
fn origin(signed_by: Option<&str>, is_extra: bool) -> String {
    match (signed_by, is_extra) {
        (Some(key), _) => format!("signed by {key}"),
        (None, true) => format!("shipped with sortie {}", env!("CARGO_PKG_VERSION")),
        (None, false) => "not signed by a key that the host trusts".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_with_the_program_is_not_called_unsigned() {
        let shipped = concat!("shipped with sortie ", env!("CARGO_PKG_VERSION"));
        assert_eq!(origin(None, true), shipped);
        assert_eq!(origin(Some("ann"), true), "signed by ann");
        assert!(origin(None, false).starts_with("not signed"));
    }
}

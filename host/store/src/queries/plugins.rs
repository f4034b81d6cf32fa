//! Which plugins are installed, in which version, with which grant. Every
//! change leaves a row in the audit log, in the same transaction.

use super::audit::note;
use super::rows::parse;
use super::{deliveries, inbound, kv};
use crate::db::{all, cut_to, first, json, name, run};
use crate::error::{Result, StoreError};
use crate::limits::MAX_FAILURE_BYTES;
use crate::store::Store;
use crate::types::{InstalledPlugin, NewPlugin, PluginData, PluginVersion};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};
use sortie_model::clock::Timestamp;

impl Store {
    /// Installs a plugin with a grant. `lacks` says what it was not granted and
    /// may not run without; none when it has it all.
    ///
    /// # Errors
    /// [`StoreError::Plugin`] when one of that name is installed;
    /// [`StoreError::Invalid`] for an empty, overlong or malformed value.
    pub async fn install_plugin(
        &self,
        new: NewPlugin,
        grant: Value,
        lacks: Option<String>,
        actor: &str,
    ) -> Result<InstalledPlugin> {
        let (new, change) = (Checked::new(new)?, Change::new(actor, lacks)?);
        let grant = json("the grant", &grant)?;
        self.write(move |tx| install(tx, &new, &grant, &change))
            .await
    }

    /// Puts another version in place of the one that is installed, which a
    /// rollback brings back, together with the grant that it runs under. What
    /// a person disabled stays so, whatever it lacks.
    ///
    /// # Errors
    /// [`StoreError::Plugin`] when none of that name is installed, or this
    /// very component is; [`StoreError::Invalid`] for a value as above.
    pub async fn upgrade_plugin(
        &self,
        new: NewPlugin,
        grant: Value,
        lacks: Option<String>,
        actor: &str,
    ) -> Result<InstalledPlugin> {
        let (new, change) = (Checked::new(new)?, Change::new(actor, lacks)?);
        let grant = json("the grant", &grant)?;
        self.write(move |tx| upgrade(tx, &new, &grant, &change))
            .await
    }

    /// Notes that the very package that is installed was put in its place again:
    /// where it came from now, its signature if it has one, and the grant. The
    /// previous version stays.
    ///
    /// # Errors
    /// [`StoreError::Plugin`] when this component is not what is installed;
    /// [`StoreError::Invalid`] for a value as above.
    pub async fn repair_plugin(
        &self,
        new: NewPlugin,
        grant: Value,
        lacks: Option<String>,
        actor: &str,
    ) -> Result<InstalledPlugin> {
        let (Checked { new, .. }, change) = (Checked::new(new)?, Change::new(actor, lacks)?);
        let grant = json("the grant", &grant)?;
        self.write(move |tx| repair(tx, &new, &grant, &change))
            .await
    }

    /// Brings the previous version back; the present one becomes the previous
    /// one, so that a second rollback undoes the first. `to` is the digest of
    /// the version that the caller means. What a person disabled stays so.
    ///
    /// # Errors
    /// [`StoreError::Plugin`] when the plugin is not installed, has no
    /// previous version, or has another one than the caller means.
    pub async fn rollback_plugin(
        &self,
        plugin: &str,
        to: &str,
        lacks: Option<String>,
        actor: &str,
    ) -> Result<InstalledPlugin> {
        let change = Change::new(actor, lacks)?;
        let (plugin, to) = (plugin.to_owned(), to.to_owned());
        self.write(move |tx| rollback(tx, &plugin, &to, &change))
            .await
    }

    /// Sets what an operator grants, in place of the grant before, and whether
    /// the plugin may run under it; what a person disabled stays so. `digest`
    /// is the version that the operator looked at.
    ///
    /// # Errors
    /// [`StoreError::Plugin`] when the plugin is not installed in that version.
    pub async fn grant_plugin(
        &self,
        plugin: &str,
        digest: &str,
        grant: Value,
        lacks: Option<String>,
        actor: &str,
    ) -> Result<InstalledPlugin> {
        let change = Change::new(actor, lacks)?;
        let grant = json("the grant", &grant)?;
        let (plugin, digest) = (plugin.to_owned(), digest.to_owned());
        self.write(move |tx| set_grant(tx, &plugin, &digest, &grant, &change))
            .await
    }

    /// Lets a plugin run again. `digest` is the version that the caller found
    /// fit to run. Nothing changes when it may run already.
    ///
    /// # Errors
    /// [`StoreError::Plugin`] when the plugin is not installed in that version.
    pub async fn enable_plugin(
        &self,
        plugin: &str,
        digest: &str,
        actor: &str,
    ) -> Result<InstalledPlugin> {
        let change = Change::new(actor, None)?;
        let (plugin, digest) = (plugin.to_owned(), digest.to_owned());
        self.write(move |tx| {
            let found = installed_as(tx.conn, "enable", &plugin, &digest)?;
            if found.enabled {
                return Ok(found);
            }
            let was = json!({ "version": found.version, "was": found.disabled_why });
            run(
                tx.conn,
                "UPDATE plugins SET disabled_by = NULL WHERE name = ?1",
                [&plugin],
            )?;
            stand(tx, &plugin, &change)?;
            note(tx, &change.actor, "plugin.enabled", &plugin, &was)?;
            installed(tx.conn, "enable", &plugin)
        })
        .await
    }

    /// Keeps a plugin from running until somebody enables it, whatever it is
    /// granted meanwhile. What waits for it goes on waiting. The last reason
    /// that a person gave counts.
    ///
    /// # Errors
    /// [`StoreError::Plugin`] when the plugin is not installed.
    pub async fn disable_plugin(
        &self,
        plugin: &str,
        why: &str,
        actor: &str,
    ) -> Result<InstalledPlugin> {
        let change = Change::new(actor, Some(why.to_owned()))?;
        let plugin = plugin.to_owned();
        self.write(move |tx| {
            let found = installed(tx.conn, "disable", &plugin)?;
            run(
                tx.conn,
                "UPDATE plugins SET enabled = 0, disabled_why = ?2, disabled_by = ?3,
                     changed_at = ?4
                 WHERE name = ?1",
                params![plugin, change.lacks, change.actor, tx.now.0],
            )?;
            let why = json!({
                "version": found.version,
                "why": change.lacks,
                "was": found.disabled_why,
            });
            note(tx, &change.actor, "plugin.disabled", &plugin, &why)?;
            installed(tx.conn, "disable", &plugin)
        })
        .await
    }

    /// Removes a plugin and says what it was. Its events and deliveries that
    /// are not settled are dropped.
    ///
    /// # Errors
    /// [`StoreError::Plugin`] when the plugin is not installed.
    pub async fn remove_plugin(
        &self,
        plugin: &str,
        data: PluginData,
        actor: &str,
    ) -> Result<InstalledPlugin> {
        let change = Change::new(actor, None)?;
        let plugin = plugin.to_owned();
        self.write(move |tx| remove(tx, &plugin, data, &change.actor))
            .await
    }

    /// The plugin of that name, if it is installed.
    pub async fn plugin(&self, name: &str) -> Result<Option<InstalledPlugin>> {
        let name = name.to_owned();
        self.read(move |conn| find(conn, &name)).await
    }

    /// The installed plugins, by name.
    pub async fn plugins(&self) -> Result<Vec<InstalledPlugin>> {
        self.read(|conn| all(conn, select_plugin!("ORDER BY name"), [], plugin))
            .await
    }
}

/// Who changes a plugin, and what it lacks to run afterwards, if anything.
struct Change {
    actor: String,
    lacks: Option<String>,
}

impl Change {
    fn new(actor: &str, lacks: Option<String>) -> Result<Self> {
        name("who acts", actor)?;
        if lacks.as_ref().is_some_and(|why| why.trim().is_empty()) {
            return Err(StoreError::Invalid {
                what: "why the plugin is disabled",
                detail: "it is empty; say why".into(),
            });
        }
        Ok(Self {
            actor: actor.to_owned(),
            lacks: lacks.map(|why| cut_to(&why, MAX_FAILURE_BYTES).to_owned()),
        })
    }
}

/// A version that may be stored.
struct Checked {
    new: NewPlugin,
    manifest: String,
}

impl Checked {
    fn new(new: NewPlugin) -> Result<Self> {
        name("the plugin's name", &new.name)?;
        name("the plugin's version", &new.version)?;
        name("where the plugin comes from", &new.source)?;
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if new.digest.len() != 64 || !new.digest.bytes().all(hex) {
            return Err(StoreError::Invalid {
                what: "the plugin's digest",
                detail: "it has to be 64 lower-case hexadecimal digits".into(),
            });
        }
        let manifest = json("the plugin's manifest", &new.manifest)?;
        Ok(Self { new, manifest })
    }
}

fn refused(action: &'static str, name: &str, detail: impl Into<String>) -> StoreError {
    StoreError::Plugin {
        action,
        name: name.to_owned(),
        detail: detail.into(),
    }
}

fn find(conn: &Connection, name: &str) -> Result<Option<InstalledPlugin>> {
    first(conn, select_plugin!("WHERE name = ?1"), [name], plugin)
}

/// The plugin, or that it is not installed.
fn installed(conn: &Connection, action: &'static str, name: &str) -> Result<InstalledPlugin> {
    find(conn, name)?.ok_or_else(|| {
        refused(
            action,
            name,
            "it is not installed; `sortie plugin list` shows which are",
        )
    })
}

/// The plugin, if that is the version of it that is installed.
fn installed_as(
    conn: &Connection,
    action: &'static str,
    name: &str,
    digest: &str,
) -> Result<InstalledPlugin> {
    let found = installed(conn, action, name)?;
    if found.digest != digest {
        let detail = format!(
            "version {} ({}) is installed by now; look at that one",
            found.version, found.digest
        );
        return Err(refused(action, name, detail));
    }
    Ok(found)
}

fn install(
    tx: &mut Tx<'_>,
    Checked { new, manifest }: &Checked,
    grant: &str,
    change: &Change,
) -> Result<InstalledPlugin> {
    if let Some(found) = find(tx.conn, &new.name)? {
        let detail = format!(
            "version {} is installed; use `sortie plugin upgrade`",
            found.version
        );
        return Err(refused("install", &new.name, detail));
    }
    run(
        tx.conn,
        "INSERT INTO plugins (name, version, digest, source, signature, signed_by, manifest,
             granted, enabled, disabled_why, installed_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
        params![
            new.name,
            new.version,
            new.digest,
            new.source,
            new.signature,
            new.signed_by,
            manifest,
            grant,
            change.lacks.is_none(),
            change.lacks,
            tx.now.0,
        ],
    )?;
    let made = told(tx, "plugin.installed", "install", &new.name, change)?;
    if let Some(shipped) = &new.replaces_shipped {
        let detail = json!({ "digest": new.digest, "shipped": shipped });
        note(
            tx,
            &change.actor,
            "plugin.shipped_replaced",
            &new.name,
            &detail,
        )?;
    }
    Ok(made)
}

fn upgrade(
    tx: &mut Tx<'_>,
    Checked { new, manifest }: &Checked,
    grant: &str,
    change: &Change,
) -> Result<InstalledPlugin> {
    let found = installed(tx.conn, "upgrade", &new.name)?;
    if found.digest == new.digest {
        let detail = format!("this component is installed, as version {}", found.version);
        return Err(refused("upgrade", &new.name, detail));
    }
    run(
        tx.conn,
        "UPDATE plugins SET version = ?2, digest = ?3, source = ?4, signature = ?5,
             signed_by = ?6, manifest = ?7, granted = ?8, previous_version = version,
             previous_digest = digest, previous_source = source,
             previous_signature = signature, previous_signed_by = signed_by,
             previous_manifest = manifest
         WHERE name = ?1",
        params![
            new.name,
            new.version,
            new.digest,
            new.source,
            new.signature,
            new.signed_by,
            manifest,
            grant,
        ],
    )?;
    stand(tx, &new.name, change)?;
    told(tx, "plugin.upgraded", "upgrade", &new.name, change)
}

fn repair(
    tx: &mut Tx<'_>,
    new: &NewPlugin,
    grant: &str,
    change: &Change,
) -> Result<InstalledPlugin> {
    installed_as(tx.conn, "repair", &new.name, &new.digest)?;
    run(
        tx.conn,
        "UPDATE plugins SET source = ?2, signature = COALESCE(?3, signature),
             signed_by = CASE WHEN ?3 IS NULL THEN signed_by ELSE ?4 END, granted = ?5
         WHERE name = ?1",
        params![new.name, new.source, new.signature, new.signed_by, grant],
    )?;
    stand(tx, &new.name, change)?;
    told(tx, "plugin.repaired", "repair", &new.name, change)
}

fn rollback(tx: &mut Tx<'_>, name: &str, to: &str, change: &Change) -> Result<InstalledPlugin> {
    let found = installed(tx.conn, "roll back", name)?;
    match found.previous {
        Some(previous) if previous.digest == to => {}
        Some(previous) => {
            let detail = format!(
                "its previous version is {} ({}) by now; look at that one",
                previous.version, previous.digest
            );
            return Err(refused("roll back", name, detail));
        }
        None => return Err(refused("roll back", name, "it has no previous version")),
    }
    run(
        tx.conn,
        "UPDATE plugins SET version = previous_version, digest = previous_digest,
             source = previous_source, signature = previous_signature,
             signed_by = previous_signed_by, manifest = previous_manifest,
             previous_version = version, previous_digest = digest, previous_source = source,
             previous_signature = signature, previous_signed_by = signed_by,
             previous_manifest = manifest
         WHERE name = ?1",
        [name],
    )?;
    stand(tx, name, change)?;
    told(tx, "plugin.rolled_back", "roll back", name, change)
}

fn set_grant(
    tx: &mut Tx<'_>,
    name: &str,
    digest: &str,
    grant: &str,
    change: &Change,
) -> Result<InstalledPlugin> {
    let before = installed_as(tx.conn, "grant", name, digest)?;
    run(
        tx.conn,
        "UPDATE plugins SET granted = ?2 WHERE name = ?1",
        [name, grant],
    )?;
    stand(tx, name, change)?;
    let after = installed(tx.conn, "grant", name)?;
    let detail = json!({
        "version": after.version,
        "digest": after.digest,
        "before": before.grant,
        "grant": after.grant,
        "disabled_why": after.disabled_why,
    });
    note(tx, &change.actor, "plugin.granted", name, &detail)?;
    Ok(after)
}

fn remove(tx: &mut Tx<'_>, name: &str, data: PluginData, actor: &str) -> Result<InstalledPlugin> {
    let found = installed(tx.conn, "remove", name)?;
    run(tx.conn, "DELETE FROM plugins WHERE name = ?1", [name])?;
    let events = inbound::drop_all(tx, name, "the plugin was removed")?;
    let deliveries = deliveries::drop_all(tx, name, "the notifier was removed")?;
    if data == PluginData::Erase {
        kv::erase(tx, name)?;
        inbound::forget_cursors(tx, name)?;
    }
    let detail = json!({
        "version": found.version,
        "digest": found.digest,
        "grant": found.grant,
        "erased": data == PluginData::Erase,
        "dropped_events": events,
        "dropped_deliveries": deliveries,
    });
    note(tx, actor, "plugin.removed", name, &detail)?;
    Ok(found)
}

/// Sets whether it may run: when it lacks nothing and no person disabled it,
/// whose reason stays.
fn stand(tx: &mut Tx<'_>, name: &str, change: &Change) -> Result<()> {
    run(
        tx.conn,
        "UPDATE plugins SET enabled = (disabled_by IS NULL AND ?2 IS NULL),
             disabled_why = CASE WHEN disabled_by IS NULL THEN ?2 ELSE disabled_why END,
             changed_at = ?3
         WHERE name = ?1",
        params![name, change.lacks, tx.now.0],
    )?;
    // What waits for a plugin that may run again is due.
    tx.signals.plugins |= change.lacks.is_none();
    Ok(())
}

/// Notes the version that is installed now, and reads it back.
fn told(
    tx: &Tx<'_>,
    action: &'static str,
    doing: &'static str,
    name: &str,
    change: &Change,
) -> Result<InstalledPlugin> {
    let now = installed(tx.conn, doing, name)?;
    let detail = json!({
        "version": now.version,
        "digest": now.digest,
        "source": now.source,
        "signed_by": now.signed_by,
        "previous": now.previous.as_ref().map(|previous| &previous.version),
        "disabled_why": now.disabled_why,
        "grant": now.grant,
    });
    note(tx, &change.actor, action, name, &detail)?;
    Ok(now)
}

/// Selects what [`plugin`] reads; the rest of the statement follows.
macro_rules! select_plugin {
    ($rest:literal) => {
        concat!(
            "SELECT name, version, digest, source, signed_by, manifest, granted, enabled,
                 disabled_why, installed_at, changed_at, previous_version, previous_digest,
                 previous_source, previous_signed_by, previous_manifest, disabled_by,
                 signature, previous_signature
             FROM plugins ",
            $rest
        )
    };
}
use select_plugin;

fn plugin(row: &Row<'_>) -> Result<InstalledPlugin> {
    let previous = match row.get::<_, Option<String>>(15)? {
        None => None,
        Some(manifest) => Some(PluginVersion {
            version: row.get(11)?,
            digest: row.get(12)?,
            source: row.get(13)?,
            signature: row.get(18)?,
            signed_by: row.get(14)?,
            manifest: parse("plugins", &manifest)?,
        }),
    };
    Ok(InstalledPlugin {
        name: row.get(0)?,
        version: row.get(1)?,
        digest: row.get(2)?,
        source: row.get(3)?,
        signature: row.get(17)?,
        signed_by: row.get(4)?,
        manifest: parse("plugins", &row.get::<_, String>(5)?)?,
        grant: parse("plugins", &row.get::<_, String>(6)?)?,
        enabled: row.get(7)?,
        disabled_why: row.get(8)?,
        disabled_by: row.get(16)?,
        installed_at: Timestamp(row.get(9)?),
        changed_at: Timestamp(row.get(10)?),
        previous,
    })
}

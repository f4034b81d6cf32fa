//! The writes of each change of a plugin, with the row in the audit log that
//! belongs to it. Runs inside the caller's transaction and never commits one.

use super::change::{Change, Checked, find, installed, installed_as, refused};
use crate::db::run;
use crate::error::Result;
use crate::queries::audit::note;
use crate::queries::{deliveries, inbound, kv};
use crate::types::{InstalledPlugin, NewPlugin, PluginData};
use crate::writer::Tx;
use rusqlite::params;
use serde_json::json;

pub(super) fn install(
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
             granted, enabled, disabled_why, installed_at, changed_at, ran)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12)",
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
            change.lacks.is_none() || new.replaces_shipped.is_some(),
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

pub(super) fn upgrade(
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

pub(super) fn repair(
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

pub(super) fn rollback(
    tx: &mut Tx<'_>,
    name: &str,
    to: &str,
    grant: &str,
    change: &Change,
) -> Result<InstalledPlugin> {
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
             previous_manifest = manifest, granted = ?2
         WHERE name = ?1",
        [name, grant],
    )?;
    stand(tx, name, change)?;
    told(tx, "plugin.rolled_back", "roll back", name, change)
}

pub(super) fn set_grant(
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

pub(super) fn remove(
    tx: &mut Tx<'_>,
    name: &str,
    data: PluginData,
    actor: &str,
) -> Result<InstalledPlugin> {
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
pub(super) fn stand(tx: &mut Tx<'_>, name: &str, change: &Change) -> Result<()> {
    run(
        tx.conn,
        "UPDATE plugins SET enabled = (disabled_by IS NULL AND ?2 IS NULL),
             disabled_why = CASE WHEN disabled_by IS NULL THEN ?2 ELSE disabled_why END,
             ran = (ran OR (disabled_by IS NULL AND ?2 IS NULL)), changed_at = ?3
         WHERE name = ?1",
        params![name, change.lacks, tx.now.0],
    )?;
    // What waits for a plugin that may run again is due.
    tx.signals.inbound |= change.lacks.is_none();
    tx.signals.deliveries |= change.lacks.is_none();
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

//! Which plugins are installed, in which version, with which grant.
//!
//! Every change leaves a row in the audit log, in the same transaction. Nothing
//! here decides what a plugin is granted or whether it is fit to run; callers
//! hand in what they found.

mod change;
mod write;

use super::audit::note;
use super::rows::{plugin, select_plugin};
use crate::db::{all, json, run};
use crate::error::Result;
use crate::store::Store;
use crate::types::{InstalledPlugin, NewPlugin, PluginData};
use change::{Change, Checked, find, installed, installed_as};
use rusqlite::params;
use serde_json::{Value, json};
use write::{install, remove, repair, rollback, set_grant, stand, upgrade};

impl Store {
    /// Installs a plugin with a grant. `lacks` says what it was not granted and
    /// may not run without; none when it has it all.
    ///
    /// # Errors
    /// [`StoreError::Plugin`](crate::StoreError::Plugin) when one of that name
    /// is installed; [`StoreError::Invalid`](crate::StoreError::Invalid) for an
    /// empty, overlong or malformed value.
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
    /// [`StoreError::Plugin`](crate::StoreError::Plugin) when none of that name
    /// is installed, or this very component is;
    /// [`StoreError::Invalid`](crate::StoreError::Invalid) for a value as
    /// above.
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
    /// [`StoreError::Plugin`](crate::StoreError::Plugin) when this component is
    /// not what is installed;
    /// [`StoreError::Invalid`](crate::StoreError::Invalid) for a value as
    /// above.
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

    /// Brings the previous version back, with what it is granted now; the
    /// present one becomes the previous one, so that a second rollback undoes
    /// the first. `to` is the digest of the version that the caller means. What
    /// a person disabled stays so.
    ///
    /// # Errors
    /// [`StoreError::Plugin`](crate::StoreError::Plugin) when the plugin is not
    /// installed, has no previous version, or has another one than the caller
    /// means; [`StoreError::Invalid`](crate::StoreError::Invalid) for a value
    /// as above.
    pub async fn rollback_plugin(
        &self,
        plugin: &str,
        to: &str,
        grant: Value,
        lacks: Option<String>,
        actor: &str,
    ) -> Result<InstalledPlugin> {
        let change = Change::new(actor, lacks)?;
        let grant = json("the grant", &grant)?;
        let (plugin, to) = (plugin.to_owned(), to.to_owned());
        self.write(move |tx| rollback(tx, &plugin, &to, &grant, &change))
            .await
    }

    /// Sets what an operator grants, in place of the grant before, and whether
    /// the plugin may run under it; what a person disabled stays so. `digest`
    /// is the version that the operator looked at.
    ///
    /// # Errors
    /// [`StoreError::Plugin`](crate::StoreError::Plugin) when the plugin is not
    /// installed in that version.
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
    /// [`StoreError::Plugin`](crate::StoreError::Plugin) when the plugin is not
    /// installed in that version.
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
    /// [`StoreError::Plugin`](crate::StoreError::Plugin) when the plugin is not
    /// installed.
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
    /// [`StoreError::Plugin`](crate::StoreError::Plugin) when the plugin is not
    /// installed.
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

    /// The names of the plugins whose manifest has that surface and that may
    /// run, or did until they lacked a grant; sorted. None that a person
    /// disabled.
    pub async fn counted_on(&self, surface: &'static str) -> Result<Vec<String>> {
        self.read(move |conn| {
            all(
                conn,
                "SELECT name FROM plugins
                 WHERE disabled_by IS NULL AND (enabled OR ran)
                     AND EXISTS (
                     SELECT 1 FROM json_each(manifest, '$.surfaces') WHERE value = ?1)
                 ORDER BY name",
                [surface],
                |row| Ok(row.get(0)?),
            )
        })
        .await
    }

    /// The installed plugins, by name.
    pub async fn plugins(&self) -> Result<Vec<InstalledPlugin>> {
        self.read(|conn| all(conn, select_plugin!("ORDER BY name"), [], plugin))
            .await
    }
}

//! Projects, as they are configured.

use super::DEFAULT_TENANT;
use crate::db::{all, first, json, name, run};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use sortie_model::project::Project;

impl Store {
    /// Makes these the configured projects. One that is no longer among them
    /// takes no new jobs, but keeps those it has.
    pub async fn put_projects(&self, projects: Vec<Project>) -> Result<()> {
        for project in &projects {
            name("the project's name", &project.name)?;
        }
        self.write(move |tx| put(tx, &projects)).await
    }

    /// The configured project of that name.
    pub async fn project(&self, name: &str) -> Result<Option<Project>> {
        let name = name.to_owned();
        self.look(move |conn| by_name(conn, &name)).await
    }

    /// The configured projects, by name.
    pub async fn projects(&self) -> Result<Vec<Project>> {
        self.look(list).await
    }
}

fn put(tx: &Tx<'_>, projects: &[Project]) -> Result<()> {
    run(
        tx.conn,
        "UPDATE projects SET retired_at = ?2 WHERE tenant_id = ?1 AND retired_at IS NULL",
        params![DEFAULT_TENANT, tx.now.0],
    )?;
    for project in projects {
        run(
            tx.conn,
            "INSERT INTO projects
                 (tenant_id, name, repository, base_branch, policy, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
             ON CONFLICT (tenant_id, name) DO UPDATE SET
                 repository = excluded.repository, base_branch = excluded.base_branch,
                 policy = excluded.policy, updated_at = excluded.updated_at,
                 retired_at = NULL",
            params![
                DEFAULT_TENANT,
                project.name,
                project.repository,
                project.base_branch,
                json("the project's policy", &project.policy)?,
                tx.now.0,
            ],
        )?;
    }
    Ok(())
}

fn by_name(conn: &Connection, name: &str) -> Result<Option<Project>> {
    first(
        conn,
        "SELECT name, repository, base_branch, policy FROM projects
         WHERE tenant_id = ?1 AND name = ?2 AND retired_at IS NULL",
        params![DEFAULT_TENANT, name],
        project,
    )
}

fn list(conn: &Connection) -> Result<Vec<Project>> {
    all(
        conn,
        "SELECT name, repository, base_branch, policy FROM projects
         WHERE tenant_id = ?1 AND retired_at IS NULL ORDER BY name",
        [DEFAULT_TENANT],
        project,
    )
}

fn project(row: &Row<'_>) -> Result<Project> {
    Ok(Project {
        name: row.get(0)?,
        repository: row.get(1)?,
        base_branch: row.get(2)?,
        policy: super::rows::parse("projects", &row.get::<_, String>(3)?)?,
    })
}

/// The number of the configured project of that name.
pub(super) fn id(conn: &Connection, name: &str) -> Result<i64> {
    let id = first(
        conn,
        "SELECT id FROM projects WHERE tenant_id = ?1 AND name = ?2 AND retired_at IS NULL",
        params![DEFAULT_TENANT, name],
        |row| Ok(row.get(0)?),
    )?;
    id.ok_or_else(|| StoreError::UnknownProject {
        name: name.to_owned(),
    })
}

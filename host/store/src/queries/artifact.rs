//! Files that steps leave. The rows say where they are; the files are the
//! engine's.

use super::lease::hold;
use super::rows;
use crate::db::{all, first, name, run, signed};
use crate::error::Result;
use crate::store::Store;
use crate::types::{Artifact, NewArtifact};
use rusqlite::params;
use sortie_model::id::{Fence, JobId};

impl Store {
    /// Remembers a file of a step. The same file again is the newest of its
    /// contents: a step that is done anew writes it anew.
    ///
    /// # Errors
    /// [`StoreError::Stale`](crate::StoreError::Stale).
    pub async fn keep_artifact(
        &self,
        fence: Fence,
        position: u32,
        artifact: NewArtifact,
    ) -> Result<()> {
        name("the artifact's kind", &artifact.kind)?;
        name("the artifact's name", &artifact.name)?;
        name("the artifact's path", &artifact.path)?;
        self.write(move |tx| {
            hold(tx, fence)?;
            let NewArtifact {
                kind,
                name,
                path,
                size_bytes,
            } = &artifact;
            let place = params![
                signed(fence.run.0),
                position,
                path,
                signed(*size_bytes),
                tx.now.0
            ];
            let known = run(
                tx.conn,
                "UPDATE artifacts SET size_bytes = ?4, created_at = ?5
                 WHERE run_id = ?1 AND position = ?2 AND path = ?3",
                place,
            )?;
            if known == 0 {
                run(
                    tx.conn,
                    "INSERT INTO artifacts
                         (run_id, position, kind, name, path, size_bytes, created_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        signed(fence.run.0),
                        position,
                        kind,
                        name,
                        path,
                        signed(*size_bytes),
                        tx.now.0
                    ],
                )?;
            }
            Ok(())
        })
        .await
    }

    /// The files that the job's steps left, oldest first.
    pub async fn artifacts(&self, job: JobId) -> Result<Vec<Artifact>> {
        self.read(move |conn| {
            all(
                conn,
                "SELECT a.id, a.run_id, a.position, a.kind, a.name, a.path, a.size_bytes,
                     a.created_at
                 FROM runs r JOIN artifacts a ON a.run_id = r.id
                 WHERE r.job_id = ?1 ORDER BY a.id",
                [signed(job.0)],
                rows::artifact,
            )
        })
        .await
    }

    /// One of them; none when the job has no such file.
    pub async fn artifact(&self, job: JobId, id: u64) -> Result<Option<Artifact>> {
        self.read(move |conn| {
            first(
                conn,
                "SELECT a.id, a.run_id, a.position, a.kind, a.name, a.path, a.size_bytes,
                     a.created_at
                 FROM artifacts a JOIN runs r ON r.id = a.run_id
                 WHERE a.id = ?2 AND r.job_id = ?1",
                params![signed(job.0), signed(id)],
                rows::artifact,
            )
        })
        .await
    }
}
